"""Web Audio's way: the page's own code, in a browser, without a server.

A pure tone stays one while the delay moves, and a place in the sound is found by how loud it was.
"""

import json
import os

import numpy as np
import pytest

from lab import meter, purity, signals
from lab.browser import BROWSERS
from lab.product import REPOSITORY

FREQUENCY = 997.0
FLOOR_DB = -50
SECONDS = 9
# The page's delay of every second, in ms: it rests, moves as quickly as it may, there and back, and rests.
MOVES = [30, 30, 31, 32, 33, 32, 31, 31]

_RENDER = """(async () => { %(page)s
  const rate = 48000;
  const context = new OfflineAudioContext(1, %(seconds)d * rate, rate);
  const tone = context.createOscillator();
  const level = context.createGain();
  tone.frequency.value = %(frequency)f;
  level.gain.value = 0.25;
  const fine = new Fine({ context, wanted: 30 });
  const { delayTime } = fine.node;
  tone.connect(level).connect(fine.gain);
  tone.start();
  fine.context = { currentTime: 0, sampleRate: rate };
  for (const [second, ms] of %(moves)s.entries()) {
    fine.context.currentTime = second + 0.5;
    %(move)s;
  }
  const rendered = (await context.startRendering()).getChannelData(0);
  return { fastest: InStep.fine.slew, held: fine.held,
    sound: Array.from(rendered, (value) => Math.round(1e7 * value)) };
})()"""


def page_code():
    return "\n".join((REPOSITORY / "Sources/AuraWeb/Page" / name).read_text().replace("'use strict';", "")
                     for name in ("measure.js", "instep.js", "fine.js"))


def rendered(browser, move, moves=MOVES):
    answer = browser.evaluate(_RENDER % {
        "page": page_code(), "seconds": SECONDS, "frequency": FREQUENCY, "move": move, "moves": json.dumps(moves)})
    sound = np.array(answer.pop("sound")) / 1e7
    # What comes out of a delay before anything has gone in is no tone.
    return sound[purity.RATE // 5:], answer


def worst(found):
    return found[np.argmax(found[:, 1])]


@pytest.fixture(scope="module", params=BROWSERS)
def browser(request):
    with BROWSERS[request.param](dict(os.environ)) as browser:
        yield browser


def test_no_correction_is_heard(browser):
    sound, told = rendered(browser, "fine.hold(ms)")
    assert told["fastest"] >= 1, "these are not the quickest moves any more"
    assert abs(told["held"] - MOVES[-1]) < 0.02, told
    for name, found in (("beside it", purity.sidebands(sound, FREQUENCY)),
                        ("click", purity.clicks(sound, FREQUENCY))):
        at, level, *rest = worst(found)
        assert level < FLOOR_DB, f"{name}: {level:.1f} dB at {at:.2f} s, {rest}"
        still = found[found[:, 0] > SECONDS - 1][:, 1].max()
        assert still < -80, f"{name}, at rest: {still:.1f} dB"


def test_it_moves_by_no_more_than_two_in_a_thousand(browser):
    """Its phase tells the delay: the tone's frequency is never further off than that."""
    sound, _ = rendered(browser, "fine.hold(ms)")
    time = np.arange(len(sound)) / purity.RATE
    turned = sound * np.exp(-2j * np.pi * FREQUENCY * time)
    width = purity.RATE // 20
    phase = np.unwrap(np.angle(np.convolve(turned, np.hanning(width), "valid")[::48]))
    off = np.diff(phase) / (2 * np.pi * FREQUENCY * 0.001)
    assert 0.0015 < np.abs(off).max() < 0.0021, f"{np.abs(off).max():.4%}"


def test_moves_never_overlap(browser):
    """A second of the page's clock may be less than one of the sound's, and browsers refuse that."""
    sound, told = rendered(browser, "fine.hold(ms); fine.context.currentTime += 0.3; fine.hold(ms - 0.5)")
    assert abs(told["held"] - MOVES[-1]) < 0.52, told
    assert worst(purity.clicks(sound, FREQUENCY))[1] < FLOOR_DB


@pytest.mark.parametrize("move", [
    "delayTime.setValueAtTime(ms / 1000, fine.context.currentTime)",
    "delayTime.linearRampToValueAtTime(ms / 1000, fine.context.currentTime + 1)",
], ids=["steps", "bends"])
def test_what_is_heard_is_found(browser, move):
    sound, _ = rendered(browser, move)
    loudest = max(worst(purity.sidebands(sound, FREQUENCY))[1], worst(purity.clicks(sound, FREQUENCY))[1])
    assert loudest > FLOOR_DB, f"{loudest:.1f} dB"


# When what is rendered is heard

# The output takes `turn` ms of sound at a time; what it needs until then sinks meanwhile, is told as it stands when it is
# asked for, and so is the context's clock. At `at` ms it stands still for `stop`.
_OUTPUT = """(() => {
  let time = 0;
  const performance = { now: () => time }, navigator = { userAgent: 'Firefox' };
  %(page)s
  const turn = 1024 / 48, needs = 35, stop = %(stop)f, at = %(at)f, rest = %(rest)f;
  const written = () => Math.floor((time - (time > at ? stop : 0)) / turn) * turn;
  // Just after it has stood still for long it tells too much.
  const wrong = () => (stop > 50 && time > at && time < at + 800 ? 50 : 0);
  const taken = () => written() + (time > at ? stop : 0);
  const output = new OutputTime({
    get currentTime() { return written() / 1000; },
    get outputLatency() { return (needs + wrong() - (time - taken())) / 1000; },
    baseLatency: 0 });
  // No timer is in step with a turn.
  for (time = rest; time < 12000; time += 140 + 23 * Math.abs(Math.sin(time))) {
    output.note();
    output.read();
  }
  return output.least + output.sunk + output.ms;
})()"""


@pytest.mark.parametrize("stop, at", [(0, 3000), (9.5, 3000), (137, 1300), (137, 3000)])
def test_when_sound_is_heard_is_known_wherever_the_turn_stood(browser, stop, at):
    told = [browser.evaluate(_OUTPUT % {"page": page_code(), "stop": stop, "at": at, "rest": rest / 3})
            for rest in range(40)]
    # Readings seldom meet a turn's very beginning. Without what it had sunk by it would be off by a turn, 21 ms.
    assert np.all(np.abs(np.array(told) - 35 - stop) < 5), told


# A picture every 16.7 ms, and the same output under clicks: how late the last six of them are heard.
_CLICKS = """(() => {
  let time = 0;
  const performance = { now: () => time }, navigator = { userAgent: 'Firefox' };
  const calibration = { offsetMs: 0 };
  const turn = 1024 / 48, needs = 35, clicks = [];
  const written = () => Math.floor(time / turn) * turn;
  const part = () => ({ frequency: {}, gain: { setValueAtTime() {}, linearRampToValueAtTime() {} },
    connect: (next) => next, start: (at) => clicks.push(1000 * at), stop() {} });
  class Context {
    get currentTime() { return written() / 1000; }
    get outputLatency() { return (needs - (time - written())) / 1000; }
    get baseLatency() { return 0; }
    createOscillator() { return part(); }
    createGain() { return part(); }
  }
  const window = { AudioContext: Context };
  %(page)s
  const one = new Clicks();
  for (time = %(rest)f; time < 12000; time += 16.7) one.follow(time, 1000 * Math.round(time / 1000));
  return clicks.slice(-6).map((at) => (at + needs + 500) %% 1000 - 500);
})()"""


def test_clicks_are_heard_at_their_beat_wherever_the_turn_stood(browser):
    page = (REPOSITORY / "Sources/AuraWeb/Page/headphones.js").read_text().split("(function")[0]
    page = f"{page_code()} const BEAT_MS = 1000; {page.replace(chr(39) + 'use strict' + chr(39) + ';', '')}"
    late = [browser.evaluate(_CLICKS % {"page": page, "rest": rest / 3}) for rest in range(40)]
    assert all(len(one) == 6 for one in late) and np.all(np.abs(late) < 5), late


# Finding a place


def server_levels(sound):
    """As the server tells them (`LevelTracer`): half decibels below full scale, rounded down."""
    power = np.mean(sound[:len(sound) // 48 * 48].reshape(-1, 48).astype(float) ** 2, axis=1)
    return np.floor(-20 * np.log10(power + 1e-12)).clip(0, 192).astype(int)


def place(browser, sound, begin, rate=48_000, noise=0.002):
    """Where the page finds what it heard: 32768 frames that begin `begin` seconds into the sound."""
    rng = np.random.default_rng(7)
    times = begin + np.arange(32_768) / rate
    heard = np.interp(times, np.arange(len(sound)) / 48_000, sound) + noise * rng.standard_normal(32_768)
    return found(browser, heard, server_levels(sound), rate)


def found(browser, heard, levels, rate=48_000):
    return browser.evaluate(f"""(() => {{ {page_code()}
        const heard = Float32Array.from({json.dumps(np.round(heard, 5).tolist())});
        return placeOf(heard, {rate}, {32_768 * 1000 // rate - 1}, {levels.tolist()}); }})()""")


@pytest.mark.parametrize("rate", [48_000, 44_100])
@pytest.mark.parametrize("probe", [meter.probe, meter.voice])
def test_a_place_is_found_to_a_part_of_a_millisecond(browser, probe, rate):
    for seed, begin in enumerate((0.05, 0.1234, 0.20037, 0.1)):
        end = place(browser, probe(1.1, seed=seed), begin, rate)
        assert end is not None and abs(end - 1000 * (begin + 32_768 / rate)) < 0.3, (seed, begin, end)


def test_where_it_is_not_certain_nothing_is_found(browser):
    beats = np.tile(signals.sine(500, 0.02, 48_000) * np.linspace(1, 0, 960) ** 2, 55)
    strange = meter.probe(1.1, seed=4)
    for name, sound in (("silence", np.zeros(52_800)), ("a tone", signals.sine(440, 1.1, 48_000)),
                        ("equal beats", beats)):
        assert place(browser, sound, 0.1) is None, name
    played = server_levels(meter.probe(1.1, seed=5))
    assert found(browser, strange[:32_768], played) is None, "what was not played"
