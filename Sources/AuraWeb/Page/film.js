'use strict';

// A buffer that is this far off for so long does not do as it is told.
const FAR_MS = 60;
const PATIENCE_MS = 60000;

// In film mode everyone hears at the same delay after the capture. This keeps sound in the
// browser's own buffer until then; where that cannot be steered, the server keeps it back.
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

  // What is said behind the endpoint. The first packet is asked for as old as it must be to be heard at
  // its time; what came after it comes along, so that the buffer is filled from the beginning.
  get query() {
    if (!this.isObedient) return '?holds=false';
    if (this.delay === null) return '';
    const isFine = this.sound.isLouder;
    const node = isFine ? InStep.fine.middle : 0;
    const passing = Math.round(Math.min(this.delay, FilmBuffer.passing + node));
    this.begun = passing - node;
    this.step.begin(this.step.keeping(this.delay - passing), isFine);
    this.set(this.step.target);
    this.sound.hold(node);
    return `?passing_ms=${passing}`;
  }

  // { mode, delay_ms } as the server tells it.
  follow(told) {
    if (!told || told.mode === undefined) return;
    const delay = told.mode === 'film' && told.delay_ms > 0 ? told.delay_ms : null;
    if (delay === null && this.delay !== null) {
      this.set(null);
      this.step.begin(0);
      this.sound.hold(this.step.node);
    }
    this.delay = delay;
  }

  // Once a second: how late sound is heard, how much of that was spent in the buffer, and whether
  // nothing was made up.
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
    // A browser may refuse a value; then it stays as it is, and that shows.
    try { this.receiver.jitterBufferTarget = target; } catch (error) { this.isObedient = false; }
  }
}

// From a packet's arrival to the ear, with nothing in the buffer before it.
FilmBuffer.passing = 80;
