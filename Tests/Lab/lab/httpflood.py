"""Hostile HTTP and TCP: requests that are wrong, huge, slow or half, joins that nobody comes for,
and connections that say nothing.

    python3 -m lab.httpflood requests HOST:PORT WHEP --count 2000
    python3 -m lab.httpflood joins HOST:PORT WHEP --count 600
    python3 -m lab.httpflood idle HOST:PORT [HOST:PORT ...] --count 1000 --seconds 12

They come from many addresses of the loopback network. At the end a JSON line tells what became of
them, as the client saw it: answers by status; `closed` without an answer; `left`, where the client
went first, which is nobody's refusal.
"""

import argparse
import asyncio
import collections
import contextlib
import json
import os
import random
import re
import resource
import socket
import struct
import time

OFFER = """\
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
a=ice-ufrag:{fragment}
a=ice-pwd:{password}
a=fingerprint:sha-256 {fingerprint}
a=setup:actpass
a=rtpmap:96 opus/48000/2
"""
_STATUS = re.compile(rb"HTTP/1\.[01] (\d{3}) ")
# The server closes who is too slow after 10 s.
PATIENCE = 20.0


def offer(dice):
    text = OFFER.format(
        number=dice.randrange(1 << 40), fragment=f"{dice.randrange(1 << 32):08x}",
        password=f"{dice.randrange(1 << 120):030x}",
        fingerprint=":".join(f"{x:02X}" for x in dice.randbytes(32)))
    return text.replace("\n", "\r\n").encode()


class Request:
    """One connection's worth of bytes: how they are sent, and how many requests they are."""

    def __init__(self, *parts, pause=0.0, leaves=False, resets=False, reads=True, asks=1):
        self.parts, self.pause, self.reads = parts, pause, reads
        self.leaves, self.resets = leaves, resets
        self.asks = 0 if leaves else asks


class Generator:
    """Requests one after the other, each with the name of its kind."""

    def __init__(self, seed, host, whep, slow=0.0):
        """`slow` is the part of those that hold a connection for the server's 10 s."""
        self.dice, self.host, self.whep, self.share = random.Random(seed), host, whep, slow
        self.quick = [
            self.garbage, self.other_protocols, self.broken_line, self.broken_field,
            self.contradicting_lengths, self.bad_chunks, self.many_fields, self.huge_head,
            self.huge_target, self.huge_body, self.huge_chunks, self.wrong_method, self.wrong_host,
            self.wrong_origin, self.wrong_path, self.spoilt_offer, self.spoilt_report,
            self.pipelined, self.half_and_gone, self.body_and_gone]
        self.slow = [self.byte_by_byte, self.half_head, self.half_body, self.never_reads]

    def next(self):
        kinds = self.slow if self.dice.random() < self.share else self.quick
        kind = self.dice.choice(kinds)
        return kind.__name__, kind()

    def _head(self, line, *fields, host=None, close=True):
        lines = [line, f"Host: {host or self.host}", *fields, *["Connection: close"] * close]
        return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n"

    def _letters(self, count):
        return "".join(self.dice.choices("abcdefghijklmnop%/.", k=count))

    def _post(self, body, path=None, kind="application/sdp"):
        return self._head(f"POST {path or self.whep} HTTP/1.1", f"Content-Type: {kind}",
                          f"Content-Length: {len(body)}") + body

    # What is no HTTP

    def garbage(self):
        return Request(b"\x80" + self.dice.randbytes(self.dice.randrange(1, 3_000)) + b"\r\n\r\n")

    def other_protocols(self):
        return Request(self.dice.choice([
            bytes.fromhex("1603010200010001fc0303") + self.dice.randbytes(506),  # TLS
            b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"SSH-2.0-OpenSSH_9.2\r\n",
            b"\0\0\0\x10{\"sample_rate\":1}\r\n\r\n", b"EHLO example.org\r\n"]))

    def broken_line(self):
        return Request(self._head(self.dice.choice([
            "GET", "GET /", "GET / HTTP/9.9", "GET  / HTTP/1.1 x", "GET / HTTP/1.1\0",
            "G\xffT / HTTP/1.1", "GET /\x01 HTTP/1.1", " / HTTP/1.1", "/ GET HTTP/1.1"])))

    def broken_field(self):
        return Request(self._head("GET / HTTP/1.1", self.dice.choice([
            "no colon", "Space : x", "Nul: a\0b", ": nothing", "C\x01ntrol: x",
            "A: b\r\n\r c\x02"])))

    def contradicting_lengths(self):
        return Request(self._head(f"POST {self.whep} HTTP/1.1", *self.dice.choice([
            ["Content-Length: 5", "Transfer-Encoding: chunked"],
            ["Content-Length: 5", "Content-Length: 6"], ["Content-Length: -1"],
            ["Content-Length: 99999999999999999999"], ["Content-Length: five"],
            ["Transfer-Encoding: chunked, gzip"]])) + b"0\r\n\r\n")

    def bad_chunks(self):
        head = self._head(f"POST {self.whep} HTTP/1.1", "Content-Type: application/sdp",
                          "Transfer-Encoding: chunked")
        return Request(head + self.dice.choice(
            [b"x\r\n", b"-5\r\n", b"FFFFFFFFFFFFFFFFF\r\n", b"3\r\nabcd\r\n"]))

    # What is too much

    def many_fields(self):
        return Request(self._head("GET / HTTP/1.1", *(f"A{i}: b" for i in range(300))))

    def huge_head(self):
        size = self.dice.choice([17_000, 300_000])
        return Request(self._head("GET / HTTP/1.1", "A: " + "b" * size))

    def huge_target(self):
        size = self.dice.choice([17_000, 300_000])
        return Request(self._head(f"GET /{'a' * size} HTTP/1.1"))

    def huge_body(self):
        head = self._head(f"POST {self.whep} HTTP/1.1", "Content-Type: application/sdp",
                          f"Content-Length: {self.dice.choice([65_537, 10_000_000, 10**15])}")
        return Request(head + bytes(100_000))

    def huge_chunks(self):
        head = self._head(f"POST {self.whep} HTTP/1.1", "Content-Type: application/sdp",
                          "Transfer-Encoding: chunked")
        return Request(head + 40 * (b"1000\r\n" + bytes(4_096) + b"\r\n"))

    # What is HTTP and wrong

    def wrong_method(self):
        method = self.dice.choice(["PATCH", "PUT", "TRACE", "LOCK", "CONNECT", "BREW"])
        return Request(self._head(f"{method} {self.whep} HTTP/1.1"))

    def wrong_host(self):
        return Request(self._head("GET /api/status HTTP/1.1", host=self.dice.choice(
            ["stranger.example", "[::1", "a" * 3_000, "127.0.0.1:99999", "\xff"])))

    def wrong_origin(self):
        return Request(self._head("GET /api/status HTTP/1.1", "Origin: " + self.dice.choice(
            ["http://stranger.example", "null", "file://", "x" * 3_000])))

    def wrong_path(self):
        return Request(self._head(f"GET /{self._letters(self.dice.randrange(200))} HTTP/1.1"))

    def spoilt_offer(self):
        """Mostly refused; some are still good offers, that nobody comes for."""
        body = bytearray(offer(self.dice))
        for _ in range(self.dice.randrange(1, 20)):
            body[self.dice.randrange(len(body))] = self.dice.randrange(256)
        return Request(self._post(bytes(body)))

    def spoilt_report(self):
        body = self.dice.choice([
            b"{", b"[" * 2_000, b'{"delay_ms":1e999}', b'{"loss":"x"}', bytes(3_000),
            self.dice.randbytes(200), b'{"delay_ms":-1}'])
        return Request(self._post(body, f"{self.whep}/{'a' * 22}", "application/json"))

    def pipelined(self):
        one = self._head("GET /healthz HTTP/1.1", close=False)
        return Request(9 * one + self._head("GET /healthz HTTP/1.1"), asks=10)

    # What goes before it is answered

    def half_and_gone(self):
        return Request(self._head("GET / HTTP/1.1")[:self.dice.randrange(0, 20)], leaves=True,
                       resets=self.dice.random() < 0.5)

    def body_and_gone(self):
        head = self._head(f"POST {self.whep} HTTP/1.1", "Content-Type: application/sdp",
                          "Content-Length: 1000")
        return Request(head + b"v=0\r\n", leaves=True, resets=self.dice.random() < 0.5)

    # What takes for ever

    def byte_by_byte(self):
        head = self._head("GET / HTTP/1.1", "A: " + "b" * 300)
        return Request(*(bytes([x]) for x in head), pause=0.3)

    def half_head(self):
        return Request(self._head("GET / HTTP/1.1")[:30])

    def half_body(self):
        return Request(self._head(f"POST {self.whep} HTTP/1.1", "Content-Type: application/sdp",
                                  "Content-Length: 1000") + b"v=0\r\n")

    def never_reads(self):
        """Asks for much and takes nothing of it."""
        return Request(2_000 * self._head("GET / HTTP/1.1", close=False), reads=False, asks=0)


class Sources:
    """Addresses in turn, none with more connections than the server lets it have."""

    def __init__(self, network, count):
        self.network, self.count, self.next_place = network, count, 0

    def next(self):
        self.next_place = (self.next_place + 1) % self.count
        return f"127.{self.network}.{self.next_place // 200}.{1 + self.next_place % 200}"


class Tally:
    """What became of the requests."""

    def __init__(self):
        self.statuses, self.ends = collections.Counter(), collections.Counter()
        self.kinds = collections.defaultdict(collections.Counter)
        self.asked = self.connections = 0

    def take(self, kind, request, text, is_reset):
        self.connections += 1
        self.asked += request.asks
        if request.leaves or not request.reads:
            self.ends["left" if request.leaves else "unread"] += 1
            return
        found = [int(status) for status in _STATUS.findall(text)]
        self.statuses.update(found)
        for status in found:
            self.kinds[kind][str(status)] += 1
        if len(found) < request.asks:
            how = "reset" if is_reset else "closed"
            self.ends[how] += 1
            self.kinds[kind][how] += 1

    def report(self):
        return {"asked": self.asked, "connections": self.connections,
                "statuses": {str(k): n for k, n in sorted(self.statuses.items())},
                "ends": self.ends, "kinds": self.kinds}


async def send(address, source, request):
    """One connection to its end; returns (what came, whether it was reset)."""
    text = b""
    try:
        reader, writer = await asyncio.open_connection(*address, local_addr=(source, 0))
    except OSError:
        return text, True
    try:
        if not request.reads:
            reader._transport.pause_reading()  # or it would read ahead
        writing = asyncio.create_task(write(writer, request))
        if request.leaves:
            await writing
            if request.resets:
                writer.get_extra_info("socket").setsockopt(
                    socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            writer.transport.abort()
            return text, False
        if not request.reads:
            await asyncio.wait([writing], timeout=PATIENCE)
            return text, False
        while part := await asyncio.wait_for(reader.read(1 << 16), PATIENCE):
            text += part
        return text, False
    except (OSError, asyncio.TimeoutError) as error:
        return text, not isinstance(error, asyncio.TimeoutError)
    finally:
        writing.cancel()
        with contextlib.suppress(OSError, asyncio.CancelledError):
            await writing
        writer.transport.abort()


async def write(writer, request):
    with contextlib.suppress(OSError):
        for part in request.parts:
            writer.write(part)
            await writer.drain()
            if request.pause:
                await asyncio.sleep(request.pause)


async def send_many(options, make, at_once, sources):
    """`options.count` connections, some at once; returns what became of them."""
    tally, left = Tally(), iter(range(options.count))

    async def work():
        for _ in left:
            kind, request = make()
            tally.take(kind, request, *await send(options.target, sources.next(), request))

    await asyncio.gather(*(work() for _ in range(at_once)))
    return tally.report()


def send_requests(options):
    host = "{}:{}".format(*options.target)
    generator = Generator(options.seed, host, options.whep, options.slow)
    sources = Sources(options.network, options.addresses)
    return asyncio.run(send_many(options, generator.next, 400, sources))


def send_joins(options):
    """Offers that nobody stands behind."""
    dice = random.Random(options.seed)
    generator = Generator(options.seed, "{}:{}".format(*options.target), options.whep)

    def make():
        return "join", Request(generator._post(offer(dice)))
    # No more at once than the server lets an address have.
    at_once = min(200, 48 * options.addresses)
    sources = Sources(options.network, options.addresses)
    return asyncio.run(send_many(options, make, at_once, sources))


def hold_idle(options):
    """Connections that say nothing and take nothing, until their time is over."""
    sources, ends, closed = Sources(options.network, options.addresses), [], 0
    for address in [options.target, *options.more]:
        for _ in range(options.count):
            end = socket.socket()
            end.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
            end.bind((sources.next(), 0))
            end.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                end.connect(address)
            ends.append(end)
            if len(ends) % 50 == 0:
                time.sleep(0.01)  # the backlog of those who are not let in yet is short
    print(json.dumps({"event": "held", "connections": len(ends)}), flush=True)
    time.sleep(options.seconds)
    for end in ends:
        # LINGER 0: gone without a trace that the kernel would keep for a minute.
        end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        info = end.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)
        closed += info[0] != 1  # TCP_ESTABLISHED
        end.close()
    return {"connections": len(ends), "closed": closed}


def place(text):
    host, port = text.rsplit(":", 1)
    return host, int(port)


def main():
    parser = argparse.ArgumentParser()
    modes = parser.add_subparsers(required=True)
    for name, function in (("requests", send_requests), ("joins", send_joins), ("idle", hold_idle)):
        mode = modes.add_parser(name)
        mode.set_defaults(function=function)
        mode.add_argument("target", type=place)
        if function is hold_idle:
            mode.add_argument("more", type=place, nargs="*")
            mode.add_argument("--seconds", type=float, default=12)
        else:
            mode.add_argument("whep")
            mode.add_argument("--slow", type=float, default=0.04, help="the part that is slow")
        mode.add_argument("--count", type=int, default=1_000)
        mode.add_argument("--seed", default="1")
        mode.add_argument("--addresses", type=int, default=200, help="from how many to come")
        mode.add_argument("--network", type=int, default=2, help="127.N.0.0 is where these are")
    options = parser.parse_args()
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    os.nice(5)  # hostile hosts have processors of their own
    begin = time.monotonic()
    result = options.function(options)
    print(json.dumps({"event": "done", **result, "seconds": time.monotonic() - begin}), flush=True)


if __name__ == "__main__":
    main()
