"""How a chain's delay recovers when a part of it was frozen."""

import time

import numpy as np

from lab.meter import WINDOW
from lab.soundserver import SERVERS
from lab.stage import Stage
from lab.takes import Take

METHOD = (
    "Preset `smooth`, PulseAudio (a frozen client of PipeWire stops the whole graph), one take of "
    "{seconds:g} s per line: capture and server (one process), the network (a relay between them) or "
    "the listener stands still for {freeze:g} s by SIGSTOP, once. Recovered: the first whole window "
    "of 0.5 s from which on the delay stays within {margin:g} ms of what it was before; the windows are "
    "0.25 s apart and counted to their end, so 0.5 to 0.75 s is the least that can be read. Left over: the last 3 s less before.")

PARTS = ("capture", "network", "listener")
FREEZE = 0.3
AT = 3.0
SECONDS = 12.0
MARGIN_MS = 20.0


def measure(design, part):
    with SERVERS["pulse"]() as server, Stage(sound_server=server) as stage:
        serve = design.serve(stage, "smooth")
        wire = stage.proxy(serve.port)
        listen = design.listen(stage, wire.port, "ear1")
        time.sleep(2)
        victim = {"capture": serve, "network": wire, "listener": listen}[part]
        with Take(server, ["ear1"], SECONDS) as take:
            take.sleep_until(AT)
            begin = take.recording.seconds
            victim.freeze(FREEZE)
            end = take.recording.seconds
        heard = take["ear1"]
    result = {"part": part, "design": design.name, "error": heard.error}
    if not heard.error:
        result.update(_read(heard, begin, end))
    return result


def _read(heard, begin, end):
    before = heard.latency_between(begin - 2, begin)
    last = heard.times[-1]
    left = heard.latency_between(last - 3, last + WINDOW / 2) - before
    # Windows that lie wholly behind the freeze; one without a latency is not back either.
    whole = heard.times - WINDOW / 2 >= end
    ends = heard.times[whole] + WINDOW / 2
    back = np.abs(heard.latencies_ms[whole] - before) < MARGIN_MS
    recovered = None
    if back[-1]:
        first = len(back) - int(np.argmin(back[::-1])) if not back.all() else 0
        recovered = float(ends[first] - end)
    return {"before_ms": before, "left_over_ms": left, "recovered_s": recovered,
            "series": [heard.times.round(3).tolist(),
                       [None if np.isnan(v) else round(v, 2) for v in heard.latencies_ms]]}
