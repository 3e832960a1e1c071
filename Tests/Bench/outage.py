"""How soon `listen` over WHEP is heard again when its server was started anew, or the network was gone."""

import signal
import socket
import statistics
import time

import numpy as np

from lab.lan import Lan
from lab.namespaces import ip
from lab.recording import RATE
from lab.soundserver import SERVERS
from lab.stage import Stage

METHOD = (
    "`serve --source tone` and `listen` over WHEP in network namespaces of their own, PipeWire, {runs} runs a "
    "line: median, and the worst. Heard again: from the server's start (killed and started again at once; the "
    "same for one that is asked to end), or from the network's return, until the last silence of 50 ms or more "
    "at the ear ends, to about 0.05 s; 0 where there was none. Serving: how long the new server "
    "itself takes until it says that it serves. Connected: until the listener says that it is.")

# The ways to be away: a signal for the server, or seconds without the network.
OUTAGES = {
    "server killed and started again": signal.SIGKILL, "server ended and started again": signal.SIGTERM,
    "network gone for 5 s": 5, "network gone for 31 s": 31,
}
_LONGEST = 20.0
_SILENCE = 0.05


def measure(name, runs):
    return {"name": name, "runs": [_run(OUTAGES[name]) for _ in range(runs)]}


def _run(outage):
    with SERVERS["pipewire"](("program", "ear1")) as server, Lan(1) as lan, Stage(sound_server=server) as stage:
        port, web_port = _free_port(), _free_port()

        def serve():
            return stage.serve("--source", "tone", "--http-port", web_port, port=port, prefix=lan.inside("server"))
        first = serve()
        first.serving
        listen = stage.listen(f"http://{lan.server_address}:{web_port}", "--output", "ear1", "--status-every", 1,
                              prefix=lan.inside("h1"))
        listen.until_playing()
        time.sleep(3)
        recording = server.record(["ear1"])
        time.sleep(1)
        serving = None
        if isinstance(outage, signal.Signals):
            first.interrupt(outage)
            began = time.monotonic()
            serve().serving
            serving = time.monotonic() - began
        else:
            bridge = lan.namespace("bridge")
            ip("-n", bridge, "link", "set", "h1", "down")
            time.sleep(outage)
            ip("-n", bridge, "link", "set", "h1", "up")
            began = time.monotonic()
        listen.new_event("connected", 1, _LONGEST)
        connected = time.monotonic() - began
        time.sleep(4)
        until_end = time.monotonic() - began
        return {"serving_s": serving, "connected_s": connected,
                "heard_s": max(0.0, until_end - _sound_at_the_end(recording.stop()["ear1"]))}


def _sound_at_the_end(sound):
    """Seconds from the last silence to the end of a recording."""
    block = int(_SILENCE * RATE)
    levels = np.abs(sound[len(sound) % block:, 0]).reshape(-1, block).max(axis=1)
    return int(np.argmax(levels[::-1] < 1e-3)) * _SILENCE if (levels < 1e-3).any() else float("inf")


def _free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def table(rows):
    lines = ["| what was away | serving, s | connected, s | heard again, s | worst |", "|---|---|---|---|---|"]
    for row in rows:
        def middle(name, row=row):
            values = [run[name] for run in row["runs"] if run[name] is not None]
            return f"{statistics.median(values):.2f}" if values else "–"
        worst = max(run["heard_s"] for run in row["runs"])
        lines.append(f"| {row['name']} | {middle('serving_s')} | {middle('connected_s')} | {middle('heard_s')} "
                     f"| {worst:.2f} |")
    return lines
