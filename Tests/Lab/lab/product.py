"""The product under test: `auralync serve` and `auralync listen`, and the events they print."""

import json
import os
import subprocess
from pathlib import Path

from .processes import LabError, Process

REPOSITORY = Path(__file__).resolve().parents[3]


def binary():
    """The built program: AURALYNC_BINARY, or the release build of this repository."""
    path = Path(os.environ.get("AURALYNC_BINARY") or REPOSITORY / ".build/release/auralync")
    if not path.exists():
        raise LabError(f"{path} is missing: swift build -c release --product auralync")
    return path


class Program(Process):
    """A running `auralync` that logs JSON; its events are read from the log."""

    def __init__(self, arguments, log, env, stdin=subprocess.DEVNULL, prefix=()):
        super().__init__([*prefix, binary(), *arguments], log, env=env, stdin=stdin)

    @property
    def all_events(self):
        """Everything printed so far, one dictionary a line; a last half line is left out."""
        text = self.output
        lines = text[:text.rfind("\n") + 1].splitlines()
        try:
            return [json.loads(line) for line in lines]
        except ValueError as error:
            raise LabError(f"not JSON: {error} in {lines!r}") from None

    def events(self, event, **fields):
        return [
            e for e in self.all_events
            if e.get("event") == event and all(e.get(k) == v for k, v in fields.items())]

    def event(self, event, seconds=30.0, **fields):
        """Waits for the first such event."""
        what = f"{self.name}: event {event} {fields or ''}".strip()
        return self.until(what, lambda: self.events(event, **fields), seconds)[0]

    def new_event(self, event, known, seconds=30.0, **fields):
        """Waits for an event of a kind of which `known` were there before."""
        what = f"{self.name}: another event {event} {fields or ''}".strip()
        return self.until(what, lambda: self.events(event, **fields)[known:], seconds)[0]

    @property
    def error_line(self):
        """What it said on stderr; a clear error is exactly one line."""
        return self.errors.strip()


class Serve(Program):
    """`auralync serve` on a free port unless the options say otherwise."""

    def __init__(self, *options, log, env, port=0, **process):
        options = [str(o) for o in options]
        split = options.index("--") if "--" in options else len(options)
        arguments = ["serve", "--port", str(port), "--http-port", "0", "--log-format", "json",
                     *options[:split], *options[split:]]
        super().__init__(arguments, log, env, **process)

    @property
    def serving(self):
        return self.event("serving")

    @property
    def port(self):
        return self.serving["port"]

    @property
    def address(self):
        return ("127.0.0.1", self.port)

    def web_address(self, host="127.0.0.1"):
        """Where the page and WHEP are."""
        return (host, self.serving["http_port"])

    @property
    def whep(self):
        """The path of the only broadcast's WHEP endpoint."""
        return self.serving["broadcasts"][0]["whep"]

    @property
    def listeners(self):
        status = self.events("status")
        return status[-1]["listeners"] if status else 0


class Listen(Program):
    """`auralync listen` to a port of this machine, or to a URL; a port is one of the original
    protocol unless `protocol` says otherwise."""

    def __init__(self, port, *options, log, env, host="127.0.0.1", protocol="original", **process):
        is_url = "://" in str(port)
        server = port if is_url else f"{host}:{port}"
        forced = [] if is_url else ["--protocol", protocol]
        super().__init__(
            ["listen", server, "--log-format", "json", *forced, *map(str, options)], log, env,
            **process)

    def until_playing(self, seconds=30.0):
        self.event("status", seconds, state="playing")


class Peer(Process):
    """A module of the laboratory as a program of its own, so that its timing is its own.

    It prints JSON events; the first one of a server tells the port it listens on.
    """

    def __init__(self, module, *arguments, log, prefix=(), stdin=subprocess.DEVNULL):
        lab = Path(__file__).resolve().parents[1]
        super().__init__(
            [*prefix, "/usr/bin/python3", "-B", "-m", module, *arguments], log,
            env={**os.environ, "PYTHONPATH": str(lab)}, stdin=stdin)

    @property
    def port(self):
        return self.until("the peer's port", lambda: self.events("listening"))[0]["port"]

    @property
    def all_events(self):
        text = self.output
        return [json.loads(x) for x in text[:text.rfind("\n") + 1].splitlines()]

    def events(self, event):
        return [e for e in self.all_events if e.get("event") == event]


def original_server(*options, log):
    """`lab.original_server` with its options."""
    return Peer("lab.original_server", *options, log=log)


def proxy(port, log):
    """`lab.proxy` in front of a port of this machine."""
    return Peer("lab.proxy", f"127.0.0.1:{port}", log=log)


def crowd(port, clients, seconds, log):
    """`lab.crowd` on a port of this machine."""
    return Peer("lab.crowd", f"127.0.0.1:{port}", f"--clients={clients}", f"--seconds={seconds}",
                log=log)


def original_client(port, *options, log):
    """`lab.original_client` on a port of this machine."""
    return Peer("lab.original_client", f"127.0.0.1:{port}", *options, log=log)


class AiortcPlayer(Peer):
    """`lab.aiortc_player` on an endpoint; what it hears is in `sound`."""

    def __init__(self, url, log, prefix=(), any_packet=True):
        self.sound = Path(log).with_suffix(".raw")
        options = ["--any-packet"] if any_packet else []
        super().__init__("lab.aiortc_player", url, self.sound, *options, log=log, prefix=prefix,
                         stdin=subprocess.PIPE)

    def event(self, event, seconds=20.0):
        return self.until(f"aiortc: {event}", lambda: self.events(event), seconds)[0]

    def leave(self):
        """Sends the DELETE, and goes on listening to what may still come."""
        self.popen.stdin.write(b"\n")
        self.popen.stdin.flush()
        return self.event("left")
