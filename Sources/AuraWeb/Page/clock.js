'use strict';

// Which broadcast the address names behind its #, if any.
function wantedSlug() {
  try { return decodeURIComponent(location.hash.slice(1)); } catch (error) { return ''; }
}

// How fast film mode's delay moves.
const GLIDE = 0.02;
// By how much clocks part, usually and at most.
const USUAL_SKEW = 5e-5, MOST_SKEW = 5e-4;

// The host's clock as this browser sees it, and with it when a packet's sound was captured and is to be heard.
class ServerClock {
  constructor(slug) {
    this.path = '/api/clock/' + encodeURIComponent(slug);
    this.samples = [];
    this.point = null;
    // The plan before the one that was told last: that one may be for what is heard later.
    this.earlier = null;
    this.next = 0;
    this.questions = 0;
    this.answered = 0;
  }

  // How long until it is asked again: a few times quickly, oftener where answers come unevenly, then now and then.
  get pause() {
    const { length } = this.samples;
    return length < 5 || (length < 20 && this.line.usual > 1.5) ? 250 : 5000;
  }

  // Asks when it is time to. Without an answer there is no delay to show; nothing else depends on it.
  async keep(now) {
    if (now < this.next) return;
    this.next = now + this.pause;
    this.questions += 1;
    const number = this.questions;
    this.asked = now;
    try {
      const asked = performance.now();
      const response = await fetch(this.path);
      const answered = performance.now();
      if (!response.ok) throw new Error();
      const point = await response.json();
      const at = (asked + answered) / 2;
      this.take(point, number);
      this.learn({ at, offset: point.now_ms - at, roundTrip: answered - asked });
    } catch (error) {
      this.next = now + 5000;
    }
    this.asked = null;
  }

  // Answers may overtake each other.
  take(point, number) {
    if (number < this.answered) return;
    this.answered = number;
    const before = this.point && this.point.plan;
    if (before && point.plan && before.number !== point.plan.number) this.earlier = before;
    this.point = point;
  }

  // There may be news: no waiting, but for an answer that is on its way, and no more often than every `pause`.
  hurry(now, pause = 300) {
    if ((this.asked !== null && now - this.asked < 4000) || now - this.hurried < pause) return;
    this.hurried = now;
    this.next = 0;
  }

  // An answer is wrong by half its round trip at most. What disagrees by more tells of a clock that slept:
  // nothing from before holds.
  learn(sample) {
    const jump = this.line ? Math.abs(sample.offset - this.offset(sample.at)) : 0;
    if (jump > 20 + sample.roundTrip / 2) this.samples = [];
    this.samples.push(sample);
    // Five minutes of them: clocks drift apart.
    if (this.samples.length > 60) this.samples.shift();
    this.line = fitClock(this.samples);
    // They contradict each other, by more than a browser's clock is coarse: the latest are right.
    while (this.line.width < -1.5) {
      this.samples.shift();
      this.line = fitClock(this.samples);
    }
  }

  offset(instant) {
    const { at, offset, skew } = this.line;
    return offset + skew * (instant - at);
  }

  // Milliseconds from the capture of what an RTP timestamp names to an instant of
  // performance.now(), or null.
  sinceCapture(rtp, instant) {
    const { line, point } = this;
    if (!line || !(point.frames_per_ms > 0)) return null;
    // Timestamps wrap at 32 bits: the shorter way round.
    const captured = point.at_ms + ((rtp - point.rtp) | 0) / point.frames_per_ms;
    return instant + this.offset(instant) - captured;
  }

  // The RTP timestamp of what is captured at an instant of performance.now().
  rtpAt(instant) {
    const { point } = this;
    return point.rtp + (instant + this.offset(instant) - point.at_ms) * point.frames_per_ms;
  }

  // When the sound of an RTP timestamp is to be heard: { mode, delay_ms }, by the plan that was told, which is the
  // same for all listeners. Null: nothing is known, or that sound comes before the plan.
  presentation(rtp) {
    if (!this.line) return null;
    return presentationBy(this.point.plan, rtp) || presentationBy(this.earlier, rtp);
  }

  // Whether what is heard is of another plan than the one that was told. `told`: the number in its packet, or null:
  // live mode's packets have none.
  isOutdated(rtp, told) {
    if (!this.line || !this.point.plan) return false;
    const { number, mode } = this.point.plan;
    // Numbers wrap; an older one is just not over yet.
    const ahead = (told - number) & 255;
    return told === null ? mode === 'film' && presentationBy(this.point.plan, rtp) !== null : ahead > 0 && ahead < 128;
  }
}

// The same by one plan.
function presentationBy(plan, rtp) {
  const passed = plan ? ((rtp - plan.rtp) | 0) / 48 : -1;
  if (passed < 0) return null;
  const { mode, first_ms: first, last_ms: last } = plan;
  if (mode !== 'film') return { mode, delay_ms: null };
  const moved = GLIDE * passed;
  return { mode, delay_ms: first <= last ? Math.min(last, first + moved) : Math.max(last, first - moved) };
}

// What answers told of another clock, together, as { at, offset, skew, width, usual }: a question takes the shortest way
// and something on top, its answer the shortest way back and something on top. So the other clock is at least what any
// answer shows, and at most what any question does: the middle of the two lines that keep to all of them, by the skew
// that leaves most room between them, rather a small one. `usual`: how far off it usually is.
function fitClock(samples) {
  const { at } = samples[samples.length - 1];
  const trips = samples.map((one) => one.roundTrip).sort((a, b) => a - b);
  const usual = (trips[trips.length >> 1] - trips[0] + 0.2) / trips.length;
  const between = (skew) => {
    let low = -Infinity, high = Infinity;
    for (const one of samples) {
      const offset = one.offset + skew * (at - one.at);
      low = Math.max(low, offset - one.roundTrip / 2);
      high = Math.min(high, offset + one.roundTrip / 2);
    }
    return { width: high - low, offset: (low + high) / 2 };
  };
  const room = (skew) => between(skew).width / usual - (skew / USUAL_SKEW) ** 2 / 2;
  // It has one summit.
  let [from, to] = [-MOST_SKEW, MOST_SKEW];
  while (to - from > 1e-7) {
    const third = (to - from) / 3;
    if (room(from + third) < room(to - third)) from += third;
    else to -= third;
  }
  const skew = (from + to) / 2;
  return { at, skew, usual, ...between(skew) };
}
