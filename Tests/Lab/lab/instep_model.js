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
    Object.assign(this, { random, skew, spikes, samples: [] });
  }

  ask(now) {
    const there = 1 + 2 * this.random() + (this.random() < this.spikes ? 300 * this.random() : 0);
    const back = 1 + 2 * this.random();
    const middle = now + (there + back) / 2;
    this.samples.push({
      at: middle, roundTrip: there + back, offset: 5000 + (now + there) * (1 + this.skew) - middle,
    });
    if (this.samples.length > 24) this.samples.shift();
    this.line = fitClock(this.samples);
  }

  // How wrong the fit is.
  error(now) {
    const { at, offset, skew } = this.line;
    return offset + skew * (now - at) - (5000 + now * this.skew);
  }
}

// One listener for so many seconds; what became of it.
function live(settings) {
  const {
    seed, seconds = 600, goal = 1500, start = 0, low = -8, high = 15, stretchable = 0.6, noise = 3,
    skew = 0, drift = 0, spikes = 0, isFine = false, unsteady = 0,
  } = settings;
  const random = generator(seed);
  const passing = 60 + 20 * random();
  const buffer = new Buffer(random, {
    level: goal - passing + start, low, high, stretchable, drift,
  });
  const clocks = new Clocks(random, { skew, spikes });
  const step = new InStep();
  step.begin(step.keeping(goal - passing));
  buffer.target = step.target;
  const errors = [], clockErrors = [], moves = [], faults = [];
  let node = 0;
  for (let second = 0; second < seconds; second += 1) {
    const now = 1000 * second;
    if (second < 3 || second % 5 === 0) clocks.ask(now);
    for (let tick = 0; tick < 100; tick += 1) buffer.tick();
    const heard = buffer.level + passing + node;
    const wrong = noise * (random() + random() + random() - 1.5) * 2 + clocks.error(now);
    const isSteady = random() >= unsteady;
    const before = step.target;
    const next = step.update({
      goal, heard: heard + wrong, buffer: buffer.level + 4 * (random() - 0.5), isSteady, isFine,
    }, now);
    if (!isSteady && (next.target !== before || next.node !== node)) faults.push('corrected while unsteady');
    if (!(next.target >= 0 && next.target <= 4000)) faults.push(`target ${next.target}`);
    if (!(next.node >= 0 && next.node <= 60)) faults.push(`delay ${next.node}`);
    if (second > 0 && Math.abs(next.node - node) > 2.000001) faults.push(`a slew of ${next.node - node}`);
    if (next.target !== before && step.moving) moves.push({ second, way: step.moving.way });
    buffer.target = next.target;
    node = next.node;
    errors.push(heard - goal);
    clockErrors.push(Math.abs(clocks.error(now)));
  }
  const half = Math.floor(seconds / 2);
  const late = errors.slice(half).map(Math.abs).sort((a, b) => a - b);
  let settled = seconds;
  while (settled > 0 && Math.abs(errors[settled - 1]) < 30) settled -= 1;
  return {
    seed, faults: [...new Set(faults)], settled, p50: late[late.length >> 1],
    p95: late[Math.floor(0.95 * late.length)], most: late[late.length - 1],
    // Moves back after a move there: many of them are a limit cycle.
    turns: moves.filter((one, i) => i > 0 && one.second >= half && one.way !== moves[i - 1].way).length,
    lateMoves: moves.filter((one) => one.second >= half).length,
    quick: moves.filter((one, i) => i > 0 && one.second >= half
      && one.second - moves[i - 1].second < 15).length,
    clock: Math.max(...clockErrors.slice(half)), edges: step.edges,
  };
}
