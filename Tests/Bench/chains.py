"""The two designs that the benchmarks compare, each as a server, a listener and what to freeze."""

import json
import os
import signal
import time
from pathlib import Path

from lab.processes import Process

HERE = Path(__file__).resolve().parent

PRESETS = ("smooth", "low-latency", "stable")


class Ours:
    """`auralync serve` and `auralync listen`."""

    name = "auralync"

    @staticmethod
    def serve(stage, preset):
        return stage.serve("--preset", preset, "--max-clients", 0, "--listen-backlog", 1000)

    @staticmethod
    def listen(stage, port, ear):
        listen = stage.listen(port, "--output", ear, "--status-every", 1)
        listen.until_playing()
        return listen


class Legacy:
    """The original's design, rebuilt; see legacy/README.md for how far it is the original."""

    name = "rebuilt original design"

    @staticmethod
    def serve(stage, preset):
        return stage.keep(_LegacyProgram("server.py", ["--preset", preset], stage))

    @staticmethod
    def listen(stage, port, ear):
        listen = stage.keep(_LegacyProgram("client.py", [port, "--output", ear], stage))
        listen.until("its connection", lambda: listen.output.endswith("\n"))
        return listen


class _LegacyProgram(Process):
    def __init__(self, script, arguments, stage):
        super().__init__(
            ["/usr/bin/python3", "-B", HERE / "legacy" / script, *arguments], stage.log(script),
            env=stage.environment)

    @property
    def port(self):
        return json.loads(self.until("its port", lambda: self.output.endswith("\n") and self.output))[
            "port"]

    def freeze(self, seconds):
        """With its recorder or player: in the original both were one program."""
        os.killpg(self.pid, signal.SIGSTOP)
        time.sleep(seconds)
        os.killpg(self.pid, signal.SIGCONT)


DESIGNS = (Ours, Legacy)
