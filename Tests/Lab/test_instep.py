"""Everyone at the same instant: the page's loop in virtual time, and a browser beside a native ear."""

import json
import os

import numpy as np
import pytest

from lab import meter
from lab.browser import BROWSERS, Chromium
from lab.lan import Lan
from lab.processes import TOO_BUSY, Busyness, LabError
from lab.product import REPOSITORY
from lab.soundserver import CONTROLS, SERVERS
from lab.stage import Stage
from lab.takes import Take
from lab.webpage import WebPage

PARTS = (*(f"Sources/AuraWeb/Page/{name}.js" for name in ("clock", "instep", "film", "measure", "fine", "listener")),
         "Tests/Lab/lab/instep_model.js")
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
    "each way with jitter of its own": (
        dict(jitter=40, skew=3e-5, drift=3e-5), dict(settled=40, p95=15, turns=4, clock=10)),
    "Web Audio, each way with jitter of its own": (
        dict(jitter=40, skew=-3e-5, drift=-3e-5, isFine=True), dict(settled=60, p95=8, turns=1, clock=10)),
    "a wide dead zone, late": (dict(low=-100, high=100, start=80), dict(settled=120, p95=15, turns=4)),
    "a wide dead zone, early": (dict(low=-100, high=100, start=-80), dict(settled=120, p95=15, turns=4)),
    "every second window made up": (dict(unsteady=0.5, start=200), dict(settled=60, p95=15, turns=4)),
    "sound that cannot be stretched for five minutes": (
        dict(stiff=300, start=35), dict(settled=310, p95=16, turns=4)),
    "measures that disagree": (
        dict(lies=[dict(at=at, by=by) for at, by in zip(range(60, 600, 11), [60, -60, -200] * 17)]),
        dict(settled=0, p95=15, turns=0)),
    "Web Audio": (dict(isFine=True, start=200), dict(settled=120, p95=5, turns=1)),
    "Web Audio, a second early": (dict(isFine=True, start=-1000), dict(settled=60, p95=5, turns=1)),
    "Web Audio, clocks apart": (
        dict(isFine=True, skew=2e-4, drift=2e-4), dict(settled=60, p95=12, turns=1)),
    "Web Audio, what is told is wrong at first": (
        dict(isFine=True, dry=0, start=22, blind=dict(until=4, by=-22)), dict(settled=15, p95=5, turns=1)),
    "Web Audio, a wide dead zone": (
        dict(isFine=True, low=-100, high=100, start=100), dict(settled=150, p95=5, turns=1)),
}


# The first minute of who joins where everyone hears already, and whose first packet is so wrong. Of 100 seeds so many
# are to be within the 25 ms that `script/bench instep` calls in step from 5 s on after their first sound, and all from
# 10 s on: one second in six belongs to a spell of 2 to 4 in which nothing can be stretched.
JOIN_SECONDS, JOIN_NEAR = 5, 95
JOINS = {f"{what}, {goal} ms": dict(seconds=60, goal=goal, **scene) for goal in (300, 1000) for what, scene in {
    "30 ms late": dict(start=30), "30 ms early": dict(start=-30),
    "later on its way than was learnt": dict(start=None, mistaken=30),
    "earlier on its way than was learnt": dict(start=None, mistaken=-30),
    "30 ms either way": dict(start=None, first=30), "nothing learnt yet": dict(start=None, mistaken=None, first=10),
}.items()}


def _asleep(*seconds, **more):
    return dict(first=60, naps=[dict(at=200 + 60 * i, seconds=s, **more) for i, s in enumerate(seconds)])


# What keeps a page from its work. Bounds: seconds from its end until within 15 ms for three of them, and
# how often it joins in all.
RETURNS = {
    "asleep": (_asleep(1, 3, 10, 40, 3600), dict(again=20, joins=6)),
    "asleep, clocks 200 ppm apart": (
        _asleep(1, 3, 10, 40, 3600) | dict(skew=2e-4, drift=2e-4), dict(again=20, joins=6)),
    "asleep, and its clock with it": (
        _asleep(1, 3, 10, 40, 3600, isClockStopped=True), dict(again=20, joins=6)),
    "asleep, and its clock with it, slow answers": (
        _asleep(1, 3, 10, 40, 3600, isClockStopped=True) | dict(spikes=0.3), dict(again=20, joins=6)),
    "too shortly for a join, its clock too": (
        dict(naps=[dict(at=200, seconds=0.4, isClockStopped=True)]), dict(again=15, joins=1)),
    "asleep, its way longer than anyone's": (
        _asleep(1, 3, 10, 40, 3600) | dict(first=0, start=None, passing=140, mistaken=None), dict(again=20, joins=6)),
    "asleep, its way longer than anyone's, Web Audio": (
        _asleep(1, 3, 10, 40, 3600) | dict(first=0, start=None, passing=170, mistaken=None, isFine=True),
        dict(again=30, joins=6)),
    "asleep, and the delay is longer then": (
        dict(naps=[dict(at=100, seconds=5, by=300)]), dict(again=2, joins=2)),
    "asleep, and the delay is shorter then": (
        dict(naps=[dict(at=100, seconds=5, by=-300)]), dict(again=2, joins=2)),
    "another address": (dict(cuts=[dict(at=200 + 9 * i, by=by) for i, by in enumerate((28, 35, 20))]),
                        dict(again=10, joins=1)),
    "a turn once a minute": (
        dict(rare=dict({"from": 100}, until=400, every=60)), dict(again=2, joins=1)),
    "a turn once a minute, clocks 200 ppm apart": (
        dict(rare=dict({"from": 100}, until=400, every=60), skew=2e-4, drift=2e-4), dict(again=10, joins=1)),
    "a turn once a minute from the beginning": (
        dict(rare=dict({"from": 1}, until=120, every=60), start=60), dict(again=10, joins=1)),
}


# The delay is changed at the keyboard, at 20 ms a second. Bounds in ms while it moves, from 1 s on, and seconds
# until in step afterwards.
GLIDES = {
    "longer, and back": (dict(glides=[dict(at=100, by=400), dict(at=200, by=-400)], dry=0), dict(gliding=45, again=8)),
    "some steps of a key": (
        dict(glides=[dict(at=100, by=200), dict(at=200, by=-200)], dry=0), dict(gliding=45, again=8)),
    "clocks 200 ppm apart": (
        dict(glides=[dict(at=100, by=800), dict(at=200, by=-800)], skew=2e-4, drift=2e-4, dry=0),
        dict(gliding=45, again=8)),
    "Web Audio": (
        dict(glides=[dict(at=100, by=400), dict(at=200, by=-400)], isFine=True, dry=0), dict(gliding=45, again=8)),
    "for seconds it cannot be stretched": (
        dict(glides=[dict(at=100, by=400), dict(at=200, by=-400)]), dict(gliding=150, again=5)),
}


@pytest.fixture(scope="module")
def lives():
    """Every scene with every seed, in one browser."""
    script = "\n".join((REPOSITORY / part).read_text().replace("'use strict';", "") for part in PARTS)
    glides = {f"moved: {name}": scene for name, scene in GLIDES.items()}
    settings = {name: scene for name, (scene, _) in (SCENES | RETURNS | glides).items()} | JOINS
    with Chromium(dict(os.environ)) as browser:
        return browser.evaluate(f"""(async () => {{ {script}
            const lives = {{}};
            for (const [name, scene] of Object.entries({json.dumps(settings)})) {{
              lives[name] = [];
              for (let seed = 1; seed <= (scene.seconds ? 100 : {SEEDS}); seed += 1) {{
                lives[name].push(await live({{ seed, ...scene }}));
              }}
            }}
            return lives; }})()""")


@pytest.mark.parametrize("name", SCENES)
def test_it_comes_into_step_and_stays(lives, name):
    bounds = SCENES[name][1]
    for life in lives[name]:
        assert not life["faults"], life
        assert life["settled"] <= bounds["settled"] and life["p95"] <= bounds["p95"], life
        assert life["turns"] <= bounds["turns"] and life["quick"] == 0, life
        assert life["clock"] < bounds.get("clock", 2), life


# How much each way jitters by itself, in ms, and what 95 % of the clock's errors are below.
@pytest.mark.parametrize("jitter, bound", [(0, 0.6), (5, 2), (40, 5)])
def test_the_clock_is_known_by_the_fastest_ways_there_and_back(jitter, bound):
    """Not by the quickest answer, which is wrong by half of what its own two ways differ by."""
    script = "\n".join((REPOSITORY / part).read_text().replace("'use strict';", "") for part in PARTS)
    with Chromium(dict(os.environ)) as browser:
        worlds = browser.evaluate(f"""(() => {{ {script}
            return Array.from({{ length: 30 }}, (_, seed) => clockErrors({{
              seed: seed + 1, jitter: {jitter}, skew: 0 }})); }})()""")
    errors, quickest = (np.concatenate([world[name] for world in worlds]) for name in ("errors", "quickest"))
    for name, values in (("errors", errors), ("quickest answer alone", quickest)):
        print(f"{jitter} ms of jitter, {name}: {np.percentile(values, [50, 95, 100]).round(2)} ms")
    assert np.percentile(errors, 95) < bound
    assert jitter < 40 or np.percentile(quickest, 95) > 1.3 * np.percentile(errors, 95)


def test_what_is_found_is_corrected_at_once(lives):
    """Not by Web Audio's delay alone, which moves by a millisecond a second: most are near 5 s after it was found."""
    exact = sorted(life["exact"] for life in lives["Web Audio, what is told is wrong at first"])
    assert exact[SEEDS // 2] <= 9, exact


@pytest.mark.parametrize("name", JOINS)
def test_it_comes_into_step_soon_after_it_has_joined(lives, name):
    near = sorted(life["near"] for life in lives[name])
    assert near[JOIN_NEAR - 1] <= JOIN_SECONDS and near[-1] <= 2 * JOIN_SECONDS, near
    for life in lives[name]:
        assert not life["faults"] and life["quick"] == 0, life


@pytest.mark.parametrize("name", GLIDES)
def test_it_follows_a_delay_that_moves(lives, name):
    bounds = GLIDES[name][1]
    for life in lives[f"moved: {name}"]:
        assert not life["faults"], life
        assert life["gliding"] <= bounds["gliding"] and max(life["again"]) <= bounds["again"], life
        assert len(life["joins"]) == 1, life


@pytest.mark.parametrize("name", RETURNS)
def test_it_is_in_step_again_after_sleep_and_rare_timers(lives, name):
    bounds = RETURNS[name][1]
    for life in lives[name]:
        assert not life["faults"], life
        assert max(life["again"]) <= bounds["again"] and len(life["joins"]) == bounds["joins"], life


@pytest.mark.parametrize("way", ["", ", Web Audio"])
def test_a_join_learns_for_the_next_one(lives, way):
    for life in lives[f"asleep, its way longer than anyone's{way}"]:
        first, *_, last = life["firsts"]
        # The server sends whole packets.
        assert abs(first) >= 30 and abs(last) <= 15, life["firsts"]


def test_what_a_browser_needs_whether_it_tells_or_not():
    """Its delay less what it keeps beyond what the network asks for: told, or as much as is assumed."""
    script = "\n".join((REPOSITORY / part).read_text().replace("'use strict';", "") for part in PARTS)
    with Chromium(dict(os.environ)) as browser:
        delay, *needed = browser.evaluate(f"""(() => {{ {script}
            const second = (more) => {{
              const measure = new Measure(null, null, {{ isAmplified: false }}, () => 0);
              measure.delays = [{{ now: 500, delay: 200 }}];
              const inbound = {{ packetsReceived: 50, totalSamplesReceived: 48000, jitterBufferEmittedCount: 48000,
                jitterBufferDelay: 0.15 * 48000, ...more }};
              return measure.compare({{ inbound, now: 1000 }}, {{ inbound: {{}}, now: 0 }});
            }};
            const told = second({{ jitterBufferMinimumDelay: 0.06 * 48000 }});
            return [told.delay, told.needed, second({{}}).needed]; }})()""")
    assert needed == pytest.approx([delay - 150 + 60, delay - 150 + 40])


def test_the_server_corrects_by_nothing_that_is_doubtful():
    """Where a browser's buffer cannot be told: not by what was made up, nor by measures that disagree, until they last."""
    script = "\n".join((REPOSITORY / part).read_text().replace("'use strict';", "") for part in PARTS)
    with Chromium(dict(os.environ)) as browser:
        steady, made_up, apart, lasting, live = browser.evaluate(f"""(() => {{ {script}
            const film = new FilmBuffer({{}}, {{ hold() {{}} }});
            film.follow({{ mode: 'film', delay_ms: 300 }});
            const vouch = (count, delay, isSteady = true) => Array.from({{ length: count }},
              () => film.vouches({{ delay, buffer: 100, isSteady }}));
            const all = [vouch(5, 200), vouch(1, 200, false), vouch(2, 260), vouch(4, 260)];
            film.follow({{ mode: 'live', delay_ms: null }});
            return [...all, vouch(1, 500, false)]; }})()""")
    assert steady == [True] * 5 and made_up == [False] and apart == [False] * 2 and lasting[-1] and live == [True]


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


# What a browser tells of Web Audio's way may be wrong by so much (docs/measurements.md).
TOLD_WRONG_MS = 60

_WATCH = """(() => {
  const { compare } = Measure.prototype;
  Measure.prototype.compare = function (...all) {
    const { fine } = this.sound;
    if (fine && !window.fine) {
      // How far what is found is from what the browser tells.
      const { refine } = fine;
      fine.refine = (told, ...rest) => {
        const refined = refine.call(fine, told, ...rest);
        window.beyond = fine.found ? refined - told : null;
        return refined;
      };
      window.fine = fine;
    }
    return compare.apply(this, all);
  };
  return true; })()"""


def test_web_audio_finds_its_place_by_how_loud_it_was(tmp_path):
    """Both browsers, of what the server tells: soon after the way to the output is another one."""
    with (SERVERS["pipewire"](("program", "ear1", "ear2")) as server, Lan(2) as lan,
          Stage(tmp_path, server) as stage):
        serve = stage.serve("--mode", "film", "--delay", DELAY_MS, prefix=lan.inside("server"))
        address = serve.web_address(lan.server_address)
        pages = []
        for number, kind in enumerate(BROWSERS, 1):
            pages.append(WebPage(stage.browser(kind, f"ear{number}", lan.namespace(f"h{number}")), address))
            pages[-1].browser.evaluate(_WATCH)
        sound = tmp_path / "sound.wav"
        meter.write_wav(sound, meter.stereo(meter.voice(60, seed=2)))
        player = server.play(sound)
        for page in pages:
            page.listen()
            page.browser.evaluate("(document.getElementById('louder').click(), true)")
        busyness = Busyness()
        try:
            for page in pages:
                beyond = page.browser.until("its place", "window.fine?.found && (window.beyond || null)", 40)
                assert abs(beyond) < TOLD_WRONG_MS, beyond
        except LabError as error:
            if busyness.share > TOO_BUSY:
                pytest.skip(f"this cannot be judged: {error}; waits {busyness.share:.0%}")
            raise
        finally:
            player.end()
