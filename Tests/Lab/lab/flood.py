"""Hostile datagrams: noise, what looks like a protocol, and real datagrams repeated and spoilt.

    python3 -m lab.flood HOST:PORT --count 30000 --recorded SENT.json --listener HOST:PORT

They come from as many addresses of the loopback network as there are, from any port; a quarter of
them pretends to come from the listener's own address and port. Nothing that comes back is read. What
is sent follows from the seed; `--recorded` is a JSON list of a listener's datagrams in hexadecimal.
"""

import argparse
import collections
import json
import os
import random
import socket
import struct
import time

LARGEST = 9_000
_HEAD = struct.Struct(">BBHHHBBH4s4sHHHH")


def addressed(source, target, payload):
    """An IPv4 packet with UDP in it; the kernel puts in the IP checksum, and UDP goes without."""
    length = 28 + len(payload)
    return _HEAD.pack(
        0x45, 0, length, 0, 0, 64, socket.IPPROTO_UDP, 0, source[0], target[0],
        source[1], target[1], length - 20, 0) + payload


class Generator:
    """Datagrams one after the other, each with the name of its kind."""

    def __init__(self, seed, recorded):
        self.dice = random.Random(seed)
        self.recorded = recorded
        self.kinds = [self.noise, self.stun, self.dtls, self.rtcp, self.srtp]
        if recorded:
            self.kinds += 3 * [self.mutated] + [self.repeated]

    def next(self):
        kind = self.dice.choice(self.kinds)
        return kind.__name__, kind()

    def _bytes(self, most):
        return self.dice.randbytes(self.dice.randrange(most))

    def noise(self):
        return self._bytes(LARGEST if self.dice.random() < 0.02 else 1_500)

    def stun(self):
        """Attributes of every kind with lengths that are mostly true."""
        dice, body = self.dice, b""
        for _ in range(dice.randrange(12)):
            value = self._bytes(40)
            length = len(value) if dice.random() < 0.8 else dice.randrange(65_536)
            name = dice.choice([6, 8, 9, 0x20, 0x24, 0x25, 0x8028, 0x802A, dice.randrange(65_536)])
            body += struct.pack(">HH", name, length) + value + bytes(-len(value) % 4)
        length = len(body) if dice.random() < 0.8 else dice.randrange(65_536)
        kind = dice.choice([0x0001, 0x0011, 0x0101, 0x0111, dice.randrange(0x4000)])
        return struct.pack(">HHI", kind, length, 0x2112A442) + dice.randbytes(12) + body

    def dtls(self):
        """Records: handshakes, alerts, changes of cipher, data; of this and of other epochs."""
        dice, records = self.dice, b""
        for _ in range(dice.randrange(1, 4)):
            body = self._bytes(200)
            if dice.random() < 0.5:  # a handshake message
                body = struct.pack(">B3sH3s3s", dice.choice([1, 2, 11, 14, 16, 20]),
                                   dice.randbytes(3), dice.randrange(8), dice.randbytes(3),
                                   dice.randbytes(3)) + body
            elif dice.random() < 0.3:  # an alert
                body = bytes([dice.choice([1, 2]), dice.choice([0, 10, 20, 40, 51, 80])])
            length = len(body) if dice.random() < 0.8 else dice.randrange(65_536)
            records += struct.pack(
                ">BHHHIH", dice.choice([20, 21, 22, 23, 24, 25]),
                dice.choice([0xFEFF, 0xFEFD, 0x0100]), dice.choice([0, 1, 2, 65_535]), 0,
                dice.randrange(100), length) + body
        return records

    def rtcp(self):
        """Reports, requests and goodbyes in clear text, or with what a key would have left."""
        dice, parts = self.dice, b""
        for _ in range(dice.randrange(1, 5)):
            body = dice.randbytes(4 * dice.randrange(1, 20))
            length = len(body) // 4 if dice.random() < 0.8 else dice.randrange(65_536)
            parts += struct.pack(">BBH", 0x80 | dice.randrange(32),
                                 dice.choice([200, 201, 202, 203, 204, 205, 206, 207]),
                                 length) + body
        return parts + dice.choice([b"", dice.randbytes(14)])

    def srtp(self):
        return struct.pack(">BB", 0x80 | self.dice.randrange(64), self.dice.choice(
            [96, 111, 96 | 0x80, self.dice.randrange(128)])) + self._bytes(1_200)

    def repeated(self):
        return self.dice.choice(self.recorded)

    def mutated(self):
        """A real one with some bytes changed, cut, doubled, or put into another's end."""
        dice, data = self.dice, bytearray(self.dice.choice(self.recorded))
        for _ in range(dice.choice([1, 1, 1, 2, 4, 16])):
            place = dice.randrange(len(data) + 1)
            match dice.randrange(5):
                case 0 if place < len(data): data[place] ^= 1 << dice.randrange(8)
                case 1 if place < len(data): data[place] = dice.choice([0, 1, 127, 128, 255])
                case 2 if place: del data[place:]
                case 3: data[place:place] = dice.randbytes(dice.randrange(1, 32))
                case _: data += dice.choice(self.recorded)[-place:]
        return bytes(data) if bytes(data) not in self.recorded else bytes(data) + b"\0"


class Sources:
    """Where datagrams pretend to come from."""

    def __init__(self, seed, listener):
        self.dice, self.listener = random.Random(f"{seed} sources"), listener

    def next(self, kind):
        # A real datagram that comes twice along its own path is no fault: networks do that.
        if self.listener and kind != "repeated" and self.dice.random() < 0.25:
            return self.listener
        # Not 127.0.0.x, where those who listen are.
        host = bytes([127, self.dice.randrange(100, 255), self.dice.randrange(256),
                      self.dice.randrange(1, 255)])
        return host, self.dice.randrange(1_024, 65_536)


def place(text):
    host, port = text.rsplit(":", 1)
    return socket.inet_aton(host), int(port)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("target", type=place)
    parser.add_argument("--count", type=int, default=30_000)
    parser.add_argument("--rate", type=float, default=0, help="datagrams a second; 0: all it can")
    parser.add_argument("--seed", default="1")
    parser.add_argument("--recorded", help="a JSON list of a listener's datagrams, hexadecimal")
    parser.add_argument("--listener", type=place, help="whom to pretend to be, now and then")
    options = parser.parse_args()
    recorded = []
    if options.recorded:
        with open(options.recorded) as file:
            recorded = [bytes.fromhex(line) for line in json.load(file)]
    os.nice(5)  # hostile hosts have processors of their own
    generator, sources = Generator(options.seed, recorded), Sources(options.seed, options.listener)
    target, begin, kinds = options.target, time.monotonic(), collections.Counter()
    with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW) as out:
        for number in range(options.count):
            if options.rate and number % 32 == 0:
                time.sleep(max(0, begin + number / options.rate - time.monotonic()))
            kind, payload = generator.next()
            source = sources.next(kind)
            out.sendto(addressed(source, target, payload), (socket.inet_ntoa(target[0]), 0))
            kinds[f"{kind}, {'its own' if source is options.listener else 'strange'} address"] += 1
    print(json.dumps({"event": "done", "sent": options.count, "kinds": kinds,
                      "seconds": time.monotonic() - begin}), flush=True)


if __name__ == "__main__":
    main()
