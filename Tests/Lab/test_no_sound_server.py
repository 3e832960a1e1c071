"""`serve` where there is no sound server: it brings a private one, and leaves nothing of it."""

import re
import signal
import socket
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from lab import meter
from lab.meter import RATE
from lab.original_client import OriginalClient
from lab.players import PulsePlayer
from lab.processes import Process, processes_using, until
from lab.signals import samples_of
from lab.soundserver import PulseAudio


@pytest.fixture
def probe_file(tmp_path):
    path = tmp_path / "probe.wav"
    meter.write_wav(path, meter.stereo(meter.probe(3)))
    return path


def listened(serve, seconds=None):
    with OriginalClient(serve.address) as client:
        client.read_announcement()
        return samples_of(client.read_chunks(seconds=seconds), 2)


def assert_probe_heard(sound):
    reference = np.concatenate((np.zeros(RATE // 4), meter.probe(3), np.zeros(RATE)))
    ear = np.concatenate((np.zeros(5 * RATE), sound.mean(axis=1)))
    heard = meter.measure(reference, ear, max_latency=15)
    assert not heard.error, heard
    assert heard.correlation > 0.99, heard


def assert_nothing_remains(runtime):
    until("the end of the private server", lambda: not processes_using(runtime), 3)
    assert not Path(runtime).exists()


def assert_only_what_libpulse_leaves(directory):
    """Every program that looks for PulseAudio makes an empty folder in the runtime directory."""
    left = [p for p in directory.rglob("*") if p != directory / "pulse"]
    assert left == []


def private_server(serve):
    event = serve.event("private-server", 15)
    assert Path(event["runtime_dir"]).is_dir()
    assert processes_using(event["runtime_dir"])
    serve.event("capture", 15, state="running")
    return event


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_private_server_is_made_and_removed(stage, probe_file, number):
    serve = stage.serve("--sample-rate", RATE)
    private = private_server(serve)
    assert serve.serving["backend"] == "pipewire"
    assert all(value in serve.output for value in private["environment"].values())
    env = {**stage.environment, **private["environment"]}
    player = stage.keep(Process(["paplay", probe_file], stage.log("paplay"), env=env))
    sound = listened(serve, seconds=4)
    assert player.wait() == 0, player.tail()
    assert_probe_heard(sound)
    code, took = serve.interrupt(number)
    assert code == 0
    assert took < 1
    assert_nothing_remains(private["runtime_dir"])
    assert_only_what_libpulse_leaves(stage.runtime)


@pytest.mark.parametrize("player", [["paplay"], ["pw-cat", "-p"]])
def test_a_command_is_heard(stage, probe_file, player):
    serve = stage.serve("--sample-rate", RATE, "--", *player, probe_file)
    private = private_server(serve)
    sound = listened(serve)  # until it ends
    assert serve.wait() == 0
    assert_probe_heard(sound)
    assert_nothing_remains(private["runtime_dir"])
    # Nor what libpulse makes for the player and for us: a folder there, a cookie at home.
    assert list(stage.runtime.iterdir()) == []
    assert not (stage.directory / ".config").exists()


def test_a_command_is_told_how_late_it_is_heard(stage):
    """So that its picture waits: what it plays to is the device that says so, and film mode's delay is what is said."""
    serve = stage.serve("--delay", 400, "--", "sleep", "60")
    private = private_server(serve)
    player = PulsePlayer(SimpleNamespace(runtime=private["runtime_dir"]), "@DEFAULT_SINK@")
    try:
        # Its own buffer is not in it, but some of the server's cycle of 21 ms.
        serve.until("the delay", lambda: 380 < (player.read_ms or 0) < 450)
    finally:
        player.end()
    serve.interrupt()


@pytest.mark.parametrize("command, code", [
    (["sh", "-c", "exit 7"], 7),
    (["sh", "-c", "kill -TERM $$"], 128 + signal.SIGTERM),
    (["sh", "-c", "test -n \"$PULSE_SINK$PULSE_SERVER$XDG_RUNTIME_DIR\""], 0),
])
def test_the_commands_exit_code_is_passed_on(stage, command, code):
    serve = stage.serve("--", *command)
    assert serve.wait(15) == code
    for event in serve.events("private-server"):
        assert_nothing_remains(event["runtime_dir"])


def test_the_command_ends_with_serve(stage):
    serve = stage.serve("--", "sleep", "60")
    private = private_server(serve)
    _, took = serve.interrupt()
    assert took < 1.5
    assert_nothing_remains(private["runtime_dir"])


def test_an_unknown_command_is_one_clear_sentence(stage):
    serve = stage.serve("--", "no-such-player", "x")
    assert serve.wait(15) != 0
    assert re.fullmatch(r"auralync: .*no-such-player.*\.", serve.error_line)
    for event in serve.events("private-server"):
        assert_nothing_remains(event["runtime_dir"])


def test_a_server_that_refuses_is_an_error(stage):
    """A PulseAudio whose cookie we do not have is somebody's: no private one is made beside it."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with PulseAudio(["program"]) as server:
        # Over TCP: on a Unix socket, the server's own user is let in without the cookie.
        server.call("pactl", "load-module", "module-native-protocol-tcp", "listen=127.0.0.1",
                    f"port={port}", f"auth-cookie={server.directory}/other-cookie")
        serve = stage.serve(env={"PULSE_SERVER": f"tcp:127.0.0.1:{port}",
                                 "PULSE_COOKIE": str(server.directory / "cookie")})
        assert serve.wait(15) == 1
    assert re.fullmatch(r"auralync: .*PulseAudio.*cookie.*\.", serve.error_line)
    assert serve.events("private-server") == []


def test_a_socket_that_nobody_serves_is_no_server(stage):
    server = PulseAudio(["program"])
    with server:
        stale = server.runtime / "pulse" / "native"
        (stage.runtime / "pulse").mkdir(mode=0o700)
        stale.rename(stage.runtime / "pulse" / "native")
    serve = stage.serve()
    private_server(serve)
    serve.interrupt()


def test_other_sources_need_no_server(stage):
    serve = stage.serve("--source", "tone")
    serve.event("capture", state="running")
    time.sleep(0.3)
    assert serve.events("private-server") == []


def test_listen_without_a_sound_server_says_so(stage):
    serve = stage.serve("--source", "tone")
    listen = stage.listen(serve.port)
    listen.until("a word about it", lambda: not listen.is_running or listen.events("output"))
    if not listen.is_running:
        assert listen.exit_code == 1
        assert re.fullmatch(r"auralync: .*\.", listen.error_line)
    else:
        assert listen.events("output")[0]["state"] in ("waiting", "lost")
