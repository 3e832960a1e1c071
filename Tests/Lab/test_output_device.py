"""Our own output device: it comes and goes, players' sound reaches the listeners, nothing else is
changed."""

import json
import re
import signal
import time

import numpy as np
import pytest

from lab import meter
from lab.processes import TOO_BUSY, Busyness, Process, until
from lab.soundserver import SERVERS
from lab.stage import Stage
from lab.whep import Web

DEVICE = "AuraLync"
EARS = ("program", "ear1", "ear2")
# Nobody hears two ears apart by less.
TOGETHER_MS = 20
# PulseAudio's listeners hear the changed volume until it is taken back: a block or two of the player's.
KEY_MS = {"pipewire": 0, "pulse": 60}


@pytest.fixture(scope="module", params=SERVERS)
def sound_server(request):
    """A server without control ears: what is judged here is where sound goes, and how loud it is."""
    with SERVERS[request.param](EARS) as server:
        yield server


@pytest.fixture
def room(sound_server, tmp_path):
    with Stage(tmp_path, sound_server) as stage:
        yield stage


def device_is_there(sound_server):
    return DEVICE in sound_server.sink_names()


def default_sink(sound_server):
    return sound_server.call("pactl", "get-default-sink", check=False).strip()


def sinks_of_players(sound_server):
    """{the name of a stream of pacat's: the sink it plays to}"""
    names = {}
    for line in sound_server.call("pactl", "list", "short", "sinks").splitlines():
        index, name = line.split("\t")[:2]
        names[index] = name
    listing = sound_server.call("pactl", "list", "sink-inputs")
    return {
        re.search(r'media\.name = "(.*)"', entry)[1]: names.get(re.search(r"Sink: (\d+)", entry)[1])
        for entry in listing.split("Sink Input #")[1:] if '"pacat"' in entry}


def start_player(sound_server, name, *options):
    """Plays silence for as long as it lives."""
    return Process(
        ["sh", "-c", f"pacat --raw --stream-name={name} {' '.join(options)} < /dev/zero"],
        sound_server.log_path("pacat"), env=sound_server.environment())


def placement(sound_server):
    """Everything that a run must leave as it was."""
    return sound_server.sink_names(), default_sink(sound_server), sinks_of_players(sound_server)


def records(sound_server):
    """What the next start would put back."""
    return [path.name for path in sound_server.runtime.glob("auralync-output-*")]


# Nobody can tidy up after SIGKILL; whoever comes next does, whatever it does.
NEXT = {
    "device": lambda room, server: room.serve("--backend", server.backend, "--source", "device:ear1"),
    "tone": lambda room, server: room.serve("--source", "tone"),
    "stdin": lambda room, server: room.serve("--source", "stdin"),
    "command": lambda room, server: room.serve("--", "sleep", "20"),
    "listen": lambda room, server: room.listen(1, "--output", "ear1", "--backend", server.backend),
    "listen to nothing": lambda room, server: room.listen(1, "--output", "null"),
}
ENDINGS = [(signal.SIGINT, None), (signal.SIGTERM, None), *((signal.SIGKILL, one) for one in NEXT)]


@pytest.mark.parametrize("ending, following", ENDINGS)
def test_everything_is_put_back(room, sound_server, ending, following):
    follower = room.keep(start_player(sound_server, "follower"))
    stayer = room.keep(start_player(sound_server, "stayer", "--device=ear2"))
    until("both players", lambda: sinks_of_players(sound_server) == {
        "follower": "program", "stayer": "ear2"})
    before = placement(sound_server)
    serve = room.serve(
        "--backend", sound_server.backend, "--source", "output", "--default-output")
    assert serve.event("capture", state="running")["device"] == DEVICE
    until("the players' place", lambda: sinks_of_players(sound_server) == {
        "follower": DEVICE, "stayer": "ear2"})
    assert default_sink(sound_server) == DEVICE
    serve.send(ending)
    assert serve.wait() == (0 if ending != signal.SIGKILL else -9), serve.tail()
    if following:
        assert len(records(sound_server)) == 1
        NEXT[following](room, sound_server)
    until("what was there before", lambda: placement(sound_server) == before)
    assert follower.is_running and stayer.is_running
    until("the record's end", lambda: records(sound_server) == [])


def test_without_a_word_the_default_stays(room, sound_server):
    serve = room.serve("--backend", sound_server.backend, "--source", "output")
    serve.event("capture", state="running")
    assert device_is_there(sound_server)
    assert default_sink(sound_server) == "program"
    serve.interrupt()
    until("the device's end", lambda: not device_is_there(sound_server))


def take(sound_server, ears, seconds, sink, during=lambda: None):
    """What the ears hear of a probe that is played into `sink`."""
    path = sound_server.directory / f"device-{seconds}.wav"
    sound = meter.stereo(meter.probe(seconds))
    meter.write_wav(path, sound)
    recording = sound_server.record(ears)
    player = sound_server.play(path, sink)
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


def test_a_players_sound_reaches_listeners_whatever_the_keys(room, sound_server):
    serve = room.serve("--backend", sound_server.backend, "--source", "output",
                       "--also-play", "ear2", "--status-every", 1)
    serve.event("capture", state="running")
    host, port = serve.web_address()
    listen = room.listen(f"http://{host}:{port}{serve.whep}", "--output", "ear1", "--status-every", 1)
    listen.until("the sound", lambda: any(
        status["state"] == "playing" and status["webrtc"]["from_capture"]
        for status in listen.events("status")), 20)

    def turn_down():
        sound_server.call("pactl", "set-sink-volume", DEVICE, "30%")

    def mute():
        sound_server.call("pactl", "set-sink-mute", DEVICE, "1")

    ears = ["ear1", "ear2"]
    busy = Busyness()
    before = take(sound_server, [*ears, "program"], 2.4, DEVICE, during=turn_down)
    apart = before["ear1"].median_ms - before["ear2"].median_ms
    assert_whole(before["ear1"])
    after = take(sound_server, ears, 2.4, DEVICE, during=mute)
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
    assert max(softened) <= KEY_MS[sound_server.backend] or busy.share > TOO_BUSY, story
    # Nor does the host hear at another instant.
    assert abs(apart) < TOGETHER_MS or busy.share > TOO_BUSY, story
    assert full - less > 20 and abs(still - less) < 3 and silent < -80, story


def test_a_new_sound_server_has_the_device_again(room, sound_server):
    """And the default, and at the end what the new server has by itself."""
    try:
        sound_server.kill()
        sound_server.start(choose=False)
        alone = until("a default", lambda: default_sink(sound_server))
        serve = room.serve("--backend", sound_server.backend, "--source", "output", "--default-output")
        serve.event("capture", state="running")
        sound_server.kill()
        serve.event("capture", state="lost")
        sound_server.start(choose=False)
        until("the default again", lambda: default_sink(sound_server) == DEVICE, 20)
        room.keep(start_player(sound_server, "follower"))
        room.keep(start_player(sound_server, "stayer", "--device=ear2"))
        until("the players' place", lambda: sinks_of_players(sound_server) == {
            "follower": DEVICE, "stayer": "ear2"})
        assert serve.interrupt()[0] == 0
        until("what it has by itself", lambda: not device_is_there(sound_server)
              and default_sink(sound_server) == alone
              and sinks_of_players(sound_server) == {"follower": alone, "stayer": "ear2"})
        assert records(sound_server) == []
    finally:
        sound_server.set_default_sink("program")


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGKILL])
def test_a_new_sound_server_has_what_was_chosen_at_the_end(room, sound_server, ending):
    """It has forgotten that by itself."""
    try:
        sound_server.set_default_sink("ear1")
        serve = room.serve("--backend", sound_server.backend, "--source", "output", "--default-output")
        serve.event("capture", state="running")
        for _ in range(2):
            known = len(serve.events("capture", state="running"))
            sound_server.kill()
            serve.new_event("capture", known - 1, state="lost")
            sound_server.start(choose=False)
            serve.new_event("capture", known, state="running")
            until("the default again", lambda: default_sink(sound_server) == DEVICE, 20)
            until("one record", lambda: len(records(sound_server)) == 1)
        serve.send(ending)
        serve.wait()
        if ending == signal.SIGKILL:
            room.serve("--source", "tone")
        until("what was chosen", lambda: not device_is_there(sound_server)
              and default_sink(sound_server) == "ear1")
        until("the record's end", lambda: records(sound_server) == [])
    finally:
        sound_server.set_default_sink("program")


def test_a_late_session_manager_has_the_default(room, sound_server):
    """PipeWire's default is another program's, which may begin last of all."""
    if sound_server.backend != "pipewire":
        pytest.skip("PulseAudio is one program")
    try:
        sound_server.set_default_sink("ear1")
        serve = room.serve("--backend", "pipewire", "--source", "output", "--default-output")
        serve.event("capture", state="running")
        sound_server.kill()
        serve.event("capture", state="lost")

        def device_is_first():
            until("the device", lambda: f'"{DEVICE}"' in sound_server.call("pw-cli", "ls", "Node", check=False))
        sound_server.start(choose=False, before_manager=device_is_first)
        until("the default again", lambda: default_sink(sound_server) == DEVICE, 20)
        serve.send(signal.SIGKILL)
        serve.wait()
        # Without the session manager nothing can be put back, so it is not forgotten either.
        sound_server.kill_manager()
        silent = room.serve("--source", "tone")
        silent.event("capture", state="running")
        assert len(records(sound_server)) == 1
        silent.interrupt()
        sound_server.start_manager()
        until("its default", lambda: "default.audio.sink" in sound_server.metadata())
        # As if it had kept that.
        sound_server.metadata("default.configured.audio.sink", f'{{ "name": "{DEVICE}" }}', "Spa:String:JSON")
        room.serve("--source", "tone")
        until("what was chosen", lambda: default_sink(sound_server) == "ear1")
        until("the record's end", lambda: records(sound_server) == [])
    finally:
        # A second manager does not take care of everything that the first one has begun.
        sound_server.kill()
        sound_server.start()


@pytest.mark.parametrize("first", [0, 1])
def test_two_devices_put_back_what_was_chosen_before_both(room, sound_server, first):
    """In either order."""
    try:
        sound_server.set_default_sink("ear1")
        runs = []
        for name in (DEVICE, f"{DEVICE}-2"):
            runs.append(room.serve(
                "--backend", sound_server.backend, "--source", "output", "--default-output"))
            assert runs[-1].event("capture", state="running")["device"] == name
            until("the default", lambda: default_sink(sound_server) == name)
        assert runs.pop(first).interrupt()[0] == 0
        left = f"{DEVICE}-2" if first == 0 else DEVICE
        until("the one that is left", lambda: default_sink(sound_server) == left and [
            name for name in sound_server.sink_names() if name.startswith(DEVICE)] == [left])
        assert runs.pop().interrupt()[0] == 0
        until("what was chosen", lambda: default_sink(sound_server) == "ear1"
              and not device_is_there(sound_server))
        assert records(sound_server) == []
    finally:
        sound_server.set_default_sink("program")


def wishes(sound_server):
    """{a node of ours: the cycle it asks PipeWire for}"""
    # What changes meanwhile comes behind it.
    graph, _ = json.JSONDecoder().raw_decode(sound_server.call("pw-dump"))
    nodes = [one["info"]["props"] for one in graph if one["type"] == "PipeWire:Interface:Node"]
    return {node["node.name"]: node["node.latency"] for node in nodes
            if node["node.name"] in (DEVICE, "auralync-capture", "auralync-playback")}


def test_film_mode_forgives_a_computer_that_stands_still(room, sound_server):
    """PipeWire's cycles are long where the delay has room, and short where it has none; the device alone says so
    for its capture."""
    if sound_server.backend != "pipewire":
        pytest.skip("PulseAudio has no cycles")
    serve = room.serve("--backend", "pipewire", "--source", "output", "--status-every", 1)
    serve.event("capture", state="running")
    host, port = serve.web_address()
    web = Web((host, port))
    room.listen(f"http://{host}:{port}{serve.whep}", "--output", "ear1")
    for mode, cycle in (("film", 1024), ("live", 256), ("film", 1024)):
        assert web.ask("POST", "/api/mode", json.dumps({"mode": mode}), Content_Type="application/json").status == 200
        wanted = f"{cycle}/48000"
        serve.until(f"{mode} mode's cycles", lambda wanted=wanted: wishes(sound_server) == {
            DEVICE: wanted, "auralync-capture": "1024/48000", "auralync-playback": wanted}, 30)


def test_one_programs_sound_only(room, sound_server):
    serve = room.serve("--backend", sound_server.backend, "--source", "app:paplay")
    assert "plays nothing" in serve.event("capture", state="waiting")["reason"]
    listen = room.listen(serve.port, "--output", "ear1")
    listen.until_playing()
    # Another program plays to the same output all the while.
    noise = sound_server.directory / "noise.raw"
    noise.write_bytes((meter.stereo(meter.probe(30, seed=2)) * 32767).astype("<i2").tobytes())
    room.keep(Process(["pacat", "--raw", "--format=s16le", "--rate=48000", noise],
                      sound_server.log_path("pacat"), env=sound_server.environment()))
    for _ in range(2):  # the program begins, and begins again
        heard = take(sound_server, ["ear1"], 2.5, "program")["ear1"]
        assert not heard.error and heard.correlation > 0.95, str(heard)
        serve.until("silence again", lambda: serve.events("capture")[-1]["state"] == "waiting")
    assert listen.events("disconnected") == []


def test_playing_programs_are_listed(room, sound_server):
    room.keep(start_player(sound_server, "somebody"))
    until("the player", lambda: sinks_of_players(sound_server))
    listing = room.program("devices", "--backend", sound_server.backend)
    assert listing.wait() == 0
    assert "pacat" in listing.output.split("Programs that play")[1]
