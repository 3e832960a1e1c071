"""Those who only listen while something happens, and what it did to them and to the server."""

import contextlib
import os
import re
import socket
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from .original_client import Closed, OriginalClient
from .processes import Busyness, until
from .product import Peer

# 100 frames of the original protocol's 44,100 are exactly one period.
SOURCE = ["--source", "tone:441"]
PERIOD = 100


def scrape(web):
    """The numbers of /metrics, as {"name": 1.0, "name{label}": 2.0}; the label is its value only."""
    numbers = {}
    for line in web.ask("GET", "/metrics").text.splitlines():
        if found := re.match(r'auralync_(\w+?)(?:\{\w+="([^"]*)"\})? (\S+)$', line):
            name, label, value = found.groups()
            numbers[f"{name}{{{label}}}" if label else name] = float(value)
    return numbers


def labels(numbers, name):
    """{label: number} of one name."""
    return {key[len(name) + 1:-1]: value for key, value in numbers.items()
            if key.startswith(name + "{")}


class ToneClient:
    """A client of the original protocol that takes every byte, and knows how the tone goes on."""

    def __init__(self, address):
        self.client = OriginalClient(address)
        self.client.read_announcement()
        self.arrivals, self.breaks, self.frames, self.fault = [], [], 0, None
        self._last = None
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def close(self):
        with contextlib.suppress(OSError):
            self.client.socket.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self.client.socket.close()

    def _run(self):
        try:
            while True:
                self._take(self.client.read_chunk())
        except (Closed, OSError) as error:
            self.fault = repr(error)

    def _take(self, chunk):
        sound = np.frombuffer(chunk.data, "<f4").reshape(-1, 2)[:, 0]
        before = sound if self._last is None else np.concatenate([self._last, sound])
        wrong = np.abs(before[PERIOD:] - before[:-PERIOD]).max(initial=0)
        if wrong > 1e-3:
            self.breaks.append((chunk.arrived, float(wrong)))
        self._last = before[-PERIOD:]
        self.frames += len(sound)
        self.arrivals.append(chunk.arrived)


@dataclass
class Watch:
    """What a stretch of time was like."""

    seconds: float
    lost: list  # packets that never came, of each player
    came: list  # packets that did
    pauses: list  # seconds without a packet at most, of each player
    breaks: int  # places where the original client's tone did not go on
    silence: float  # seconds without a chunk for it at most
    machine: float  # seconds at most that a sender's priority was kept waiting
    busy: float  # part of the time in which somebody waited for a core

    def __str__(self):
        return (f"{self.seconds:.1f} s, lost {self.lost} of {self.came}, longest pauses "
                f"{[round(1000 * x) for x in self.pauses]} ms, {self.breaks} breaks, "
                f"{1000 * self.silence:.0f} ms without a chunk; the machine itself paused for "
                f"{1000 * self.machine:.0f} ms, somebody waited for a core {self.busy:.0%}")


class Vigil:
    """Players and one original client that listen to `serve`, and the machine's own pauses."""

    def __init__(self, stage, serve, players, count=2):
        self.players = [players.join(serve.web_address(), serve.whep) for _ in range(count)]
        players.until_playing(*self.players)
        self.tone = ToneClient(serve.address)
        self.pacer = stage.keep(Peer("lab.pacer", log=stage.log("pacer")))
        until("the first chunks", lambda: len(self.tone.arrivals) > 20)
        until("the pacer", lambda: self.pacer.events("begun"))
        self.mark()

    def mark(self):
        """What is told next begins now."""
        self._began, self._busyness, self._breaks = (
            time.monotonic(), Busyness(), len(self.tone.breaks))

    def told(self):
        """What it has been like since the mark."""
        end, busy = time.monotonic(), self._busyness.share
        time.sleep(0.2)  # what is on its way arrives
        begin, players = self._began, self.players
        lost, came = zip(*(player.missing(begin, end) for player in players))
        pauses = [event["seconds"] for event in self.pacer.events("pause")
                  if begin <= event["at"] <= end]
        chunks = [begin, *(at for at in self.tone.arrivals if begin <= at <= end), end]
        return Watch(
            end - begin, list(lost), list(came), [p.longest_pause(begin, end) for p in players],
            len(self.tone.breaks) - self._breaks, max(b - a for a, b in zip(chunks, chunks[1:])),
            max(pauses, default=0.01), busy)


class Body:
    """What a running program holds of the machine; `peak` is followed in the background."""

    def __init__(self, process):
        self.process, self.peak, self.most_files = process, 0, 0
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self):
        while not self._is_over.wait(0.1):
            with contextlib.suppress(OSError):
                self.peak = max(self.peak, self.process.resident_bytes)
                self.most_files = max(self.most_files, self.files)

    def close(self):
        self._is_over.set()
        self._thread.join()

    @property
    def files(self):
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))

    def dropped_datagrams(self, port):
        """Datagrams to a UDP port that the kernel threw away because nobody took them in time."""
        total = 0
        for name in ("udp", "udp6"):
            for line in Path(f"/proc/{self.process.pid}/net/{name}").read_text().splitlines()[1:]:
                fields = line.split()
                if int(fields[1].rsplit(":", 1)[1], 16) == port:
                    total += int(fields[-1])
        return total
