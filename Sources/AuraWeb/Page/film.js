'use strict';

// How long the browser's buffer is given to follow before it is told again.
const SETTLE_MS = 4000;
// Nearer than this it need not be: the buffer itself moves in steps.
const NEAR_MS = 15;
// A buffer that is this far off for so long does not do as it is told.
const FAR_MS = 60;
const PATIENCE_MS = 30000;

// In film mode everyone hears at the same delay after the capture. This keeps sound in the
// browser's own buffer until then; where that cannot be steered, the server keeps it back.
class FilmBuffer {
  constructor(receiver) {
    this.receiver = receiver;
    this.delay = null;
    this.isObedient = 'jitterBufferTarget' in receiver;
    this.nextMove = 0;
    this.farSince = null;
  }

  get holds() { return this.isObedient && this.delay !== null; }

  // { mode, delay_ms } as the server tells it.
  follow(told) {
    if (!told || told.mode === undefined) return;
    const delay = told.mode === 'film' && told.delay_ms > 0 ? told.delay_ms : null;
    if (delay === null && this.delay !== null) this.set(null);
    if (delay === null || this.delay === null) this.nextMove = 0;
    this.delay = delay;
  }

  // Once a second: how late sound was heard, and how much of that was spent in the buffer.
  steer({ delay, buffer }, now) {
    if (!this.holds || delay === null || buffer === null) return;
    const error = this.delay - delay;
    if (Math.abs(error) < FAR_MS) this.farSince = null;
    else if (this.farSince === null) this.farSince = now;
    else if (now - this.farSince > PATIENCE_MS) {
      this.isObedient = false;
      this.set(null);
      return;
    }
    if (now < this.nextMove || Math.abs(error) < NEAR_MS) return;
    this.nextMove = now + SETTLE_MS;
    this.set(Math.round(Math.min(4000, Math.max(0, buffer + error))));
  }

  set(target) {
    // A browser may refuse a value; then it stays as it is, and that shows.
    try { this.receiver.jitterBufferTarget = target; } catch (error) { this.isObedient = false; }
  }
}
