"""How pure a tone is that an ear heard: what is beside it, and clicks in it."""

import numpy as np
from scipy import signal as sps

RATE = 48_000
WINDOW = 0.5  # seconds of one spectrum
WANDER = 0.003  # the part of its frequency by which the tone itself may be elsewhere
_MAIN_LOBE = 4.5  # bins to either side of a tone in a Blackman-Harris window: -90 dB beyond them
PIECE = 0.02  # seconds of one fit


def sidebands(x, frequency, hop=0.1):
    """The strongest thing beside the tone in every window: (begin in s, dB against the tone, Hz from it).

    - x: mono, 48 kHz.
    - frequency: the tone's, in Hz. It may be `WANDER` off; what is within the window's own lobe of that
      cannot be told from it.
    """
    n = int(WINDOW * RATE)
    window = sps.windows.blackmanharris(n)
    frequencies = np.fft.rfftfreq(n, 1 / RATE)
    near = np.abs(frequencies - frequency) <= WANDER * frequency + _MAIN_LOBE / WINDOW
    found = []
    for start in range(0, len(x) - n + 1, int(hop * RATE)):
        spectrum = np.abs(np.fft.rfft(x[start:start + n] * window)) + 1e-12
        beside = np.where(near | (frequencies < 20), 0, spectrum)
        peak = int(np.argmax(beside))
        found.append((start / RATE, 20 * np.log10(beside[peak] / spectrum[near].max() + 1e-12),
                      frequencies[peak] - frequency))
    return np.array(found).reshape(-1, 3)


def clicks(x, frequency, hop=0.005):
    """What no tone explains: (begin in s, dB against the tone) of pieces of 20 ms.

    In each piece a tone is fitted whose loudness and frequency may change evenly, as they do while a delay
    changes; a click is what it leaves.
    """
    n, step = int(PIECE * RATE), int(hop * RATE)
    time = np.arange(n) / RATE
    even = np.linspace(-1, 1, n)
    carrier = np.stack([np.sin(2 * np.pi * frequency * time), np.cos(2 * np.pi * frequency * time)])
    basis = np.concatenate([carrier * even ** power for power in range(4)])
    basis = np.linalg.qr(basis.T)[0]
    pieces = np.lib.stride_tricks.sliding_window_view(x, n)[::step]
    rest = pieces - (pieces @ basis) @ basis.T
    loud = np.sqrt(np.mean(np.square(x)))
    return np.stack([np.arange(len(pieces)) * hop,
                     20 * np.log10(np.sqrt(np.mean(rest ** 2, axis=1)) / loud + 1e-12)], axis=1)
