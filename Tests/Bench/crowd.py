"""How many WHEP listeners a server carries on the machine they are on, what one costs, and who joins beside."""

import json
import signal
import statistics
import time

from lab.stage import Stage

LISTENERS, SECONDS = 2_000, 20
JOIN_RATE = 300
# The preset that makes packets of each length.
PRESETS = {20: "stable", 10: "smooth"}
# What holds: all have joined, at most this part was lost, the 99th percentile of the gaps is below this, and at most
# this part of what was due was never sent: it has no number, and is not lost.
LOSS, GAP_MS, UNSENT = 0.001, 40, 0.001
SEARCH_SECONDS, SEARCH_STEPS, SEARCH_JOIN_RATE = 3, 4, 1_000
MEMORY_LISTENERS, MEMORY_SECONDS = 1_000, 8
BESIDE, JOINS_A_SECOND, JOINING_SECONDS = 500, 500, 4

METHOD = (
    f"`serve --source tone` and `auralync bench` on the same machine, loopback, each listener at an address of its "
    f"own: WHEP, ICE, DTLS, SRTP, packets counted by their headers; {JOIN_RATE} begin to join each second, in the search "
    f"{SEARCH_JOIN_RATE}. The machine's own is the time between the wake-ups of a thread that does nothing else, at the "
    "packets' pace, at the same time. *Largest that holds*: all have joined, at most "
    f"{LOSS:.1%} was lost and {UNSENT:.1%} of what was due never sent, and the 99th percentile of the gaps is below "
    f"{GAP_MS} ms, for {SEARCH_SECONDS} s; doubled and "
    f"halved in {SEARCH_STEPS} steps, so the true limit is between it and the smallest that did not. *Slow*: the load "
    "generator says that it was the bottleneck. Memory: growth of the server's resident set from "
    f"before the first join, one that has warmed it up aside, over {MEMORY_LISTENERS:,} listeners that have heard for "
    f"{MEMORY_SECONDS // 2} s; and at most, while they join. Joins: "
    f"{BESIDE} listen; their gaps for {JOINING_SECONDS} s alone, and from the first to the last join of "
    f"{JOINS_A_SECOND * JOINING_SECONDS:,} others, {JOINS_A_SECOND} a second and a little more.")


class Crowd:
    """`auralync bench` against a server, running."""

    def __init__(self, stage, serve, listeners, seconds, join_rate=JOIN_RATE):
        host, port = serve.web_address()
        self.program = stage.program(
            "bench", f"http://{host}:{port}{serve.whep}", "--listeners", listeners, "--join-rate", join_rate,
            "--duration", seconds, "--count-only", "--json")
        self.patience = 60 + listeners / join_rate + seconds

    def until_measuring(self):
        """Waits until all have joined and heard."""
        self.program.until("the crowd", lambda: self.is_measuring, self.patience)

    @property
    def is_measuring(self):
        return "measuring" in self.program.errors

    def finish(self):
        """Ends it now; what it has found so far is its report."""
        self.program.send(signal.SIGINT)

    def report(self):
        """Waits for its end: what it has found."""
        self.program.wait(self.patience)
        if self.program.exit_code:
            raise RuntimeError(self.program.tail())
        return json.loads(self.program.output)


def _serve(stage, packet_ms):
    serve = stage.serve("--source", "tone", "--preset", PRESETS[packet_ms])
    serve.serving
    return serve


def _take(packet_ms, listeners, seconds, join_rate=JOIN_RATE):
    with Stage() as stage:
        report = Crowd(stage, _serve(stage, packet_ms), listeners, seconds, join_rate).report()
    return {"kind": "crowd", "packet_ms": packet_ms, "holds": holds(report), **report}


def holds(report):
    return (report["joined"] == report["stayed"] == report["asked"] and report["loss"] <= LOSS
            and report["unsent_share"] <= UNSENT and report["gap_ms"]["p99"] < GAP_MS)


def _search(packet_ms, first):
    """The largest that holds, by doubling from one that is known to hold or not, then halving."""
    most, least, tried = 0, None, []
    listeners = first
    for _ in range(SEARCH_STEPS):
        row = _take(packet_ms, listeners, SEARCH_SECONDS, SEARCH_JOIN_RATE)
        tried.append(row)
        if row["holds"]:
            most = max(most, listeners)
        else:
            least = min(least or listeners, listeners)
        listeners = (most + least) // 2 if least else 2 * most
    return {"kind": "largest", "packet_ms": packet_ms, "most": most, "least": least, "tried": tried}


def _memory():
    with Stage() as stage:
        serve = _serve(stage, 20)
        Crowd(stage, serve, 1, 1).report()
        before = peak = serve.resident_bytes
        crowd = Crowd(stage, serve, MEMORY_LISTENERS, MEMORY_SECONDS)
        while not crowd.is_measuring and crowd.program.is_running:
            peak = max(peak, serve.resident_bytes)
            time.sleep(0.1)
        hearing = []
        while crowd.program.is_running:
            hearing.append(serve.resident_bytes)
            time.sleep(0.1)
        report = crowd.report()
    # What the handshakes took is given back within two seconds; at the end, some are leaving.
    settled = statistics.median(hearing[len(hearing) // 2:])
    return {"kind": "memory", "bytes": (settled - before) / report["joined"],
            "peak_bytes": (max(peak, *hearing) - before) / report["joined"], "joined": report["joined"]}


def _joins():
    """The gaps of those who listen, alone and while others join."""
    rows = {}
    for name in ("alone", "beside joins"):
        with Stage() as stage:
            serve = _serve(stage, 20)
            joining = None
            if name == "alone":
                listening = Crowd(stage, serve, BESIDE, JOINING_SECONDS, 250)
            else:
                listening = Crowd(stage, serve, BESIDE, 20 * JOINING_SECONDS, 250)
                listening.until_measuring()
                # A little more, for the last one's handshake takes its time as well.
                others = Crowd(stage, serve, JOINS_A_SECOND * JOINING_SECONDS, 1, 1.05 * JOINS_A_SECOND)
                others.until_measuring()
                listening.finish()
                joining = others.report()
            rows[name] = {"listening": listening.report(), "joining": joining}
    return {"kind": "joins", **rows}


def measure():
    rows = [_take(packet_ms, LISTENERS, SECONDS) for packet_ms in PRESETS]
    rows += [_search(row["packet_ms"], 2 * LISTENERS if row["holds"] else LISTENERS // 2) for row in rows]
    return [*rows, _memory(), _joins()]


def _of(rows, kind):
    return [row for row in rows if row["kind"] == kind]


def gaps(spread):
    return ", ".join(f"{spread[name]:.1f}" for name in ("p50", "p99", "p999", "max"))


def table(rows):
    lines = ["| listeners | packets | joined | joins a second | lost | never sent | gap: median, 99 %, 99.9 %, longest, "
             "ms | the machine's own | crowd's own load |", "|---|---|---|---|---|---|---|---|---|"]
    for row in _of(rows, "crowd"):
        slow = ", slow" if row["bench_was_bottleneck"] else ""
        lines.append(
            f"| {row['asked']:,} | {row['expected']:,} of {row['packet_ms']} ms | {row['joined']:,} "
            f"| {row['joins_per_second']:.0f} | {row['loss']:.3%} | {row['unsent_share']:.3%} "
            f"| {gaps(row['gap_ms'])} | {gaps(row['baseline_ms'])} | {row['bench_load']:.0%}{slow} |")
    lines += ["", "| packets | largest that holds | smallest that does not | memory a listener (at most), kB |",
              "|---|---|---|---|"]
    memory = _of(rows, "memory")[0]
    for row in _of(rows, "largest"):
        least = f"{row['least']:,}" if row["least"] else "–"
        memory_cell = f"{memory['bytes'] / 1000:.1f} ({memory['peak_bytes'] / 1000:.1f})" if row["packet_ms"] == 20 else "–"
        lines.append(f"| {row['packet_ms']} ms | {row['most']:,} | {least} | {memory_cell} |")
    lines += ["", f"| {BESIDE} listeners | joins a second | lost | gap: median, 99 %, 99.9 %, longest, ms | the machine's own |",
              "|---|---|---|---|---|"]
    joins = _of(rows, "joins")[0]
    for name in ("alone", "beside joins"):
        listening, joining = joins[name]["listening"], joins[name]["joining"]
        rate = f"{joining['joins_per_second']:.0f} ({joining['joined']} of {joining['asked']})" if joining else "–"
        lines.append(f"| {name} | {rate} | {listening['loss']:.3%} | {gaps(listening['gap_ms'])} "
                     f"| {gaps(listening['baseline_ms'])} |")
    difference = (joins["beside joins"]["listening"]["gap_ms"]["p99"] - joins["alone"]["listening"]["gap_ms"]["p99"])
    return [*lines, "", f"The joins add {difference:+.1f} ms to the 99th percentile."]
