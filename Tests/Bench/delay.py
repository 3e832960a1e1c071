"""End-to-end delay: what is played into `program`, until an ear has it."""

import statistics
import time

from lab.soundserver import CONTROLS, SERVERS
from lab.stage import Stage
from lab.takes import listen_in

METHOD = (
    "Probe played into `program`, recorded there and at the ear as channels of one stream of a "
    "headless sound server; latency by cross-correlation in windows of 0.5 s every 0.25 s, {runs} "
    "runs of {seconds:g} s per line, each with newly started programs and one design at a time. "
    "Median of the runs' medians (lowest–highest), and the worst run's 95th percentile. Dropouts "
    "are those of silence or wrong sound over 5 ms that neither control ear has.")


def measure(design, preset, backend, runs, seconds):
    """One line of the table: several runs of one design."""
    medians, worst, dropouts, failed = [], 0.0, 0, []
    for _ in range(runs):
        with SERVERS[backend]() as server, Stage(sound_server=server) as stage:
            server.start_controls()
            serve = design.serve(stage, preset)
            design.listen(stage, serve.port, "ear1")
            time.sleep(2)
            take = listen_in(server, ["ear1", *CONTROLS], seconds)
        heard = take["ear1"]
        if heard.error:
            failed.append(heard.error)
            continue
        medians.append(heard.median_ms)
        worst = max(worst, heard.p95_ms)
        dropouts += len(heard.dropouts_beyond(*(take[c] for c in CONTROLS)))
    return {
        "backend": backend, "preset": preset, "design": design.name, "runs": runs,
        "failed_runs": failed, "seconds": seconds, "medians_ms": medians,
        "median_ms": statistics.median(medians) if medians else None, "worst_p95_ms": worst,
        "dropouts": dropouts}
