"""Starting programs for one test, each with its own log, and ending all of them afterwards."""

import os
import tempfile
from pathlib import Path

from . import product
from .browser import BROWSERS

_FOREIGN = ("PULSE_", "PIPEWIRE_", "XDG_", "DBUS_", "AURALYNC_")


class Stage:
    """Runs programs against a sound server, or without any."""

    def __init__(self, directory=None, sound_server=None):
        """`directory` is where logs and files go; an own temporary one when None."""
        self._temporary = tempfile.TemporaryDirectory(prefix="auralync-lab.")
        self.directory = Path(directory or self._temporary.name)
        self.sound_server = sound_server
        self.runtime = Path(self._temporary.name) / "runtime"
        self.runtime.mkdir(mode=0o700)
        self.programs = []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.end_programs()
        self._temporary.cleanup()

    def end_programs(self):
        """Ends everything, the last started first; the logs stay. A fixture that is shared by
        several tests does so before it yields, or its listeners would play into later takes."""
        for program in reversed(self.programs):
            program.end()

    @property
    def environment(self):
        """Variables of a program: the sound server's, or those of a machine that has none."""
        if self.sound_server:
            return self.sound_server.environment()
        env = {k: v for k, v in os.environ.items() if not k.startswith(_FOREIGN)}
        env.update(HOME=str(self.directory), XDG_RUNTIME_DIR=str(self.runtime),
                   XDG_CONFIG_HOME=str(self.directory / ".config"))
        return env

    def log(self, name):
        return self.directory / f"{len(self.programs):02}-{name}.log"

    def keep(self, program):
        self.programs.append(program)
        return program

    def serve(self, *options, env=None, **more):
        env = {**self.environment, **(env or {})}
        return self.keep(product.Serve(*options, log=self.log("serve"), env=env, **more))

    def listen(self, port, *options, env=None, **more):
        env = {**self.environment, **(env or {})}
        return self.keep(product.Listen(port, *options, log=self.log("listen"), env=env, **more))

    def program(self, *arguments, env=None, **more):
        """`auralync` with exactly these arguments."""
        env = {**self.environment, **(env or {})}
        return self.keep(product.Program(arguments, self.log("auralync"), env, **more))

    def original_server(self, *options):
        return self.keep(product.original_server(*options, log=self.log("original-server")))

    def original_client(self, port, *options):
        return self.keep(product.original_client(port, *options, log=self.log("original-client")))

    def proxy(self, port):
        return self.keep(product.proxy(port, log=self.log("proxy")))

    def crowd(self, port, clients, seconds):
        return self.keep(product.crowd(port, clients, seconds, log=self.log("crowd")))

    def aiortc_source(self, hertz, *options):
        return self.keep(product.Peer("lab.aiortc_source", f"--hertz={hertz}", *options,
                                      log=self.log("aiortc-source")))

    def aiortc_player(self, url, **options):
        return self.keep(product.AiortcPlayer(url, log=self.log("aiortc"), **options))

    def browser(self, kind, ear, namespace=None):
        """A browser that plays into a sink of the sound server."""
        env = self.sound_server.environment(ear)
        return self.keep(BROWSERS[kind](env, namespace, self.log(kind)))
