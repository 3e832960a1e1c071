"""Recording the monitors of several sinks as channels of one stream, so that all share a clock."""

import itertools
import os
import signal

import numpy as np

from .processes import Process

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
        self.path = server.directory / f"take-{number}.wav"
        self.process = self._start()

    def _start(self):
        raise NotImplementedError

    def _samples(self):
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
        samples = self._samples()
        self.path.unlink()
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

    def _samples(self):
        return np.fromfile(self.path, dtype="<f4")


class PipeWireRecording(Recording):
    """pw-record with one pair of ports per sink, linked by hand to the monitors."""

    def _start(self):
        positions = ",".join(f"AUX{i}" for i in range(self.channels))
        process = Process(
            ["pw-record", "--target", "0", "--latency", "1024", "--rate", RATE, "--format", "f32",
             "--channels", self.channels, "--channel-map", positions, "-P",
             f"{{ node.name = {self.node} node.autoconnect = false media.name = {self.node} }}",
             self.path],
            self.server.log_path("pw-record"), env=self.server.environment())
        process.until("the recorder's ports", lambda: self._port_count() >= self.channels)
        for i, sink in enumerate(self.sinks):
            for channel, side in enumerate(("FL", "FR")):
                self.server.link(f"{sink}:monitor_{side}", f"{self.node}:input_AUX{2 * i + channel}")
        header = 4096 * self.channels
        process.until("the recorder", lambda: self.path.exists() and self.path.stat().st_size > header)
        return process

    def _port_count(self):
        ports = self.server.call("pw-link", "-i", check=False).split()
        return sum(p.startswith(self.node + ":") for p in ports)

    def _samples(self):
        blob = self.path.read_bytes()
        position = 12
        while position + 8 <= len(blob):
            kind = blob[position:position + 4]
            size = int.from_bytes(blob[position + 4:position + 8], "little")
            if kind == b"data":
                body = blob[position + 8:]
                # A recorder that was killed never wrote the size.
                if 0 < size < len(body):
                    body = body[:size]
                return np.frombuffer(body[:len(body) // 4 * 4], dtype="<f4")
            position += 8 + size + (size & 1)
        raise AssertionError("the recording is not a WAV file with sound in it")
