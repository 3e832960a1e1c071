"""All benchmarks, as Markdown tables with their method, and as JSON."""

import argparse
import json
import os
import platform
import sys
import time

import actuators
import back
import browsers
import crowd
import delay
import fanout
import follow
import impair
import instep
import outage
import overwhep
import processor
import recovery
import tone
import unlucky
from chains import DESIGNS, PRESETS, Legacy, Ours
from lab.browser import BROWSERS
from lab.soundserver import SERVERS


def say(text):
    print(text, file=sys.stderr, flush=True)


def load():
    return os.getloadavg()[0]


def number(value, digits=1):
    return "–" if value is None else f"{value:.{digits}f}"


def ratio(ours, theirs):
    return "–" if not ours or not theirs or theirs <= 0 else f"{ours / theirs:.2f}"


def find(rows, **fields):
    return next(r for r in rows if all(r[k] == v for k, v in fields.items()))


def delay_table(rows):
    lines = ["| sound server | preset | auralync, ms | worst p95 | rebuilt design, ms | worst p95 | "
             "ratio | dropouts (ours / rebuilt) |", "|---|---|---|---|---|---|---|---|"]
    for backend in SERVERS:
        for preset in PRESETS:
            ours, theirs = (find(rows, backend=backend, preset=preset, design=d.name)
                            for d in (Ours, Legacy))
            cells = [backend, preset]
            for row in (ours, theirs):
                spread = (f" ({min(row['medians_ms']):.1f}–{max(row['medians_ms']):.1f})"
                          if row["medians_ms"] else "")
                failed = f", {len(row['failed_runs'])} failed" if row["failed_runs"] else ""
                cells += [number(row["median_ms"]) + spread + failed, number(row["worst_p95_ms"])]
            cells += [ratio(ours["median_ms"], theirs["median_ms"]),
                      f"{ours['dropouts']} / {theirs['dropouts']}"]
            lines.append("| " + " | ".join(cells) + " |")
    return lines


def browsers_table(rows):
    lines = ["| sound server | preset | browser | program → ear, ms | worst p95 | ours | jitter buffer | "
             "playout | rest | made up | dropouts | waits |",
             "|---|---|---|---|---|---|---|---|---|---|---|---|"]
    for row in rows:
        spread = (f" ({min(row['medians_ms']):.1f}–{max(row['medians_ms']):.1f})"
                  if row["medians_ms"] else "")
        failed = f", {len(row['failed_runs'])} failed" if row["failed_runs"] else ""
        made_up, waits = ("–" if row[x] is None else f"{row[x]:.{digits}%}"
                          for x, digits in (("made_up", 2), ("busy", 0)))
        stages = [number(row[x]) for x in ("ours_ms", "buffer_ms", "playout_ms", "rest_ms")]
        cells = [row["backend"], row["preset"], row["browser"],
                 number(row["median_ms"]) + spread + failed, number(row["worst_p95_ms"]), *stages,
                 made_up, str(row["dropouts"]), waits]
        lines.append("| " + " | ".join(cells) + " |")
    return lines


def processor_table(rows):
    lines = ["| preset | auralync, % of a core per client | rebuilt design | ratio | without "
             "clients (ours / rebuilt) |", "|---|---|---|---|---|"]
    for preset in PRESETS:
        ours, theirs = (find(rows, preset=preset, design=d.name) for d in (Ours, Legacy))
        cells = [preset] + [
            f"{r['percent_per_client']:.4f} ({r['lowest']:.4f}–{r['highest']:.4f})"
            for r in (ours, theirs)]
        cells += [ratio(ours["percent_per_client"], theirs["percent_per_client"]),
                  f"{ours['percent_alone']:.1f} % / {theirs['percent_alone']:.1f} %"]
        lines.append("| " + " | ".join(cells) + " |")
    return lines


def recovery_table(rows):
    lines = ["| frozen | design | delay before, ms | left over, ms | recovered after, s |",
             "|---|---|---|---|---|"]
    for r in rows:
        if r["error"]:
            lines.append(f"| {r['part']} | {r['design']} | {r['error']} | – | – |")
            continue
        back = "not within the take" if r["recovered_s"] is None else f"≤ {r['recovered_s']:.2f}"
        lines.append(f"| {r['part']} | {r['design']} | {r['before_ms']:.1f} | "
                     f"{r['left_over_ms']:+.1f} | {back} |")
    return lines


def measure_delay(options):
    return [delay.measure(design, preset, backend, options.runs, options.seconds)
            for backend in SERVERS for preset in PRESETS for design in DESIGNS]


def measure_browsers(options):
    return [line for backend in SERVERS for preset in PRESETS
            for line in browsers.measure(preset, backend, options.runs, options.seconds)]


def measure_actuators(_):
    return [actuators.measure(packets, ladder) for packets in actuators.PACKETS for ladder in actuators.LADDERS
            if ladder != "hold" or packets == 20]


def measure_in_step(options):
    parts = [instep.measure(options.long, path) for path in ("element", "Web Audio")]
    instep.plot(parts)
    return parts


def measure_back(_):
    rows = []
    for name in back.comeback.EVENTS:
        for kind in BROWSERS:
            say(f"  {kind}, {name} …")
            rows.append(back.measure(name, kind))
    return rows


def measure_tone(_):
    return [tone.measure(kind, act) for kind in tone.BROWSERS for act in tone.ACTS]


def measure_over_whep(options):
    return [overwhep.measure(preset, backend, options.runs, options.seconds, delay_ms)
            for backend in SERVERS for preset in PRESETS for delay_ms in (None, overwhep.DELAY_MS)]


def measure_long(options):
    return [overwhep.measure(preset, "pipewire", 1, options.long_seconds, delay_ms, codec)
            for preset, codec, delay_ms in overwhep.LONG]


def measure_processor(options):
    return [processor.measure(design, preset, options.clients, options.seconds, options.runs)
            for preset in PRESETS for design in DESIGNS]


def measure_impair(_):
    rows = []
    for name in impair.ROWS:
        say(f"  {name} …")
        rows.append(impair.measure(name, impair.SECONDS))
    return rows


def measure_outages(options):
    return [outage.measure(name, options.runs) for name in outage.OUTAGES]


def measure_recovery(_):
    return [recovery.measure(design, part) for part in recovery.PARTS for design in DESIGNS]


# name: (title, what measures it, what makes its table, method)
SECTIONS = {
    "delay": ("End-to-end delay", measure_delay, delay_table, delay.METHOD),
    "overwhep": ("End-to-end delay over WHEP", measure_over_whep, overwhep.table, overwhep.METHOD),
    "long": ("Long takes over WHEP", measure_long, overwhep.table, overwhep.LONG_METHOD),
    "browsers": ("End-to-end delay in browsers", measure_browsers, browsers_table, browsers.METHOD),
    "actuators": ("Steps of jitterBufferTarget and of the server's hold", measure_actuators, actuators.table, actuators.METHOD),
    "instep": ("Everyone at the same instant", measure_in_step, instep.table, instep.METHOD),
    "back": ("In step again", measure_back, back.table, back.METHOD),
    "follow": ("While film mode's delay moves", lambda _: follow.measure(), follow.table, follow.METHOD),
    "tone": ("A pure tone through the page", measure_tone, tone.table, tone.METHOD),
    "impair": ("Beside others on a bad wire", measure_impair, impair.table, impair.METHOD),
    "processor": ("Processor time", measure_processor, processor_table, processor.METHOD),
    "fanout": ("Fan-out", lambda options: fanout.measure(options.runs), fanout.table, fanout.METHOD),
    "crowd": ("A crowd", lambda _: crowd.measure(), crowd.table, crowd.METHOD),
    "unlucky": ("Among the unlucky", lambda _: unlucky.measure(), unlucky.table, unlucky.METHOD),
    "outage": ("After an outage", measure_outages, outage.table, outage.METHOD),
    "recovery": ("After a freeze", measure_recovery, recovery_table, recovery.METHOD),
}


def main():
    parser = argparse.ArgumentParser(prog="script/bench", description=__doc__)
    parser.add_argument("--json", metavar="FILE", help="write everything measured there, too")
    parser.add_argument("--runs", type=int, default=3,
                        help="runs per line of delay, browsers and processor")
    parser.add_argument("--seconds", type=float, default=8, help="of one run")
    parser.add_argument("--long", type=float, default=300, help="seconds of each part of instep")
    parser.add_argument("--clients", type=int, default=50, help="for processor time")
    parser.add_argument("--long-seconds", type=float, default=600, help="of a long take")
    parser.add_argument("sections", nargs="*", metavar="section",
                        help=f"of {', '.join(SECTIONS)}; all unless some are named")
    options = parser.parse_args()
    if unknown := set(options.sections) - set(SECTIONS):
        parser.error(f"there is no {', '.join(sorted(unknown))}")
    wanted = options.sections or list(SECTIONS)
    result = {"kernel": platform.release(), "cores": os.cpu_count(), "load_before": load(),
              "started": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
              "options": vars(options)}
    for name in wanted:
        say(f"{SECTIONS[name][0]} …")
        result[name] = SECTIONS[name][1](options)
    result["load_after"] = load()
    report(result, options, wanted)
    if options.json:
        with open(options.json, "w") as file:
            json.dump(result, file, indent=1)


def report(result, options, wanted):
    print(f"{result['cores']} cores, Linux {result['kernel']}, load {result['load_before']:.1f} "
          f"before and {result['load_after']:.1f} after. The rebuilt design stands for the "
          "original's way of working, not for its figures: see Tests/Bench/legacy/README.md.")
    fields = {
        "runs": options.runs, "seconds": options.seconds, "clients": options.clients,
        "settle": browsers.SETTLE, "settled": overwhep.SETTLED,
        "freeze": recovery.FREEZE, "margin": recovery.MARGIN_MS}
    for name in wanted:
        title, _, table, method = SECTIONS[name]
        if name == "long":
            fields.update(seconds=options.long_seconds, step=overwhep.STEP_MS)
        if name == "recovery":
            fields["seconds"] = recovery.SECONDS
        if name == "actuators":
            fields.update(tail=actuators.TAIL, near=actuators.NEAR)
        if name == "back":
            fields.update(delay=back.comeback.DELAY_MS, near=back.comeback.NEAR_MS)
        if name == "follow":
            fields.update(near=follow.NEAR_MS, far=follow.FAR_MS, up=follow.UP, back=follow.BACK)
        if name == "instep":
            fields.update(delay=instep.DELAY_MS, settle=instep.SETTLE, near=instep.NEAR, seconds=options.long)
        if name == "tone":
            fields.update(delay=tone.DELAY_MS, frequency=tone.FREQUENCY, still=tone.STILL,
                          window=tone.purity.WINDOW, floor=tone.FLOOR_DB)
        if name == "impair":
            fields.update(seconds=impair.SECONDS, settle=impair.SETTLE, versions=impair.versions())
        print(f"\n### {title}\n\n" + "\n".join(table(result[name])) + "\n\n"
              + method.format(**fields))


if __name__ == "__main__":
    main()
