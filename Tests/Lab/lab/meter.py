"""The meter: a probe signal, and how an ear follows it.

Everything works on arrays of 48 kHz sound, so the meter itself is tested with paths whose delay is
known to the sample. A *lag* is how many samples the ear is behind the reference.
"""

import wave
from dataclasses import dataclass, field

import numpy as np
from scipy import signal as sps

RATE = 48_000
BAND = (200.0, 7000.0)  # Hz: the probe lives here, and the meter listens here

WINDOW = 0.5  # seconds of one latency value, and the step between two
HOP = 0.25
FINE_WINDOW = 0.02  # seconds of one correlation value: 0.1 % of stretch blurs it by 0.004 only
FRAME = 0.020  # seconds judged for wrong sound, and the step between two
FRAME_HOP = 0.005
WORST_MATCH = 0.25  # below this correlation a window has no latency
SHORTEST_DROPOUT = 0.005
SIMULTANEOUS = 0.15  # seconds within which two ears' dropouts have one cause


# The probe


def probe(seconds, seed=1, level=0.2, band=BAND):
    """Noise that never repeats, with a music-like slope and a steady level.

    Random noise has one sharp correlation peak however long the path is. Every 5 ms of it are well
    above silence, so a gap is always a gap of the path and never of the probe.
    """
    rng = np.random.default_rng(seed)
    x = sps.sosfilt(_band_pass(band, order=4), rng.standard_normal(int(seconds * RATE)))
    slope = sps.bilinear([1 / (2 * np.pi * 4000), 1], [1 / (2 * np.pi * 700), 1], RATE)
    x = sps.lfilter(*slope, x)
    x /= np.sqrt(np.mean(x * x))
    x = np.tanh(x / 2.5) * 2.5 * level
    ramp = int(0.02 * RATE)
    x[:ramp] *= np.linspace(0, 1, ramp)
    x[-ramp:] *= np.linspace(1, 0, ramp)
    return x.astype(np.float32)


def voice(seconds, seed=1, level=0.2):
    """Sung syllables, and between them breaths of the probe.

    A browser stretches what repeats itself after a pitch period, or is silent: the syllables. Of the
    probe it moves nothing, whatever its target; but that is what can be told apart to the sample.
    """
    rng = np.random.default_rng(seed)
    time = np.arange(int(seconds * RATE)) / RATE
    ends = np.cumsum(rng.uniform(0.15, 0.4, int(seconds / 0.15) + 2))
    pitches = rng.uniform(110, 230, len(ends))
    phase = 2 * np.pi * np.cumsum(np.interp(time, ends, pitches)) / RATE
    sound = sum(np.sin(k * phase + k * k) / k ** 0.7 for k in range(1, 20))
    sound *= 0.7 * level / np.sqrt(np.mean(sound ** 2))
    smooth = np.hanning(RATE // 50)
    breath = np.convolve((time % 1.6) > 1.0, smooth / smooth.sum(), "same")
    mixed = sound * (1 - breath) + probe(seconds, seed, 0.6 * level) * breath
    return mixed.clip(-1, 1).astype(np.float32)


def stereo(mono):
    return np.stack([mono, mono], axis=1)


def write_wav(path, sound, rate=RATE):
    """Writes (frames, channels) or (frames,) of -1…1 as 16 bit WAV."""
    sound = np.atleast_2d(np.asarray(sound, dtype=np.float64).T).T
    pcm = np.clip(np.round(sound * 32767), -32768, 32767).astype("<i2")
    with wave.open(str(path), "wb") as file:
        file.setnchannels(pcm.shape[1])
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(pcm.tobytes())


# What an ear heard


@dataclass
class Heard:
    """How an ear followed the reference. Times are seconds of the recording."""

    error: str | None = None
    times: np.ndarray = field(default_factory=lambda: np.zeros(0))
    latencies_ms: np.ndarray = field(default_factory=lambda: np.zeros(0))  # NaN: no match
    correlation: float = 0.0
    level_db: float = 0.0
    dropouts: list = field(default_factory=list)  # (begin, end): silence or wrong sound
    lost: list = field(default_factory=list)  # the same as moments of the reference

    @property
    def median_ms(self):
        return float(np.nanmedian(self.latencies_ms))

    @property
    def p95_ms(self):
        return float(np.nanpercentile(self.latencies_ms, 95))

    @property
    def dropped_ms(self):
        return sum(end - begin for begin, end in self.dropouts) * 1000

    def latency_between(self, begin, end):
        """Median latency of the windows that lie within a stretch; NaN without one."""
        inside = (self.times >= begin + WINDOW / 2) & (self.times <= end - WINDOW / 2)
        values = self.latencies_ms[inside]
        return float(np.nanmedian(values)) if np.isfinite(values).any() else float("nan")

    def dropouts_beyond(self, *controls):
        """Dropouts of sound that reached every control ear whole.

        Compared at the same instant of the reference, since each ear has its own delay.
        """
        damaged = [span for control in controls for span in control.lost]
        return [
            dropout for dropout, (begin, end) in zip(self.dropouts, self.lost)
            if not any(a - SIMULTANEOUS < end and begin < b + SIMULTANEOUS for a, b in damaged)]

    def __str__(self):
        if self.error:
            return self.error
        return (f"{self.median_ms:.1f} ms (p95 {self.p95_ms:.1f}), correlation "
                f"{self.correlation:.4f}, level {self.level_db:+.2f} dB, {len(self.dropouts)} "
                f"dropouts of {self.dropped_ms:.0f} ms: "
                + " ".join(f"{a:.2f}–{b:.2f}" for a, b in self.dropouts[:8]))


def measure(reference, ear, max_latency=3.0, warmup=0.3, holes=()):
    """Judges what `ear` heard of `reference`; both are recordings on one clock.

    - max_latency: seconds the ear may be behind.
    - warmup: seconds after the ear's first sound that are not judged.
    - holes: (first, end) frames that are missing from the recordings: neither what was played then nor
      what was heard is known.
    """
    reference, ear = _mono(reference), _mono(ear)
    played = _sounding(reference)
    heard = _sounding(ear)
    if played is None:
        return Heard(error="nothing was played")
    if heard is None:
        return Heard(error="the ear stayed silent")
    clean = _Pair(_filtered(reference), _filtered(ear), played)
    begin = max(played[0], heard[0]) + int(warmup * RATE)
    times, lags, matches = clean.follow(begin, int(max_latency * RATE))
    good = np.isfinite(lags)
    if good.sum() < 2:
        return Heard(error="what the ear heard is not what was played")

    def lag_at(sample):
        return np.interp(np.asarray(sample) / RATE, times[good], lags[good])

    stop = int((times[-1] + WINDOW / 2) * RATE)
    holes = list(holes)
    silences = _silences(reference, played[0] + RATE // 25, played[1] - RATE // 25)
    # The recorder's own are no silences of what was played.
    excused = [(a, b) for a, b in silences if not any(x < b and a < y for x, y in holes)]
    gaps = _gaps(ear, begin, stop, lag_at, excused, played[1], holes)
    glitches = clean.glitches(begin, stop, lag_at, gaps + holes, excused + holes)
    dropouts = sorted(gaps + glitches)
    return Heard(
        times=times, latencies_ms=lags * 1000 / RATE,
        correlation=clean.fine_correlation(begin, stop, lag_at),
        level_db=_decibels(ear[begin:stop], reference[played[0]:played[1]]),
        dropouts=[(a / RATE, b / RATE) for a, b in dropouts],
        lost=[((a - lag_at(a)) / RATE, (b - lag_at(b)) / RATE) for a, b in dropouts])


def longest_silence(sound):
    """Seconds of the longest stretch without sound between the first sound and the last."""
    sound = _mono(sound)
    first, last = _sounding(sound) or (0, 0)
    return max([(end - begin) / RATE for begin, end in _silences(sound, first, last)], default=0.0)


def follow(reference, ear, max_latency=3.0):
    """Only where an ear is: (times, latencies in ms), NaN where nothing matches; see `measure`."""
    reference, ear = _mono(reference), _mono(ear)
    played, heard = _sounding(reference), _sounding(ear)
    if played is None or heard is None:
        return np.zeros(0), np.zeros(0)
    pair = _Pair(_filtered(reference), _filtered(ear), played)
    times, lags, _ = pair.follow(max(played[0], heard[0]), int(max_latency * RATE))
    return times, lags * 1000 / RATE


class _Pair:
    """Reference and ear, both band-limited, and the running energy of the reference."""

    def __init__(self, reference, ear, played):
        self.reference, self.ear, self.played = reference, ear, played
        self.energy = np.concatenate(([0.0], np.cumsum(reference ** 2)))
        # 40 dB below the usual a sample: what is left of the sum where the reference is silent is its
        # rounding, and by that anything would match.
        self.least = 1e-4 * self.energy[-1] / max(1, played[1] - played[0])

    def follow(self, begin, max_lag):
        """Windows from `begin` on: middle times, lags (NaN without a match) and matches."""
        n, hop, low = int(WINDOW * RATE), int(HOP * RATE), -int(0.02 * RATE)
        near = int(0.1 * RATE)
        end = min(len(self.ear), self.played[1] + max_lag)
        rows, previous = [], None
        for start in range(begin, end - n, hop):
            lag, match = None, 0.0
            if previous is not None:
                around = (max(low, previous - near), min(max_lag, previous + near))
                lag, match = self.lag(start, n, *around)
            if match < 0.5:
                wide, wide_match = self.lag(start, n, low, max_lag)
                if wide_match > match:
                    lag, match = wide, wide_match
            if lag is not None and start + n - lag > self.played[1]:
                break  # the reference had ended by then
            found = lag is not None and match >= WORST_MATCH
            previous = int(lag) if found else previous
            rows.append(((start + n / 2) / RATE, lag if found else np.nan, match))
        table = np.array(rows, dtype=float).reshape(-1, 3)
        return table[:, 0], table[:, 1], table[:, 2]

    def lag(self, start, n, low, high, finer=1):
        """Lag of ear[start:start + n] between two bounds, to a fraction of a sample, and its match."""
        first, last = max(start - high, 0), min(start + n - low, len(self.reference))
        if last - first < n:
            return None, 0.0
        segment, ear = self.reference[first:last], self.ear[start:start + n]
        count = len(segment) - n + 1
        size = 1 << (len(segment) + n - 1).bit_length()
        spectrum = np.fft.rfft(segment, size) * np.conj(np.fft.rfft(ear, size))
        products = np.fft.irfft(spectrum, size * finer)[:(count - 1) * finer + 1] * finer
        energy = self.energy[first + n:first + n + count] - self.energy[first:first + count]
        if finer > 1:
            energy = np.interp(np.arange(len(products)) / finer, np.arange(count), energy)
        match = products / np.sqrt(np.maximum(np.dot(ear, ear) * np.maximum(energy, n * self.least), 1e-12))
        peak = int(np.argmax(match))
        return start - (first + _vertex(match, peak) / finer), float(match[peak])

    def fine_correlation(self, begin, stop, lag_at):
        """The median of the correlations of short windows, each at its own best fractional lag."""
        n, span = int(FINE_WINDOW * RATE), 48
        matches = []
        for start in range(begin, stop - n, n):
            middle = int(lag_at(start + n // 2))
            matches.append(self.lag(start, n, middle - span, middle + span, finer=8)[1])
        return float(np.median(matches)) if matches else 0.0

    def glitches(self, begin, stop, lag_at, gaps, excused):
        """Stretches of sound that is not the reference's: splices, noise, concealment."""
        n, hop, span = int(FRAME * RATE), int(FRAME_HOP * RATE), int(0.006 * RATE)
        starts = np.arange(begin, stop - n, hop)
        matches = np.array([
            self.lag(s, n, int(lag_at(s + n // 2)) - span, int(lag_at(s + n // 2)) + span)[1]
            for s in starts])
        if not len(matches):
            return []
        bad = matches < max(0.2, 0.5 * np.median(matches))
        known = gaps + [(a + lag_at(a), b + lag_at(b)) for a, b in excused]
        for a, b in known:
            bad &= ~((starts < b + n) & (starts + n > a - n))
        # Two frames in a row: a quarter frame on either side is the frame's own width.
        return [(int(starts[a]) + n // 4, int(starts[b - 1]) + 3 * n // 4)
                for a, b in _runs(bad) if b - a >= 2]


def _gaps(ear, begin, stop, lag_at, excused, played_until, holes):
    """Silences of the ear while the reference was not silent, as far as they are longer than what the recordings lack
    there: of what was heard then, or of what was to be heard."""
    gaps = []
    for a, b in _silences(ear, begin, stop):
        lag = float(lag_at(a))
        original = (a - lag, b - lag)
        damaged = any(x < original[1] and original[0] < y for x, y in excused)
        unknown = sum(max(0, min(b, y) - max(a, x)) for x, y in holes)
        unknown += sum(max(0, min(original[1], y) - max(original[0], x)) for x, y in holes)
        if original[1] <= played_until and not damaged and (b - a - unknown) / RATE >= SHORTEST_DROPOUT:
            gaps.append((a, b))
    return gaps


# Small tools


def _mono(sound):
    sound = np.asarray(sound, dtype=np.float64)
    return sound.mean(axis=1) if sound.ndim == 2 else sound


def _band_pass(band, order):
    return sps.butter(order, band, btype="bandpass", fs=RATE, output="sos")


def _filtered(x):
    return sps.sosfilt(_band_pass((BAND[0] / 2, BAND[1] * 1.2), order=2), x)


def _vertex(values, peak):
    """The peak's place to a fraction, from the parabola through it and its neighbours."""
    if peak <= 0 or peak >= len(values) - 1:
        return float(peak)
    a, b, c = values[peak - 1:peak + 2]
    curvature = a - 2 * b + c
    return float(peak) if curvature == 0 else peak + 0.5 * (a - c) / curvature


def _runs(mask):
    """(start, stop) of the stretches in which a mask is true."""
    edges = np.diff(np.concatenate(([0], mask.astype(np.int8), [0])))
    return list(zip(np.flatnonzero(edges == 1), np.flatnonzero(edges == -1)))


def _moving_rms(x, n):
    total = np.concatenate(([0.0], np.cumsum(x.astype(np.float64) ** 2)))
    return np.sqrt(np.maximum(total[n:] - total[:-n], 0) / n)


def _sounding(x, floor=3e-3):
    """(first, last) sample of sound, or None."""
    n = int(0.005 * RATE)
    hits = np.flatnonzero(_moving_rms(x, n) > floor) if len(x) > n else []
    return (int(hits[0]), int(hits[-1]) + n) if len(hits) else None


def _silences(x, begin, end):
    """Stretches of x[begin:end] that are 26 dB below its usual level for 5 ms or more."""
    n = int(0.002 * RATE)
    if end - begin <= n:
        return []
    rms = _moving_rms(x[begin:end], n)
    quiet = rms < max(np.median(rms) * 10 ** (-26 / 20), 1e-5)
    spans = [(begin + int(a), begin + int(b) + n - 1) for a, b in _runs(quiet)]
    return [(a, b) for a, b in spans if (b - a) / RATE >= SHORTEST_DROPOUT]


def rms(x):
    return float(np.sqrt(np.mean(np.asarray(x, dtype=np.float64) ** 2)))


def _decibels(x, reference):
    return float(20 * np.log10((rms(x) + 1e-9) / (rms(reference) + 1e-9)))
