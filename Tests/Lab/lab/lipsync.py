"""Flash and beep: does the picture on a screen match what an ear hears?

A film whose white frames and beeps coincide is played on a screen without a monitor. The screen's
memory and the ear are read with stamps of one clock; each beep is set against its flash.
"""

import mmap
import os
import select
import statistics
import struct
import subprocess
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from . import meter
from .browser import Chromium, Firefox
from .processes import LabError, Process

RATE = 48_000
FPS = 60
# Beeps and flashes are this far apart, so offsets within half of it belong to one pair.
PERIOD = 2.5
FLASH = 0.1
_WIDTH, _HEIGHT = 160, 120
_NOBODY = 65534
_LOUD = 0.02
_QUIET_BEFORE = RATE // 2
# What keeps a film's sound from ever pausing: no silence to AuraLync, nothing to this ear.
_BED = 0.003


def beep_times(seconds):
    return [k * PERIOD + 1 for k in range(int((seconds - 2) / PERIOD) + 1)]


def make_film(path, seconds, beep_late_ms=0.0, pauses=True):
    """Writes the film: Matroska with PCM, or WebM (VP8, Opus) by its name's ending."""
    path = Path(path)
    noise = meter.probe(seconds, level=0.3)
    is_on = np.zeros(len(noise), np.float32)
    frames = np.zeros((int(seconds * FPS), _HEIGHT, _WIDTH), np.uint8)
    for second in beep_times(seconds):
        start = int((second + beep_late_ms / 1000) * RATE)
        is_on[start:start + int(FLASH * RATE)] = 1
        first = round(second * FPS)
        frames[first:first + round(FLASH * FPS)] = 255
    wav = path.with_suffix(".wav")
    bed = 0 if pauses else _BED * np.sign(noise)
    meter.write_wav(wav, meter.stereo(noise * is_on + bed))
    codecs = (["-c:v", "libvpx", "-b:v", "300k", "-g", "30", "-deadline", "realtime", "-c:a", "libopus",
               "-b:a", "128k"] if path.suffix == ".webm" else ["-c:v", "mpeg4", "-q:v", "5", "-c:a", "pcm_s16le"])
    subprocess.run(
        ["ffmpeg", "-v", "error", "-y", "-f", "rawvideo", "-pix_fmt", "gray", "-s", f"{_WIDTH}x{_HEIGHT}",
         "-r", str(FPS), "-i", "-", "-i", wav, "-pix_fmt", "yuv420p", *codecs, path],
        input=frames.tobytes(), check=True)
    wav.unlink()
    return path


class Screen:
    """An X server whose memory is a file. `flashes` are the instants at which it turned white,
    seen where no pointer is."""

    def __init__(self, directory, width=640, height=480):
        self.directory = Path(directory)
        read, write = os.pipe()
        os.set_inheritable(write, True)
        self._process = Process(
            ["sh", "-c", f'exec Xvfb -displayfd {write} -screen 0 {width}x{height}x24 -fbdir "{directory}" '
             "-nolisten tcp -noreset"], self.directory / "xvfb.log", pass_fds=(write,))
        os.close(write)
        with os.fdopen(read) as pipe:
            if not select.select([pipe], [], [], 20)[0]:
                raise LabError(f"no screen: {self._process.tail()}")
            self.display = f":{pipe.readline().strip()}"
        self._memory = open(self.directory / "Xvfb_screen0", "rb")
        self._map = mmap.mmap(self._memory.fileno(), 0, prot=mmap.PROT_READ)
        header = struct.unpack(">25I", self._map[:100])
        self._pixel = header[0] + header[19] * 12 + height // 10 * header[12] + width // 10 * 4
        self.flashes = []
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def _watch(self):
        white_until = time.monotonic()
        while not self._is_over.is_set():
            if self._map[self._pixel + 1] > 128:
                now = time.monotonic()
                # A browser may draw a frame twice, with something else between.
                if now - white_until > 0.5:
                    self.flashes.append(now)
                white_until = now
            time.sleep(0.001)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._is_over.set()
        self._thread.join()
        self._process.end()
        self._map.close()
        self._memory.close()


class Ear:
    """What a sink plays, from its monitor, with the instant of each frame.

    A block comes at the earliest when its last frame has been played, so the earliest arrivals tell
    when frame 0 was; a reader that is late now and then changes nothing.
    """

    def __init__(self, server, sink):
        self._process = subprocess.Popen(
            ["parec", f"--device={sink}.monitor", "--raw", "--format=s16le", f"--rate={RATE}", "--channels=2",
             "--latency-msec=10"], env=server.environment(), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
        self._blocks, self._frames = [], 0
        self._origins = []
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self):
        rest = b""
        while data := os.read(self._process.stdout.fileno(), 65536):
            now = time.monotonic()
            data = rest + data
            whole = len(data) // 4 * 4
            data, rest = data[:whole], data[whole:]
            self._blocks.append(np.frombuffer(data, "<i2")[::2])
            self._frames += whole // 4
            self._origins.append(now - self._frames / RATE)

    def beeps(self, near=None):
        """Ends the recording; the instants at which sound began after half a second of silence.

        `near`: dated by the blocks within so many seconds alone, where holes in the recording may add up.
        """
        self._process.terminate()
        self._process.wait()
        self._thread.join()
        self._process.stdout.close()
        if not self._blocks:
            return []
        loud = np.flatnonzero(np.abs(np.concatenate(self._blocks).astype(np.float32)) > _LOUD * 32768)
        if not len(loud):
            return []
        first = np.concatenate(([True], np.diff(loud) > _QUIET_BEFORE))
        if near is None:
            return [min(self._origins) + frame / RATE for frame in loud[first]]
        origins, ends = np.array(self._origins), np.cumsum([len(block) for block in self._blocks])
        return [origins[np.abs(ends - frame) < near * RATE].min() + frame / RATE for frame in loud[first]]


@dataclass
class Offset:
    """Ear minus picture in milliseconds: above zero the sound comes after the picture."""

    each_ms: list = field(default_factory=list)

    @property
    def median_ms(self):
        return statistics.median(self.each_ms)

    def __str__(self):
        if not self.each_ms:
            return "nothing matched"
        return (f"{self.median_ms:+.1f} ms ({min(self.each_ms):+.1f} to {max(self.each_ms):+.1f}, "
                f"{len(self.each_ms)} flashes)")


def pair(flashes, beeps, skip=0):
    """Each flash with the beep next to it; the first `skip` are left to the player to settle."""
    offset = Offset()
    for flash in flashes[skip:]:
        nearest = min(beeps, key=lambda beep: abs(beep - flash), default=None)
        if nearest is not None and abs(nearest - flash) < PERIOD / 2:
            offset.each_ms.append(1000 * (nearest - flash))
    return offset


# Players: what they need is the film, the screen, and the variables that say where they play.

def _plain(*command):
    def start(server, screen, film, sink, log):
        env = {**server.environment(sink), "DISPLAY": screen.display, "SDL_AUDIODRIVER": "pulseaudio"}
        return Process([part.format(film=film, sink=sink) for part in command], log, env=env)
    return start


def _mpv(output, *options):
    return _plain("mpv", "--no-config", "--really-quiet", "--vo=x11", "--fs", f"--ao={output}", *options, "{film}")


def _vlc(server, screen, film, sink, log):
    """VLC does not run as root: it gets another user, and a way of its own to the sound server's
    socket, for libpulse closes the folder of that one to others whenever it is used."""
    film.parent.chmod(0o755)
    socket = film.parent / "sound"
    socket.unlink(missing_ok=True)
    os.link(server.runtime / "pulse" / "native", socket)
    socket.chmod(0o777)
    home = film.parent / "home"
    home.mkdir(exist_ok=True)
    os.chown(home, _NOBODY, _NOBODY)
    env = {**server.environment(sink), "DISPLAY": screen.display, "HOME": str(home),
           "PULSE_SERVER": f"unix:{socket}"}
    for name in ("XDG_RUNTIME_DIR", "XDG_CONFIG_HOME", "PULSE_COOKIE"):
        del env[name]
    user = f"--reuid={_NOBODY}", f"--regid={_NOBODY}", "--clear-groups"
    return Process(["setpriv", *user, "vlc", "--intf=dummy", "--quiet", "--aout=pulse", "--vout=xcb_x11",
                    "--fullscreen", "--no-video-title-show", "--no-osd", film], log, env=env)


class _OnScreen:
    """A browser with a window."""

    def _command(self):
        return [part for part in super()._command() if not str(part).startswith("--headless")] + self._window


class _ChromiumWindow(_OnScreen, Chromium):
    _window = ["--kiosk", "--window-position=0,0", "--autoplay-policy=no-user-gesture-required",
               "--allow-file-access-from-files"]


class _FirefoxWindow(_OnScreen, Firefox):
    _PREFERENCES = {**Firefox._PREFERENCES, "media.autoplay.default": 0, "media.autoplay.blocking_policy": 0}
    _window = ["--kiosk"]


def _browser(kind):
    def start(server, screen, film, sink, log):
        page = film.with_suffix(".html")
        page.write_text(f'<style>body{{margin:0;background:#000}}video{{position:fixed;inset:0;width:100vw;'
                        f'height:100vh;object-fit:fill}}</style><video src="{film.name}" autoplay></video>')
        browser = kind({**server.environment(sink), "DISPLAY": screen.display}, None, log)
        browser.open(page.as_uri())
        return browser
    return start


PLAYERS = {
    "mpv --ao=pulse": _mpv("pulse"),
    "mpv --ao=pulse, its picture held over its socket": _mpv("pulse", "--input-ipc-server={film.parent}/mpv.socket"),
    "mpv --ao=pipewire": _mpv("pipewire", "--audio-device=pipewire/{sink}"),
    "ffplay": _plain("ffplay", "-v", "error", "-autoexit", "-noborder", "-left", "0", "-top", "0", "-x", "640",
                     "-y", "480", "{film}"),
    "VLC": _vlc,
    "gst-play-1.0": _plain("gst-play-1.0", "--no-interactive", "--audiosink=pulsesink",
                           "--videosink=ximagesink", "{film}"),
    "Chromium": _browser(_ChromiumWindow),
    "Firefox": _browser(_FirefoxWindow),
}
NEEDS_WEBM = ("Chromium", "Firefox", "gst-play-1.0")


def measure(server, player, sink, ear, directory, seconds=20.0, skip=2, beep_late_ms=0.0, pauses=True,
            during=None):
    """Plays the film into `sink`; returns the offset at `ear`.

    `during(screen)` runs while the film does, for changes on the way; it gets the screen. Without `pauses`
    something sounds between the beeps.
    """
    directory = Path(directory)
    name = f"film-{seconds:g}-{beep_late_ms:g}-{pauses:d}.{'webm' if player in NEEDS_WEBM else 'mkv'}"
    film = directory / name
    if not film.exists():
        make_film(film, seconds, beep_late_ms, pauses)
    with Screen(directory) as screen:
        listener = Ear(server, ear)
        program = PLAYERS[player](server, screen, film, sink, server.log_path("player"))
        try:
            if during:
                during(screen)
            wanted = len(beep_times(seconds))
            deadline = time.monotonic() + seconds + 30
            while len(screen.flashes) < wanted and time.monotonic() < deadline:
                time.sleep(0.05)
            time.sleep(2)  # what is still on its way to the ear
        finally:
            program.end()
            beeps = listener.beeps()
        return pair(screen.flashes, beeps, skip)
