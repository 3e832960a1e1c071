"""Takes: the probe is played into a sink while that sink and the ears are recorded."""

import time

from . import meter
from .processes import Busyness


class Take:
    """A running take. Leave the `with` block, then ask for an ear by its sink's name."""

    def __init__(self, server, ears, seconds, source="program", player_sink=None, seed=1,
                 probe=meter.probe):
        """Plays `seconds` of a probe into `source`; `player_sink` None is the default output."""
        self.server, self.ears, self.seconds, self.source = server, list(ears), seconds, source
        self.player_sink, self.seed, self.probe = player_sink, seed, probe
        self.sounds = {}
        # What the recordings lack.
        self.holes = []
        # The part of the take in which somebody waited for a core.
        self.pressure = 0.0

    def __enter__(self):
        path = self.server.directory / f"{self.probe.__name__}-{self.seed}-{self.seconds:g}.wav"
        if not path.exists():
            meter.write_wav(path, meter.stereo(self.probe(self.seconds, seed=self.seed)))
        self.recording = self.server.record([self.source] + self.ears)
        self.player = self.server.play(path, self.player_sink)
        self.began, self._busyness = time.monotonic(), Busyness()
        return self

    def __exit__(self, kind, *_):
        try:
            if kind:
                return
            self.player.wait(self.seconds + 15)
            assert self.player.exit_code == 0, self.player.tail()
            self.pressure = self._busyness.share
            time.sleep(0.5)  # what is still on its way to the ears
            self.sounds = self.recording.stop()
            self.holes = self.recording.holes
        finally:
            self.player.end()
            if not self.sounds:
                self.recording.abort()

    def judged(self, dropouts):
        """Those of an ear's dropouts about which the recorder, an ordinary client, was not itself too late for a cycle:
        what held it up may have held others up."""
        near = meter.SIMULTANEOUS
        return [(a, b) for a, b in dropouts if not any(
            x / meter.RATE - near < b and a < y / meter.RATE + near for x, y in self.holes)]

    def sleep_until(self, seconds):
        """Waits for a moment of the take."""
        time.sleep(max(0, self.began + seconds - time.monotonic()))

    def __getitem__(self, ear):
        return meter.measure(self.sounds[self.source], self.sounds[ear], holes=self.holes)


def listen_in(server, ears, seconds, **options):
    """A whole take in one call."""
    with Take(server, ears, seconds, **options) as take:
        pass
    return take
