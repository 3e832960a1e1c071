"""`listen` over WHEP where something is missing: the network, UDP, the name, the output; and with a
server that is not ours. Judged by what it says and by sound; how long each takes is measured elsewhere."""

import contextlib
import ipaddress
import signal
import socket
import subprocess
import threading
import time
from datetime import datetime, timedelta, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from lab.lan import Lan
from lab.namespaces import ip
from lab.processes import Process
from lab.product import binary
from lab.signals import spectrum_peak
from lab.soundserver import RATE, SERVERS
from lab.stage import Stage
from lab.whep import Web

HERTZ = 440


@pytest.fixture(scope="module")
def server():
    """The network makes no difference between sound servers."""
    with SERVERS["pipewire"](("program", "ear1", "ear2")) as server:
        yield server


@pytest.fixture
def room(server, tmp_path):
    with Stage(tmp_path, server) as stage:
        yield stage


def hears_the_tone(server, ear="ear1"):
    """Whether the ear hears nothing but the tone for most of a second."""
    recording = server.record([ear])
    recording.process.until("a second of sound", lambda: recording.seconds >= 1, 20)
    left = recording.stop()[ear][:, 0]
    frequency, amplitude, below = spectrum_peak(left[-RATE // 2:], RATE)
    return abs(frequency - HERTZ) < 2 and amplitude > 0.05 and below > 20


def until_heard(listen, server, seconds=20):
    listen.until("the tone at the ear", lambda: hears_the_tone(server), seconds)


def join(room, address, *options, **more):
    host, port = address
    return room.listen(f"http://{host}:{port}", "--output", "ear1", "--status-every", 1, *options,
                       **more)


def test_a_network_that_was_gone_for_long(server, room):
    """Longer than a session lives without its server."""
    with Lan(1) as lan:
        serve = room.serve("--source", f"tone:{HERTZ}", prefix=lan.inside("server"))
        listen = join(room, serve.web_address(lan.server_address), prefix=lan.inside("h1"))
        until_heard(listen, server)
        bridge = lan.namespace("server").rsplit("-", 1)[0] + "-bridge"
        ip("-n", bridge, "link", "set", "h1", "down")
        listen.event("disconnected")
        # RFC 7675: after 30 s without consent nothing of the old session may be used any more.
        time.sleep(31)
        assert len(listen.events("connected")) == 1
        ip("-n", bridge, "link", "set", "h1", "up")
        listen.new_event("connected", 1, 20)
        until_heard(listen, server)
        # Said once, and not with every attempt of half a minute.
        assert listen.events("status")[-1]["reconnections"] == 1


@contextlib.contextmanager
def deaf_door(serve):
    """The way in to a server, over which it names a UDP port that nobody answers at."""
    class Door(BaseHTTPRequestHandler):
        def do_POST(self):
            offer = self.rfile.read(int(self.headers["Content-Length"])).decode()
            answer = Web(serve.web_address()).offer(self.path, offer)
            text = answer.text.replace(f" {serve.port} typ", f" {mute.getsockname()[1]} typ").encode()
            self.send_response(answer.status)
            self.send_header("Location", answer.headers["location"])
            self.send_header("Content-Type", "application/sdp")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, *_):
            pass

    with (socket.socket(type=socket.SOCK_DGRAM) as mute,
          ThreadingHTTPServer(("127.0.0.1", 0), Door) as http):
        mute.bind(("0.0.0.0", 0))
        threading.Thread(target=http.serve_forever, daemon=True).start()
        yield http.server_address[1]
        http.shutdown()


def test_a_server_whose_datagrams_never_come(room):
    """Joined over HTTP, and its UDP port is one where nobody answers, as behind a firewall: said
    before long, and tried again."""
    serve = room.serve("--source", f"tone:{HERTZ}")
    with deaf_door(serve) as port:
        listen = room.listen(f"http://127.0.0.1:{port}{serve.whep}", "--output", "ear1")
        event = listen.event("disconnected", 30)
        assert "UDP" in event["reason"]
        connecting = listen.event("connecting")
        # Ours is 6 s, and a machine that is busy may be slow; without a bound of its own it is 15.
        assert (datetime.fromisoformat(event["time"])
                - datetime.fromisoformat(connecting["time"])).total_seconds() < 14
        assert not listen.events("connected")
        assert listen.is_running


@pytest.mark.parametrize("address", ["http://nobody.invalid", "nobody.invalid", "nobody.invalid:6000"])
def test_a_name_that_nobody_knows(room, address):
    listen = room.program("listen", address, "--log-format", "json", "--output", "ear1")
    assert listen.wait(20) == 1
    assert "nobody.invalid" in listen.error_line and listen.error_line.count("\n") == 0


def test_a_server_that_is_not_ours(server, room):
    source = room.aiortc_source(HERTZ)
    listen = room.listen(f"http://127.0.0.1:{source.port}/whep", "--output", "ear1",
                         "--status-every", 1)
    listen.event("connected", protocol="whep")
    until_heard(listen, server)
    status = listen.events("status")[-1]
    assert status["webrtc"]["lost"] == 0 and 0 < status["delay_ms"] < 500
    listen.send(signal.SIGINT)
    assert listen.wait() == 0
    source.until("the player's leaving", lambda: source.events("left"))


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """One that nobody vouches for, of 127.0.0.1, with its key."""
    path = tmp_path_factory.mktemp("certificate") / "both.pem"
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "somebody else's")])
    now = datetime.now(timezone.utc)
    names = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    made = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number(), now - timedelta(days=1),
                                   now + timedelta(days=1)).add_extension(names, False).sign(key, hashes.SHA256())
    path.write_bytes(made.public_bytes(Encoding.PEM) + key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8,
                                                                         NoEncryption()))
    return path


def test_a_server_behind_tls_that_asks_for_a_token(server, room, certificate):
    source = room.aiortc_source(HERTZ, f"--certificate={certificate}", "--token=let-me-in")
    url = f"https://127.0.0.1:{source.port}/whep"
    listen = room.listen(url, "--output", "ear1", "--status-every", 1,
                         env={"SSL_CERT_FILE": str(certificate), "AURALYNC_TOKEN": "let-me-in"})
    listen.event("connected", protocol="whep")
    until_heard(listen, server)
    listen.send(signal.SIGINT)
    assert listen.wait() == 0
    source.until("the player's leaving", lambda: source.events("left"))


@pytest.mark.parametrize("host, trusted, token, reason", [
    ("127.0.0.1", False, "let-me-in", "SSL_CERT_FILE"), ("localhost", True, "let-me-in", "SSL_CERT_FILE"),
    ("127.0.0.1", True, "not-that", "--token"), ("127.0.0.1", True, "", "Members only")])
def test_a_server_that_has_or_gets_the_wrong_papers(room, certificate, host, trusted, token, reason):
    source = room.aiortc_source(HERTZ, f"--certificate={certificate}", "--token=let-me-in")
    listen = room.listen(f"https://{host}:{source.port}/whep", "--output", "ear1", "--token", token,
                         env={"SSL_CERT_FILE": str(certificate)} if trusted else {})
    listen.until("its word", lambda: any(reason in event["reason"] for event in listen.events("disconnected"))
                 or reason in listen.errors, 20)
    assert not source.events("joined")
    assert "let-me-in" not in listen.errors + listen.output


def test_every_number(room):
    """On a terminal a table that is gone at the end, elsewhere a line of JSON; and the server knows."""
    serve = room.serve("--source", f"tone:{HERTZ}")
    host, port = address = serve.web_address()
    listen = room.program("listen", f"http://{host}:{port}", "--output", "ear1", "--stats")
    parts = ("capture", "packet", "network", "buffer", "decode", "output")
    listen.until("every part", lambda: any(
        all(isinstance(status["webrtc"].get(f"{part}_ms"), (int, float)) for part in parts)
        for status in listen.events("status") if status.get("webrtc")), 20)
    web = Web(address)
    listen.until("the parts at the server", lambda: any(
        one["parts_ms"] and one["parts_ms"]["packet"] == 10 for one in web.listeners), 20)
    known = web.listeners[0]
    assert known["codec"] == "opus", known
    assert abs(sum(known["parts_ms"].values()) - known["delay_ms"]) < 25, known

    command = f"exec {binary()} listen http://{host}:{port} --output ear2 --stats --codec pcm"
    terminal = room.keep(Process(
        ["script", "--quiet", "--flush", "--return", "--command", command, "/dev/null"],
        room.log("terminal"), env={**room.environment, "TERM": "xterm"}, stdin=subprocess.PIPE))
    terminal.until("the table, again and again", lambda: terminal.output.count("  decode ") > 3, 20)
    assert sorted(one["codec"] for one in web.listeners) == ["L24", "opus"]
    terminal.popen.stdin.write(b"\x03")
    terminal.popen.stdin.flush()
    assert terminal.wait() == 0
    end = terminal.output.rsplit("\x1b[J", 1)[-1]
    assert "decode" not in end and end.startswith("Listened for"), end
