"""Pages while film mode's delay moves: how far each is from a native ear, and what it makes up."""

import json

import numpy as np

from lab import meter
from lab.lan import Lan
from lab.processes import Busyness
from lab.soundserver import SERVERS
from lab.stage import Stage
from lab.takes import Take
from lab.webpage import Span, WebPage
from lab.whep import Web

METHOD = (
    "Film mode, {near} ms; `listen` and our page in Chromium and in Firefox, headless, each in a network namespace of "
    "its own, while sung syllables and breaths of noise play (PipeWire). {up:g} s after the beginning the delay is set to {far} "
    "ms, and {back:g} s later back; it moves by 20 ms a second. Every 0.25 s a window of 0.5 s of each ear is placed in "
    "the sound; the median of five windows, less the native ear's, at each second: lowest to highest, and the median. A "
    "moving ear is placed to 20 ms or so.")

NEAR_MS, FAR_MS = 250, 600
UP, BACK, LENGTH = 30.0, 40.0, 100.0
EARS = {"native": "ear1", "chromium": "ear2", "firefox": "ear3"}
MOVING = (FAR_MS - NEAR_MS) / 20
# Seconds after a change, and whether it is the one back.
PARTS = {
    "before": (UP - 8, UP), "its first second": (UP, UP + 1), "moves, longer": (UP + 1, UP + MOVING),
    "at rest again": (UP + MOVING + 3, UP + BACK), "back: its first second": (UP + BACK, UP + BACK + 1),
    "moves, shorter": (UP + BACK + 1, UP + BACK + MOVING), "at rest": (UP + BACK + MOVING + 3, LENGTH - 2)}


def measure():
    """A line for each page."""
    with SERVERS["pipewire"](("program", *EARS.values())) as server, Lan(len(EARS)) as lan, \
            Stage(sound_server=server) as stage:
        serve = stage.serve("--mode", "film", "--delay", NEAR_MS, prefix=lan.inside("server"))
        host, port = address = serve.web_address(lan.server_address)
        # Only the host's own programs may change it.
        web = Web(("127.0.0.1", port), lan.namespace("server"))
        pages = {}
        for number, (kind, ear) in enumerate(EARS.items()):
            place = f"h{number + 1}"
            if kind == "native":
                stage.listen(f"http://{host}:{port}{serve.whep}", "--output", ear, prefix=lan.inside(place))
                continue
            browser = stage.browser(kind, ear, lan.namespace(place))
            # A namespace's first second counts as a change of networks to a browser.
            browser.evaluate("new Promise((done) => setTimeout(done, 1500))")
            pages[kind] = WebPage(browser, address)
        with Take(server, EARS.values(), LENGTH, probe=meter.voice) as take:
            for page in pages.values():
                page.listen(60)
            take.sleep_until(UP)
            spans, busyness = {kind: Span(page) for kind, page in pages.items()}, Busyness()
            for wanted, until in ((FAR_MS, UP + BACK), (NEAR_MS, LENGTH - 1)):
                answer = web.ask("POST", "/api/mode", json.dumps({"delay_ms": wanted}), Content_Type="application/json")
                assert answer.status == 200, answer
                take.sleep_until(until)
            made_up = {kind: span.end().count("concealedSamples") / 48 for kind, span in spans.items()}
            waits = busyness.share
    seconds = np.arange(0, LENGTH)
    lags = {kind: _on(seconds, *meter.follow(take.sounds["program"], take.sounds[ear])) for kind, ear in EARS.items()}
    return [{"browser": kind, "waits": waits, "made_up_ms": made_up[kind],
             "apart": (lags[kind] - lags["native"]).tolist()} for kind in pages]


def _on(seconds, times, lags):
    known = np.isfinite(lags)
    times, lags = times[known], lags[known]
    smooth = [np.median(lags[max(0, i - 2):i + 3]) for i in range(len(lags))]
    return np.interp(seconds, times, smooth)


def table(rows):
    lines = ["| browser | " + " | ".join(PARTS) + " | made up, ms | waits |", "|" + "---|" * (len(PARTS) + 3)]
    for row in rows:
        apart = np.array(row["apart"])
        cells = [apart[int(begin):int(end)] for begin, end in PARTS.values()]
        lines.append(f"| {row['browser']} | " + " | ".join(
            f"{cell.min():+.0f} to {cell.max():+.0f}, {np.median(cell):+.0f}" for cell in cells)
            + f" | {row['made_up_ms']:.0f} | {row['waits']:.0%} |")
    return lines
