"""Processor time per client of a server with many clients on loopback."""

import statistics
import time

from lab.soundserver import SERVERS
from lab.stage import Stage

METHOD = (
    "Time the scheduler gave the server's threads, in nanoseconds, over {seconds:g} s of wall time with {clients} "
    "clients on loopback, less the same without clients, per client, in percent of one core; "
    "median of {runs} runs (lowest–highest), PipeWire, silence playing. Loopback delivers within the "
    "call that sends, so much of the kernel's receiving side is in it, for both designs; the reading "
    "program and the rebuilt design's capture program are not.")


def _share(serve, seconds):
    """The part of a core that a process takes."""
    begin, used = time.monotonic(), serve.processor_seconds
    time.sleep(seconds)
    return (serve.processor_seconds - used) / (time.monotonic() - begin)


def _one_run(design, preset, clients, seconds):
    with SERVERS["pipewire"]() as server, Stage(sound_server=server) as stage:
        serve = design.serve(stage, preset)
        port = serve.port
        time.sleep(1)
        alone = _share(serve, seconds)
        crowd = stage.crowd(port, clients, seconds + 2)
        crowd.until("all connections", lambda: crowd.events("connected") or
                    any("connected" in e for e in crowd.all_events), 20)
        time.sleep(0.5)
        together = _share(serve, seconds)
        crowd.wait(seconds + 20)
        report = crowd.all_events[-1]
    return {"alone": alone, "together": together, "per_client": (together - alone) / clients,
            "open": report["open"], "faults": report["faults"]}


def measure(design, preset, clients, seconds, runs):
    results = [_one_run(design, preset, clients, seconds) for _ in range(runs)]
    shares = [100 * r["per_client"] for r in results]
    return {
        "preset": preset, "design": design.name, "clients": clients, "seconds": seconds,
        "runs": results, "percent_per_client": statistics.median(shares),
        "lowest": min(shares), "highest": max(shares),
        "percent_alone": 100 * statistics.median(r["alone"] for r in results)}
