"""What players read of how late their sound is heard: by libpulse, and by PipeWire's own library."""

import contextlib
import ctypes
import re
import statistics
import threading
import time
from collections import deque

import numpy as np

from . import meter
from .processes import LabError, Process

RATE = 48_000
_FRAME = 4  # bytes
# Of the C headers: PA_STREAM_INTERPOLATE_TIMING, AUTO_TIMING_UPDATE, ADJUST_LATENCY; states; PA_SAMPLE_S16LE.
_FLAGS = 0x0002 | 0x0008 | 0x2000
_CONTEXT_READY, _STREAM_READY, _S16LE = 4, 2, 3
_NOTHING = 2 ** 32 - 1


class _Format(ctypes.Structure):
    _fields_ = [("format", ctypes.c_int), ("rate", ctypes.c_uint32), ("channels", ctypes.c_uint8)]


class _Buffer(ctypes.Structure):
    _fields_ = [(name, ctypes.c_uint32) for name in ("most", "target", "before", "request", "fragment")]


class _Timing(ctypes.Structure):
    _fields_ = [
        ("seconds", ctypes.c_long), ("microseconds", ctypes.c_long), ("is_synchronized", ctypes.c_int),
        ("sink", ctypes.c_uint64), ("source", ctypes.c_uint64), ("transport", ctypes.c_uint64),
        ("is_playing", ctypes.c_int), ("is_write_corrupt", ctypes.c_int), ("written", ctypes.c_int64),
        ("is_read_corrupt", ctypes.c_int), ("taken", ctypes.c_int64)]


def _library():
    pulse = ctypes.CDLL("libpulse.so.0")
    for name in ("pa_mainloop_new", "pa_mainloop_get_api", "pa_context_new", "pa_stream_new",
                 "pa_stream_update_timing_info"):
        getattr(pulse, name).restype = ctypes.c_void_p
    pulse.pa_stream_writable_size.restype = ctypes.c_size_t
    pulse.pa_stream_get_timing_info.restype = ctypes.POINTER(_Timing)
    return pulse


def speech(seconds, seed=1):
    """Words of 0.7 s and pauses of 0.7 s, as s16 stereo."""
    sound = meter.probe(seconds, seed) * (np.arange(int(seconds * RATE)) % (1.4 * RATE) < 0.7 * RATE)
    return (meter.stereo(sound) * 32767).astype("<i2")


class PulsePlayer:
    """A libpulse client that plays into a sink. `readings` are the newest: how late what it writes next
    will be heard, less what waits in its own buffer by its own figures; milliseconds."""

    def __init__(self, server, sink, buffer_ms=100):
        self.readings = deque(maxlen=20)
        self._error, self._is_over = None, threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True, args=(
            f"unix:{server.runtime}/pulse/native".encode(), sink.encode(), buffer_ms * RATE // 1000 * _FRAME))
        self._thread.start()

    def end(self):
        self._is_over.set()
        self._thread.join()

    @property
    def read_ms(self):
        """The median of the last two seconds; None while there is less."""
        if self._error:
            raise LabError(self._error)
        readings = list(self.readings)
        return statistics.median(readings) if len(readings) == self.readings.maxlen else None

    def _run(self, address, sink, buffer):
        pulse = _library()
        loop = ctypes.c_void_p(pulse.pa_mainloop_new())
        context = ctypes.c_void_p(pulse.pa_context_new(
            ctypes.c_void_p(pulse.pa_mainloop_get_api(loop)), b"labplayer"))
        try:
            pulse.pa_context_connect(context, address, 0, None)
            self._turn(pulse, loop, lambda: pulse.pa_context_get_state(context) == _CONTEXT_READY)
            stream = ctypes.c_void_p(pulse.pa_stream_new(
                context, b"labplayer", ctypes.byref(_Format(_S16LE, RATE, 2)), None))
            attributes = _Buffer(_NOTHING, buffer, _NOTHING, _NOTHING, _NOTHING)
            pulse.pa_stream_connect_playback(stream, sink, ctypes.byref(attributes), _FLAGS, None, None)
            self._turn(pulse, loop, lambda: pulse.pa_stream_get_state(stream) == _STREAM_READY)
            self._play(pulse, loop, stream)
        except LabError as error:
            self._error = str(error)
        finally:
            pulse.pa_context_disconnect(context)
            pulse.pa_context_unref(context)
            pulse.pa_mainloop_free(loop)

    def _turn(self, pulse, loop, is_done, each_turn=lambda: None, seconds=5.0):
        deadline = time.monotonic() + seconds
        while not is_done() and not self._is_over.is_set():
            each_turn()
            if pulse.pa_mainloop_prepare(loop, 10_000) < 0 or pulse.pa_mainloop_poll(loop) < 0:
                raise LabError("the connection to the sound server is broken")
            pulse.pa_mainloop_dispatch(loop)
            if time.monotonic() > deadline:
                raise LabError("the sound server does not answer")

    def _play(self, pulse, loop, stream):
        sound, place = speech(42).tobytes(), 0

        def write():
            nonlocal place
            room = min(pulse.pa_stream_writable_size(stream), len(sound))
            if room >= 2 ** 31 or not room:
                return
            data = sound[place:place + room]
            place = (place + len(data)) % len(sound)
            pulse.pa_stream_write(stream, data, ctypes.c_size_t(len(data)), None, ctypes.c_int64(0), 0)

        while not self._is_over.is_set():
            question = ctypes.c_void_p(pulse.pa_stream_update_timing_info(stream, None, None))
            self._turn(pulse, loop, lambda: pulse.pa_operation_get_state(question) != 0, write)
            pulse.pa_operation_unref(question)
            latency, is_negative = ctypes.c_uint64(), ctypes.c_int()
            if pulse.pa_stream_get_latency(stream, ctypes.byref(latency), ctypes.byref(is_negative)) == 0:
                timing = pulse.pa_stream_get_timing_info(stream).contents
                own = (timing.written - timing.taken) / _FRAME / RATE * 1000
                self.readings.append(latency.value / 1000 - own)
            asked = time.monotonic()
            self._turn(pulse, loop, lambda: time.monotonic() - asked > 0.1, write)


class PipeWirePlayer(Process):
    """pw-cat, which tells every second what its stream reads."""

    def __init__(self, server, sink):
        path = server.directory / "speech.wav"
        meter.write_wav(path, speech(60) / 32768)
        super().__init__(
            ["stdbuf", "-oL", "pw-play", "--verbose", "--target", sink, "--latency", "256", path],
            server.log_path("pw-play"), env=server.environment())

    @property
    def read_ms(self):
        """The median of the last two seconds; None while there is less."""
        lines = re.findall(r"rate:1/(\d+) .*delay:(-?\d+) queued:(\d+) buffered:(\d+)", self.output + self.errors)
        readings = [1000 * int(delay) / int(rate) for rate, delay, _, _ in lines if int(delay)]
        return statistics.median(readings[-3:]) if len(readings) >= 3 else None


@contextlib.contextmanager
def playing(server, sink):
    """Players of each kind that a server has, which play until the end."""
    with contextlib.ExitStack() as stack:
        kinds = [PulsePlayer] + [PipeWirePlayer] * (server.backend == "pipewire")
        those = []
        for kind in kinds:
            those.append(kind(server, sink))
            stack.callback(those[-1].end)
        yield those
