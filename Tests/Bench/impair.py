"""Ours, Snapcast, PipeWire's RTP and Chromium on one wire that loses and delays, at the same time."""

import os
import re
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lab.lan import Lan
from lab.processes import Process
from lab.soundserver import CONTROLS, SERVERS
from lab.stage import Stage
from lab.takes import listen_in
from lab.webpage import Span, WebPage

METHOD = (
    "One headless PipeWire; the program's sound goes to all servers at once, they live in one network "
    "namespace, all listeners in another, and one wire joins the two (`lab.wire`: both directions, each frame "
    "waits for the delay and a normally distributed jitter of which the standard deviation is told, so frames "
    "overtake each other as over netem). All listen on a clean wire first, then it is spoilt, {settle:g} s "
    "later a take of {seconds:g} s begins. Dropouts: silence or wrong sound over 5 ms that neither control ear "
    "has; their number, and milliseconds a minute. Made up: sound concealed, by the listener's own count, "
    "milliseconds a minute; Snapcast and PipeWire do not tell. Steps: changes of the delay by over 2 ms "
    "between windows of 0.5 s. Waits: the part of the time in which somebody waited for a core; above a quarter "
    "the row tells of the machine. At its least: each with the least delay at which it plays, on the clean wire. "
    "{versions}.")

SETTLE = 20.0
SECONDS = 25.0
STEP_MS = 2.0
# What `lab.wire` is told. TCP needs no jitter to suffer, and no wire is without any delay.
ROWS = {
    "clean": {},
    **{f"loss {loss} %": {"loss": loss / 100, "delay_ms": 5} for loss in (1, 5, 10, 20)},
    **{f"jitter {jitter} ms": {"delay_ms": 2 * jitter, "jitter_ms": jitter} for jitter in (5, 30, 80)},
}


@dataclass
class Lineup:
    """Who listens, each under its name and with its own settings."""

    serve: tuple
    listens: dict  # options
    snapcasts: dict  # buffer and chunk, in milliseconds
    rtp: dict  # sess.latency.msec

    @property
    def ears(self):
        """A listener and its ear."""
        names = [*self.listens, "Chromium", *self.snapcasts, *self.rtp]
        return {name: f"ear{number}" for number, name in enumerate(names, 1)}


USUAL = Lineup((), {"listen": (), "listen, delay 250": ("--delay", 250)},
               {"Snapcast, buffer 1000": (1000, 20), "Snapcast, buffer 250": (250, 20)}, {"PipeWire RTP, 100 ms": 100})
# Of Snapcast and PipeWire's RTP: what played, where less did not.
LEAST = Lineup(("--preset", "low-latency"), {"listen": (), "listen, pcm": ("--codec", "pcm")},
               {"Snapcast, buffer 100": (100, 10)}, {"PipeWire RTP, 10 ms": 10})
ROWS["at its least"] = {}
_RTP_SINK = """{ local.ifname = eth0 destination.ip = 239.77.0.9 destination.port = 46200 sess.name = lab
  sess.min-ptime = 2 sess.max-ptime = 5 stream.props = { node.name = rtpout
  media.class = Stream/Input/Audio target.object = program stream.capture.sink = true } }"""
_RTP_SOURCE = """{ local.ifname = eth0 sess.latency.msec = %d stream.rules = [ {
  matches = [ { rtp.session = "~.*" } ]
  actions = { create-stream = { node.target = %s target.object = %s } } } ] }"""


def measure(name, seconds):
    """One row: every listener on a wire of that name in `ROWS`."""
    lineup = LEAST if name == "at its least" else USUAL
    ears = lineup.ears
    with (SERVERS["pipewire"](("program", *ears.values(), *CONTROLS)) as server,
          Lan(1, bad=("h1",)) as lan, Stage(sound_server=server) as stage):
        server.start_controls()
        room = _Room(server, lan, stage, lineup)
        listens, page = room.start_ours()
        room.start_peers()
        lan.spoil("h1", **ROWS[name])
        time.sleep(SETTLE)
        server.renew_relay()
        time.sleep(1)
        before, span = [_concealed(one) for one in listens.values()], Span(page)
        began = time.monotonic()
        take = listen_in(server, [*ears.values(), *CONTROLS], seconds)
        took = (time.monotonic() - began) / 60
        after = [_concealed(one) for one in listens.values()]
        made_up = {"Chromium": span.end().count("concealedSamples") / 48 / took}
    made_up.update((who, (b - a) / took) for who, a, b in zip(listens, before, after))
    controls = [take[control] for control in CONTROLS]
    return {"name": name, "waits": take.pressure, "controls": [str(one) for one in controls],
            "listeners": {who: _read(take[ear], controls, seconds, made_up.get(who))
                          for who, ear in ears.items()}}


class _Room:
    """What is started: the servers in one namespace, the listeners in the other."""

    def __init__(self, server, lan, stage, lineup):
        self.server, self.lan, self.stage, self.lineup, self.ears = server, lan, stage, lineup, lineup.ears

    def start_ours(self):
        serve = self.stage.serve(*self.lineup.serve, prefix=self.lan.inside("server"))
        host, port = address = serve.web_address(self.lan.server_address)
        listens = {
            who: self.stage.listen(
                f"http://{host}:{port}{serve.whep}", "--output", self.ears[who], "--status-every", 1, *more,
                prefix=self.lan.inside("h1")) for who, more in self.lineup.listens.items()}
        for listen in listens.values():
            listen.until_playing(30)
        page = WebPage(self.stage.browser("chromium", self.ears["Chromium"], self.lan.namespace("h1")), address)
        page.listen()
        return listens, page

    def start_peers(self):
        for number, (who, (buffer_ms, chunk_ms)) in enumerate(self.lineup.snapcasts.items()):
            self._snapcast(1704 + 10 * number, buffer_ms, chunk_ms, self.ears[who])
        # Loaded into a client that lives as long as its standard input does.
        self._pipewire("server", f"load-module libpipewire-module-rtp-sink {_RTP_SINK}")
        for who, latency_ms in self.lineup.rtp.items():
            source = _RTP_SOURCE % (latency_ms, self.ears[who], self.ears[who])
            self._pipewire("h1", f"load-module libpipewire-module-rtp-source {source}")
        time.sleep(6)  # sessions are announced every 5 s

    def _snapcast(self, port, buffer_ms, chunk_ms, ear):
        fifo, file = (self.server.directory / f"snap-{port}{end}" for end in ("", ".conf"))
        os.mkfifo(fifo)
        file.write_text(
            f"[http]\nenabled = false\n[tcp]\nenabled = false\n[stream]\nbind_to_address = "
            f"{self.lan.server_address}\nport = {port}\nsource = pipe://{fifo}?name=lab&mode=read\n"
            f"sampleformat = 48000:16:2\ncodec = pcm\nchunk_ms = {chunk_ms}\nbuffer = {buffer_ms}\n"
            f"[server]\ndatadir = {self.server.directory}/snap-{port}-state\n")
        self._start("server", "snapserver", "-c", file)
        self._start("server", "sh", "-c", "exec parec --device=program.monitor --raw --format=s16le --rate=48000 "
                                          f"--channels=2 --latency-msec=10 > {fifo}")
        self._start("h1", "snapclient", "-h", self.lan.server_address, "-p", port, "--hostID", ear, "-i", "1",
                    "--player", "pulse", sink=ear)

    def _pipewire(self, host, command):
        self._start(host, "pw-cli", "-m", *command.split(" ", 2))

    def _start(self, host, *argv, sink=None):
        return self.stage.keep(Process(
            [*self.lan.inside(host), *argv], self.stage.log(Path(str(argv[0])).name),
            env=self.server.environment(sink)))


def _concealed(listen):
    """Of a status that is newer than now."""
    status = listen.new_event("status", len(listen.events("status")), 15)
    return (status["webrtc"] or {}).get("concealed_ms", 0)


def _read(heard, controls, seconds, made_up):
    if heard.error:
        return {"error": heard.error}
    beyond = heard.dropouts_beyond(*controls)
    known = heard.latencies_ms[np.isfinite(heard.latencies_ms)]
    return {
        "error": None, "median_ms": heard.median_ms, "p95_ms": heard.p95_ms, "dropouts": len(beyond),
        "dropped_ms": sum(end - begin for begin, end in beyond) * 60_000 / seconds,
        "made_up_ms": made_up, "steps": int((np.abs(np.diff(known)) > STEP_MS).sum()),
        "correlation": heard.correlation}


def versions():
    """Of what is compared, as each says of itself."""
    said = (("snapclient", "snapclient", "--version"), ("PipeWire", "pipewire", "--version"),
            ("Chromium", "chromium", "--version"))
    found = []
    for name, *argv in said:
        text = subprocess.run(argv, capture_output=True, text=True, timeout=20, check=False).stdout
        number = re.search(r"\d+(\.\d+)+", text)
        found.append(f"{name} {number.group() if number else 'of unknown version'}")
    return ", ".join(found)


def table(rows):
    lines = ["| wire | listener | delay, ms | p95 | dropouts | ms a minute | made up, ms a minute | steps | waits |",
             "|" + "---|" * 9]
    for row in rows:
        for who, heard in row["listeners"].items():
            if heard["error"]:
                lines.append(f"| {row['name']} | {who} | {heard['error']} |" + " – |" * 5 + f" {row['waits']:.0%} |")
                continue
            made_up = "–" if heard["made_up_ms"] is None else f"{heard['made_up_ms']:.0f}"
            lines.append(
                f"| {row['name']} | {who} | {heard['median_ms']:.1f} | {heard['p95_ms']:.1f} | {heard['dropouts']} "
                f"| {heard['dropped_ms']:.0f} | {made_up} | {heard['steps']} | {row['waits']:.0%} |")
    return lines
