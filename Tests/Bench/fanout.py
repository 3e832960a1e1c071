"""What sending one frame to everyone costs, beside a bare loop of sends."""

import json
import os
import statistics
import subprocess

from lab.namespaces import inside
from lab.product import binary

METHOD = (
    "`auralync fanout` in a network namespace whose only interface is a tunnel that nobody has opened: the "
    "queue behind the network stack drops what comes. 1,000 listeners at as many addresses, frames of 160 bytes as fast as they go, 2 s a "
    "way, {runs} rounds in turn. *bare* is the same datagram to each by the same call on the same kind of "
    "socket. Packets a second of processor time of the sending threads; the ratio is of the same "
    "round, median (lowest–highest). *Two threads* is packets a second of wall time over one thread's, "
    "which says something only while nothing else runs. Allocations: Tests/AuraTransportTests counts "
    "them, 0 a packet.")


class SwallowingNetwork:
    """A namespace in which every IPv4 address is reached and nothing arrives."""

    def __init__(self):
        self.name = f"aurabench-{os.getpid()}"

    def __enter__(self):
        self._ip("netns", "add", self.name)
        for command in (["link", "set", "lo", "up"], ["tuntap", "add", "dev", "sink", "mode", "tun"],
                        ["addr", "add", "10.255.255.1/8", "dev", "sink"], ["link", "set", "sink", "up"]):
            self._ip("-n", self.name, *command)
        return self

    def __exit__(self, *_):
        subprocess.run(["ip", "netns", "del", self.name], capture_output=True, timeout=10)

    @staticmethod
    def _ip(*arguments):
        subprocess.run(["ip", *arguments], check=True, capture_output=True, timeout=10)


def measure(rounds):
    """The rows that `auralync fanout` printed."""
    with SwallowingNetwork() as network:
        output = subprocess.run(
            [*inside(network.name), binary(), "fanout", "--rounds", str(rounds)], check=True,
            capture_output=True, text=True, timeout=60 + 20 * rounds).stdout
    return [json.loads(line) for line in output.splitlines()]


def _of(rows, **fields):
    return [r for r in rows if all(r[k] == v for k, v in fields.items())]


def _spread(values, digits):
    return (f"{statistics.median(values):.{digits}f} "
            f"({min(values):.{digits}f}–{max(values):.{digits}f})")


def table(rows):
    lines = ["| way | threads | packets a second and core | ratio to bare | two threads | dropped |",
             "|---|---|---|---|---|---|"]
    rounds = sorted({r["round"] for r in rows})
    for threads in (1, 2):
        for way in ("bare", "gcm", "cm"):
            rates, ratios, gains, dropped = [], [], [], 0
            for turn in rounds:
                row, bare, alone = (
                    _of(rows, round=turn, way=w, threads=t)[0]
                    for w, t in ((way, threads), ("bare", threads), (way, 1)))
                rate, bare_rate = (x["packets"] / x["processor_seconds"] for x in (row, bare))
                rates.append(rate)
                ratios.append(rate / bare_rate)
                gains.append(row["packets"] / row["seconds"] / (alone["packets"] / alone["seconds"]))
                dropped += row["dropped"]
            lines.append(f"| {way} | {threads} | {statistics.median(rates):,.0f} "
                         f"| {_spread(ratios, 2)} | {'–' if threads == 1 else _spread(gains, 2)} "
                         f"| {dropped} |")
    return lines
