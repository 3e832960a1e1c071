'use strict';

// Which broadcast the address names behind its #, if any.
function wantedSlug() {
  try { return decodeURIComponent(location.hash.slice(1)); } catch (error) { return ''; }
}

// The host's clock as this browser sees it, and with it when a packet's sound was captured.
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
    this.next = now + (this.samples.length < 5 ? 250 : 5000);
    try {
      const asked = performance.now();
      const response = await fetch(this.path);
      const answered = performance.now();
      if (!response.ok) throw new Error();
      const point = await response.json();
      this.point = point;
      this.samples.push({
        at: (asked + answered) / 2,
        offset: point.now_ms - (asked + answered) / 2, roundTrip: answered - asked,
      });
      this.line = fitClock(this.samples);
      // Two minutes of them: clocks drift apart.
      if (this.samples.length > 24) this.samples.shift();
    } catch (error) {
      this.next = now + 30000;
    }
  }

  // Milliseconds from the capture of what an RTP timestamp names to an instant of
  // performance.now(), or null.
  sinceCapture(rtp, instant) {
    const { line, point } = this;
    if (!line || !(point.frames_per_ms > 0)) return null;
    // Timestamps wrap at 32 bits: the shorter way round.
    const captured = point.at_ms + ((rtp - point.rtp) | 0) / point.frames_per_ms;
    return instant + line.offset + line.skew * (instant - line.at) - captured;
  }
}

// A line through what answers told of another clock: { at, offset, skew }. The quickest know best: least
// can have happened to them on the way. Over a short time two clocks are taken to go alike.
function fitClock(samples) {
  const quickest = Math.min(...samples.map((one) => one.roundTrip));
  let weights = 0, at = 0, offset = 0;
  for (const one of samples) {
    const weight = 1 / (0.5 + one.roundTrip - quickest) ** 2;
    weights += weight;
    at += weight * one.at;
    offset += weight * one.offset;
  }
  at /= weights;
  offset /= weights;
  let up = 0, down = 0;
  for (const one of samples) {
    const weight = 1 / (0.5 + one.roundTrip - quickest) ** 2;
    up += weight * (one.at - at) * (one.offset - offset);
    down += weight * (one.at - at) ** 2;
  }
  const isLong = samples[samples.length - 1].at - samples[0].at > 20000;
  const skew = isLong && down > 0 ? Math.min(5e-4, Math.max(-5e-4, up / down)) : 0;
  return { at, offset, skew };
}
