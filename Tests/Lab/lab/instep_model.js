'use strict';

// A browser as docs/measurements.md found it, in virtual time: its buffer follows a target from outside of
// a zone only, in steps, and only while the sound can be stretched. With it what can be known of it, and
// how wrongly. Seeded; milliseconds.

function generator(seed) {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

class Buffer {
  constructor(random, { level, low, high, stretchable, drift }) {
    Object.assign(this, { random, level, low, high, stretchable, drift, target: 0 });
    this.rest = 0;
  }

  // 10 ms: every sixth time at most a pitch period is put in or taken out.
  tick() {
    this.level = Math.max(0, this.level + 10 * this.drift);
    this.rest = Math.max(0, this.rest - 1);
    if (this.rest > 0 || this.random() > this.stretchable) return;
    const step = 4 + 8 * this.random();
    if (this.level < this.target + this.low) this.level += step;
    else if (this.level > this.target + this.high) this.level -= step;
    else return;
    this.rest = 6;
  }
}

// The page's clock against the server's: 200 ppm apart or so, asked every 5 s, sometimes slowly answered.
class Clocks {
  constructor(random, { skew, spikes }) {
    Object.assign(this, { random, skew, spikes, stood: 0, fit: new ServerClock('main') });
  }

  // What the server's clock says at an instant of the page's.
  truth(now) { return 5000 + now * (1 + this.skew) + this.stood; }

  ask(now) {
    const there = 1 + 2 * this.random() + (this.random() < this.spikes ? 300 * this.random() : 0);
    const back = 1 + 2 * this.random();
    const middle = now + (there + back) / 2;
    this.fit.learn({ at: middle, roundTrip: there + back, offset: this.truth(now + there) - middle });
  }

  // How wrong the fit is.
  error(now) { return now + this.fit.offset(now) - this.truth(now); }
}

// One listener for so many seconds; what became of it. `naps`: when its device sleeps and for how long, and
// whether its clock stands still meanwhile. `rare`: from when until when timers run once in so many seconds.
// `first`: how wrong a first packet's time may be. `glides`: from when the goal moves, and by how much, at film mode's pace.
function live(settings) {
  const {
    seed, seconds = 600, goal: atFirst = 1500, start = 0, low = -8, high = 15, stretchable = 0.6, noise = 3,
    skew = 0, drift = 0, spikes = 0, isFine = false, unsteady = 0, naps = [], first = 0,
    rare = { from: seconds, until: seconds, every: 1 }, glides = [],
  } = settings;
  let goal = atFirst, told = goal;
  const random = generator(seed);
  const passing = 60 + 20 * random();
  const buffer = new Buffer(random, {
    level: goal - passing + start, low, high, stretchable, drift,
  });
  const clocks = new Clocks(random, { skew, spikes });
  const errors = [], clockErrors = [], moves = [], faults = [], joins = [], gliding = [];
  let step, measure, node, levels, nextAsk, away = 0, date = 1e12;
  const join = (second) => {
    step = new InStep();
    step.begin(step.keeping(goal - passing));
    clocks.fit = new ServerClock('main');
    measure = new Measure();
    buffer.target = step.target;
    [node, levels, nextAsk] = [0, [], 0];
    joins.push(second);
  };
  join(0);
  for (let second = 0; second < seconds; second += 1) {
    for (const nap of naps.filter((one) => one.at === second)) {
      // What is played from now on is older by that.
      buffer.level += 1000 * nap.seconds;
      if (nap.isClockStopped) clocks.stood += 1000 * nap.seconds;
      else away += 1000 * nap.seconds;
      date += 1000 * nap.seconds;
    }
    const now = 1000 * second + away;
    for (let tick = 0; tick < 100; tick += 1) buffer.tick();
    levels.push(buffer.level);
    const isTurn = second < rare.from || second >= rare.until || second % rare.every === 0;
    if (isTurn) {
      if (now >= nextAsk) {
        clocks.ask(now);
        nextAsk = now + (clocks.fit.samples.length < 5 || goal !== told ? 1000 : 5000);
        if (goal !== told) step.shift(goal - told, now);
        told = goal;
      }
      if (measure.stood(1000 * (second + 1), date + 1000 * second) > SLEPT_MS) {
        // As listener.js does: all is new, and the first packet comes when it is due.
        join(second);
        buffer.level = goal - passing + first * (2 * random() - 1);
        errors.push(1e4);
        clockErrors.push(0);
        continue;
      }
    }
    const heard = buffer.level + passing + node;
    if (isTurn) {
      const late = heard + noise * (random() + random() + random() - 1.5) * 2 + clocks.error(now);
      const isSteady = random() >= unsteady;
      const before = step.target;
      const mean = levels.reduce((sum, one) => sum + one, 0) / levels.length;
      levels = [];
      const next = step.update({
        goal: told, heard: late > -50 ? late : null, buffer: mean + 4 * (random() - 0.5), isSteady, isFine,
      }, now);
      if (!isSteady && (next.target !== before || next.node !== node)) faults.push('corrected while unsteady');
      if (!(next.target >= 0 && next.target <= 4000)) faults.push(`target ${next.target}`);
      if (!(next.node >= 0 && next.node <= 60)) faults.push(`delay ${next.node}`);
      if (second > 0 && Math.abs(next.node - node) > 2.000001) faults.push(`a slew of ${next.node - node}`);
      if (next.target !== before && step.moving) moves.push({ second, way: step.moving.way });
      buffer.target = next.target;
      node = next.node;
    }
    errors.push(heard - goal);
    const isGliding = ({ at, by }) => second >= at && second < at + Math.abs(by) / 20;
    // Five seconds until it is known; then as it moves.
    if (glides.some((one) => isGliding(one) && second >= one.at + 6)) gliding.push(Math.abs(heard - goal));
    for (const { by } of glides.filter(isGliding)) goal += 20 * Math.sign(by);
    clockErrors.push(Math.abs(clocks.error(now)));
  }
  const half = Math.floor(seconds / 2);
  const late = errors.slice(half).map(Math.abs).sort((a, b) => a - b);
  let settled = seconds;
  while (settled > 0 && Math.abs(errors[settled - 1]) < 30) settled -= 1;
  // Seconds until within 15 ms, for three of them.
  const again = (since) => {
    let second = since;
    while (second < seconds && !errors.slice(second, second + 3).every((one) => Math.abs(one) <= 15)) second += 1;
    return second - since;
  };
  return {
    seed, faults: [...new Set(faults)], settled, p50: late[late.length >> 1],
    p95: late[Math.floor(0.95 * late.length)], most: late[late.length - 1],
    // Moves back after a move there: many of them are a limit cycle.
    turns: moves.filter((one, i) => i > 0 && one.second >= half && one.way !== moves[i - 1].way).length,
    lateMoves: moves.filter((one) => one.second >= half).length,
    quick: moves.filter((one, i) => i > 0 && one.second >= half
      && one.second - moves[i - 1].second < 15).length,
    clock: Math.max(...clockErrors.slice(half)), edges: step.edges, joins, gliding: Math.max(0, ...gliding),
    again: [...naps.map((one) => one.at), ...glides.map(({ at, by }) => at + Math.abs(by) / 20), rare.until]
      .filter((one) => one < seconds).map(again),
  };
}
