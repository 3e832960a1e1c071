"""What a browser does when `jitterBufferTarget` or the server's hold is stepped: by how much, how soon, and what
is heard."""

import json
import time

import numpy as np
from lab import meter
from lab.browser import BROWSERS
from lab.lan import Lan
from lab.soundserver import CONTROLS, SERVERS
from lab.stage import Stage
from lab.takes import Take
from lab.webpage import WebPage
from lab.whep import Web

METHOD = (
    "Our page in Chromium and in Firefox at once, headless, as installed, live mode (the page steers "
    "nothing), clean wire, PipeWire; `jitterBufferTarget` is set from outside, the ear is on the meter. "
    "Moved: the meter's delay in the last {tail:g} s of a step less that in the last {tail:g} s of the "
    "step before. Told: `jitterBufferDelay` / `jitterBufferEmittedCount` of the same seconds. Spread: "
    "between them. Settled: the whole seconds after which the buffer, as told, stays within {near:g} ms "
    "of the step's end. Made up: `concealedSamples`, in ms; put in and taken out: "
    "`insertedSamplesForDeceleration` and `removedSamplesForAcceleration`, in ms. Dropouts: silence or "
    "wrong sound of 5 ms or more that no control ear had. Hold: film mode, whose packets are 20 ms long, in "
    "browsers without `jitterBufferTarget`; the broadcast's delay is what is set, it moves by 20 ms a second, and "
    "settled is by the meter.")

# The presets whose packets are 10 and 20 ms long.
PACKETS = {10: "smooth", 20: "stable"}
LADDERS = {
    "coarse": [0, 200, 500, 1000, 500, 200, 0],
    "fine": [300, 305, 310, 320, 340, 380, 340, 320, 310, 300, 220, 300],
    "hold": [250, 270, 350, 250],
}
STEP_SECONDS = {"coarse": 14.0, "fine": 10.0, "hold": 30.0}
SETTLE = 6.0
TAIL = 3.0
NEAR = 10.0
EARS = dict(zip(BROWSERS, ("ear1", "ear2")))

_DISOBEDIENT = "delete RTCRtpReceiver.prototype.jitterBufferTarget;"
_SET = "((target) => { connections[0].getReceivers()[0].jitterBufferTarget = target; return true; })(%s)"


def measure(packet_ms, ladder, probe=meter.voice):
    """One take with all steps of a ladder; a line for each step and browser."""
    targets, step = LADDERS[ladder], STEP_SECONDS[ladder]
    seconds = 2 + step * len(targets)
    with SERVERS["pipewire"]() as server, Lan(2) as lan, Stage(sound_server=server) as stage:
        server.start_controls()
        is_hold = ladder == "hold"
        mode = ("--mode", "film", "--delay", targets[0]) if is_hold else ("--mode", "live")
        serve = stage.serve("--preset", PACKETS[packet_ms], *mode, prefix=lan.inside("server"))
        address = serve.web_address(lan.server_address)
        # Only the host's own programs may change it.
        web = Web(("127.0.0.1", address[1]), lan.namespace("server"))
        pages = {}
        for number, (kind, ear) in enumerate(EARS.items()):
            browser = stage.browser(kind, ear, lan.namespace(f"h{number + 1}"))
            with browser.before_pages(_DISOBEDIENT if is_hold else ""):
                pages[kind] = WebPage(browser, address)
            pages[kind].listen()
        time.sleep(SETTLE)
        server.renew_relay()
        with Take(server, [*EARS.values(), *CONTROLS], seconds, probe=probe) as take:
            samples = {kind: [] for kind in pages}
            for number, target in enumerate(targets):
                take.sleep_until(2 + step * number)
                if is_hold:
                    answer = web.ask("POST", "/api/mode", json.dumps({"delay_ms": target}),
                                     Content_Type="application/json")
                    assert answer.status == 200, answer
                for page in pages.values() if not is_hold else ():
                    page.browser.evaluate(_SET % json.dumps(target))
                for second in range(int(step)):
                    take.sleep_until(2 + step * number + second)
                    for kind, page in pages.items():
                        samples[kind].append(page.stats()["inbound"])
            take.sleep_until(seconds - 0.2)
            for kind, page in pages.items():
                samples[kind].append(page.stats()["inbound"])
    controls = [take[control] for control in CONTROLS]
    # The recording begins a little before the take's first moment; the probe's beginning tells.
    offset = np.flatnonzero(np.abs(take.sounds["program"][:, 0]) > 0.003)[0] / 48_000
    return [line for kind, ear in EARS.items()
            for line in _lines(kind, packet_ms, ladder, take[ear], controls, samples[kind],
                               offset, take.pressure)]


def _lines(kind, packet_ms, ladder, heard, controls, samples, offset, pressure):
    targets, step = LADDERS[ladder], STEP_SECONDS[ladder]
    if heard.error:
        return [{"browser": kind, "packet_ms": packet_ms, "ladder": ladder, "error": heard.error}]
    dropouts = heard.dropouts_beyond(*controls)
    lines, before = [], heard.latency_between(offset, offset + 2)
    for number, target in enumerate(targets):
        begin = offset + 2 + step * number
        end = begin + step
        after = heard.latency_between(end - TAIL, end)
        inside = (heard.times >= begin) & (heard.times <= end) & np.isfinite(heard.latencies_ms)
        tail = heard.latencies_ms[inside & (heard.times > end - TAIL)]
        seconds = samples[int(step) * number:int(step) * (number + 1) + 1]

        def grown(name, a=seconds[0], b=seconds[-1]):
            return b.get(name, 0) - a.get(name, 0)
        levels = np.array([
            1000 * grown("jitterBufferDelay", a, b) / max(1, grown("jitterBufferEmittedCount", a, b))
            for a, b in zip(seconds, seconds[1:])])
        told = float(np.median(levels[-int(TAIL):]))
        far = np.flatnonzero(np.abs(levels - told) > NEAR)
        settled = float(far[-1] + 1) if len(far) else 0.0
        if ladder == "hold":
            away = heard.times[inside & (np.abs(heard.latencies_ms - after) > NEAR)]
            settled = float(away[-1] - begin) if len(away) else 0.0
        lines.append({
            "browser": kind, "packet_ms": packet_ms, "ladder": ladder, "error": None, "target": target,
            "delay_ms": after, "moved_ms": after - before, "told_ms": told,
            "settled_s": settled, "spread_ms": float(np.ptp(levels[-int(TAIL):])),
            "made_up_ms": grown("concealedSamples") / 48,
            "put_in_ms": grown("insertedSamplesForDeceleration") / 48,
            "taken_out_ms": grown("removedSamplesForAcceleration") / 48,
            "dropouts": sum(1 for x, _ in dropouts if begin <= x < end), "waits": pressure})
        before = after
    return lines


def table(rows):
    lines = ["| browser | packets, ms | target, ms | program → ear, ms | moved | told | spread at the end | "
             "settled after, s | made up, ms | put in, ms | taken out, ms | dropouts |",
             "|---|---|---|---|---|---|---|---|---|---|---|---|"]
    last = {}
    for row in [line for part in rows for line in part]:
        if row["error"]:
            lines.append(f"| {row['browser']} | {row['packet_ms']} | {row['error']} |" + " – |" * 9)
            continue
        key = (row["browser"], row["packet_ms"], row["ladder"])
        way = f"{last[key]} → {row['target']}" if key in last else f"→ {row['target']}"
        way = f"hold {way}" if row["ladder"] == "hold" else way
        last[key] = row["target"]
        lines.append(
            f"| {row['browser']} | {row['packet_ms']} | {way} | {row['delay_ms']:.1f} | "
            f"{row['moved_ms']:+.1f} | {row['told_ms']:.1f} | {row['spread_ms'] or 0:.1f} | "
            f"{row['settled_s']:.1f} | {row['made_up_ms']:.0f} | {row['put_in_ms']:.0f} | "
            f"{row['taken_out_ms']:.0f} | {row['dropouts']} |")
    return lines
