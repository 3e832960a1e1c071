'use strict';

// Which broadcast the address names behind its #, if any.
function wantedSlug() {
  try { return decodeURIComponent(location.hash.slice(1)); } catch (error) { return ''; }
}

// How fast film mode's delay moves.
const GLIDE = 0.02;

// The host's clock as this browser sees it, and with it when a packet's sound was captured and is to be heard.
class ServerClock {
  constructor(slug) {
    this.path = '/api/clock/' + encodeURIComponent(slug);
    this.samples = [];
    this.point = null;
    this.next = 0;
  }

  // Asks when it is time to: a few times quickly, then now and then. Without an answer there is
  // no delay to show; nothing else depends on it.
  async keep(now) {
    if (now < this.next) return;
    this.asked = now;
    this.next = now + (this.samples.length < 5 ? 250 : 5000);
    try {
      const asked = performance.now();
      const response = await fetch(this.path);
      const answered = performance.now();
      if (!response.ok) throw new Error();
      this.point = await response.json();
      const at = (asked + answered) / 2;
      this.learn({ at, offset: this.point.now_ms - at, roundTrip: answered - asked });
    } catch (error) {
      this.next = now + 5000;
    }
  }

  // There is news: no waiting, but for an answer that is on its way.
  hurry(now) {
    if (!(now - this.asked < 1000)) this.next = 0;
  }

  // An answer is wrong by half its round trip at most. What disagrees by more tells of a clock that slept:
  // nothing from before holds.
  learn(sample) {
    const jump = this.line ? Math.abs(sample.offset - this.offset(sample.at)) : 0;
    if (jump > 20 + sample.roundTrip / 2) this.samples = [];
    this.samples.push(sample);
    // Two minutes of them: clocks drift apart.
    if (this.samples.length > 24) this.samples.shift();
    this.line = fitClock(this.samples);
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
    const { plan } = this.point;
    const passed = ((rtp - plan.rtp) | 0) / 48;
    if (passed < 0) return null;
    const { mode, first_ms: first, last_ms: last } = plan;
    if (mode !== 'film') return { mode, delay_ms: null };
    const moved = GLIDE * passed;
    return { mode, delay_ms: first <= last ? Math.min(last, first + moved) : Math.max(last, first - moved) };
  }

  // Whether what is heard is of another plan than the one that was told. `told`: the number in its packet, or null:
  // live mode's packets have none.
  isOutdated(rtp, told) {
    if (!this.line) return false;
    const { number, mode } = this.point.plan;
    // Numbers wrap; an older one is just not over yet.
    const ahead = (told - number) & 255;
    return told === null ? mode === 'film' && this.presentation(rtp) !== null : ahead > 0 && ahead < 128;
  }
}

// A line through what answers told of another clock: { at, offset, skew }. The quickest know best: least
// can have happened to them on the way. Over a short time two clocks are taken to go alike.
function fitClock(samples) {
  const quickest = Math.min(...samples.map((one) => one.roundTrip));
  const weigh = (one) => 1 / (0.5 + one.roundTrip - quickest) ** 2;
  let weights = 0, at = 0, offset = 0;
  for (const one of samples) {
    const weight = weigh(one);
    weights += weight;
    at += weight * one.at;
    offset += weight * one.offset;
  }
  at /= weights;
  offset /= weights;
  let up = 0, down = 0;
  for (const one of samples) {
    up += weigh(one) * (one.at - at) * (one.offset - offset);
    down += weigh(one) * (one.at - at) ** 2;
  }
  const isLong = samples[samples.length - 1].at - samples[0].at > 20000;
  const skew = isLong && down > 0 ? Math.min(5e-4, Math.max(-5e-4, up / down)) : 0;
  return { at, offset, skew };
}
