"""Headless sound servers in runtime directories of their own.

Each has the sinks asked for (`program` is what a player plays into, the ears are what listeners play
into), all on one clock, so that what their monitors recorded can be compared to the sample.
"""

import os
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path

from .processes import LabError, Process, until
from .recording import PipeWireRecording, PulseRecording

RATE = 48_000
CLOCK = "labclock"
# Ears that hear `program` without the product. One is fed by the server's own loopback and shows
# what goes wrong inside the server; the other by ordinary clients, which a busy machine disturbs
# as it does the product. Nine of nine dropouts of the product were the second one's too, under load.
CONTROLS = ("control", "relay")
_FOREIGN = ("PULSE_", "PIPEWIRE_", "XDG_", "DBUS_", "WIREPLUMBER_", "AURALYNC_")


class SoundServer:
    """What PipeWire and PulseAudio have in common: directories, environment, players."""

    backend = ""

    def __init__(self, sinks=("program", "ear1", "ear2", *CONTROLS)):
        self.sinks = list(sinks)
        self.directory = Path(tempfile.mkdtemp(prefix="auralync-lab."))
        self.runtime = self.directory / "run"
        self._processes = []
        self._relays, self._relay_ms = [], 20
        self._counter = 0
        for name in ("run/pulse", "log", "config", "state/pulse", "cache", "data", "home"):
            (self.directory / name).mkdir(parents=True)
        for name in ("run", "run/pulse"):
            (self.directory / name).chmod(0o700)
        (self.directory / "cookie").write_bytes(os.urandom(256))

    # Life

    def __enter__(self):
        try:
            self.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_):
        self.close()

    def start(self, choose=True):
        """Starts the server and waits until all sinks are there and `program` is the default, unless
        nobody is to choose any."""
        self._start()
        until("the sinks", lambda: set(self.sinks) <= set(self.sink_names()), 15, self._death)
        if choose:
            self.set_default_sink(self.sinks[0])

    def kill(self):
        """The server crashes: all of its processes at once, sockets left behind."""
        for process in self._processes:
            process.send(signal.SIGKILL)
        for process in self._processes:
            process.wait()
        self._processes.clear()
        self._end_relays()
        for path in self.runtime.rglob("*"):
            if path.is_socket():
                path.unlink()

    def _end_relays(self):
        for process in self._relays:
            process.end()
        self._relays.clear()

    def close(self):
        self._end_relays()
        for process in reversed(self._processes):
            process.end()
        self._processes.clear()
        shutil.rmtree(self.directory, ignore_errors=True)

    def _death(self):
        return next((p.death() for p in self._processes if not p.is_running), None)

    def log_path(self, name):
        """A fresh file for a program's output."""
        self._counter += 1
        return self.directory / "log" / f"{self._counter:03}-{name}.log"

    def _spawn(self, *argv):
        process = Process(argv, self.log_path(argv[0]), env=self._server_environment())
        self._processes.append(process)
        return process

    # Environment

    def environment(self, sink=None):
        """The variables of a program that uses this server; `sink` is where it plays to."""
        env = {k: v for k, v in os.environ.items() if not k.startswith(_FOREIGN)}
        env.update(
            HOME=str(self.directory / "home"), XDG_RUNTIME_DIR=str(self.runtime),
            XDG_CONFIG_HOME=str(self.directory / "home" / ".config"),
            PULSE_COOKIE=str(self.directory / "cookie"))
        if sink:
            env.update(PULSE_SINK=sink, PIPEWIRE_NODE=sink)
        return env

    def _server_environment(self):
        env = self.environment()
        for key, folder in (
                ("XDG_CONFIG_HOME", "config"), ("XDG_STATE_HOME", "state"), ("XDG_CACHE_HOME", "cache"),
                ("XDG_DATA_HOME", "data"), ("PULSE_STATE_PATH", "state/pulse"),
                ("PULSE_RUNTIME_PATH", "run/pulse")):
            env[key] = str(self.directory / folder)
        env["DBUS_SESSION_BUS_ADDRESS"] = "disabled:"
        return env

    def _write(self, relative, text):
        path = self.directory / "config" / relative
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def call(self, *argv, check=True):
        """Runs a short command against this server and returns what it printed."""
        result = subprocess.run(
            argv, env=self.environment(), capture_output=True, text=True, timeout=30,
            stdin=subprocess.DEVNULL)
        if check and result.returncode:
            raise LabError(f"{' '.join(argv)}: {(result.stderr or result.stdout).strip()}")
        return result.stdout if result.returncode == 0 else ""

    # Sinks and players

    def sink_names(self):
        lines = self.call("pactl", "list", "short", "sinks", check=False).splitlines()
        return [line.split("\t")[1] for line in lines if "\t" in line]

    def set_default_sink(self, name):
        self.call("pactl", "set-default-sink", name)
        until("the default sink",
              lambda: self.call("pactl", "get-default-sink", check=False).strip() == name)

    def play(self, path, sink=None):
        """Starts playing a WAV file, into `sink` or the default one; returns the player."""
        argv = ["paplay"] + ([f"--device={sink}"] if sink else []) + [path]
        return Process(argv, self.log_path("paplay"), env=self.environment())

    def start_controls(self, source="program", relay_ms=20):
        """Feeds both control ears from a sink's monitor; the relay asks for so much at a time, a quarter of which is
        the longest that PipeWire's cycles then are."""
        self._relay_ms = relay_ms
        self.start_loopback(source, "control")
        self.renew_relay(source)

    def renew_relay(self, source="program"):
        """Starts the ordinary clients again: they queue without limit, and what has held them up
        once keeps them late for good."""
        self._end_relays()
        self._relays.append(self.start_relay(source, "relay"))

    def start_relay(self, source, sink):
        """An ordinary client that records, and one that plays what it recorded."""
        sound = f"--raw --format=float32le --latency-msec={self._relay_ms}"
        command = f"parec -d {source}.monitor {sound} | pacat -d {sink} {sound}"
        return Process(["sh", "-c", command], self.log_path("relay"), env=self.environment())

    def start_loopback(self, source, sink):
        """The server's own way from one sink's monitor to another."""
        raise NotImplementedError

    def record(self, sinks):
        """Starts recording the monitors of `sinks` as channels of one stream."""
        raise NotImplementedError


class PulseAudio(SoundServer):
    """One null sink drives everything; the named sinks are two of its channels each."""

    backend = "pulse"

    def _start(self):
        channels = 2 * len(self.sinks)
        positions = ",".join(f"aux{i}" for i in range(channels))
        lines = [
            "load-module module-native-protocol-unix auth-anonymous=1 "
            f"socket={self.runtime}/pulse/native",
            f"load-module module-null-sink sink_name={CLOCK} rate={RATE} format=float32le "
            f"channels={channels} channel_map={positions} norewinds=1",
        ]
        for i, sink in enumerate(self.sinks):
            lines.append(
                f"load-module module-remap-sink sink_name={sink} master={CLOCK} channels=2 "
                f"channel_map=front-left,front-right master_channel_map=aux{2 * i},aux{2 * i + 1} "
                f"remix=no sink_properties=device.description={sink}")
        script = self._write("lab.pa", "\n".join(lines) + "\n")
        self._spawn(
            "pulseaudio", "-n", "-F", script, "--daemonize=no", "--use-pid-file=no",
            "--exit-idle-time=-1", "--fail=yes", "--high-priority=yes", "--realtime=yes",
            "--disallow-exit=yes", "--log-target=stderr", "--log-level=notice",
            "--resample-method=speex-float-5")

    def start_loopback(self, source, sink):
        self.call("pactl", "load-module", "module-loopback", f"source={source}.monitor",
                  f"sink={sink}", "latency_msec=40")

    def record(self, sinks):
        return PulseRecording(self, sinks)


class PipeWire(SoundServer):
    """PipeWire, WirePlumber and the PulseAudio front.

    All sinks follow one driver that is none of them: the monitor of a driving sink comes one
    quantum late, which would bend the numbers. The stock rules for virtual machines, which raise
    the smallest quantum to 1024 frames, are left out.
    """

    backend = "pipewire"

    def start(self, choose=True, before_manager=lambda: None):
        """`before_manager` is called while nobody manages the nodes yet."""
        self._before_manager = before_manager
        super().start(choose)

    def start_manager(self):
        self._manager = self._spawn("wireplumber")

    def kill_manager(self):
        self._manager.kill()
        self._processes.remove(self._manager)

    def metadata(self, *setting):
        """What the session manager keeps, or has kept from now on: a key and its value."""
        return self.call("pw-metadata", "0", *setting, check=False)

    def _start(self):
        core = self._write("core.conf", _PIPEWIRE_CORE % {
            "rate": RATE, "clock": CLOCK, "sinks": "\n".join(
                _PIPEWIRE_SINK % {"name": sink, "rate": RATE, "priority": 2000 - i}
                for i, sink in enumerate(self.sinks))})
        pulse = self._write("pulse.conf", _PIPEWIRE_PULSE)
        self._write("wireplumber/main.lua.d/60-lab.lua", _WIREPLUMBER_MAIN)
        self._write("wireplumber/bluetooth.lua.d/60-lab.lua", "bluez_monitor.enabled = false\n")
        self._spawn("pipewire", "-c", core)
        until("pipewire", (self.runtime / "pipewire-0").exists, 10, self._death)
        self._before_manager()
        self.start_manager()
        self._spawn("pipewire-pulse", "-c", pulse)
        until("pipewire-pulse", (self.runtime / "pulse/native").exists, 10, self._death)
        wanted = {f"{sink}:monitor_FL" for sink in self.sinks}
        until("the sinks' ports", lambda: wanted <= set(self.call("pw-link", "-o", check=False).split()),
              15, self._death)

    def start_loopback(self, source, sink, seconds=0):
        """As a wireless headphone where `seconds` is not 0: what plays into `source` is told nothing of it."""
        process = Process(
            ["pw-loopback", "--delay", str(seconds), "-C", source, "-P", sink, "--capture-props",
             "{ stream.capture.sink = true node.latency = 1024/48000 }",
             "--playback-props", "{ node.latency = 1024/48000 }"],
            self.log_path("pw-loopback"), env=self.environment())
        self._processes.append(process)
        until("the control ear", lambda: "loopback" in self.call("pw-link", "-l", check=False),
              10, self._death)

    def link(self, output, input_):
        """Links two ports; a port may be listed a moment before it can be linked."""
        def linked():
            try:
                self.call("pw-link", output, input_)
            except LabError as error:
                return "File exists" in str(error)
            return True
        until(f"linking {output} to {input_}", linked, 10)

    def record(self, sinks):
        return PipeWireRecording(self, sinks)


SERVERS = {"pipewire": PipeWire, "pulse": PulseAudio}

_PIPEWIRE_SINK = """\
  { factory = adapter args = { factory.name = support.null-audio-sink node.name = "%(name)s"
      node.description = "%(name)s" media.class = "Audio/Sink" audio.rate = %(rate)d
      audio.position = [ FL FR ] monitor.channel-volumes = false node.group = "auralync-lab"
      priority.session = %(priority)d session.suspend-timeout-seconds = 0 } }"""

_PIPEWIRE_CORE = """\
context.properties = {
  core.daemon = true
  core.name = pipewire-0
  link.max-buffers = 16
  default.clock.rate = %(rate)d
  default.clock.allowed-rates = [ %(rate)d ]
  default.clock.quantum = 1024
  default.clock.min-quantum = 32
  default.clock.max-quantum = 2048
  mem.warn-mlock = false
}
context.spa-libs = {
  audio.convert.* = audioconvert/libspa-audioconvert
  support.* = support/libspa-support
}
context.modules = [
  { name = libpipewire-module-rt args = { nice.level = -11 } flags = [ ifexists nofail ] }
  { name = libpipewire-module-protocol-native }
  { name = libpipewire-module-profiler }
  { name = libpipewire-module-metadata }
  { name = libpipewire-module-spa-node-factory }
  { name = libpipewire-module-client-node }
  { name = libpipewire-module-access }
  { name = libpipewire-module-adapter }
  { name = libpipewire-module-link-factory }
  { name = libpipewire-module-session-manager }
]
context.objects = [
  { factory = spa-node-factory args = { factory.name = support.node.driver node.name = Dummy-Driver
      node.group = pipewire.dummy priority.driver = 20000 } }
  { factory = spa-node-factory args = { factory.name = support.node.driver node.name = %(clock)s
      node.group = "auralync-lab" priority.driver = 50000 } }
%(sinks)s
]
"""

_PIPEWIRE_PULSE = """\
context.spa-libs = {
  audio.convert.* = audioconvert/libspa-audioconvert
  support.* = support/libspa-support
}
context.modules = [
  { name = libpipewire-module-rt args = { nice.level = -11 } flags = [ ifexists nofail ] }
  { name = libpipewire-module-protocol-native }
  { name = libpipewire-module-client-node }
  { name = libpipewire-module-adapter }
  { name = libpipewire-module-metadata }
  { name = libpipewire-module-protocol-pulse args = { } }
]
pulse.properties = {
  server.address = [ "unix:native" ]
  pulse.min.req = 64/48000
  pulse.min.frag = 64/48000
  pulse.min.quantum = 64/48000
}
"""

# Linking policy only: no device monitors, no saved state.
_WIREPLUMBER_MAIN = """\
alsa_monitor.enabled = false
v4l2_monitor.enabled = false
libcamera_monitor.enabled = false
default_access.properties["enable-flatpak-portal"] = false
device_defaults.properties["use-persistent-storage"] = false
stream_defaults.enabled = false
"""
