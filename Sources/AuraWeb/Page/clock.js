'use strict';

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
        offset: point.now_ms - (asked + answered) / 2, roundTrip: answered - asked,
      });
      // Two minutes of them: clocks drift apart.
      if (this.samples.length > 24) this.samples.shift();
    } catch (error) {
      this.next = now + 30000;
    }
  }

  // The quickest answer knows best: least can have happened to it on the way.
  get best() {
    return this.samples.reduce((best, one) => (best && best.roundTrip <= one.roundTrip ? best : one), null);
  }

  // Milliseconds from the capture of what an RTP timestamp names to an instant of
  // performance.now(), or null.
  sinceCapture(rtp, instant) {
    const { best, point } = this;
    if (!best || !(point.frames_per_ms > 0)) return null;
    // Timestamps wrap at 32 bits: the shorter way round.
    const captured = point.at_ms + ((rtp - point.rtp) | 0) / point.frames_per_ms;
    return instant + best.offset - captured;
  }
}
