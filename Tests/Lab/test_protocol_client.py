"""`auralync listen` against servers of the original protocol, well- and ill-behaved."""

import re
import time

import numpy as np
import pytest

from lab import meter
from lab.content import Content
from lab.meter import RATE
from lab.original_server import ANSWERS, RAW_ANSWERS
from lab.processes import until
from lab.soundserver import PipeWire
from lab.stage import Stage

EARS = ["ear1", "ear2", "ear3", "ear4", "ear5"]


@pytest.fixture(scope="module")
def sound_server():
    """One ear for each of several listeners that are judged in the same take."""
    with PipeWire(["program", *EARS]) as server:
        yield server


def record(server, seconds, meanwhile=lambda began: None):
    recording = server.record(EARS)
    began = time.monotonic()
    meanwhile(began)
    time.sleep(max(0, began + seconds - time.monotonic()))
    return recording.stop()


def pair(stage, ear, content, form, *options, server_options=()):
    """An original server with content and a listener that plays it into an ear."""
    server = stage.original_server(f"--content={content.path}", f"--format={form}", *server_options)
    listen = stage.listen(server.port, "--output", ear, "--status-every", 1, *options)
    return server, listen


# Sound


FORMATS = ["44100:2:1024", "48000:1:480", "22050:2:512", "96000:2:2048", "8000:1:256"]


@pytest.fixture(scope="module")
def formats(sound_server, tmp_path_factory):
    """Five listeners to five formats in one recording; the last arrives byte by byte."""
    with Stage(tmp_path_factory.mktemp("formats"), sound_server) as stage:
        contents, listeners = [], []
        for ear, form in zip(EARS, FORMATS):
            rate, channels, _ = map(int, form.split(":"))
            content = Content(stage.directory, rate, channels)
            split = ["--split=1"] if form == FORMATS[-1] else []
            listeners.append(pair(stage, ear, content, form, server_options=split)[1])
            contents.append(content)
        for listen in listeners:
            listen.until_playing()
        time.sleep(1)
        sounds = record(sound_server, seconds=3)
        stage.end_programs()
        yield {form: (listen, content.measure(sounds[ear]))
               for form, listen, content, ear in zip(FORMATS, listeners, contents, EARS)}


@pytest.mark.parametrize("form", FORMATS)
def test_every_format_is_played(formats, form):
    listen, heard = formats[form]
    assert not heard.error, heard
    assert heard.correlation >= 0.99, heard
    rate, channels, chunk = map(int, form.split(":"))
    assert listen.event("connected")["format"] == {
        "sample_rate": rate, "channels": channels, "chunk_size": chunk}
    status = listen.events("status", state="playing")[-1]
    assert -40 < status["level_db"] < 0


def test_volume(sound_server, tmp_path):
    with Stage(tmp_path, sound_server) as stage:
        soft, loud = (Content(tmp_path, 48000, 2, level) for level in (0.1, 0.35))
        plan = [("ear1", soft, 0), ("ear2", soft, 50), ("ear3", soft, 200), ("ear4", loud, 200)]
        listeners = [
            pair(stage, ear, content, "48000:2:480", "--volume", volume)[1]
            for ear, content, volume in plan]
        for listen in listeners:
            listen.until_playing()
        time.sleep(0.5)
        sounds = record(sound_server, seconds=2.5)
    level = {ear: 20 * np.log10(meter.rms(sounds[ear]) + 1e-9) for ear in EARS[:4]}
    original = 20 * np.log10(meter.rms(soft.at_48k))
    assert level["ear1"] < -80
    assert level["ear2"] - original == pytest.approx(-6.02, abs=0.5)
    assert level["ear3"] - original == pytest.approx(6.02, abs=0.5)
    # The loud one would reach 1.75: limited, but still its own sound.
    assert np.max(np.abs(sounds["ear4"])) <= 1
    assert level["ear4"] > 20 * np.log10(meter.rms(loud.at_48k)) - 0.5
    assert loud.measure(sounds["ear4"]).correlation > 0.9


# Servers that leave, refuse, or are something else


@pytest.fixture
def room(sound_server, tmp_path):
    with Stage(tmp_path, sound_server) as stage:
        yield stage


def test_it_reconnects_with_back_off(room, tmp_path):
    content = Content(tmp_path, 48000, 1)
    options = [f"--content={content.path}", "--format=48000:1:480"]
    server = room.original_server(*options, "--close-after=0.7")
    port = server.port
    listen = room.listen(port, "--output", "ear1", "--status-every", 1)
    listen.event("connected")
    assert listen.event("disconnected")["reason"]
    listen.until("a second connection", lambda: len(listen.events("connected")) >= 2)
    server.end()
    known = len(listen.events("disconnected"))
    listen.until("some attempts", lambda: len(listen.events("disconnected")) >= known + 3, 15)
    waits = [e["retry_in_ms"] for e in listen.events("disconnected")[known:]]
    assert waits == sorted(waits) and waits[-1] > waits[0] > 0
    connections = len(listen.events("connected"))
    room.original_server(*options, f"--port={port}")
    listen.new_event("connected", connections, 15)
    status = len(listen.events("status", state="playing"))
    listen.new_event("status", status, state="playing")
    code, took = listen.interrupt()
    assert code == 0
    assert took < 1
    assert listen.events("summary")


def sentence(listen):
    """What it says of a server's answer: by ending, or in the reason of a disconnection."""
    listen.until("a word about the answer",
                 lambda: not listen.is_running or listen.events("disconnected"))
    if listen.events("disconnected"):
        return listen.events("disconnected")[0]["reason"]
    assert listen.exit_code == 1
    assert re.fullmatch(r"auralync: .*[.]", listen.error_line), listen.error_line
    return listen.error_line


@pytest.mark.parametrize("answer, words", [
    ("full", "full"), ("error", "Maintenance until noon"), ("http", "HTTP|web"), ("ssh", "SSH"),
    ("closes-at-once", "clos"),
])
def test_answers_that_are_understood(room, answer, words):
    server = room.original_server(f"--answer={answer}")
    listen = room.listen(server.port, "--output", "ear1")
    said = sentence(listen)
    assert re.search(words, said), said
    assert listen.events("connected") == []


UNDERSTOOD = {"full", "error", "http", "ssh", "closes-at-once"}
ABSURD = sorted({*ANSWERS, *RAW_ANSWERS} - UNDERSTOOD)


@pytest.mark.parametrize("answer", ABSURD)
def test_absurd_answers_are_refused(room, answer):
    server = room.original_server(f"--answer={answer}")
    listen = room.listen(server.port, "--output", "ear1")
    assert len(sentence(listen)) > 20
    assert listen.events("connected") == []


@pytest.mark.parametrize("answer", ["wrong-chunk", "absurd-chunk"])
def test_absurd_chunks_are_refused(room, answer):
    server = room.original_server(f"--answer={answer}")
    listen = room.listen(server.port, "--output", "ear1")
    assert len(sentence(listen)) > 10
    if listen.is_running:
        assert listen.resident_bytes < 300e6


@pytest.mark.parametrize("answer", ["silence", "endless", "silent-stream"])
def test_it_can_be_ended_while_it_waits(room, answer):
    server = room.original_server(f"--answer={answer}")
    listen = room.listen(server.port, "--output", "ear1")
    until("the connection", lambda: server.events("connected"))
    code, took = listen.interrupt()
    assert code == 0
    assert took < 1


def test_an_unknown_output_is_said(room):
    server = room.original_server("--answer=silence")
    listen = room.listen(server.port, "--output", "no-such-output")
    listen.until("a word about it", lambda: "no-such-output" in listen.output + listen.errors)


def test_an_unknown_host_is_said(room):
    listen = room.listen(5555, host="no-such-host.invalid")
    assert "no-such-host.invalid" in sentence(listen)
