"""Our own output device comes and goes, and nothing else is changed."""

import json
import re
import signal

import pytest

from lab.processes import Process, until
from lab.whep import Web

DEVICE = "AuraLync"


def device_is_there(plain_server):
    return DEVICE in plain_server.sink_names()


def default_sink(plain_server):
    return plain_server.call("pactl", "get-default-sink", check=False).strip()


def sinks_of_players(plain_server):
    """{the name of a stream of pacat's: the sink it plays to}"""
    names = {}
    for line in plain_server.call("pactl", "list", "short", "sinks").splitlines():
        index, name = line.split("\t")[:2]
        names[index] = name
    listing = plain_server.call("pactl", "list", "sink-inputs")
    return {
        re.search(r'media\.name = "(.*)"', entry)[1]: names.get(re.search(r"Sink: (\d+)", entry)[1])
        for entry in listing.split("Sink Input #")[1:] if '"pacat"' in entry}


def start_player(plain_server, name, *options):
    """Plays silence for as long as it lives."""
    return Process(
        ["sh", "-c", f"pacat --raw --stream-name={name} {' '.join(options)} < /dev/zero"],
        plain_server.log_path("pacat"), env=plain_server.environment())


def placement(plain_server):
    """Everything that a run must leave as it was."""
    return plain_server.sink_names(), default_sink(plain_server), sinks_of_players(plain_server)


def records(plain_server):
    """What the next start would put back."""
    return [path.name for path in plain_server.runtime.glob("auralync-output-*")]


# Nobody can tidy up after SIGKILL; whoever comes next does, whatever it does.
NEXT = {
    "device": lambda plain_room, server: plain_room.serve("--backend", server.backend, "--source", "device:ear1"),
    "tone": lambda plain_room, server: plain_room.serve("--source", "tone"),
    "stdin": lambda plain_room, server: plain_room.serve("--source", "stdin"),
    "command": lambda plain_room, server: plain_room.serve("--", "sleep", "20"),
    "listen": lambda plain_room, server: plain_room.listen(1, "--output", "ear1", "--backend", server.backend),
    "listen to nothing": lambda plain_room, server: plain_room.listen(1, "--output", "null"),
}
ENDINGS = [(signal.SIGINT, None), (signal.SIGTERM, None), *((signal.SIGKILL, one) for one in NEXT)]


@pytest.mark.parametrize("ending, following", ENDINGS)
def test_everything_is_put_back(plain_room, plain_server, ending, following):
    follower = plain_room.keep(start_player(plain_server, "follower"))
    stayer = plain_room.keep(start_player(plain_server, "stayer", "--device=ear2"))
    until("both players", lambda: sinks_of_players(plain_server) == {
        "follower": "program", "stayer": "ear2"})
    before = placement(plain_server)
    serve = plain_room.serve(
        "--backend", plain_server.backend, "--source", "output", "--default-output")
    assert serve.event("capture", state="running")["device"] == DEVICE
    until("the players' place", lambda: sinks_of_players(plain_server) == {
        "follower": DEVICE, "stayer": "ear2"})
    assert default_sink(plain_server) == DEVICE
    serve.send(ending)
    assert serve.wait() == (0 if ending != signal.SIGKILL else -9), serve.tail()
    if following:
        assert len(records(plain_server)) == 1
        NEXT[following](plain_room, plain_server)
    until("what was there before", lambda: placement(plain_server) == before)
    assert follower.is_running and stayer.is_running
    until("the record's end", lambda: records(plain_server) == [])


def test_without_a_word_the_default_stays(plain_room, plain_server):
    serve = plain_room.serve("--backend", plain_server.backend, "--source", "output")
    serve.event("capture", state="running")
    assert device_is_there(plain_server)
    assert default_sink(plain_server) == "program"
    serve.interrupt()
    until("the device's end", lambda: not device_is_there(plain_server))


def test_a_new_sound_server_has_the_device_again(plain_room, plain_server):
    """And the default, and at the end what the new server has by itself."""
    try:
        plain_server.kill()
        plain_server.start(choose=False)
        alone = until("a default", lambda: default_sink(plain_server))
        serve = plain_room.serve("--backend", plain_server.backend, "--source", "output", "--default-output")
        serve.event("capture", state="running")
        plain_server.kill()
        serve.event("capture", state="lost")
        plain_server.start(choose=False)
        until("the default again", lambda: default_sink(plain_server) == DEVICE, 20)
        plain_room.keep(start_player(plain_server, "follower"))
        plain_room.keep(start_player(plain_server, "stayer", "--device=ear2"))
        until("the players' place", lambda: sinks_of_players(plain_server) == {
            "follower": DEVICE, "stayer": "ear2"})
        assert serve.interrupt()[0] == 0
        until("what it has by itself", lambda: not device_is_there(plain_server)
              and default_sink(plain_server) == alone
              and sinks_of_players(plain_server) == {"follower": alone, "stayer": "ear2"})
        assert records(plain_server) == []
    finally:
        plain_server.set_default_sink("program")


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGKILL])
def test_a_new_sound_server_has_what_was_chosen_at_the_end(plain_room, plain_server, ending):
    """It has forgotten that by itself."""
    try:
        plain_server.set_default_sink("ear1")
        serve = plain_room.serve("--backend", plain_server.backend, "--source", "output", "--default-output")
        serve.event("capture", state="running")
        for _ in range(2):
            known = len(serve.events("capture", state="running"))
            plain_server.kill()
            serve.new_event("capture", known - 1, state="lost")
            plain_server.start(choose=False)
            serve.new_event("capture", known, state="running")
            until("the default again", lambda: default_sink(plain_server) == DEVICE, 20)
            until("one record", lambda: len(records(plain_server)) == 1)
        serve.send(ending)
        serve.wait()
        if ending == signal.SIGKILL:
            plain_room.serve("--source", "tone")
        until("what was chosen", lambda: not device_is_there(plain_server)
              and default_sink(plain_server) == "ear1")
        until("the record's end", lambda: records(plain_server) == [])
    finally:
        plain_server.set_default_sink("program")


def test_a_late_session_manager_has_the_default(plain_room, plain_server):
    """PipeWire's default is another program's, which may begin last of all."""
    if plain_server.backend != "pipewire":
        pytest.skip("PulseAudio is one program")
    try:
        plain_server.set_default_sink("ear1")
        serve = plain_room.serve("--backend", "pipewire", "--source", "output", "--default-output")
        serve.event("capture", state="running")
        plain_server.kill()
        serve.event("capture", state="lost")

        def device_is_first():
            until("the device", lambda: f'"{DEVICE}"' in plain_server.call("pw-cli", "ls", "Node", check=False))
        plain_server.start(choose=False, before_manager=device_is_first)
        until("the default again", lambda: default_sink(plain_server) == DEVICE, 20)
        serve.send(signal.SIGKILL)
        serve.wait()
        # Without the session manager nothing can be put back, so it is not forgotten either.
        plain_server.kill_manager()
        silent = plain_room.serve("--source", "tone")
        silent.event("capture", state="running")
        assert len(records(plain_server)) == 1
        silent.interrupt()
        plain_server.start_manager()
        until("its default", lambda: "default.audio.sink" in plain_server.metadata())
        # As if it had kept that.
        plain_server.metadata("default.configured.audio.sink", f'{{ "name": "{DEVICE}" }}', "Spa:String:JSON")
        plain_room.serve("--source", "tone")
        until("what was chosen", lambda: default_sink(plain_server) == "ear1")
        until("the record's end", lambda: records(plain_server) == [])
    finally:
        # A second manager does not take care of everything that the first one has begun.
        plain_server.kill()
        plain_server.start()


@pytest.mark.parametrize("first", [0, 1])
def test_two_devices_put_back_what_was_chosen_before_both(plain_room, plain_server, first):
    """In either order."""
    try:
        plain_server.set_default_sink("ear1")
        runs = []
        for name in (DEVICE, f"{DEVICE}-2"):
            runs.append(plain_room.serve(
                "--backend", plain_server.backend, "--source", "output", "--default-output"))
            assert runs[-1].event("capture", state="running")["device"] == name
            until("the default", lambda: default_sink(plain_server) == name)
        assert runs.pop(first).interrupt()[0] == 0
        left = f"{DEVICE}-2" if first == 0 else DEVICE
        until("the one that is left", lambda: default_sink(plain_server) == left and [
            name for name in plain_server.sink_names() if name.startswith(DEVICE)] == [left])
        assert runs.pop().interrupt()[0] == 0
        until("what was chosen", lambda: default_sink(plain_server) == "ear1"
              and not device_is_there(plain_server))
        assert records(plain_server) == []
    finally:
        plain_server.set_default_sink("program")


def wishes(plain_server):
    """{a node of ours: the cycle it asks PipeWire for}"""
    # What changes meanwhile comes behind it.
    graph, _ = json.JSONDecoder().raw_decode(plain_server.call("pw-dump"))
    nodes = [one["info"]["props"] for one in graph if one["type"] == "PipeWire:Interface:Node"]
    return {node["node.name"]: node["node.latency"] for node in nodes
            if node["node.name"] in (DEVICE, "auralync-capture", "auralync-playback")}


def test_film_mode_forgives_a_computer_that_stands_still(plain_room, plain_server):
    """PipeWire's cycles are long where the delay has room, and short where it has none; the device alone says so
    for its capture."""
    if plain_server.backend != "pipewire":
        pytest.skip("PulseAudio has no cycles")
    serve = plain_room.serve("--backend", "pipewire", "--source", "output", "--status-every", 1)
    serve.event("capture", state="running")
    host, port = serve.web_address()
    web = Web((host, port))
    plain_room.listen(f"http://{host}:{port}{serve.whep}", "--output", "ear1")
    for mode, cycle in (("film", 1024), ("live", 256), ("film", 1024)):
        assert web.ask("POST", "/api/mode", json.dumps({"mode": mode}), Content_Type="application/json").status == 200
        wanted = f"{cycle}/48000"
        serve.until(f"{mode} mode's cycles", lambda wanted=wanted: wishes(plain_server) == {
            DEVICE: wanted, "auralync-capture": "1024/48000", "auralync-playback": wanted}, 30)


def test_playing_programs_are_listed(plain_room, plain_server):
    plain_room.keep(start_player(plain_server, "somebody"))
    until("the player", lambda: sinks_of_players(plain_server))
    listing = plain_room.program("devices", "--backend", plain_server.backend)
    assert listing.wait() == 0
    assert "pacat" in listing.output.split("Programs that play")[1]
