"""A light WHEP player: joins, stays, counts packets by their numbers, and never decodes any.

Many of them run in one thread, each in a network namespace of its own. What it sends: checks (STUN),
a handshake (DTLS, by pyOpenSSL), and a goodbye (SRTCP, by pylibsrtp). It asks for nothing again, so
what is missing was lost.
"""

import collections
import hashlib
import hmac
import os
import re
import secrets
import select
import socket
import struct
import threading
import time
import zlib

import pylibsrtp
from OpenSSL import SSL, crypto

from . import namespaces
from .processes import LabError, until
from .whep import Web

_COOKIE = 0x2112A442
_TIMESTAMPS = 35  # SO_TIMESTAMPNS, which the socket module does not name
_STAMP = struct.Struct("qq")
MINE = 0x01AB0001  # every player's own SSRC
_OFFER = """\
v=0
o=- {number} 1 IN IP4 0.0.0.0
s=-
t=0 0
a=group:BUNDLE 0
m=audio 9 UDP/TLS/RTP/SAVPF 96
c=IN IP4 0.0.0.0
a=mid:0
a=recvonly
a=rtcp-mux
a=rtcp-rsize
a=ice-ufrag:{fragment}
a=ice-pwd:{password}
a=fingerprint:sha-256 {fingerprint}
a=setup:actpass
a=rtpmap:96 opus/48000/2
a=fmtp:96 stereo=1
"""


class _Identity:
    """A key and a certificate, one for all players of a run."""

    def __init__(self):
        self.key = crypto.PKey()
        self.key.generate_key(crypto.TYPE_RSA, 2048)
        self.certificate = crypto.X509()
        self.certificate.get_subject().CN = "lab"
        self.certificate.set_issuer(self.certificate.get_subject())
        self.certificate.set_serial_number(secrets.randbits(60))
        self.certificate.gmtime_adj_notBefore(-86_400)
        self.certificate.gmtime_adj_notAfter(86_400)
        self.certificate.set_pubkey(self.key)
        self.certificate.sign(self.key, "sha256")
        self.fingerprint = self.certificate.digest("sha256").decode()

    def offer(self, fragment, password, asks=False):
        text = _OFFER.format(
            number=secrets.randbits(40), fragment=fragment, password=password,
            fingerprint=self.fingerprint)
        return (text + "a=rtcp-fb:96 nack\n" * asks).replace("\n", "\r\n")

    def handshake(self):
        context = SSL.Context(SSL.DTLS_METHOD)
        context.set_verify(SSL.VERIFY_PEER, lambda *_: True)
        context.use_certificate(self.certificate)
        context.use_privatekey(self.key)
        context.set_tlsext_use_srtp(b"SRTP_AES128_CM_SHA1_80")
        connection = SSL.Connection(context)
        connection.set_connect_state()
        return connection


class Player:
    """One listener. `packets` are (number, RTP timestamp, arrival) in the order they came."""

    def __init__(self, identity, address, path, namespace=None, finishes=True, asks=False):
        """Joins over HTTP at once; everything else happens in `take` and `tick`. One that does not
        finish begins its handshake, and hears nothing of what is answered. One that asks says that
        it may ask for packets again."""
        self.web = Web(address, namespace)
        self.fragment, self.password = secrets.token_hex(4), secrets.token_hex(16)
        answer = self.web.offer(path, identity.offer(self.fragment, self.password, asks))
        if answer.status != 201:
            raise LabError(f"{answer.status}: {answer.text}")
        self.location, self.answer = answer.headers["location"], answer.text
        self.remote = (self._line(r"a=ice-ufrag:(\S+)"), self._line(r"a=ice-pwd:(\S+)").encode())
        port = int(self._line(r"a=candidate:\S+ 1 udp \d+ \S+ (\d+) typ host"))
        self.namespace, self.server = namespace, (address[0], port)
        self.socket = self._open()
        self.packets = []
        self.sent = collections.deque(maxlen=256)  # datagrams, the latest
        self.ssrc = None
        self.is_checked = self.is_connected = self.was_closed = False
        self.is_quiet = False
        self.finishes = finishes
        self._handshake = identity.handshake()
        self._next_check = 0.0
        self._srtp = None

    def _open(self):
        family = socket.AF_INET6 if ":" in self.server[0] else socket.AF_INET
        with namespaces.within(self.namespace):
            end = socket.socket(family, socket.SOCK_DGRAM)
        end.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        end.setsockopt(socket.SOL_SOCKET, _TIMESTAMPS, 1)
        end.setblocking(False)
        end.connect(self.server)
        return end

    def move(self):
        """Goes on from another port; what comes to the old one is not read any more."""
        self.socket.close()
        self.socket = self._open()
        self._next_check = 0.0

    def _line(self, pattern):
        found = re.search(pattern, self.answer)
        if not found:
            raise LabError(f"no {pattern} in {self.answer}")
        return found[1]

    def close(self):
        self.socket.close()

    # What comes

    def take(self):
        """Reads everything that has come; it came when the kernel says so."""
        since = time.monotonic() - time.time()
        while True:
            try:
                datagram, notes, *_ = self.socket.recvmsg(2_048, 64)
            except (BlockingIOError, ConnectionRefusedError):
                return
            seconds, nanoseconds = _STAMP.unpack(notes[0][2])
            now = since + seconds + nanoseconds / 1e9
            if datagram[0] < 4:
                self._take_check(datagram)
            elif datagram[0] < 64 and self.finishes:
                self._handshake.bio_write(datagram)
                self._shake_hands()
            elif datagram[0] >= 128 and not 192 <= datagram[1] <= 223:
                number, stamp, self.ssrc = struct.unpack_from(">HII", datagram, 2)
                self.packets.append((number, stamp, now))

    def _take_check(self, message):
        kind, transaction = struct.unpack_from(">H", message)[0], message[8:20]
        if kind == 0x0101:
            self.is_checked = True
        elif kind == 0x0001 and not self.is_quiet:
            self._send(_stun(0x0101, transaction, [], self.password.encode()))

    def check_now(self):
        """Lets the next check not wait."""
        self._next_check = 0.0

    def tick(self, now):
        """Does what time demands."""
        if self.is_quiet or now < self._next_check:
            return
        self._next_check = now + (1.0 if self.is_connected else 0.1)
        username = f"{self.remote[0]}:{self.fragment}".encode()
        attributes = [(0x0006, username), (0x0024, struct.pack(">I", 2_113_937_151)),
                      (0x802A, os.urandom(8)), (0x0025, b"")]
        self._send(_stun(0x0001, os.urandom(12), attributes, self.remote[1]))
        if self.is_checked and not self.is_connected:
            self._shake_hands()

    def _shake_hands(self):
        if not self.is_connected:
            SSL._lib.DTLSv1_handle_timeout(self._handshake._ssl)
        try:
            if self.is_connected:
                self._handshake.recv(1)
            else:
                self._handshake.do_handshake()
                self._begin()
        except SSL.ZeroReturnError:
            self.was_closed = True
        except SSL.WantReadError:
            pass
        try:
            while datagram := self._handshake.bio_read(1_200):
                self._send(datagram)
        except SSL.WantReadError:
            pass

    def _begin(self):
        theirs = self._handshake.get_peer_certificate().digest("sha256").decode()
        if theirs.lower() != self._line(r"a=fingerprint:sha-256 (\S+)").lower():
            raise LabError("the server's certificate is not the one it promised")
        material = self._handshake.export_keying_material(b"EXTRACTOR-dtls_srtp", 60)
        policy = pylibsrtp.Policy(
            key=material[:16] + material[32:46], ssrc_type=pylibsrtp.Policy.SSRC_ANY_OUTBOUND)
        self._srtp = pylibsrtp.Session(policy)
        self.is_connected = True

    # What goes

    def _send(self, datagram):
        self.sent.append(datagram)
        try:
            self.socket.send(datagram)
        except OSError:
            pass  # as on a wire: nobody learns of it

    def send_feedback(self, *messages):
        """Sends an empty RTCP report and these messages behind it, encrypted."""
        report = struct.pack(">BBHI", 0x80, 201, 1, MINE)
        self._send(self._srtp.protect_rtcp(report + b"".join(messages)))

    def report(self, fraction_lost, lost=0):
        """Says which part of the packets never came, as 0 to 1, and how many in all."""
        highest = self.packets[-1][0]
        self.send_feedback(struct.pack(
            ">BBHIIIIIII", 0x81, 201, 7, MINE, self.ssrc,
            min(255, int(256 * fraction_lost)) << 24 | lost, highest, 0, 0, 0))

    def ask_again(self, entries):
        """Asks for packets (NACK): each entry is a number and a mask of the 16 that follow."""
        self.send_feedback(struct.pack(
            ">BBHII", 0x81, 205, 2 + len(entries), MINE, self.ssrc),
            *(struct.pack(">HH", *entry) for entry in entries))

    def say_goodbye(self):
        """Sends an RTCP BYE, and nothing from then on."""
        self.send_feedback(struct.pack(">BBHI", 0x81, 203, 1, MINE))
        self.is_quiet = True

    # What it heard

    def missing(self, begin, end):
        """(how many packets never came, how many did) of those between two instants."""
        inside = [number for number, _, at in self.packets if begin <= at <= end]
        if not inside:
            return 0, 0
        numbers, last = set(), inside[0]
        for number in inside:
            last += (number - last + 0x8000) % 0x10000 - 0x8000
            numbers.add(last)
        return max(numbers) - min(numbers) + 1 - len(numbers), len(numbers)

    def longest_pause(self, begin, end):
        """Seconds between two packets that came one after the other, at most."""
        arrivals = [begin, *(at for *_, at in self.packets if begin <= at <= end), end]
        return max(b - a for a, b in zip(arrivals, arrivals[1:]))


def _stun(kind, transaction, attributes, key):
    """A STUN message with integrity and fingerprint."""
    body = b"".join(
        struct.pack(">HH", name, len(value)) + value + bytes(-len(value) % 4)
        for name, value in attributes)

    def head(more):
        return struct.pack(">HHI", kind, len(body) + more, _COOKIE) + transaction
    digest = hmac.new(key, head(24) + body, hashlib.sha1).digest()
    body += struct.pack(">HH", 0x0008, 20) + digest
    message = head(8) + body
    return message + struct.pack(">HHI", 0x8028, 4, zlib.crc32(message) ^ 0x5354554E)


class Players:
    """Several players, served by one thread."""

    def __init__(self):
        self._identity = _Identity()
        self._players = {}
        self._poll = select.epoll()
        self._lock = threading.Lock()
        self._is_open = True
        self._fault = None
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._is_open = False
        self._thread.join()
        for player in self._players.values():
            player.close()

    def offer(self):
        """An offer that nobody stands behind."""
        return self._identity.offer(secrets.token_hex(4), secrets.token_hex(16))

    def join(self, address, path, namespace=None, **how):
        """A player that has begun to join."""
        player = Player(self._identity, address, path, namespace, **how)
        with self._lock:
            self._players[player.socket.fileno()] = player
            self._poll.register(player.socket, select.EPOLLIN)
        return player

    def move(self, player):
        """A player's address changes, as a phone's between two networks."""
        with self._lock:
            del self._players[player.socket.fileno()]
            player.move()
            self._players[player.socket.fileno()] = player
            self._poll.register(player.socket, select.EPOLLIN)

    def until_playing(self, *players, seconds=15.0):
        until("media for all players", lambda: all(p.packets for p in players), seconds,
              lambda: self._fault)

    def _run(self):
        try:
            while self._is_open:
                ready = self._poll.poll(0.05)
                with self._lock:
                    for descriptor, _ in ready:
                        if descriptor in self._players:
                            self._players[descriptor].take()
                    now = time.monotonic()
                    for player in self._players.values():
                        player.tick(now)
        except Exception as error:
            self._fault = repr(error)
            raise
