"""Hostile input of every kind while somebody listens: what is lost, kept, and counted."""

import argparse
import os
import sys

from lab.player import Players
from lab.processes import LabError
from lab.siege import IGNORED, Siege, Size
from lab.stage import Stage

METHOD = """\
Method: two WHEP listeners (ICE, DTLS, SRTP; the kernel's time stamps) and one client of the original
protocol listen to a tone on loopback, 10 ms packets. Then all at once, from other loopback addresses:
{datagrams:,} datagrams (noise; shaped as STUN, DTLS, RTCP and SRTP; a listener's own, repeated and mutated;
a quarter under a listener's own address and port), {requests:,} HTTP connections (no HTTP, malformed, huge,
slow, half, pipelined and never read), {joins:,} joins that nobody comes for and a third as many from one
address; after that {idle:,} idle connections on each TCP port. The machine's own pause is the longest in
which a thread of a sender's priority that wakes up every 10 ms was kept waiting. Recovered: no unfinished
join, connection or client of the attackers' is left, and memory is within 16 MB of before."""


def rows(size, outcome):
    """The table, cell by cell."""
    def numbers(name):
        found = outcome.counted_by(name)
        return ", ".join(f"{key} {value:,}" for key, value in found.items() if value)

    done = outcome.done
    ignored = numbers("ignored_datagrams_total")
    yield "what", "how many", "seconds", "what became of them, as /metrics counted it"
    yield ("datagrams", f"{done['datagrams']['sent']:,}", f"{done['datagrams']['seconds']:.0f}",
           f"{ignored}; {outcome.undelivered:,} the kernel could not deliver in time")
    yield ("HTTP requests", f"{done['requests']['asked']:,}", f"{done['requests']['seconds']:.0f}",
           f"answers {numbers('http_answers_total')}; closed {numbers('http_closed_total')} "
           "(joins and idle ones too)")
    joins = [done[name] for name in ("joins", "insistence")]
    yield ("half-open joins", f"{sum(x['asked'] for x in joins):,}", f"{joins[0]['seconds']:.0f}",
           f"never came {outcome.counted('ends_total{never_came}'):,.0f}, "
           f"refused as busy {outcome.counted('refused_total{busy}'):,.0f}")
    yield ("idle connections", f"{done['idle']['connections']:,}", f"{done['idle']['seconds']:.0f}",
           f"original protocol: refused {outcome.counted('refused_total{tcp}'):,.0f}")


def table(cells):
    head, *rest = cells
    yield "| " + " | ".join(head) + " |"
    yield "|" + "---|" * len(head)
    for row in rest:
        yield "| " + " | ".join(map(str, row)) + " |"


def effects(outcome):
    """What it did to those who listen, and to the server."""
    yield ("", "before", "during", "after")
    quiet, watch = outcome.quiet, outcome.watch
    yield ("packets the WHEP listeners lost, of", *(
        f"{sum(w.lost)} of {sum(w.came) + sum(w.lost):,}" for w in (quiet, watch)), "")
    yield ("their longest pause, ms", *(f"{1000 * max(w.pauses):.0f}" for w in (quiet, watch)), "")
    yield ("the machine's own, ms", *(f"{1000 * w.machine:.0f}" for w in (quiet, watch)), "")
    yield ("breaks in the original client's tone", quiet.breaks, watch.breaks, "")
    yield ("its longest time without a chunk, ms", *(
        f"{1000 * w.silence:.0f}" for w in (quiet, watch)), "")
    yield ("resident memory, MB", *(f"{x / 1e6:.0f}" for x in outcome.memory))
    yield ("file descriptors", *(f"{x:,}" for x in outcome.files))
    yield ("somebody waited for a core", f"{quiet.busy:.0%}", f"{watch.busy:.0%}", "")


def faults_of(outcome):
    watch, sent = outcome.watch, outcome.done["datagrams"]["sent"]
    known = outcome.undelivered + sum(
        outcome.counted(f"ignored_datagrams_total{{{reason}}}") for reason in IGNORED)
    yield from outcome.faults
    if not outcome.is_running:
        yield "the server has ended"
    if sum(watch.lost):
        yield f"{sum(watch.lost)} packets were lost"
    if watch.breaks:
        yield f"the original client's tone broke {watch.breaks} times"
    if outcome.files[2] > outcome.files[0] + 3:
        yield f"{outcome.files[2] - outcome.files[0]} descriptors are left over"
    if not 0.999 * sent <= known <= 1.001 * sent + 5:
        yield f"{sent:,} datagrams were sent, {known:,.0f} are accounted for"


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--datagrams", type=int, default=1_000_000)
    parser.add_argument("--rate", type=float, default=0, help="datagrams a second; 0: all it can")
    parser.add_argument("--requests", type=int, default=100_000)
    parser.add_argument("--joins", type=int, default=10_000)
    parser.add_argument("--idle", type=int, default=5_000, help="connections on each TCP port")
    parser.add_argument("--rounds", type=int, default=1)
    options = parser.parse_args()
    size = Size(
        datagrams=options.datagrams, rate=options.rate, requests=options.requests, slow=0.01,
        joins=options.joins, join_addresses=400, idle=options.idle, idle_addresses=400, in_turn=True)
    print(METHOD.format(**vars(size)), flush=True)
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} before.", flush=True)
    faults = []
    with Stage() as stage, Players() as players:
        siege = Siege(stage, players)
        try:
            for number in range(options.rounds):
                outcome = siege.lay(size, seed=number + 1, quiet=10)
                faults += faults_of(outcome)
                print("\n" + "\n".join(table(rows(size, outcome))))
                print("\n" + "\n".join(table(effects(outcome))))
                print(f"\nRecovered {outcome.recovery:.0f} s after the last attacker had ended.",
                      flush=True)
        finally:
            siege.close()
    print(f"\n{'; '.join(faults) or 'Whole'}. Load {os.getloadavg()[0]:.1f} after.")
    return 1 if faults else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except LabError as error:
        sys.exit(f"hostile: {error}")
