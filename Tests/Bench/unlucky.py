"""Hundreds who listen, and among them those who fare badly or behave badly: what the others lose."""

import json
import time

from crowd import gaps
from lab.lan import Lan
from lab.misfortune import ASKED, GONE, HOSTS, UNFINISHED, Unlucky
from lab.player import Players
from lab.processes import Busyness
from lab.stage import Stage
from lab.vigil import SOURCE, scrape
from lab.whep import Web

OTHERS, SECONDS = 500, 10
# All come from one address, which may not begin more in a second.
JOIN_RATE = 9

METHOD = (
    f"`serve` with a tone and packets of 10 ms in a network namespace, {OTHERS} listeners of `auralync bench` in another, and "
    f"among them: one whose process is stopped, one behind 64 kbit/s, one that reports half its packets lost, one that asks for "
    f"{ASKED * 17 * 200:,} packets again a second, {UNFINISHED} that never finish their handshake, and {GONE} whose links vanish "
    f"at the beginning of these {SECONDS} s, which is longer than it takes until nothing is sent to them. The table is about the "
    "others; the machine's own is as in `crowd`, *waits* the part of the time in which somebody waited for a core.")


def _crowd(stage, lan, serve):
    host, port = serve.web_address(lan.server_address)
    return stage.program(
        "bench", f"http://{host}:{port}{serve.whep}", "--listeners", OTHERS // 2, "--join-rate", JOIN_RATE,
        "--duration", 600, "--count-only", "--json", "--yes-i-own-this-network", prefix=lan.inside("h1"))


def _until_measuring(crowd):
    crowd.until("the crowd", lambda: "measuring" in crowd.errors, 60 + OTHERS / 2 / JOIN_RATE)


def measure():
    with Lan(HOSTS) as lan, Stage() as stage, Players() as players:
        serve = stage.serve(*SOURCE, prefix=lan.inside("server"))
        web = Web(serve.web_address(lan.server_address), lan.namespace("h1"))
        unlucky = Unlucky(stage, players, lan, serve)
        # The order of listeners is fixed: the others stand before and between these.
        crowds = []
        for join in (unlucky.join_first, unlucky.join_then):
            crowds.append(_crowd(stage, lan, serve))
            _until_measuring(crowds[-1])
            join()
        unlucky.until_playing()
        before, busy = scrape(web), Busyness()
        unlucky.begin()
        with unlucky.make_trouble() as trouble:
            time.sleep(SECONDS)
        reports = []
        for crowd in crowds:
            crowd.interrupt()
            reports.append(json.loads(crowd.output))
        after = scrape(web)
        lost, came = unlucky.narrow.missing(0, time.monotonic())
    refused = after["dropped_total{requests}"] - before["dropped_total{requests}"]
    return {"reports": reports, "waits": busy.share, "requests": trouble.requests * ASKED * 17, "unanswered": refused,
            "narrow": [lost, came]}


def table(row):
    lines = ["| others | packets | lost | never sent | gap: median, 99 %, 99.9 %, longest, ms | the machine's own | waits |",
             "|---|---|---|---|---|---|---|"]
    for report in row["reports"]:
        lines.append(
            f"| {report['joined']} | {report['expected']:,} | {report['expected'] - report['received']:,} | {report['unsent']:,} "
            f"| {gaps(report['gap_ms'])} | {gaps(report['baseline_ms'])} | {row['waits']:.0%} |")
    lost, came = row["narrow"]
    return [*lines, "", f"{row['requests']:,} packets were asked for again, and {row['unanswered']:,.0f} requests found no room; "
            f"behind 64 kbit/s {lost} of {lost + came} packets were lost."]
