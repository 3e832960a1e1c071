"""Five ears on one meter in film mode: how far each is from the median ear, as a table and a plot."""

import time
from pathlib import Path

import numpy as np

from lab import meter
from lab.lan import Lan
from lab.processes import Busyness
from lab.soundserver import SERVERS
from lab.stage import Stage
from lab.takes import Take
from lab.webpage import Span, WebPage

METHOD = (
    "Film mode, {delay} ms; two `listen`, our page in two Chromiums and a Firefox, headless, as "
    "installed, each in a network namespace of its own, joined one after the other while sung syllables "
    "and breaths of noise play (PipeWire). One `listen` and one Chromium are on a wire with 20 ms of "
    "way, 20 ms of jitter and 2 % loss. Every 0.25 s a window of 0.5 s of each ear is placed in the "
    "sound; the median of five windows, less the median ear's. From {settle:g} s after the last join "
    "on, {seconds:g} s. In step: within {near:g} ms for a second. Waits: the part of the time in which "
    "somebody waited for a core.")

DELAY_MS = 300
SETTLE = 10.0
NEAR = 25.0
# An ear's name: (what listens, its wire).
_BAD = {"delay_ms": 20, "jitter_ms": 20, "loss": 0.02}
EARS = {"native": ("native", {}), "native, bad wire": ("native", _BAD), "Chromium": ("chromium", {}),
        "Chromium, bad wire": ("chromium", _BAD), "Firefox": ("firefox", {})}
PLOT = Path(__file__).resolve().parents[2] / "docs/instep.svg"


def measure(seconds, path="element"):
    """All five for so long on one of the page's ways to the output; a line each."""
    sinks = [f"ear{number + 1}" for number in range(len(EARS))]
    hosts = [f"h{number + 1}" for number in range(len(EARS))]
    bad = [host for host, (_, wire) in zip(hosts, EARS.values()) if wire]
    with (SERVERS["pipewire"](("program", *sinks)) as server, Lan(len(EARS), bad=bad) as lan,
          Stage(sound_server=server) as stage):
        serve = stage.serve("--mode", "film", "--delay", DELAY_MS, prefix=lan.inside("server"))
        host, port = address = serve.web_address(lan.server_address)
        pages, length = {}, seconds + 40
        for name, place, ear in zip(EARS, hosts, sinks):
            kind, wire = EARS[name]
            if wire:
                lan.spoil(place, **wire)
            if kind == "native":
                stage.listen(f"http://{host}:{port}{serve.whep}", "--output", ear, prefix=lan.inside(place))
            else:
                browser = stage.browser(kind, ear, lan.namespace(place))
                # A namespace's first second counts as a change of networks to a browser.
                browser.evaluate("new Promise((done) => setTimeout(done, 1500))")
                pages[name] = WebPage(browser, address)
        with Take(server, sinks, length, probe=meter.voice) as take:
            joined = {}
            for name, page in pages.items():
                if path == "Web Audio":
                    page.browser.evaluate("(document.getElementById('louder').click(), true)")
                page.listen(60)
                joined[name] = time.monotonic() - take.began
            begin = time.monotonic() - take.began + SETTLE
            take.sleep_until(begin)
            spans, busyness = {name: Span(page) for name, page in pages.items()}, Busyness()
            take.sleep_until(min(begin + seconds, length - 1))
            made_up = {name: span.end().count("concealedSamples") / 48 for name, span in spans.items()}
            waits = busyness.share
    # The recording begins a little before the take's first moment; the probe's beginning tells.
    lead = np.flatnonzero(np.abs(take.sounds["program"][:, 0]) > 0.003)[0] / meter.RATE
    begin += lead
    joined = {name: moment + lead for name, moment in joined.items()}
    grid = np.arange(0, length, meter.HOP)
    lags = {name: _on(grid, *meter.follow(take.sounds["program"], take.sounds[ear]))
            for name, ear in zip(EARS, sinks)}
    middle = np.nanmedian(np.array(list(lags.values())), axis=0)
    inside = (grid > begin) & (grid < begin + seconds)
    return [{"path": path, "ear": name, "waits": waits, "made_up_ms": made_up.get(name),
             "median_ms": float(np.nanmedian(lag[inside])),
             "in_step_s": _in_step(grid - joined[name], lag - middle) if name in joined else None,
             "times": (grid[inside] - begin).tolist(), "skew": (lag - middle)[inside].tolist()}
            for name, lag in lags.items()]


def _on(grid, times, lags):
    """Medians of five windows, on a common grid; NaN where an ear had nothing that could be placed."""
    known = np.isfinite(lags)
    if known.sum() < 5:
        return np.full(len(grid), np.nan)
    smooth = np.array([np.median(lags[known][max(0, i - 2):i + 3]) for i in range(known.sum())])
    values = np.interp(grid, times[known], smooth, left=np.nan, right=np.nan)
    nearest = np.abs(times[known][None, :] - grid[:, None]).min(axis=1)
    return np.where(nearest < 2, values, np.nan)


def _in_step(since, skew):
    """Seconds from when the page said that it plays until within NEAR for a second."""
    good = (since > 0) & (np.abs(skew) < NEAR)
    for index in np.flatnonzero(good):
        if good[index:index + 4].all():
            return float(since[index])
    return None


def table(parts):
    lines = ["| page's way | ear | program → ear, ms | skew: p50 | p95 of its size | most | made up, ms | "
             "in step after, s | waits |",
             "|---|---|---|---|---|---|---|---|---|"]
    for row in [row for part in parts for row in part]:
        skew = np.array(row["skew"])
        size = np.abs(skew[np.isfinite(skew)])
        if not len(size):
            lines.append(f"| {row['path']} | {row['ear']} | silent |" + " – |" * 6)
            continue
        made_up, soon = (("–" if value is None else f"{value:.{digits}f}") for value, digits in
                         ((row["made_up_ms"], 0), (row["in_step_s"], 1)))
        lines.append(
            f"| {row['path']} | {row['ear']} | {row['median_ms']:.1f} | {np.nanmedian(skew):+.1f} | "
            f"{np.percentile(size, 95):.1f} | {size.max():.1f} | {made_up} | {soon} | {row['waits']:.0%} |")
    return lines


COLOURS = ("#1b7f5a", "#7ccbaa", "#1f5fbf", "#8ab4f0", "#c8641e")


def plot(parts, path=PLOT):
    """Skews over time, a panel for each way, as SVG."""
    width, height, left, most = 900, 210, 50, 60.0
    panels = []
    for number, rows in enumerate(parts):
        top = 30 + number * (height + 40)
        span = max(max(row["times"]) for row in rows)

        def y(value, top=top):
            return top + height / 2 - np.clip(value, -most, most) * height / 2 / most
        panels.append(f'<text x="{left}" y="{top - 8}">{rows[0]["path"]}: ms behind the median ear</text>')
        for mark in (-45, -30, -15, 0, 15, 30, 45):
            panels.append(f'<path d="M{left} {y(mark):.1f}H{width - 10}" stroke="#999" '
                          f'stroke-width="{0.3 if mark else 0.8}"/><text x="{left - 6}" y="{y(mark) + 4:.1f}" text-anchor="end">{mark}</text>')
        for second in range(0, int(span) + 1, 60):
            x = left + second / span * (width - left - 10)
            panels.append(f'<text x="{x:.0f}" y="{top + height + 14}" text-anchor="middle">{second} s</text>')
        for row, colour in zip(rows, COLOURS):
            points, down = "", False
            for moment, skew in zip(row["times"], row["skew"]):
                if not np.isfinite(skew):
                    down = False
                    continue
                points += f"{'L' if down else 'M'}{left + moment / span * (width - left - 10):.1f} {y(skew):.1f}"
                down = True
            panels.append(f'<path d="{points}" fill="none" stroke="{colour}" stroke-width="1.3"/>')
    bottom = 30 + len(parts) * (height + 40)
    for index, (name, colour) in enumerate(zip(EARS, COLOURS)):
        x = left + index * 165
        panels.append(f'<path d="M{x} {bottom}h22" stroke="{colour}" stroke-width="3"/>'
                      f'<text x="{x + 28}" y="{bottom + 4}">{name}</text>')
    path.write_text(
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {bottom + 20}" font-family="sans-serif" '
        f'font-size="12"><rect width="100%" height="100%" fill="#fff"/>' + "\n".join(panels) + "</svg>\n")
