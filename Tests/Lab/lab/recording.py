"""Recording the monitors of several sinks as channels of one stream, so that all share a clock."""

import atexit
import functools
import itertools
import os
import re
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path

import numpy as np

from .processes import LabError, Process

RATE = 48_000
_numbers = itertools.count()


class Recording:
    """A recording that runs; `stop` ends it and gives the sound of each sink."""

    def __init__(self, server, sinks):
        self.server = server
        self.sinks = list(sinks)
        self.channels = 2 * len(self.sinks)
        number = next(_numbers)
        self.node = f"labmeter-{os.getpid()}-{number}"
        self.path = server.directory / f"take-{number}.raw"
        # (first frame, frame after the last) where the recorder itself was too late, and wrote silence.
        self.holes = []
        self.process = self._start()

    def _start(self):
        raise NotImplementedError

    @property
    def seconds(self):
        """How much has been recorded so far: the take's own clock."""
        return self.path.stat().st_size / (4 * self.channels * RATE)

    def stop(self):
        """Ends the recording; returns {sink: array of shape (frames, 2)}."""
        if self.process.is_running:
            self.process.send(signal.SIGINT)
            self.process.wait()
        if self.process.exit_code not in (0, -signal.SIGINT, 128 + signal.SIGINT):
            raise LabError(f"the recorder ended with {self.process.exit_code}: {self.process.tail()}")
        samples = np.fromfile(self.path, dtype="<f4")
        self.path.unlink()
        self.holes = [(int(first), int(first) + int(frames))
                      for first, frames in re.findall(r"^hole (\d+) (\d+)$", self.process.output, re.M)]
        frames = len(samples) // self.channels
        table = samples[:frames * self.channels].reshape(-1, self.channels)
        return {s: table[:, 2 * i:2 * i + 2] for i, s in enumerate(self.sinks)}

    def abort(self):
        self.process.end()
        self.path.unlink(missing_ok=True)


class PulseRecording(Recording):
    """parec of the driving sink's monitor. No latency is asked for: the meter must not change the
    block size that all others get."""

    def _start(self):
        indices = [self.server.sinks.index(s) for s in self.sinks]
        channel_map = ",".join(f"aux{2 * i},aux{2 * i + 1}" for i in indices)
        process = Process(
            ["parec", "--device=labclock.monitor", "--raw", "--format=float32le", f"--rate={RATE}",
             f"--channels={self.channels}", f"--channel-map={channel_map}", "--no-remix",
             f"--client-name={self.node}", self.path],
            self.server.log_path("parec"), env=self.server.environment())
        process.until("the recorder", lambda: self.path.exists() and self.path.stat().st_size > 0)
        return process


@functools.cache
def _recorder():
    """The program in recorder.c, which unlike pw-record knows of the cycles that it was too late for."""
    folder = Path(tempfile.mkdtemp(prefix="auralync-lab."))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    flags = subprocess.run(["pkg-config", "--cflags", "--libs", "libpipewire-0.3"], check=True, capture_output=True,
                           text=True).stdout.split()
    source = Path(__file__).parent.parent / "recorder.c"
    subprocess.run(["cc", "-O2", source, "-o", folder / "recorder", *flags, "-lpthread"], check=True)
    return folder / "recorder"


class PipeWireRecording(Recording):
    """A recorder with one pair of ports per sink, linked by hand to the monitors."""

    def _start(self):
        process = Process(
            [_recorder(), self.node, self.channels, self.path], self.server.log_path("recorder"),
            env=self.server.environment())
        process.until("the recorder's ports", lambda: self._port_count() >= self.channels)
        for i, sink in enumerate(self.sinks):
            for channel, side in enumerate(("FL", "FR")):
                self.server.link(f"{sink}:monitor_{side}", f"{self.node}:input_AUX{2 * i + channel}")
        process.until("the recorder", lambda: self.path.exists() and self.path.stat().st_size > 0)
        return process

    def _port_count(self):
        ports = self.server.call("pw-link", "-i", check=False).split()
        return sum(p.startswith(self.node + ":") for p in ports)
