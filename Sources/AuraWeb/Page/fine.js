'use strict';

// How far a place may be from where it is looked for, and how well it must fit there.
const REACH_MS = 150;
const LEAST_MATCH = 0.75;
// The server's milliseconds begin at some part of ours.
const PHASES = [0, 0.25, 0.5, 0.75];
// How often it is looked for, and where nothing is found.
const LOOK_MS = 2000;
const SELDOM_MS = 10000;

// The limiter looks ahead.
const LIMITER_MS = 6;
// What latency leaves out, or says too much, where nothing better is known yet (docs/measurements.md). Only
// Chromium has the statistics of the playout.
const WEB_AUDIO_MS = { chromium: 12, others: -5 };
// From the instant that a browser tells of its output to the ear (docs/measurements.md).
const BEHIND_OUTPUT_MS = { chromium: 0, others: 0 };

// Web Audio's way, to the millisecond. From a browser's buffer into Web Audio is another queue, of which nothing
// is told, and which is another one at every start. So the sound itself is looked at where it enters Web
// Audio: how loud it was, millisecond by millisecond, tells which place of the broadcast it is.
class Fine {
  constructor(sound) {
    const { context } = sound;
    Object.assign(this, { context, output: new OutputTime(context), held: 0, until: 0 });
    this.tap = context.createAnalyser();
    this.tap.fftSize = context.sampleRate < 24000 ? 16384 : 32768;
    this.gain = context.createGain();
    this.node = context.createDelay(0.1);
    const limiter = context.createDynamicsCompressor();
    limiter.threshold.value = -1;
    limiter.knee.value = 0;
    limiter.ratio.value = 20;
    limiter.attack.value = 0.001;
    limiter.release.value = 0.1;
    // A compressor makes everything louder by 0.6 of what it takes from full scale (0.95 dB
    // here; Web Audio, "makeup gain"): taken back, so that 100 % is 100 %.
    const makeup = context.createGain();
    makeup.gain.value = 10 ** ((-0.95 * 0.6) / 20);
    this.gain.connect(limiter).connect(makeup).connect(this.node).connect(context.destination);
    this.hold(sound.wanted);
  }

  // Another source, another queue.
  listen(source) {
    source.connect(this.gain);
    source.connect(this.tap);
    Object.assign(this, { source, found: null, rests: [], wait: 1000, next: performance.now() + 1500 });
  }

  // Web Audio's own delay, in milliseconds, once a second. A bend would be heard as a step is: half a cosine, and
  // no two of them overlap. A large one is where the way changes, which is heard anyway. Between
  // whole samples high tones are lost.
  hold(ms) {
    const { currentTime, sampleRate } = this.context;
    const from = this.held / 1000;
    const { slew } = InStep.fine;
    const isNear = Math.abs(ms - this.held) < 3;
    if (isNear && currentTime < this.until) return;
    const next = isNear ? Math.min(this.held + slew, Math.max(this.held - slew, ms)) : ms;
    const to = Math.round(next * sampleRate / 1000) / sampleRate;
    if (to === from) return;
    const { delayTime } = this.node;
    if (isNear) {
      const curve = (_, i) => from + (to - from) * Math.sin(Math.PI * i / 128) ** 2;
      delayTime.setValueCurveAtTime(Float32Array.from({ length: 65 }, curve), currentTime + 0.05, 0.85);
      this.until = currentTime + 0.9;
    } else {
      delayTime.cancelScheduledValues(0);
      delayTime.setValueAtTime(to, currentTime);
    }
    this.held = 1000 * to;
  }

  // Milliseconds that Web Audio takes, as far as the browser tells.
  get outputMs() { return (this.output.read() || ASSUMED_OUTPUT_MS) + LIMITER_MS + this.held; }

  // Once a second: how late sound is heard, if `buffer` of it is spent in the browser's buffer; to the millisecond
  // where that is known, else as it was `told`; null while nothing is known of the output.
  refine(told, buffer, now, clock, kind) {
    if (this.output.read() === null) return null;
    this.look(clock, told, buffer, now);
    const { found } = this;
    if (!found || buffer === null) return told;
    return found.rest + buffer + this.held + BEHIND_OUTPUT_MS[kind];
  }

  // Looks for the place now and then. `delay`: as told by what the browser says, within REACH_MS.
  async look(clock, delay, buffer, now) {
    if (now < this.next || delay === null || buffer === null || !clock.line) return;
    this.next = now + this.wait;
    const { context, held, source } = this;
    this.output.note();
    const sound = new Float32Array(this.tap.fftSize);
    const end = context.currentTime;
    this.tap.getFloatTimeDomainData(sound);
    const heard = this.output.heardAt(end) + LIMITER_MS + held;
    // Something was rendered meanwhile, or nothing is told of the output yet.
    if (context.currentTime !== end || !(heard > 0)) {
      this.next = now;
      return;
    }
    const count = Math.floor(1000 * sound.length / context.sampleRate) - 1;
    if (shapeOf(sound, context.sampleRate, count, 0).isEven) return;
    const { point } = clock;
    const first = point.rtp - 48 * (count + REACH_MS)
      + (clock.sinceCapture(point.rtp, heard) - delay) * point.frames_per_ms;
    const path = `${clock.path.replace('clock', 'levels')}?rtp=${first >>> 0}&ms=${count + 2 * REACH_MS}`;
    try {
      const { rtp, levels } = await (await fetchSoon(path, {}, 2000)).json();
      const place = placeOf(sound, context.sampleRate, count, levels);
      if (source !== this.source) return;
      if (place === null) {
        this.wait = Math.min(2 * this.wait, SELDOM_MS);
        return;
      }
      this.wait = LOOK_MS;
      const exact = clock.sinceCapture(rtp + 48 * place, heard);
      const rest = exact - held - buffer;
      // What is another one is looked at twice: the output may just have been held up. One in ten is some
      // milliseconds off.
      if (!(Math.abs(rest - this.rests[0]) < 6)) this.rests = [];
      this.rests = [rest, ...this.rests.slice(0, 4)];
      if (this.rests.length > 1) this.found = { rest: middle(this.rests) };
      else this.next = 0;
    } catch (error) { /* another time */ }
  }
}

// Of so many milliseconds, the last of them `phase` of one before the end: half decibels below full scale, as the
// server has it.
function levelsOf(sound, rate, count, phase) {
  const border = (i) => Math.round(sound.length - (count - i + phase) * rate / 1000);
  return Array.from({ length: count }, (_, i) => {
    let power = 0;
    for (let at = border(i); at < border(i + 1); at += 1) power += sound[at] ** 2;
    return audible(-20 * Math.log10(power * 1000 / rate + 1e-12));
  });
}

// The same about their mean, and whether there is nothing in it to be found by.
function shapeOf(sound, rate, count, phase) {
  const levels = levelsOf(sound, rate, count, phase);
  const mean = levels.reduce((sum, level) => sum + level, 0) / count;
  const own = levels.map((level) => level - mean);
  const power = own.reduce((sum, level) => sum + level ** 2, 0);
  return { own, power, isEven: power < 4 * count };
}

const middle = (values) => [...values].sort((a, b) => a - b)[values.length >> 1];

// What is very quiet is no more the same behind a codec.
const audible = (level) => Math.min(level, 140);

// Where in `levels` the end of a sound is: in milliseconds, or null where that is not certain.
function placeOf(sound, rate, count, levels) {
  const given = levels.map(audible);
  let best = { match: 0, place: null }, other = 0;
  for (const phase of PHASES) {
    const { own, power, isEven } = shapeOf(sound, rate, count, phase);
    if (isEven) return null;
    for (let from = 0; from + count <= given.length; from += 1) {
      let sum = 0, square = 0, product = 0;
      for (let i = 0; i < count; i += 1) {
        const level = given[from + i];
        sum += level;
        square += level ** 2;
        product += level * own[i];
      }
      const match = product / Math.sqrt(power * Math.max(1e-9, square - sum ** 2 / count));
      const place = from + count + phase;
      // A beat is like the one before, and so is a period of a voice.
      if (Math.abs(place - best.place) > 2) other = Math.max(other, Math.min(match, best.match));
      if (match > best.match) best = { match, place };
    }
  }
  return best.match > LEAST_MATCH && other < best.match - 0.1 ? best.place : null;
}
