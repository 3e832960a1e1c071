"""Delay comes back after something on the way has been frozen.

All in one take per sound server, several chains side by side. A take's clock is the recording's, and
a frozen client of PipeWire stops the whole graph, the recorder included (its own `pw-cat` does so
too). So the chains are compared with what was recorded beside them: those that begin in `program`
with that, the one that begins in an original server with an undisturbed listener to the same sound.
"""

import signal
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from lab import meter
from lab.content import Content
from lab.meter import RATE
from lab.processes import TOO_BUSY, Busyness
from lab.soundserver import SERVERS
from lab.stage import Stage
from lab.takes import Take

EARS = ["ear1", "ear2", "ear3", "ear4", "ear5"]
FREEZE = 0.3
FREEZES = (2.0, 5.2)  # seconds of the take
RETURN = 2.0  # seconds after the end of a freeze until the delay must be back
STRETCH = 0.85  # seconds over which a delay is read: at least one whole window of the meter
MARGIN_MS = 40


def differences(latency, spans):
    """Delay after each freeze less the delay before the first.

    `latency(begin, end)` gives it; `spans` are the freezes, in seconds of the recording.
    """
    before = latency(spans[0][0] - 1.1, spans[0][0])
    after = [latency(end + RETURN, end + RETURN + STRETCH) for _, end in spans]
    changes = np.array(after) - before
    assert np.isfinite(changes).all(), f"no delay could be read: {before} before, {after} after"
    return changes


@pytest.fixture(scope="module")
def both_servers(tmp_path_factory):
    """The takes on both sound servers, made at the same time."""
    with ThreadPoolExecutor() as pool:
        takes = {name: pool.submit(frozen_take, name, tmp_path_factory.mktemp(name))
                 for name in SERVERS}
    return {name: take.result() for name, take in takes.items()}


@pytest.fixture(params=SERVERS)
def frozen(request, both_servers):
    return both_servers[request.param]


def frozen_take(backend, directory):
    with SERVERS[backend](["program", *EARS]) as server, Stage(directory, server) as stage:
        content = Content(directory, 44100, 2)

        def listen(port, ear):
            return stage.listen(port, "--output", ear, "--status-every", 1)
        original, undisturbed = (stage.original_server(f"--content={content.path}") for _ in "ab")
        serve, frozen_serve = stage.serve(), stage.serve()
        wire = stage.proxy(serve.port)
        listeners = {
            "server": listen(original.port, "ear1"), "network": listen(wire.port, "ear2"),
            "listener": listen(serve.port, "ear3"), "capture": listen(frozen_serve.port, "ear4"),
            "undisturbed": listen(undisturbed.port, "ear5")}
        for listener in listeners.values():
            listener.until_playing()
        time.sleep(1)
        victims = [original, wire, listeners["listener"], frozen_serve]
        spans = []
        busyness = Busyness()
        with Take(server, EARS, seconds=FREEZES[-1] + FREEZE + RETURN + STRETCH + 0.5) as take:
            for at in FREEZES:
                take.sleep_until(at)
                begin = take.recording.seconds
                for victim in victims:
                    victim.send(signal.SIGSTOP)
                time.sleep(FREEZE)
                spans.append((begin, take.recording.seconds))
                for victim in victims:
                    victim.send(signal.SIGCONT)
        stage.end_programs()
        heard = {name: take[ear] for name, ear in
                 (("network", "ear2"), ("listener", "ear3"), ("capture", "ear4"))}
        server_side = content.measure(take.sounds["ear1"])
        beside = content.measure(take.sounds["ear5"])
        story = f"{server_side}; {beside}; waits {busyness.share:.0%}"
        if (server_side.error or beside.error) and busyness.share > TOO_BUSY:
            pytest.skip(f"this cannot be judged: {story}")
        assert not server_side.error and not beside.error, story
        latencies = {name: ear.latency_between for name, ear in heard.items()}
        latencies["server"] = lambda a, b: (
            server_side.latency_between(a, b) - beside.latency_between(a, b))
        return {"latencies": latencies, "spans": spans, "listeners": listeners,
               "serve": frozen_serve, "backend": server.backend}


@pytest.mark.parametrize("part", ["capture", "server", "network", "listener"])
def test_delay_returns_after_a_freeze(frozen, part):
    changes = differences(frozen["latencies"][part], frozen["spans"])
    # Either way: a delay that fell would only mean that the clock of the take was lost.
    assert np.max(np.abs(changes)) < MARGIN_MS, f"ms more delay after each freeze: {changes}"


def test_what_was_skipped_is_counted(frozen):
    assert frozen["listeners"]["network"].events("status")[-1]["skipped_ms"] > 100
    if frozen["backend"] == "pulse":
        # On PipeWire the frozen listener stopped the graph: nothing was captured meanwhile.
        assert frozen["listeners"]["listener"].events("status")[-1]["skipped_ms"] > 100
        assert frozen["serve"].event("summary")["discarded_ms"] > 100


@pytest.mark.parametrize("added_ms", [0, 235, -235])
def test_a_delay_that_stays_is_seen(added_ms):
    """A path whose delay changes for good at the first freeze, as the original's did."""
    spans = [(at, at + FREEZE) for at in FREEZES]
    played = np.concatenate((meter.probe(10, seed=4), np.zeros(2 * RATE)))
    cut, delay = int(spans[0][1] * RATE), RATE // 2
    ear = np.roll(played, delay)
    ear[cut:] = np.roll(played, delay + added_ms * RATE // 1000)[cut:]
    heard = meter.measure(played, ear)
    assert differences(heard.latency_between, spans) == pytest.approx([added_ms] * 2, abs=0.1)
