'use strict';

// A buffer that is this far off for so long does not do as it is told.
const FAR_MS = 60;
const PATIENCE_MS = 60000;

// Keeps film mode's sound in the browser's own buffer until its time; where that cannot be steered, the
// server keeps it back.
class FilmBuffer {
  constructor(receiver, sound) {
    this.receiver = receiver;
    this.sound = sound;
    this.delay = null;
    this.isObedient = 'jitterBufferTarget' in receiver;
    this.farSince = null;
    this.step = new InStep();
  }

  get holds() { return this.isObedient && this.delay !== null; }

  // Behind the endpoint: the first packet is asked for as old as it must be to be heard at its time, with
  // what came after it.
  get query() {
    if (!this.isObedient) return '?holds=false';
    if (this.delay === null) {
      this.sound.hold(0);
      return '?holds=true';
    }
    const isFine = this.sound.isLouder;
    const node = isFine ? InStep.fine.middle : 0;
    const passing = Math.round(Math.min(this.delay, FilmBuffer.passing + node));
    this.begun = passing - node;
    this.step.begin(this.step.keeping(this.delay - passing), isFine);
    this.set(this.step.target);
    this.sound.hold(node);
    return `?passing_ms=${passing}`;
  }

  // As the server tells it. While the delay moves it is asked every second, and the buffer moves with it.
  follow(told) {
    if (!told || told.mode === undefined) return;
    const delay = told.mode === 'film' && told.delay_ms > 0 ? told.delay_ms : null;
    if (delay === null && this.delay !== null) {
      this.set(null);
      this.step.begin(0);
      this.sound.hold(this.step.node);
    } else if (delay !== this.delay && this.delay !== null && this.isObedient) {
      this.step.shift(delay - this.delay, performance.now());
      this.set(this.step.target);
    }
    this.delay = delay;
    if (delay === null) calibration.late(0);
  }

  // Once a second: how late sound is heard, how much of that in the buffer, and whether nothing was made up.
  steer({ delay, buffer, isSteady }, now) {
    if (!this.holds || delay === null || buffer === null) return;
    const { target } = this.step;
    if (isSteady) this.learn(this.delay - delay);
    const next = this.step.update({
      goal: this.delay, heard: delay, buffer, isSteady, isFine: this.sound.isAmplified,
    }, now);
    if (next.target !== target) this.set(next.target);
    this.sound.hold(next.node);
    if (Math.abs(this.delay - delay) < FAR_MS) this.farSince = null;
    else if (this.farSince === null) this.farSince = now;
    else if (now - this.farSince > PATIENCE_MS) {
      this.isObedient = false;
      this.set(null);
    }
  }

  // How long the first packet took from its arrival until it was heard: for the next time.
  learn(error) {
    if (this.begun === undefined) return;
    const passing = this.begun - error;
    FilmBuffer.passing = Math.min(400, Math.max(20, (FilmBuffer.passing + passing) / 2));
    this.begun = undefined;
  }

  set(target) {
    // A browser may refuse a value: that shows.
    try { this.receiver.jitterBufferTarget = target; } catch (error) { this.isObedient = false; }
  }
}

// From a packet's arrival to the ear, with nothing in the buffer before it.
FilmBuffer.passing = 80;
