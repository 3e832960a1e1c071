"""End-to-end delay in real browsers, split into what is ours and what is the browser's."""

import statistics
import time

from lab.browser import BROWSERS
from lab.lan import Lan
from lab.soundserver import CONTROLS, SERVERS
from lab.stage import Stage
from lab.takes import listen_in
from lab.webpage import Span, WebPage

METHOD = (
    "As above, with our page open in Chromium and in Firefox at once, headless, as installed, each in "
    "a network namespace of its own at the end of a clean wire; {runs} runs of {seconds:g} s per line, "
    "{settle:g} s after both play. Ours: from a packet's first captured frame until it has been handed "
    "to the network, as `serve` says, mean. Jitter buffer: `jitterBufferDelay` / "
    "`jitterBufferEmittedCount` of the same seconds. Playout: `totalPlayoutDelay` / "
    "`totalSamplesCount`, which Firefox does not have. Rest: what is left of the median; the sound "
    "server on both sides, in Firefox the playout too. Made up: `concealedSamples` less the silent "
    "ones, of all samples. Waits: the part of the time in which somebody waited for a core; from a "
    "quarter on, the jitter buffers tell of the machine. Median of the runs.")

SETTLE = 8.0
EARS = dict(zip(BROWSERS, ("ear1", "ear2")))


def _one_run(backend, preset, seconds):
    with SERVERS[backend]() as server, Lan(2) as lan, Stage(sound_server=server) as stage:
        server.start_controls()
        serve = stage.serve("--preset", preset, "--status-every", 1, prefix=lan.inside("server"))
        address = serve.web_address(lan.server_address)
        pages = {}
        for number, (kind, ear) in enumerate(EARS.items()):
            host = lan.namespace(f"h{number + 1}")
            pages[kind] = WebPage(stage.browser(kind, ear, host), address)
            pages[kind].listen()
        time.sleep(SETTLE)
        server.renew_relay()
        known = len(serve.events("status"))
        spans = {kind: Span(page) for kind, page in pages.items()}
        take = listen_in(server, [*EARS.values(), *CONTROLS], seconds)
        spans = {kind: span.end() for kind, span in spans.items()}
        delays = [event["send_delay_ms"] for event in serve.events("status")[known:]]
    controls = [take[control] for control in CONTROLS]
    return {kind: {"busy": take.pressure, **_read(take[EARS[kind]], controls, spans[kind], delays)}
            for kind in EARS}


def _read(heard, controls, span, delays):
    if heard.error:
        return {"error": heard.error}
    made_up = span.count("concealedSamples") - span.count("silentConcealedSamples")
    return {
        "error": None, "median_ms": heard.median_ms, "p95_ms": heard.p95_ms,
        "ours_ms": statistics.fmean(delays) if delays else None, "buffer_ms": span.buffer_ms,
        "playout_ms": span.playout_ms, "made_up": made_up / max(1, span.samples),
        "dropouts": len(heard.dropouts_beyond(*controls))}


def measure(preset, backend, runs, seconds):
    """The lines of one preset on one sound server, one for each browser."""
    results = [_one_run(backend, preset, seconds) for _ in range(runs)]
    return [_summary(kind, preset, backend, [r[kind] for r in results]) for kind in EARS]


def _summary(kind, preset, backend, runs):
    good = [run for run in runs if not run["error"]]

    def median(name):
        values = [run[name] for run in good if run[name] is not None]
        return statistics.median(values) if values else None
    stages = {name: median(name)
              for name in ("ours_ms", "buffer_ms", "playout_ms", "made_up", "busy")}
    total = median("median_ms")
    known = sum(stages[name] or 0 for name in ("ours_ms", "buffer_ms", "playout_ms"))
    return {
        "browser": kind, "preset": preset, "backend": backend, "runs": runs,
        "failed_runs": [run["error"] for run in runs if run["error"]],
        "medians_ms": [run["median_ms"] for run in good], "median_ms": total,
        "worst_p95_ms": max((run["p95_ms"] for run in good), default=None), **stages,
        "rest_ms": None if total is None else total - known,
        "dropouts": sum(run["dropouts"] for run in good)}
