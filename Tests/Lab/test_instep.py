"""Everyone at the same instant: the page's loop in virtual time, and a browser beside a native ear."""

import json
import os

import numpy as np
import pytest

from lab import meter
from lab.browser import Chromium
from lab.lan import Lan
from lab.processes import TOO_BUSY
from lab.product import REPOSITORY
from lab.soundserver import CONTROLS, SERVERS
from lab.stage import Stage
from lab.takes import Take
from lab.webpage import WebPage

PARTS = ("Sources/AuraWeb/Page/clock.js", "Sources/AuraWeb/Page/instep.js", "Tests/Lab/lab/instep_model.js")
SEEDS = 20
# Ten minutes each. Settings of the model, and bounds: seconds until within 30 ms for good, and in the
# second half what 95 % are below and how often a move is taken back.
SCENES = {
    "a second early": (dict(start=-1000), dict(settled=40, p95=15, turns=4)),
    "a second late": (dict(start=1000), dict(settled=40, p95=15, turns=6)),
    "clocks 200 ppm apart": (dict(skew=2e-4, drift=2e-4), dict(settled=40, p95=15, turns=4)),
    "clocks 200 ppm apart the other way": (dict(skew=-2e-4, drift=-2e-4), dict(settled=40, p95=15, turns=4)),
    "noise": (dict(noise=8), dict(settled=40, p95=25, turns=15)),
    "slow answers": (dict(spikes=0.3, start=200), dict(settled=40, p95=15, turns=4)),
    "a wide dead zone, late": (dict(low=-100, high=100, start=80), dict(settled=120, p95=15, turns=4)),
    "a wide dead zone, early": (dict(low=-100, high=100, start=-80), dict(settled=120, p95=15, turns=4)),
    "every second window made up": (dict(unsteady=0.5, start=200), dict(settled=60, p95=15, turns=4)),
    "sound that cannot be stretched": (dict(stretchable=0, start=25), dict(settled=0, p95=30, turns=0)),
    "Web Audio": (dict(isFine=True, start=200), dict(settled=120, p95=5, turns=1)),
    "Web Audio, a second early": (dict(isFine=True, start=-1000), dict(settled=60, p95=5, turns=1)),
    "Web Audio, clocks apart": (
        dict(isFine=True, skew=2e-4, drift=2e-4), dict(settled=60, p95=12, turns=1)),
    "Web Audio, a wide dead zone": (
        dict(isFine=True, low=-100, high=100, start=100), dict(settled=150, p95=5, turns=1)),
}


@pytest.fixture(scope="module")
def lives():
    """Every scene with every seed, in one browser."""
    script = "\n".join((REPOSITORY / part).read_text().replace("'use strict';", "") for part in PARTS)
    settings = {name: scene for name, (scene, _) in SCENES.items()}
    with Chromium(dict(os.environ)) as browser:
        return browser.evaluate(f"""(() => {{ {script}
            const lives = {{}};
            for (const [name, scene] of Object.entries({json.dumps(settings)})) {{
              lives[name] = Array.from({{ length: {SEEDS} }}, (_, i) => live({{ seed: i + 1, ...scene }}));
            }}
            return lives; }})()""")


@pytest.mark.parametrize("name", SCENES)
def test_it_comes_into_step_and_stays(lives, name):
    bounds = SCENES[name][1]
    for life in lives[name]:
        assert not life["faults"], life
        assert life["settled"] <= bounds["settled"] and life["p95"] <= bounds["p95"], life
        assert life["turns"] <= bounds["turns"] and life["quick"] == 0, life
        assert life["clock"] < 2, life


SECONDS = 16.0
DELAY_MS = 300
# What is asked for is 15 ms; this is a machine with other work, and a browser that has just joined.
BOUND_MS = 40


def test_a_browser_is_in_step_from_its_first_seconds_on(tmp_path):
    """It joins while a native listener hears, and 5 s after its first sound both hear the same."""
    with (SERVERS["pipewire"](("program", "ear1", "ear2", *CONTROLS)) as server, Lan(2) as lan,
          Stage(tmp_path, server) as stage):
        serve = stage.serve("--mode", "film", "--delay", DELAY_MS, prefix=lan.inside("server"))
        host, port = address = serve.web_address(lan.server_address)
        listen = stage.listen(f"http://{host}:{port}{serve.whep}", "--output", "ear1",
                              "--status-every", 1, prefix=lan.inside("h1"))
        page = WebPage(stage.browser("chromium", "ear2", lan.namespace("h2")), address)
        listen.until("the delay", lambda: abs(
            (listen.events("status") or [{"delay_ms": 0}])[-1]["delay_ms"] - DELAY_MS) < 3, 30)
        with Take(server, ["ear1", "ear2"], SECONDS, probe=meter.voice) as take:
            page.listen()
    native, browser = take["ear1"], take["ear2"]
    story = f"native: {native}; browser: {browser}; waits {take.pressure:.0%}"
    assert not native.error and not browser.error, story
    first = np.flatnonzero(np.abs(take.sounds["ear2"][:, 0]) > 0.003)[0] / meter.RATE
    skew = (browser.latency_between(first + 5, SECONDS) - native.latency_between(first + 5, SECONDS))
    print(f"skew {skew:.1f} ms; {story}")
    if not abs(skew) < BOUND_MS and take.pressure > TOO_BUSY:
        pytest.skip(f"this cannot be judged: skew {skew:.1f} ms; {story}")
    assert abs(skew) < BOUND_MS, f"skew {skew:.1f} ms; {story}"
