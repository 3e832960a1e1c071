'use strict';

// A browser as docs/measurements.md found it, in virtual time: its buffer follows a target from outside of
// a zone only, a second or two later, in steps, and only while the sound can be stretched. The page's own code
// reads its statistics and steers it. Seeded; milliseconds.

// Of the browser.
const performance = { timeOrigin: 0, now: () => performance.time, time: 0 };
const memory = { held: {}, read(key, otherwise) { return key in this.held ? this.held[key] : otherwise; },
  write(key, value) { this.held[key] = value; } };
const calibration = { late() {} };
const PACKET = 20, BEAT = 150;

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
  constructor(random, { low, high, stretchable, drift, dry, stiff }) {
    Object.assign(this, { random, low, high, stretchable, drift, dry, stiff: 1000 * stiff, time: 0 });
    this.breathe(false);
  }

  // Sound that repeats itself, and then some that does not.
  breathe(isDry) {
    this.isDry = isDry;
    this.spell = isDry ? 200 + 200 * this.random() : this.dry > 0 ? 600 * this.random() / this.dry : Infinity;
  }

  // From a first packet as old as this on: all of them had come at once.
  begin(level) { Object.assign(this, { level, age: 0, wait: this.patience, rest: -200 }); }

  get patience() { return 100 + 100 * this.random(); }

  // What is played now has waited for.
  get waited() { return Math.min(this.age, this.level); }

  // 10 ms: from outside of its zone for a second or two on, every tenth time at most a pitch period is put in or taken
  // out.
  tick() {
    this.age += 10;
    this.time += 10;
    this.level = Math.max(0, this.level + 10 * this.drift);
    this.spell -= 1;
    if (this.spell <= 0) this.breathe(!this.isDry);
    const missing = this.target + this.low - this.level, over = this.level - this.target - this.high;
    this.rest -= 1;
    if (missing <= 0 && over <= 0) {
      // What has moved just now goes on at once.
      this.wait = this.rest > -200 ? 0 : this.patience;
      return;
    }
    this.wait -= 1;
    const isStiff = this.isDry || this.time < this.stiff || this.random() > this.stretchable;
    if (this.wait > 0 || this.rest > 0 || isStiff) return;
    const step = 4 + 8 * this.random();
    this.level += missing > 0 ? step : -step;
    this.rest = 9;
  }
}

// The page's clock against the server's: 200 ppm apart or so, asked every 5 s, sometimes slowly answered, or each way
// with jitter of its own.
class Clocks {
  constructor(random, { skew, spikes, jitter }) {
    Object.assign(this, { random, skew, spikes, jitter, stood: 0, fit: new ServerClock('main') });
  }

  // What the server's clock says at an instant of the page's.
  truth(now) { return 5000 + now * (1 + this.skew) + this.stood; }

  ask(now) {
    const way = () => 1 + (2 + this.jitter) * this.random();
    const there = way() + (this.random() < this.spikes ? 300 * this.random() : 0);
    const back = way();
    const middle = now + (there + back) / 2;
    this.fit.learn({ at: middle, roundTrip: there + back, offset: this.truth(now + there) - middle });
  }

  // How wrong the fit is.
  error(now) { return now + this.fit.offset(now) - this.truth(now); }
}

// How wrong the page's clock is, four times a second for ten minutes from 5 s on; and how wrong it would be if the quickest
// of its answers were believed alone.
function clockErrors({ seed, jitter, skew }) {
  const clocks = new Clocks(generator(seed), { skew, spikes: 0, jitter });
  const errors = [], quickest = [];
  let next = 0;
  for (let now = 0; now < 600000; now += 250) {
    if (now >= next) {
      clocks.ask(now);
      next = now + clocks.fit.pause;
    }
    if (now < 5000) continue;
    errors.push(Math.abs(clocks.error(now)));
    const best = clocks.fit.samples.reduce((one, other) => (other.roundTrip < one.roundTrip ? other : one));
    quickest.push(Math.abs(now + best.offset - clocks.truth(now)));
  }
  return { errors, quickest };
}

// What the page sees of it: a receiver's statistics.
class Receiver {
  constructor(buffer) {
    Object.assign(this, { buffer, isHeard: false, jitterBufferTarget: null, source: null, contributor: null });
    this.inbound = {
      type: 'inbound-rtp', packetsReceived: 0, packetsLost: 0, totalSamplesReceived: 0, jitterBufferDelay: 0,
      jitterBufferEmittedCount: 0, concealedSamples: 0, silentConcealedSamples: 0, jitter: 0,
    };
  }

  tick(isCut) {
    const { inbound, buffer } = this;
    inbound.totalSamplesReceived += 480;
    inbound.jitterBufferEmittedCount += 480;
    inbound.jitterBufferDelay += 0.48 * buffer.waited;
    if (!isCut) inbound.packetsReceived += 10 / PACKET;
  }

  async getStats() { return [{ ...this.inbound, packetsReceived: Math.floor(this.inbound.packetsReceived) }]; }

  getSynchronizationSources() { return [this.source]; }

  getContributingSources() { return [this.contributor]; }
}

// One listener for so many seconds; what became of it. `start`: how late its first packet is; null: as the page has it.
// `passing`: how long a packet takes to the ear with nothing in the buffer, and `mistaken`: how much shorter the page
// takes that to be; null: it has learnt nothing yet. `naps`: when its device sleeps and for how
// long, whether its clock stands still meanwhile, and by how much the delay moves. `rare`: from when until when
// timers run once in so many seconds. `first`: how wrong a first packet's time may be. `glides`: from when the goal
// moves, and by how much, at film mode's pace. `cuts`: when another address leaves it without packets for a moment, and
// what the buffer grows by. `lies`: when, for 3 s, what is told of its place is wrong, and by how much.
// `stiff`: until when nothing can be stretched. `blind`: until when Web Audio's place is not found, and how wrong what is
// told is until then.
async function live(settings) {
  const {
    seed, seconds = 600, goal: atFirst = 1500, start = 0, stretchable = 0.6, noise = 3, dry = 0.2, stiff = 0,
    skew = 0, drift = 0, spikes = 0, jitter = 0, isFine = false, unsteady = 0, naps = [], first = 0, mistaken = 0,
    cuts = [], lies = [], blind = { until: 0, by: 0 },
    rare = { from: seconds, until: seconds, every: 1 }, glides = [],
  } = settings;
  // As the server has it for what is captured from now on.
  let goal = atFirst, plan = { number: 0, mode: 'film', rtp: 0, first_ms: goal, last_ms: goal };
  const random = generator(seed);
  // As measured: from below it rests 0 to 13 ms under the target, from above 10 to 20 over.
  const { passing = 60 + 20 * random(), low = -13 * random(), high = 10 + 10 * random() } = settings;
  const buffer = new Buffer(random, { low, high, stretchable, drift, dry, stiff });
  const clocks = new Clocks(random, { skew, spikes, jitter });
  const errors = [], clockErrors = [], moves = [], faults = [], joins = [], gliding = [], firsts = [];
  const isBlind = () => performance.time < 1000 * blind.until;
  const sound = {
    isLouder: isFine, isAmplified: isFine, wanted: 0, hold(ms) { this.wanted = ms; },
    fine: {
      get found() { return isBlind() ? null : {}; }, outputMs: 0, output: { note() {}, read: () => 0 }, get held() { return sound.wanted; },
      refine: (told) => told,
    },
  };
  const told = () => ({ mode: 'film', delay_ms: goal, rtp: 0, at_ms: 0, frames_per_ms: 48, plan });
  const rtpOf = (captured) => (48 * Math.round(captured)) >>> 0;
  const change = (first, last) => {
    const rtp = rtpOf(clocks.truth(performance.now()));
    plan = { ...plan, number: (plan.number + 1) & 255, rtp, first_ms: first, last_ms: last };
  };
  // Of what was captured at an instant of the server's.
  const due = (captured) => {
    const passed = Math.max(0, ((rtpOf(captured) - plan.rtp) | 0) / 48);
    const { first_ms: first, last_ms: last } = plan;
    return first < last ? Math.min(last, first + passed / 50) : Math.max(last, first - passed / 50);
  };
  let receiver, film, measure, nextAsk, away = 0, date = 1e12;
  memory.held = mistaken === null ? {} : { passing: [passing - mistaken, passing - mistaken] };
  const join = (now, point, error) => {
    receiver = new Receiver(buffer);
    film = new FilmBuffer(receiver, sound);
    film.follow(point);
    const asked = Number(/passing_ms=(\d+)/.exec(film.query)[1]);
    // As the server has it: in whole packets.
    const backlog = PACKET * Math.round((goal - asked) / PACKET);
    const level = error === null ? backlog + first * (2 * random() - 1) : goal - passing - sound.wanted + error;
    buffer.begin(Math.max(0, level));
    clocks.fit = new ServerClock('main');
    measure = new Measure(receiver, clocks.fit, sound, () => 0);
    nextAsk = 0;
    joins.push(Math.round(now / 1000));
    firsts.push(buffer.level + passing + sound.wanted - goal);
  };
  performance.time = 0;
  join(0, told(), start);
  let lastBeat = 0;
  for (let tick = 0; tick < 100 * seconds; tick += 1) {
    const second = Math.floor(tick / 100);
    if (tick % 100 === 0) {
      for (const nap of naps.filter((one) => one.at === second)) {
        // What is played from now on is older by that.
        buffer.level += 1000 * nap.seconds;
        if (nap.isClockStopped) clocks.stood += 1000 * nap.seconds;
        else away += 1000 * nap.seconds;
        date += 1000 * nap.seconds;
        if (nap.by) change(goal + nap.by, goal + nap.by);
      }
      for (const one of cuts.filter(({ at }) => at === second)) buffer.level += one.by;
      for (const one of glides.filter(({ at }) => at === second)) change(goal, goal + one.by);
    }
    const now = 10 * tick + away;
    performance.time = now;
    buffer.target = receiver.jitterBufferTarget;
    buffer.tick();
    receiver.tick(cuts.some(({ at }) => tick >= 100 * at && tick < 100 * at + 60));
    const heard = buffer.level + passing + sound.wanted;
    const truth = clocks.truth(now);
    goal = due(truth);
    // That of what is heard.
    const goalHeard = due(truth - heard);
    const isTurn = second < rare.from || second >= rare.until
      ? tick - lastBeat >= BEAT / 10 : (second - rare.from) % rare.every === 0 && tick % 100 === 0;
    if (isTurn) {
      lastBeat = tick;
      const { inbound } = receiver;
      const lie = lies.find(({ at }) => second >= at && second < at + 3);
      // A second's median is off by `noise`.
      const late = heard + 6 * noise * (random() - 0.5) + (lie ? lie.by : 0) + (isBlind() ? blind.by : 0);
      const shown = late - (PACKET - 5) - (isFine ? WEB_AUDIO_MS.others : ASSUMED_OUTPUT_MS);
      receiver.source = { timestamp: now, rtpTimestamp: rtpOf(truth - shown) };
      const { rtpTimestamp } = receiver.source;
      const isOld = ((rtpTimestamp - plan.rtp) | 0) < 0;
      receiver.contributor = { source: 0x41555200 + ((plan.number - isOld) & 255), timestamp: now, rtpTimestamp };
      if (random() < 1 - (1 - unsteady) ** (BEAT / 1000)) inbound.concealedSamples += 480;
      const dateNow = Date.now;
      Date.now = () => date + 10 * tick;
      const reading = await measure.read(now);
      Date.now = dateNow;
      if (reading.stood > SLEPT_MS) {
        // As listener.js does: all is new, and the first packet comes when it is due.
        join(now, clocks.fit.presentation(clocks.fit.rtpAt(now)), null);
        errors.push(1e4);
        clockErrors.push(0);
        continue;
      }
      if (now >= nextAsk || clocks.fit.isOutdated(measure.rtp, measure.plan)) {
        clocks.fit.take(told(), clocks.fit.answered);
        clocks.ask(now);
        nextAsk = now + clocks.fit.pause;
      }
      film.follow(clocks.fit.presentation(measure.rtp));
      const [target, node] = [receiver.jitterBufferTarget, sound.wanted];
      const { soon } = reading;
      film.beat(reading, now);
      const isChanged = receiver.jitterBufferTarget !== target;
      // A step may end meanwhile.
      const isSteady = reading.lately !== null && (!soon || soon.isSteady || !film.step.moving);
      if (!isSteady && (isChanged || sound.wanted !== node)) faults.push('corrected while unsteady');
      if (lie && isChanged) faults.push('corrected in disagreement');
      if (!film.isObedient) faults.push('given up');
      const next = receiver.jitterBufferTarget;
      if (!(next >= 0 && next <= 4000)) faults.push(`target ${next}`);
      if (!(sound.wanted >= 0 && sound.wanted <= 60)) faults.push(`delay ${sound.wanted}`);
      if (Math.abs(sound.wanted - node) > 2.000001) faults.push(`a slew of ${sound.wanted - node}`);
      if (isChanged && film.step.moving && film.step.moving !== moves.last) {
        moves.push({ second, way: film.step.moving.way });
        moves.last = film.step.moving;
      }
    }
    if (tick % 100 !== 99) continue;
    errors.push(heard - goalHeard);
    const isGliding = ({ at, by }) => second >= at && second < at + Math.abs(by) / 20;
    // What is heard is of before until then.
    if (glides.some((one) => isGliding(one) && second >= one.at + 1)) gliding.push(Math.abs(heard - goalHeard));
    clockErrors.push(Math.abs(clocks.error(now)));
  }
  const half = Math.floor(seconds / 2);
  const late = errors.slice(half).map(Math.abs).sort((a, b) => a - b);
  // Seconds until nearer than this for good.
  const nearFrom = (ms) => {
    let second = seconds;
    while (second > 0 && Math.abs(errors[second - 1]) < ms) second -= 1;
    return second;
  };
  // Seconds until within 15 ms, for three of them.
  const again = (since) => {
    let second = since;
    while (second < seconds && !errors.slice(second, second + 3).every((one) => Math.abs(one) <= 15)) second += 1;
    return second - since;
  };
  return {
    seed, faults: [...new Set(faults)], settled: nearFrom(30), near: nearFrom(25), exact: nearFrom(8), p50: late[late.length >> 1],
    p95: late[Math.floor(0.95 * late.length)], most: late[late.length - 1], firsts,
    // Moves back after a move there: many of them are a limit cycle.
    turns: moves.filter((one, i) => i > 0 && one.second >= half && one.way !== moves[i - 1].way).length,
    lateMoves: moves.filter((one) => one.second >= half).length,
    quick: moves.filter((one, i) => i > 0 && one.second >= half
      && one.second - moves[i - 1].second < 15).length,
    clock: Math.max(...clockErrors.slice(half)), joins, gliding: Math.max(0, ...gliding),
    again: [...naps.map((one) => one.at), ...cuts.map((one) => one.at),
      ...glides.map(({ at, by }) => at + Math.abs(by) / 20), rare.until]
      .filter((one) => one < seconds).map(again),
  };
}
