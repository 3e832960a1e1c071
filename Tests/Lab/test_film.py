"""Film mode: everyone at the capture and one delay, with nothing made up where packets are lost."""

import json

import pytest

from lab.film import DELAY_MS, NEAR, watch_losses
from lab.processes import TOO_BUSY
from lab.whep import Web


def test_what_is_lost_is_there_again_in_time(tmp_path):
    """A tenth of the packets lost, both ways: neither a native listener nor Chromium makes up any."""
    heard = watch_losses(10, tmp_path)
    made_up = heard.after["concealed_ms"] - heard.before["concealed_ms"]
    lost = heard.after["lost"] - heard.before["lost"]
    story = (f"native: {made_up} ms of {lost} packets; browser: {heard.browser}; delays {heard.delays} "
             f"and {heard.told}; somebody waited for a core {heard.pressure:.0%} of the time")
    is_right = (lost > 10 and made_up == 0 and heard.browser.count("concealedSamples") == 0
                and all(abs(delay - DELAY_MS) < 5 for delay in heard.delays)
                and all(abs(delay - DELAY_MS) < 2 * NEAR for delay in heard.told))
    if not is_right and heard.pressure > TOO_BUSY:
        pytest.skip(f"this cannot be judged: {story}")
    assert is_right, story


def ask(web, **wanted):
    return web.ask("POST", "/api/mode", json.dumps(wanted), Content_Type="application/json")


def test_the_mode_changes_while_everyone_listens(room, sound_server):
    """To film mode, to another delay and back: softly, and in nobody's sound is a hole."""
    if sound_server.backend != "pipewire":
        pytest.skip("the sound server makes no difference here")
    serve = room.serve("--source", "tone:440")
    host, port = serve.web_address()
    web = Web((host, port))
    listen = room.listen(f"http://{host}:{port}{serve.whep}", "--output", "ear1",
                         "--status-every", 1)

    def delay():
        status = [one for one in listen.events("status") if one["webrtc"]["from_capture"]]
        return status[-1]["delay_ms"] if status else None
    listen.until("its own delay", lambda: (delay() or 999) < 100, 20)
    before = listen.events("status")[-1]
    assert web.status["broadcasts"][0]["mode"] == "live"
    answer = ask(web, mode="film", delay_ms=160)
    assert answer.status == 200 and answer.json == {"mode": "film", "delay_ms": 160}
    assert serve.event("presentation", mode="film")["delay_ms"] == 160
    listen.until("film mode", lambda: abs(delay() - 160) < 3, 40)
    ask(web, delay_ms=200)
    listen.until("another delay", lambda: abs(delay() - 200) < 3, 40)
    assert web.ask("GET", "/api/clock/main").json["delay_ms"] == 200
    ask(web, mode="live")
    listen.until("live mode", lambda: delay() < 100, 60)
    after = listen.events("status")[-1]
    for name in ("jumps", "concealed_ms"):
        # On a busy machine a packet may be late, in whichever mode.
        assert after["webrtc"][name] - before["webrtc"][name] <= (40 if name == "concealed_ms" else 0)
    assert len(listen.events("disconnected")) == 0
