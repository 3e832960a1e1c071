"""`auralync serve` as a client of the original protocol sees it, byte by byte."""

import json
import re
import signal
import socket
import subprocess
import threading
import time

import numpy as np
import pytest

from lab import signals
from lab.meter import probe, stereo, write_wav
from lab.namespaces import RoutedNetwork
from lab.original_client import Closed, OriginalClient, read_many
from lab.processes import until
from lab.signals import samples_of
from lab.stage import Stage


def announced(address, **options):
    """A connected client that has read the announcement."""
    client = OriginalClient(address, **options)
    client.read_announcement()
    return client


# Bytes


@pytest.mark.parametrize("options, rate, channels, chunk", [
    ([], 44100, 2, 1024),
    (["--preset", "low-latency"], 44100, 2, 512),
    (["--preset", "stable", "--channels", "1"], 44100, 1, 2048),
    (["--sample-rate", "48000", "--chunk-size", "480"], 48000, 2, 480),
    (["--sample-rate", "8000", "--channels", "1", "--chunk-size", "32"], 8000, 1, 32),
    (["--sample-rate", "96000", "--chunk-size", "16384"], 96000, 2, 16384),
])
def test_announcement_framing_and_tone(stage, options, rate, channels, chunk):
    serve = stage.serve("--source", "tone:1000", *options)
    with announced(serve.address) as client:
        expected = f'{{"sample_rate": {rate}, "channels": {channels}, "chunk_size": {chunk}}}'
        assert client.announcement_bytes.decode() == expected
        assert serve.serving["format"] == {
            "sample_rate": rate, "channels": channels, "chunk_size": chunk}
        per_second = (4 + 4 * chunk * channels) * rate / chunk
        assert serve.serving["bytes_per_second_per_listener"] == pytest.approx(per_second, abs=1)
        chunks = client.read_chunks(frames=int(0.7 * rate))
    assert {len(c.data) for c in chunks} == {4 * chunk * channels}
    sound = samples_of(chunks, channels)[int(0.1 * rate):]
    frequency, level, rest = signals.spectrum_peak(sound[:, 0], rate)
    assert frequency == pytest.approx(1000, abs=0.2)
    assert 0.01 < level <= 1
    assert rest > 70, f"everything but the tone is only {rest:.0f} dB below it"
    if channels == 2:
        assert np.array_equal(sound[:, 0], sound[:, 1])


def test_level_survives_the_resampler(stage):
    path = signals.write_float_wav(
        stage.directory / "sine.wav", stereo(signals.sine(997, 4, 48000, level=0.5)), 48000)
    servers = {rate: stage.serve("--source", f"file:{path}", "--sample-rate", rate)
               for rate in (48000, 44100, 16000)}
    clients = {rate: announced(serve.address) for rate, serve in servers.items()}
    received = read_many(clients.values(), seconds=1.2)
    for rate, chunks in zip(clients, received):
        clients[rate].socket.close()
        sound = samples_of(chunks, 2)[int(0.2 * rate):, 0]
        frequency, level, _ = signals.spectrum_peak(sound, rate)
        assert frequency == pytest.approx(997, abs=0.2)
        assert level == pytest.approx(0.5, rel=0.005)


def test_mono_is_a_proper_mixdown(stage):
    left, right = (signals.sine(f, 4, 48000, level=0.5) for f in (500, 1500))
    path = signals.write_float_wav(
        stage.directory / "two.wav", np.stack([left, right], axis=1), 48000)
    serve = stage.serve("--source", f"file:{path}", "--sample-rate", 48000, "--channels", 1)
    with announced(serve.address) as client:
        sound = samples_of(client.read_chunks(frames=48000), 1)[9600:, 0]
    for frequency in (500, 1500):
        assert signals.amplitude(sound, frequency, 48000) == pytest.approx(0.25, rel=0.01)


# Sources


def test_a_file_arrives_whole_and_ends(stage):
    content = stereo(probe(2, seed=5))
    path = stage.directory / "music.wav"
    write_wav(path, content)
    sent = np.clip(np.round(content.astype(np.float64) * 32767), -32768, 32767) / 32768
    serve = stage.serve("--source", f"file:{path}", "--sample-rate", 48000)
    with announced(serve.address) as client:
        got = samples_of(client.read_chunks(), 2)  # until the server closes
    assert serve.wait() == 0
    assert serve.events("capture", state="ended")
    assert_tail_of(sent, got, chunk=1024, tolerance=1 / 32768)


def assert_tail_of(sent, got, chunk, tolerance):
    """`got` is `sent` from somewhere in its first second to its end, padded to whole chunks."""
    sounding = np.flatnonzero(np.abs(got[:, 0]) > 0)
    assert len(sounding), "only silence came"
    skipped = sounding[0] + 4800  # a source may be faded in
    place = signals.find(got[skipped:, 0], sent[:, 0])
    assert place is not None, "what came is not what the source has"
    assert place < 2 * 48000
    expected = sent[place:]
    received = got[skipped:]
    assert len(expected) <= len(received) < len(expected) + 2 * chunk
    assert np.max(np.abs(received[:len(expected)] - expected)) <= tolerance
    assert not np.any(received[len(expected):])


@pytest.mark.parametrize("name, options, rate, channels, kind", [
    ("s16le", [], 48000, 2, "<i2"),
    ("f32le:48000:1", ["--stdin-format", "f32le:48000:1"], 48000, 1, "<f4"),
])
def test_raw_sound_from_stdin(stage, name, options, rate, channels, kind):
    """A pipe that gives faster than real time is read at the pace of the sound."""
    content = np.stack([probe(2, seed=6)] * channels, axis=1)
    wire = np.round(content * 32767) if kind == "<i2" else content
    path = stage.directory / "raw"
    wire.astype(kind).tofile(path)
    sent = wire.astype(np.float64) / (32768 if kind == "<i2" else 1)
    if channels == 1:
        sent = np.repeat(sent, 2, axis=1)
    cat = subprocess.Popen(["cat", path], stdout=subprocess.PIPE)
    with cat.stdout:
        serve = stage.serve("--source", "stdin", "--sample-rate", 48000, *options, stdin=cat.stdout)
    with announced(serve.address) as client:
        begin = time.monotonic()
        got = samples_of(client.read_chunks(), 2)
        took = time.monotonic() - begin
    assert serve.wait() == 0
    assert cat.wait() == 0
    assert took > 1, "the sound was not sent at its own pace"
    assert_tail_of(sent, got, chunk=1024, tolerance=1 / 32768)


# Clients that come, go and misbehave


def test_server_full(stage):
    serve = stage.serve("--source", "tone", "--max-clients", 2)
    first, second = (announced(serve.address) for _ in range(2))
    with second, OriginalClient(serve.address) as third:
        assert third.read_announcement() == {"error": "Server full"}
        assert third.announcement_bytes == b'{"error": "Server full"}'
        assert third.read_to_end() == 0
        assert serve.event("client", state="refused")["reason"]
        first.socket.close()
        serve.event("client", state="left")
        with announced(serve.address) as fourth:
            assert "error" not in fourth.announcement
            assert fourth.read_chunk()
        assert second.read_chunk()


@pytest.fixture
def watched(stage):
    """A server and a good client; after the test the client must have lost nothing."""
    path = signals.write_float_wav(
        stage.directory / "time.wav", signals.timecode(40 * 48000), 48000)
    serve = stage.serve("--source", f"file:{path}", "--sample-rate", 48000, "--chunk-size", 256)
    with announced(serve.address) as good:
        yield serve
        # As many as have come and two more, which prove that the server is still at work.
        assert_unbroken(good.read_chunks(seconds=0.3), 256)
        assert serve.is_running


def assert_unbroken(chunks, chunk_frames):
    assert len(chunks) > 2
    assert None not in chunks, "the connection was closed"
    numbers = [signals.frame_number(c.samples[0]) for c in chunks]
    steps = set(np.diff(numbers))
    assert steps == {chunk_frames}, f"frames between chunks: {sorted(steps)}"


def test_garbage_does_no_harm(watched):
    with announced(watched.address) as bad:
        garbage = np.random.default_rng(1).bytes(1 << 20)
        bad.socket.settimeout(2)
        try:
            bad.socket.sendall(garbage)
        except (ConnectionError, TimeoutError):
            pass  # closed, or ignored until the socket was full: both are well
    with socket.create_connection(watched.address) as web:
        web.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        assert web.recv(4)


def test_a_client_may_finish_sending(watched):
    with announced(watched.address) as half:
        half.finish_sending()
        assert len(half.read_chunks(seconds=0.5)) > 10


def test_clients_leave_in_the_middle_of_a_message(watched):
    for read in (0, 2, 4, 30, 500):
        client = OriginalClient(watched.address)
        if read:
            client.read_exactly(read)
        client.reset()
    watched.until("everyone's leaving", lambda: len(watched.events("client", state="left")) >= 5)


def test_ipv4_and_ipv6(stage):
    serve = stage.serve("--source", "tone")
    for host in ("127.0.0.1", "::1"):
        with announced((host, serve.port)) as client:
            assert client.read_chunk()


def test_bind_restricts(stage):
    serve = stage.serve("--source", "tone", "--bind", "127.0.0.2")
    with announced(("127.0.0.2", serve.port)) as client:
        assert client.read_chunk()
    assert serve.serving["bound"] == [f"127.0.0.2:{serve.port}"]
    for host in ("127.0.0.1", "::1"):
        with pytest.raises(ConnectionRefusedError):
            OriginalClient((host, serve.port))


@pytest.mark.parametrize("public", [False, True])
def test_strangers_are_refused_unless_public(stage, public):
    script = ("import socket, sys; s = socket.create_connection((sys.argv[1], int(sys.argv[2])), 5);"
              "f = s.makefile('rb'); print(len(f.read(60000)))")
    with RoutedNetwork() as net:
        serve = stage.serve("--source", "tone", *(["--public"] if public else []),
                            prefix=net.inside(net.server))
        assert f"{net.server_address}:{serve.port}" in serve.serving["addresses"]

        def heard_from(namespace):
            return int(net.run(namespace, "/usr/bin/python3", "-c", script, net.server_address,
                               str(serve.port)))
        assert heard_from(net.router) == 60000
        if public:
            assert heard_from(net.far) == 60000
        else:
            assert heard_from(net.far) < 1000
            refused = serve.event("client", state="refused")
            assert net.far_address in refused["address"]


# What it says


def test_it_speaks_within_a_second(stage):
    serve = stage.serve("--source", "tone")
    serve.until("the first line", lambda: serve.output)
    assert time.monotonic() - serve.started < 1


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_ends_at_once_with_a_summary(stage, number):
    serve = stage.serve("--source", "tone")
    with announced(serve.address), announced(serve.address, receive_buffer=4096):
        serve.until("two clients", lambda: len(serve.events("client", state="connected")) == 2)
        time.sleep(0.5)  # long enough for the sockets of both to be full
        code, took = serve.interrupt(number)
    assert code == 0
    assert took < 1
    summary = serve.all_events[-1]
    assert summary["event"] == "summary"
    assert summary["clients_served"] == 2
    assert summary["most_listeners"] == 2
    assert summary["bytes_sent"] > 1000
    assert serve.error_line == ""


def test_every_line_is_json(stage):
    serve = stage.serve("--source", "tone:440", "--status-every", 1)
    with announced(serve.address):
        status = serve.event("status", listeners=1)
        serve.interrupt()
    for event in serve.all_events:
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", event["time"])
        assert isinstance(event["event"], str)
    kinds = [e["event"] for e in serve.all_events]
    assert {"serving", "capture", "client", "status", "summary"} <= set(kinds)
    assert -60 < status["level_db"] <= 0
    assert serve.event("client", state="connected")["listeners"] == 1
    assert serve.event("client", state="connected")["address"].startswith("127.0.0.1:")


def test_text_for_people(stage):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    serve = stage.program(
        "serve", "--source", "tone:440", "--port", str(port), "--http-port", "0")
    serve.until("the address", lambda: str(port) in serve.output)
    client = until("a connection", lambda: announced(("127.0.0.1", port)))
    client.socket.close()
    serve.until("the client's leaving", lambda: "left" in serve.output)
    assert serve.interrupt()[0] == 0
    assert "440" in serve.output
    assert re.search(r"[kM]?(B|bit|bytes?)(/s| a second| per second)", serve.output)
    assert "anyone" in serve.output.lower()
    assert "\x1b" not in serve.output, "no colours or cursor movements outside a terminal"
    with pytest.raises(json.JSONDecodeError):
        json.loads(serve.output.splitlines()[0])


def test_a_taken_port_is_one_clear_sentence(stage):
    serve = stage.serve("--source", "tone")
    second = stage.serve("--source", "tone", port=serve.port)
    assert second.wait() == 1
    assert re.fullmatch(rf"auralync: .*\b{serve.port}\b.*\.", second.error_line)


def test_closed_connections_are_forgotten(stage):
    serve = stage.serve("--source", "tone", "--status-every", 1)
    for _ in range(20):
        with announced(serve.address) as client, pytest.raises((Closed, TimeoutError, OSError)):
            client.socket.settimeout(0.001)
            while True:
                client.read_chunk()
    serve.event("status", listeners=0)


# Slow clients


QUEUE_CHUNKS = 20
QUEUE_SECONDS = QUEUE_CHUNKS * 1024 / 48000


class SlowCompany:
    """Nine good clients, one that is stopped for five seconds, and one that never reads.

    It takes twelve seconds, so it runs beside the other tests of this file.
    """

    def __init__(self, stage):
        path = signals.write_float_wav(
            stage.directory / "time.wav", signals.timecode(40 * 48000), 48000)
        self.serve = stage.serve("--source", f"file:{path}", "--sample-rate", 48000,
                                 "--queue-size", QUEUE_CHUNKS, "--status-every", 1)
        self.clients = [announced(self.serve.address) for _ in range(9)]
        self.never = announced(self.serve.address, receive_buffer=8192)
        self.never_address = "%s:%d" % self.never.socket.getsockname()
        self.silent_since = time.monotonic()
        self.process = stage.original_client(self.serve.port, "--receive-buffer=8192")
        self.good, self.resumed = None, None
        self._threads = [threading.Thread(target=work) for work in (self._read, self._stop)]
        for thread in self._threads:
            thread.start()

    def _read(self):
        self.good = read_many(self.clients, seconds=12)

    def _stop(self):
        self.process.until("its first chunks", lambda: len(self.process.events("chunk")) > 20)
        self.process.send(signal.SIGSTOP)
        time.sleep(5)
        self.resumed = time.monotonic()
        self.process.send(signal.SIGCONT)

    def finish(self):
        for thread in self._threads:
            thread.join()

    @property
    def stopped(self):
        """What the stopped client got."""
        return self.process.events("chunk")


@pytest.fixture(scope="module", autouse=True)
def company():
    with Stage() as stage:
        company = SlowCompany(stage)
        yield company
        company.finish()
        for client in [*company.clients, company.never]:
            client.socket.close()


@pytest.fixture(scope="module")
def slow_company(company):
    """The same when all has happened."""
    company.finish()
    return company


def test_the_others_lose_nothing(slow_company):
    for chunks in slow_company.good:
        assert len(chunks) > 11 * 48000 / 1024
        assert_unbroken(chunks, 1024)


def test_a_resumed_client_hears_nothing_older_than_its_queue(slow_company):
    resumed = slow_company.resumed
    # What the server was sending at a moment: what a client that kept up had got by then.
    arrived = np.array([c.arrived for c in slow_company.good[0]])
    newest = np.array(
        [signals.frame_number(c.samples[0]) for c in slow_company.good[0]]) / 48000
    after = [c for c in slow_company.stopped if resumed < c["at"] < resumed + 4]
    assert len(after) > 100
    ages = np.array([
        np.interp(c["at"], arrived, newest) - signals.frame_number(c["first"]) / 48000
        for c in after])
    stale = ages > QUEUE_SECONDS + 0.15
    # What the two kernels already held when it was stopped cannot be called back.
    held_bytes = int(np.sum(stale)) * after[0]["bytes"]
    assert held_bytes < 256 * 1024
    assert not np.any(stale[int(np.sum(stale)):]), "old sound came after new sound"
    assert np.median(ages[-20:]) < QUEUE_SECONDS


def test_its_drops_are_counted_and_its_age_shown(slow_company):
    status = slow_company.serve.events("status")
    assert status[-1]["dropped_chunks"] > 100
    assert max(s["oldest_ms"] for s in status) > 500 * QUEUE_SECONDS


def test_a_client_that_takes_nothing_is_closed(slow_company):
    serve = slow_company.serve
    closed = serve.event("client", seconds=8, state="closed", address=slow_company.never_address)
    assert closed["reason"]
    assert time.monotonic() - slow_company.silent_since > 9
    assert slow_company.never.read_to_end() is not None


def test_a_thousand_clients(stage):
    serve = stage.serve("--source", "tone", "--max-clients", 0, "--listen-backlog", 1000,
                        "--status-every", 1)
    crowd = stage.crowd(serve.port, clients=1000, seconds=10)
    crowd.until("everyone's connection", lambda: crowd.events("connected") or crowd.all_events, 20)
    assert crowd.wait(30) == 0, crowd.tail()
    report = crowd.all_events[-1]
    assert report["open"] == 1000
    assert report["faults"] == []
    expected = report["seconds"] * serve.serving["bytes_per_second_per_listener"]
    assert report["least_bytes"] > 0.9 * expected
    serve.interrupt()
    summary = serve.event("summary")
    assert summary["dropped_chunks"] == 0
    assert summary["most_listeners"] == 1000
