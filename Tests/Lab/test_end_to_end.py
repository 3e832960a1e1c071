"""Program → `serve` → `listen` → ear, on real sound servers, over the original protocol."""

import json
import socket
import time

import pytest

from lab import meter
from lab.original_client import OriginalClient
from lab.processes import TOO_BUSY, until
from lab.signals import samples_of
from lab.soundserver import CONTROLS
from lab.stage import Stage
from lab.takes import listen_in


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def settle(*listeners):
    """Waits until all play, and a moment more for their buffers."""
    for listener in listeners:
        listener.until_playing()
    time.sleep(0.6)


def assert_heard(take, ear, controls=CONTROLS):
    heard = take[ear]
    story = f"{heard}; somebody waited for a core {take.pressure:.0%} of the time"
    assert not heard.error, story
    assert heard.median_ms < 400, story
    judges = [take[control] for control in controls]
    beyond = take.judged(heard.dropouts_beyond(*judges))
    is_whole = heard.correlation >= 0.99 and abs(heard.level_db) < 0.5
    if (beyond or not is_whole) and take.pressure > TOO_BUSY:
        pytest.skip(f"the dropouts {beyond} cannot be judged: {story}")
    assert is_whole, story
    assert beyond == [], (beyond, story, [str(judge) for judge in judges])


@pytest.fixture(scope="module")
def both_orders(sound_server):
    """One take with two pairs: in the one the server was started first, in the other the listener."""
    with Stage(sound_server=sound_server) as stage:
        first = stage.serve("--backend", sound_server.backend)
        port = free_port()
        early = stage.listen(port, "--output", "ear2", "--status-every", 1)
        early.event("disconnected")
        stage.serve(port=port)
        late = stage.listen(first.port, "--output", "ear1", "--status-every", 1)
        settle(early, late)
        take = listen_in(sound_server, ["ear1", "ear2", *CONTROLS], seconds=3)
        stage.end_programs()
        yield {"take": take, "serve": first, "listen": late}


def test_serve_first(both_orders):
    assert_heard(both_orders["take"], "ear1")


def test_listen_first(both_orders):
    assert_heard(both_orders["take"], "ear2")


def test_what_both_say(both_orders, sound_server):
    serve, listen = both_orders["serve"], both_orders["listen"]
    assert serve.serving["source"] == "system"
    assert serve.serving["backend"] == sound_server.backend
    assert "program" in serve.event("capture", state="running")["device"]
    assert "ear1" in listen.event("output", state="running")["device"]
    status = listen.events("status", state="playing")[-1]
    heard = both_orders["take"]["ear1"]
    assert 0 < status["delay_ms"] < heard.median_ms + 50
    assert status["buffer_ms"] >= 0 and status["target_ms"] >= 0
    assert serve.events("warning") == [] and listen.events("warning") == []


def test_a_named_device(room, sound_server):
    serve = room.serve("--source", "device:ear2")
    room.keep(sound_server.start_relay("ear2", "relay"))
    settle(room.listen(serve.port, "--output", "ear1"))
    take = listen_in(
        sound_server, ["ear1", "relay"], seconds=2, source="ear2", player_sink="ear2")
    assert_heard(take, "ear1", controls=["relay"])


def test_the_default_output_changes(room, sound_server):
    serve = room.serve()
    listen = room.listen(serve.port, "--output", "ear1")
    settle(listen)
    sound_server.set_default_sink("second")
    try:
        serve.until("the new output", lambda: "second" in serve.events("capture")[-1]["device"])
        room.keep(sound_server.start_relay("second", "relay"))
        time.sleep(0.5)
        take = listen_in(sound_server, ["ear1", "relay"], seconds=2, source="second")
    finally:
        sound_server.set_default_sink("program")
    assert_heard(take, "ear1", controls=["relay"])
    serve.until("the old output", lambda: "program" in serve.events("capture")[-1]["device"])
    assert listen.events("disconnected") == []


def test_a_listener_follows_the_default_output(room, sound_server):
    serve = room.serve("--source", "tone:440")
    sound_server.set_default_sink("ear1")
    try:
        listen = room.listen(serve.port)
        for ear in ("ear1", "ear2", "ear1"):
            sound_server.set_default_sink(ear)
            until(f"sound in {ear}", lambda ear=ear: loudness(sound_server, ear) > 0.01)
    finally:
        sound_server.set_default_sink("program")
    assert listen.events("disconnected") == []


def loudness(sound_server, ear):
    recording = sound_server.record([ear])
    time.sleep(0.3)
    return meter.rms(recording.stop()[ear])


def test_the_sound_server_crashes_and_returns(room, sound_server):
    serve = room.serve()
    listen = room.listen(serve.port, "--output", "ear1")
    settle(listen)
    sound_server.kill()
    serve.event("capture", state="lost")
    listen.event("output", state="lost")
    with OriginalClient(serve.address) as client:
        client.read_announcement()
        silence = samples_of(client.read_chunks(seconds=0.5), 2)
    assert len(silence) > 10_000 and not silence.any(), "listeners hear silence meanwhile"
    sound_server.start()
    sound_server.start_controls()
    serve.until("capture again", lambda: len(serve.events("capture", state="running")) == 2, 15)
    listen.until("output again", lambda: len(listen.events("output", state="running")) == 2, 15)
    time.sleep(1)
    take = listen_in(sound_server, ["ear1", *CONTROLS], seconds=2)
    assert_heard(take, "ear1")
    assert len(serve.events("capture", state="lost")) == 1
    assert len(listen.events("output", state="lost")) == 1
    assert listen.events("disconnected") == []


def test_a_feedback_loop_is_warned_of(room):
    serve = room.serve("--status-every", 1)
    listen = room.listen(serve.port, "--status-every", 1)
    listen.until("a warning", lambda: listen.events("warning") or serve.events("warning"))


def test_devices(room):
    listing = room.program("devices", "--json")
    assert listing.wait() == 0
    text = listing.output
    json.loads(text)
    for sink in ("program", "ear1", "ear2"):
        assert sink in text
    plain = room.program("devices")
    assert plain.wait() == 0
    assert "program" in plain.output


def test_the_pulseaudio_way_into_pipewire(room, sound_server):
    if sound_server.backend != "pipewire":
        pytest.skip("only PipeWire has two ways in")
    serve = room.serve("--backend", "pulse")
    assert serve.serving["backend"] == "pulse"
    settle(room.listen(serve.port, "--backend", "pulse", "--output", "ear1"))
    assert_heard(listen_in(sound_server, ["ear1", *CONTROLS], seconds=2), "ear1")


def test_a_command_plays_to_listeners_and_nowhere_else(room, sound_server):
    path = sound_server.directory / "command.wav"
    meter.write_wav(path, meter.stereo(meter.probe(2.5)))
    recording = sound_server.record(["program"])
    serve = room.serve("--sample-rate", 48000, "--", "paplay", path)
    with OriginalClient(serve.address) as client:
        client.read_announcement()
        heard = samples_of(client.read_chunks(), 2)
    assert serve.wait() == 0
    assert not recording.stop()["program"].any()
    assert meter.rms(heard) > 0.01
