"""What is played into our own output device reaches the listeners, and of one program alone what that one plays."""

import time

import numpy as np

from lab import meter
from lab.processes import TOO_BUSY, Busyness, Process

DEVICE = "AuraLync"
# Nobody hears two ears apart by less.
TOGETHER_MS = 20
# PulseAudio's listeners hear the changed volume until it is taken back: a block or two of the player's.
KEY_MS = {"pipewire": 0, "pulse": 60}


def take(plain_server, ears, seconds, sink, during=lambda: None):
    """What the ears hear of a probe that is played into `sink`."""
    path = plain_server.directory / f"device-{seconds}.wav"
    sound = meter.stereo(meter.probe(seconds))
    meter.write_wav(path, sound)
    recording = plain_server.record(ears)
    player = plain_server.play(path, sink)
    try:
        time.sleep(seconds / 2)
        during()
        player.wait(seconds + 10)
        time.sleep(0.8)
        heard = recording.stop()
    finally:
        player.end()
    takes = {ear: meter.measure(padded(sound, len(heard[ear])), heard[ear]) for ear in ears}
    return {**takes, "sound": heard}


def halves(sounds):
    """The level at ear2 in the first and in the last second of a probe that ear1 hears, in decibels."""
    first = np.flatnonzero(np.abs(sounds["ear1"][:, 0]) > 0.01)[0]
    own = sounds["ear2"][:, 0]
    # Well inside: the two ears may hear it some tenths of a second apart.
    parts = own[first + 24000:first + 36000], own[first + 84000:first + 96000]
    return [20 * np.log10(max(1e-6, meter.rms(part))) for part in parts]


def softened_ms(sounds, heard):
    """For how long ear1 heard a probe of 2.4 s softer by 6 dB or more, around the press in its middle."""
    own = sounds["ear1"][:, 0]
    sound = np.concatenate([np.zeros(round(heard.median_ms * 48), np.float32), meter.probe(2.4)])
    # 5 ms each: of the probe none is soft.
    count = min(len(own), len(sound)) // 240
    levels = [np.sqrt(np.mean(one[:240 * count].reshape(count, 240) ** 2, axis=1)) for one in (own, sound)]
    first = round(heard.median_ms / 5)
    around = slice(first + 160, first + 320)
    return 5 * int(np.sum(2 * levels[0][around] < levels[1][around]))


def padded(sound, length):
    return np.concatenate([sound, np.zeros((max(0, length - len(sound)), 2), np.float32)])[:length]


def assert_whole(heard):
    assert not heard.error, str(heard)
    assert heard.correlation > 0.98, str(heard)
    assert abs(heard.level_db) < 0.5, str(heard)


def test_a_players_sound_reaches_listeners_whatever_the_keys(plain_room, plain_server):
    serve = plain_room.serve("--backend", plain_server.backend, "--source", "output",
                             "--also-play", "ear2", "--status-every", 1)
    serve.event("capture", state="running")
    host, port = serve.web_address()
    listen = plain_room.listen(f"http://{host}:{port}{serve.whep}", "--output", "ear1", "--status-every", 1)
    listen.until("the sound", lambda: any(
        status["state"] == "playing" and status["webrtc"]["from_capture"]
        for status in listen.events("status")), 20)

    def turn_down():
        plain_server.call("pactl", "set-sink-volume", DEVICE, "30%")

    def mute():
        plain_server.call("pactl", "set-sink-mute", DEVICE, "1")

    ears = ["ear1", "ear2"]
    busy = Busyness()
    before = take(plain_server, [*ears, "program"], 2.4, DEVICE, during=turn_down)
    apart = before["ear1"].median_ms - before["ear2"].median_ms
    assert_whole(before["ear1"])
    after = take(plain_server, ears, 2.4, DEVICE, during=mute)
    assert_whole(after["ear1"])
    # The room is silent: what was the default output has nothing of it.
    assert meter.rms(before["sound"]["program"]) < 1e-5
    # They mean the host's own ears: 31 dB less, and then nothing.
    full, less = halves(before["sound"])
    still, silent = halves(after["sound"])
    story = (f"{full:.0f}, {less:.0f}, {still:.0f}, {silent:.0f} dB, {apart:.1f} ms apart, somebody waited "
             f"for a core {busy.share:.0%} of the time")
    softened = [softened_ms(one["sound"], one["ear1"]) for one in (before, after)]
    story += f", {softened[0]} and {softened[1]} ms through the keys"
    print(story)
    assert max(softened) <= KEY_MS[plain_server.backend] or busy.share > TOO_BUSY, story
    # Nor does the host hear at another instant.
    assert abs(apart) < TOGETHER_MS or busy.share > TOO_BUSY, story
    assert full - less > 20 and abs(still - less) < 3 and silent < -80, story


def test_one_programs_sound_only(plain_room, plain_server):
    serve = plain_room.serve("--backend", plain_server.backend, "--source", "app:paplay")
    assert "plays nothing" in serve.event("capture", state="waiting")["reason"]
    listen = plain_room.listen(serve.port, "--output", "ear1")
    listen.until_playing()
    # Another program plays to the same output all the while.
    noise = plain_server.directory / "noise.raw"
    noise.write_bytes((meter.stereo(meter.probe(30, seed=2)) * 32767).astype("<i2").tobytes())
    plain_room.keep(Process(["pacat", "--raw", "--format=s16le", "--rate=48000", noise],
                            plain_server.log_path("pacat"), env=plain_server.environment()))
    for _ in range(2):  # the program begins, and begins again
        heard = take(plain_server, ["ear1"], 2.5, "program")["ear1"]
        assert not heard.error and heard.correlation > 0.95, str(heard)
        serve.until("silence again", lambda: serve.events("capture")[-1]["state"] == "waiting")
    assert listen.events("disconnected") == []
