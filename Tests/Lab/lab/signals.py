"""Sounds whose every frame tells what it is: for counting, ageing and comparing what arrives."""

import numpy as np
from scipy import signal as sps
from scipy.io import wavfile

# Frame n has the value n / 2²¹: exact in float32, and below full scale for 43 s at 48 kHz.
_STEP = 2.0 ** -21


def timecode(frames):
    """Stereo sound in which each frame's left value is its number, the right one its opposite."""
    left = np.arange(frames, dtype=np.float64) * _STEP
    return np.stack([left, -left], axis=1).astype(np.float32)


def frame_number(value):
    """Which frame of `timecode` has this left value."""
    return round(value / _STEP)


def sine(frequency, seconds, rate, level=0.5):
    return (level * np.sin(2 * np.pi * frequency * np.arange(int(seconds * rate)) / rate)).astype(
        np.float32)


def stereo_tone(left, right, seconds, rate, level=0.3):
    """One tone on the left, another on the right."""
    return np.stack([sine(left, seconds, rate, level), sine(right, seconds, rate, level)], axis=1)


def write_float_wav(path, sound, rate):
    wavfile.write(path, rate, np.ascontiguousarray(sound, dtype=np.float32))
    return path


def samples_of(chunks, channels):
    """Received chunks as an array of shape (frames, channels)."""
    data = b"".join(c.data for c in chunks)
    return np.frombuffer(data, dtype="<f4").reshape(-1, channels)


def spectrum_peak(x, rate):
    """(frequency in Hz, amplitude, how many dB everything else is below) of the strongest tone."""
    window = sps.windows.blackmanharris(len(x))
    spectrum = np.abs(np.fft.rfft(x * window))
    peak = int(np.argmax(spectrum))
    left, middle, right = np.log(spectrum[peak - 1:peak + 2] + 1e-20)
    shift = 0.5 * (left - right) / (left - 2 * middle + right)
    rest = spectrum.copy()
    rest[max(0, peak - 8):peak + 9] = 0
    rest[:8] = 0
    frequency = (peak + shift) * rate / len(x)
    below = 10 * np.log10(np.sum(spectrum[max(0, peak - 8):peak + 9] ** 2) / np.sum(rest ** 2))
    return frequency, amplitude(x, frequency, rate), below


def amplitude(x, frequency, rate):
    """Amplitude of a sine of known frequency within x."""
    time = np.arange(len(x)) / rate
    basis = np.stack([np.sin(2 * np.pi * frequency * time), np.cos(2 * np.pi * frequency * time)],
                     axis=1)
    (a, b), *_ = np.linalg.lstsq(basis, x, rcond=None)
    return float(np.hypot(a, b))


def find(needle, haystack):
    """Where in `haystack` (1-D) the beginning of `needle` lies, by correlation; None if nowhere.

    Short, for a listener may just be playing a little faster or slower than the sound was sent.
    """
    probe = needle[:1024].astype(np.float64)
    products = sps.fftconvolve(haystack.astype(np.float64), probe[::-1], mode="valid")
    energy = sps.fftconvolve(haystack.astype(np.float64) ** 2, np.ones(len(probe)), mode="valid")
    match = products / np.sqrt(np.maximum(energy * np.dot(probe, probe), 1e-12))
    place = int(np.argmax(match))
    return place if match[place] > 0.8 else None
