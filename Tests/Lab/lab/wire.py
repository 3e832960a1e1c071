"""A bad wire: copies Ethernet frames between two devices, late, out of order, or not at all.

    python3 -m lab.wire NAMESPACE DEVICE NAMESPACE DEVICE --seed 1

Makes both devices (TAP) and says so with a JSON line. Each further line on standard input sets what
happens from then on, in both directions: {"loss": 0.1, "delay_ms": 30, "jitter_ms": 30}. A frame
waits for the delay and a normally distributed jitter (its standard deviation), so frames overtake each
other as they do over netem. Address resolution is spared: a wireless network repeats it, too.

"once": [SSRC, …] swallows every RTP packet of these streams that has been on this wire before, so that
nothing that is sent again or twice arrives.
"""

import argparse
import contextlib
import fcntl
import hashlib
import heapq
import itertools
import json
import os
import random
import select
import struct
import sys
import time

from .namespaces import within

_TUNSETIFF = 0x400454CA
_TAP_WITHOUT_HEADER = 0x0002 | 0x1000
_ARP = b"\x08\x06"


def tap(namespace, name):
    """A TAP device inside a namespace; returns our end of it."""
    with within(namespace):
        end = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
        fcntl.ioctl(end, _TUNSETIFF, struct.pack("16sH22x", name.encode(), _TAP_WITHOUT_HEADER))
    return end


class Wire:
    """Two ends, and the frames on their way between them."""

    def __init__(self, ends, seed):
        self.other = {ends[0]: ends[1], ends[1]: ends[0]}
        # A generator for each direction: one's frames do not change the other's fate.
        self.dice = {end: random.Random(f"{seed}-{i}") for i, end in enumerate(ends)}
        self.loss = self.delay = self.jitter = 0.0
        self.once, self.seen = set(), set()
        self.waiting = []
        self.order = itertools.count()

    def set(self, loss=0.0, delay_ms=0.0, jitter_ms=0.0, once=()):
        self.loss, self.delay, self.jitter = loss, delay_ms / 1000, jitter_ms / 1000
        self.once = {ssrc.to_bytes(4, "big") for ssrc in once}

    def take(self, end, frame):
        dice, wait = self.dice[end], 0.0
        if self.once and self._is_repeat(frame):
            return
        if frame[12:14] != _ARP:
            if dice.random() < self.loss:
                return
            wait = max(0.0, dice.gauss(self.delay, self.jitter))
        due = time.monotonic() + wait
        heapq.heappush(self.waiting, (due, next(self.order), self.other[end], frame))

    def _is_repeat(self, frame):
        """Of IPv4 without options, UDP, RTP."""
        if frame[12:15] != b"\x08\x00\x45" or frame[23] != 17 or frame[50:54] not in self.once:
            return False
        digest = hashlib.blake2b(frame[42:], digest_size=8).digest()
        if digest in self.seen:
            return True
        self.seen.add(digest)
        return False

    def deliver(self):
        """Hands over what is due; returns the milliseconds until more is, or None."""
        while self.waiting:
            wait = self.waiting[0][0] - time.monotonic()
            if wait > 0:
                return wait * 1000
            _, _, end, frame = heapq.heappop(self.waiting)
            with contextlib.suppress(OSError):  # the device is down or gone
                os.write(end, frame)
        return None

    def run(self, commands):
        poll = select.epoll()
        for end in self.other:
            poll.register(end, select.EPOLLIN)
        poll.register(commands, select.EPOLLIN)
        while True:
            wait = self.deliver()
            for ready, _ in poll.poll(None if wait is None else wait / 1000):
                if ready == commands.fileno():
                    line = commands.readline()
                    if not line:
                        return
                    self.set(**json.loads(line))
                    print(line.decode().strip(), flush=True)
                    continue
                with contextlib.suppress(OSError):
                    while True:
                        self.take(ready, os.read(ready, 65_536))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("ends", nargs=4)
    parser.add_argument("--seed", default="1")
    options = parser.parse_args()
    a, b, c, d = options.ends
    ends = [tap(a, b), tap(c, d)]
    with contextlib.suppress(OSError):
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(5))
    print(json.dumps({"event": "made"}), flush=True)
    Wire(ends, options.seed).run(os.fdopen(sys.stdin.fileno(), "rb", buffering=0))


if __name__ == "__main__":
    main()
