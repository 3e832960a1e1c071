"""A sound as an original server sends it, and how an ear follows it."""

import numpy as np
from scipy import signal as sps

from . import meter, signals
from .meter import RATE

SECONDS = 25  # longer than any take: it never comes round again


class Content:
    """A sound as an original server sends it, and as it is at 48 kHz."""

    def __init__(self, directory, rate, channels, level=0.2):
        sound = meter.probe(SECONDS, seed=rate + channels, level=level)
        sent = sps.resample_poly(sound, rate, RATE) if rate != RATE else sound
        self.path = directory / f"{rate}-{channels}-{level}.f32"
        np.repeat(sent[:, None], channels, axis=1).astype("<f4").tofile(self.path)
        self.at_48k = sps.resample_poly(sent, RATE, rate) if rate != RATE else sound

    def measure(self, ear):
        """How an ear followed it; only changes of the latency mean anything."""
        begin = int(np.flatnonzero(np.abs(ear).max(axis=1) > 0.01)[0]) + RATE // 4
        place = signals.find(ear[begin:, 0], self.at_48k)
        if place is None:
            return meter.Heard(error="the ear did not hear the content")
        # The ear a second later, so that all of it has something to be compared with.
        shift = place - begin
        reference = self.at_48k[shift:] if shift >= 0 else np.pad(self.at_48k, (-shift, 0))
        heard = meter.measure(reference, np.pad(ear, ((RATE, 0), (0, 0))))
        heard.times = heard.times - 1
        heard.dropouts = [(a - 1, b - 1) for a, b in heard.dropouts]
        return heard
