"""Does a film's picture wait for the sound? One player, one delay; script/lipsync measures the rest."""

import pytest

from lab import lipsync
from lab.processes import TOO_BUSY, Busyness
from lab.soundserver import SERVERS
from lab.stage import Stage

PLAYER = "mpv --ao=pulse"
DELAY_MS = 300
# People notice 45 ms; a picture that does not wait at all is off by more than the delay.
BOUND_MS = 45


def test_a_picture_waits_for_the_sound(tmp_path):
    """What mpv shows and what a listener hears, beside the same mpv playing straight into the ear."""
    busy = Busyness()
    with SERVERS["pipewire"]() as server, Stage(tmp_path, server) as stage:
        film = {"ear": "ear1", "directory": tmp_path, "seconds": 8.0, "skip": 1}
        zero = lipsync.measure(server, PLAYER, "ear1", **film)
        serve = stage.serve("--source", "output", "--mode", "film", "--delay", DELAY_MS)
        host, port = serve.web_address()
        listen = stage.listen(f"http://{host}:{port}{serve.whep}", "--output", "ear1", "--status-every", 1)
        listen.until("the sound", lambda: any(
            status["state"] == "playing" and status["webrtc"]["from_capture"]
            for status in listen.events("status")), 30)
        ours = lipsync.measure(server, PLAYER, "AuraLync", **film)
    story = f"zero {zero}; ours {ours}; waits {busy.share:.0%}"
    print(story)
    is_right = bool(zero.each_ms and ours.each_ms) and abs(ours.median_ms - zero.median_ms) < BOUND_MS
    # A machine on which the same player is not in step with itself shows nothing.
    is_measure = len(zero.each_ms) > 1 and max(zero.each_ms) - min(zero.each_ms) < BOUND_MS
    if not is_right and (busy.share > TOO_BUSY or not is_measure):
        pytest.skip(f"this cannot be judged: {story}")
    assert is_right, story
