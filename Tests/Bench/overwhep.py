"""End-to-end delay of `listen` over WHEP, stage by stage, and how far apart two of them are."""

import statistics

import numpy as np

from lab.soundserver import CONTROLS, SERVERS
from lab.stage import Stage
from lab.takes import listen_in

METHOD = (
    "As above, with `listen` over WHEP on this computer; {runs} runs of {seconds:g} s per line, each "
    "with newly started programs, {settled:g} s after sound came. Without `--delay` one listener finds "
    "its own; with it two are compared: skew is the difference of their latencies in each window of "
    "0.5 s, as it stands in the median of a run's windows and at worst. Stages as the first listener tells "
    "them, once a second, their medians: capture and coding, a packet's length, half of the way there and back, the buffer, from "
    "the decoder until the output takes it, from there to the ear. Waits: the part of the time in which somebody waited "
    "for a core. Recorder late: the cycles, in milliseconds a minute, that the recorder was itself too late for, which "
    "only copies what it is given: what the machine does to any program of the kind.")

LONG_METHOD = (
    "The same on PipeWire, one take of {seconds:g} s per line, and steps: changes of the delay by over "
    "{step:g} ms from one window of 0.5 s to the next.")

SETTLED = 20.0
STEP_MS = 1.0
# Preset, codec, `--delay`.
LONG = (("low-latency", "opus", None), ("low-latency", "pcm", None), ("smooth", "opus", 120))
DELAY_MS = 120
STAGES = ("capture_ms", "packet_ms", "network_ms", "buffer_ms", "decode_ms", "output_ms")


def measure(preset, backend, runs, seconds, delay_ms=None, codec="opus"):
    """One line of the table."""
    return {"backend": backend, "preset": preset, "delay_ms": delay_ms, "codec": codec,
            "runs": [_run(preset, backend, seconds, delay_ms, codec) for _ in range(runs)]}


def _run(preset, backend, seconds, delay_ms, codec):
    ears = ["ear1", "ear2"] if delay_ms else ["ear1"]
    with SERVERS[backend]() as server, Stage(sound_server=server) as stage:
        server.start_controls()
        serve = stage.serve("--preset", preset)
        host, port = serve.web_address()
        options = ["--codec", codec, *(["--delay", delay_ms] if delay_ms else [])]
        listens = [
            stage.listen(f"http://{host}:{port}{serve.whep}", "--output", ear, "--status-every", 1,
                         *options) for ear in ears]
        for listen in listens:
            listen.until(f"{SETTLED:g} s of sound", lambda listen=listen: len(
                listen.events("status", state="playing")) >= SETTLED, 3 * SETTLED)
        known = len(listens[0].events("status"))
        take = listen_in(server, [*ears, *CONTROLS], seconds)
        told = [one for one in listens[0].events("status")[known:] if "webrtc" in one]
    heard = [take[ear] for ear in ears]
    if error := next((one.error for one in heard if one.error), None):
        return {"error": error}
    result = {
        "error": None, "waits": take.pressure, "median_ms": heard[0].median_ms,
        "late_ms": 60 * sum(b - a for a, b in take.holes) / 48 / seconds,
        "p95_ms": max(one.p95_ms for one in heard), "told_ms": _middle(one["delay_ms"] for one in told),
        "steps": max(_steps(one) for one in heard),
        "dropouts": sum(len(one.dropouts_beyond(*(take[c] for c in CONTROLS))) for one in heard),
        **{stage: _middle(one["webrtc"][stage] for one in told) for stage in STAGES}}
    if delay_ms:
        skew = _skew(*heard)
        result.update(skew_ms=float(np.median(skew)), worst_skew_ms=float(np.max(skew)))
    return result


def _middle(values):
    known = [value for value in values if value is not None]
    return statistics.median(known) if known else None


def _steps(heard):
    known = heard.latencies_ms[np.isfinite(heard.latencies_ms)]
    return int((np.abs(np.diff(known)) > STEP_MS).sum())


def _skew(one, other):
    """How far apart two ears are in the first one's windows, in milliseconds."""
    (times, values), (known, others) = (
        (heard.times[good], heard.latencies_ms[good])
        for heard in (one, other) for good in [np.isfinite(heard.latencies_ms)])
    return np.abs(values - np.interp(times, known, others))


def table(rows):
    lines = ["| sound server | preset | `--delay` | program → ear, ms | worst p95 | told | capture | "
             "packet | network | buffer | decode | output | skew | worst skew | dropouts | steps | waits | recorder late |",
             "|" + "---|" * 18]
    for row in rows:
        good = [run for run in row["runs"] if not run["error"]]
        preset = row["preset"] + (", pcm" if row["codec"] == "pcm" else "")
        cells = [row["backend"], preset, str(row["delay_ms"] or "–")]
        if not good:
            lines.append("| " + " | ".join([*cells, row["runs"][0]["error"]]) + " |")
            continue

        def middle(name, digits=1, good=good):
            values = [run[name] for run in good if run.get(name) is not None]
            return f"{statistics.median(values):.{digits}f}" if values else "–"
        cells += [middle("median_ms", 2), f"{max(run['p95_ms'] for run in good):.1f}",
                  middle("told_ms"), *map(middle, STAGES), middle("skew_ms", 3)]
        worst = [run["worst_skew_ms"] for run in good if "worst_skew_ms" in run]
        cells += [f"{max(worst):.3f}" if worst else "–", str(sum(run["dropouts"] for run in good)),
                  str(sum(run["steps"] for run in good)),
                  f"{statistics.median(run['waits'] for run in good):.0%}", middle("late_ms", 0)]
        lines.append("| " + " | ".join(cells) + " |")
    return lines
