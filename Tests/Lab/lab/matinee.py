"""A host who watches films: mpv, told over its own socket to pause, to seek and to play another."""

import json
import random
import socket
import subprocess
import time
from pathlib import Path

import numpy as np

from . import meter
from .processes import Process, until

FILM_SECONDS = 100
# 44.1 kHz in one of them: mpv opens its output anew when it comes to that.
_RATES = (48_000, 44_100, 48_000)
_FPS = 25


def make_films(directory):
    """Pictures and a sound that never repeats, each with its own; their paths."""
    films = []
    for number, rate in enumerate(_RATES):
        wav, film = (Path(directory) / f"film-{number}.{kind}" for kind in ("wav", "mkv"))
        meter.write_wav(wav, meter.stereo(meter.probe(FILM_SECONDS, seed=100 + number)))
        subprocess.run(
            ["ffmpeg", "-v", "error", "-y", "-f", "lavfi", "-i", f"testsrc=s=160x120:r={_FPS}", "-i", wav,
             "-t", str(FILM_SECONDS), "-ar", str(rate), "-c:v", "mpeg4", "-q:v", "9", "-c:a", "pcm_s16le", film],
            check=True, stdin=subprocess.DEVNULL)
        wav.unlink()
        films.append(film)
    return films


class Player(Process):
    """An mpv without a window whose pictures wait for their time as they would in one."""

    def __init__(self, server, sink, films):
        self.films = films
        path = server.directory / "mpv.socket"
        path.unlink(missing_ok=True)
        super().__init__(
            ["mpv", "--no-config", "--really-quiet", "--idle=yes", "--loop-file=inf", "--vo=null", "--ao=pulse",
             f"--input-ipc-server={path}"], server.log_path("mpv"), env=server.environment(sink))
        self.until("mpv's socket", path.is_socket)
        self._connection = socket.socket(socket.AF_UNIX)
        self._connection.settimeout(10)
        until("mpv's answer", lambda: self._connection.connect_ex(str(path)) == 0)
        self._lines = self._connection.makefile("r")
        self._requests = 0

    def ask(self, *command):
        """Sends a command and waits for the answer; its data."""
        self._requests += 1
        line = json.dumps({"command": command, "request_id": self._requests}) + "\n"
        self._connection.sendall(line.encode())
        while answer := json.loads(self._lines.readline()):
            if answer.get("request_id") == self._requests:
                return answer.get("data")

    def show(self, film):
        self.ask("loadfile", str(film))
        self.until("the film", lambda: (self.ask("get_property", "time-pos") or 0) > 0, 20)

    def end(self, seconds=3.0):
        self._connection.close()
        super().end(seconds)


class Host:
    """Does one thing after the other, as a seed has it, and keeps count."""

    def __init__(self, player, seed):
        self.player, self.random = player, random.Random(seed)
        self.counts = {"pause": 0, "seek": 0, "film": 0}
        player.show(player.films[0])

    def carry_on(self, until_time):
        """Returns with the film playing, soon after an instant."""
        while time.monotonic() < until_time:
            time.sleep(self.random.uniform(2, 8))
            deed = self.random.choice(list(self.counts))
            getattr(self, f"_{deed}")()
            self.counts[deed] += 1

    def _pause(self):
        self.player.ask("set_property", "pause", True)
        time.sleep(self.random.uniform(0.3, 6))
        self.player.ask("set_property", "pause", False)

    def _seek(self):
        self.player.ask("seek", self.random.uniform(0, FILM_SECONDS - 20), "absolute")

    def _film(self):
        self.player.show(self.random.choice(self.player.films))

    def __str__(self):
        return f"{self.counts['pause']} pauses, {self.counts['seek']} seeks, {self.counts['film']} films begun"


def is_seam(reference, begin, end):
    """Whether the film's own sound stops for 2 ms or more around there: between two films or two places
    of one it does, and a codec makes a silence that is too short to count a little longer."""
    n, near = int(0.002 * meter.RATE), int(0.02 * meter.RATE)
    begin, end = int(begin * meter.RATE), int(end * meter.RATE)
    if end - begin > near:
        return False
    around = reference[max(0, begin - near):max(0, end + near), 0]
    if len(around) < n:
        return False  # at the very edge of the recording
    power = np.convolve(around ** 2, np.ones(n) / n, mode="valid")
    return float(np.sqrt(power.min())) < 0.05 * meter.rms(reference)
