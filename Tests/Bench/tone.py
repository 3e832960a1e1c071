"""A pure tone through the page while it is corrected: what is heard beside it, and clicks."""

import json
import time

import numpy as np
from lab import purity, signals
from lab.browser import BROWSERS
from lab.lan import Lan
from lab.soundserver import CONTROLS, SERVERS
from lab.stage import Stage
from lab.takes import Take
from lab.webpage import Span, WebPage
from lab.whep import Web

METHOD = (
    "Film mode, {delay} ms; a tone of {frequency:g} Hz is played, and our page hears it in a headless "
    "browser, as installed, clean wire, PipeWire. After {still:g} s without a correction one is forced. "
    "Beside: the strongest line of any window of {window:g} s, against the tone, further from it than "
    "0.3 % and the window's own width; click: what no tone leaves that changes evenly, of any 20 ms. "
    "Places: pieces of 0.1 s in which either is above {floor:g} dB. Left out: what is heard within 0.3 s "
    "of a place at which the program or one of the ears without the product was not pure itself.")

DELAY_MS = 300
FREQUENCY = 997.0
FLOOR_DB = -50.0
JOINING = 12.0  # until it has settled
STILL = 8.0
MOVING = 22.0
# What is forced, on which of the page's ways: (page's way, before it joins, what is done).
ACTS = {
    "Web Audio's delay": ("Web Audio", "true", "(calibration.offsetMs = 20, true)"),
    "jitterBufferTarget, longer": ("element", "true", "(calibration.offsetMs = -50, true)"),
    "jitterBufferTarget, shorter": ("element", "true", "(calibration.offsetMs = 50, true)"),
    "the server's hold, longer": ("element", "(delete RTCRtpReceiver.prototype.jitterBufferTarget, true)",
                                  {"delay_ms": DELAY_MS + 50}),
}


def tone(seconds, seed=0):
    sound = signals.sine(FREQUENCY, seconds, purity.RATE, 0.25)
    ramp = purity.RATE // 50
    sound[:ramp] *= np.linspace(0, 1, ramp)
    sound[-ramp:] *= np.linspace(1, 0, ramp)
    return sound


def measure(kind, act):
    """One browser, one correction; a line each for the time before it and for the time with it."""
    way, before, change = ACTS[act]
    seconds = JOINING + STILL + MOVING + 2
    with SERVERS["pipewire"](("program", "ear1", *CONTROLS)) as server, Lan(1) as lan, \
            Stage(sound_server=server) as stage:
        server.start_controls()
        serve = stage.serve("--mode", "film", "--delay", DELAY_MS, prefix=lan.inside("server"))
        address = serve.web_address(lan.server_address)
        browser = stage.browser(kind, "ear1", lan.namespace("h1"))
        browser.evaluate("new Promise((done) => setTimeout(done, 1500))")
        page = WebPage(browser, address)
        browser.evaluate(before)
        if way == "Web Audio":
            browser.evaluate("(document.getElementById('louder').click(), true)")
        with Take(server, ["ear1", *CONTROLS], seconds, probe=tone) as take:
            page.listen()
            take.sleep_until(JOINING)
            spans = [Span(page)]
            take.sleep_until(JOINING + STILL)
            spans[0].end()
            spans.append(Span(page))
            changed = time.monotonic() - take.began
            if isinstance(change, str):
                browser.evaluate(change)
            else:
                Web(("127.0.0.1", address[1]), lan.namespace("server")).ask(
                    "POST", "/api/mode", json.dumps(change), Content_Type="application/json")
            take.sleep_until(seconds - 1.5)
            spans[1].end()
    sounds = {name: sound.mean(axis=1) for name, sound in take.sounds.items()}
    offset = np.flatnonzero(np.abs(sounds["program"]) > 0.003)[0] / purity.RATE
    spoilt = _spoilt({name: sounds[name] for name in ("program", *CONTROLS)})
    lines = []
    for what, begin, end, span in (("nothing", JOINING, JOINING + STILL, spans[0]),
                                   (act, changed, seconds - 1.5, spans[1])):
        begin, end = begin + offset, end + offset
        ear = sounds["ear1"][int(begin * purity.RATE):int(end * purity.RATE)]
        beside, clicks = (_judged(find(ear, FREQUENCY), begin, spoilt, width) for find, width in (
            (purity.sidebands, purity.WINDOW), (purity.clicks, purity.PIECE)))
        places = {round(10 * at) for at, level, *_ in (*beside, *clicks) if level > FLOOR_DB}
        lines.append({
            "browser": kind, "way": way, "act": what, "waits": take.pressure, "places": len(places),
            "beside_db": float(beside[:, 1].max()) if len(beside) else None,
            "beside_hz": float(beside[np.argmax(beside[:, 1]), 2]) if len(beside) else None,
            "click_db": float(clicks[:, 1].max()) if len(clicks) else None,
            "judged_s": len(clicks) * 0.005, "put_in_ms": span.count("insertedSamplesForDeceleration") / 48,
            "taken_out_ms": span.count("removedSamplesForAcceleration") / 48,
            "made_up_ms": span.count("concealedSamples") / 48})
    return lines


def _spoilt(sounds):
    """When sound was not pure that did not come through the product: seconds of the recording."""
    found = []
    for name, sound in sounds.items():
        loud = np.flatnonzero(np.abs(sound) > 0.003)
        if not len(loud):
            continue
        begin, end = loud[0] + purity.RATE // 5, loud[-1] - purity.RATE // 5
        clicks = purity.clicks(sound[begin:end], FREQUENCY)
        moments = begin / purity.RATE + clicks[clicks[:, 1] > FLOOR_DB, 0]
        # What the program had is in the ear later; what held the others up held the ear up just then.
        found += [*(moments + DELAY_MS / 1000), *moments] if name == "program" else [*moments]
    return np.array(sorted(found))


def _judged(found, begin, spoilt, width):
    """Without what lies within 0.3 s of a spoilt moment."""
    at = begin + found[:, 0]
    if len(spoilt):
        first = np.searchsorted(spoilt, at - 0.3)
        clear = (first == len(spoilt)) | (spoilt[np.minimum(first, len(spoilt) - 1)] > at + width + 0.3)
        return found[clear]
    return found


def table(rows):
    lines = ["| browser | page's way | corrected by | beside, dB | at, Hz from it | click, dB | places | judged, s | "
             "put in, ms | taken out, ms | made up, ms | waits |",
             "|---|---|---|---|---|---|---|---|---|---|---|---|"]
    for row in [row for part in rows for row in part]:
        levels = [("–" if row[key] is None else f"{row[key]:.1f}") for key in ("beside_db", "beside_hz", "click_db")]
        lines.append(
            f"| {row['browser']} | {row['way']} | {row['act']} | " + " | ".join(levels)
            + f" | {row['places']} | {row['judged_s']:.1f} | {row['put_in_ms']:.0f} | {row['taken_out_ms']:.0f} | "
            f"{row['made_up_ms']:.0f} | {row['waits']:.0%} |")
    return lines
