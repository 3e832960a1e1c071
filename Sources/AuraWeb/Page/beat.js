'use strict';

// One flash a second: far below what is dangerous to anybody (three, WCAG 2.3.1), and half a second to
// either side can be told apart.
const BEAT_MS = 1000;
const LIT_MS = 140;

function sayBeat(key, values = {}) {
  return HEADPHONE_WORDS[language][key].replace(/\{(\w+)\}/g, (_, name) => values[name]);
}

// Flashes at the whole seconds of the host's clock, so that all screens flash together.
class Beat {
  // `frame(now, beat)`, if given, is called at every picture: with the instant of the nearest beat.
  constructor(slug, lamp, frame) {
    this.clock = new ServerClock(slug);
    this.lamp = lamp;
    this.frame = frame;
    this.isRunning = false;
  }

  start() {
    this.isRunning = true;
    this.turn();
  }

  stop() {
    this.isRunning = false;
    this.lamp.classList.remove('lit');
  }

  // The host's clock at an instant of ours; ours alone where nothing is known of the host's.
  host(instant) {
    return this.clock.line ? instant + this.clock.offset(instant) : instant;
  }

  nearest(instant) {
    const time = this.host(instant);
    return instant - (time - BEAT_MS * Math.round(time / BEAT_MS));
  }

  turn() {
    if (!this.isRunning) return;
    const now = performance.now();
    this.clock.keep(now);
    const beat = this.nearest(now);
    // What is drawn now is seen about half a picture later.
    this.lamp.classList.toggle('lit', now + 8 >= beat && now - beat < LIT_MS);
    if (this.frame) this.frame(now, beat);
    requestAnimationFrame(() => this.turn());
  }
}
