'use strict';

// A buffer that is this far off, reading for reading, does not do as it is told.
const FAR_MS = 60;
const FAR_READINGS = 60;
// Without packets for this long, what came before is no measure for what comes now: it may be another network.
const PAUSED_MS = 300;
// Film mode's packets.
const PACKET_MS = 20;

// Keeps film mode's sound in the browser's own buffer until its time; where that cannot be steered, the
// server keeps it back.
class FilmBuffer {
  constructor(receiver, sound) {
    this.receiver = receiver;
    this.sound = sound;
    this.delay = null;
    this.isObedient = 'jitterBufferTarget' in receiver;
    this.far = 0;
    // Web Audio's place in the sound.
    this.isFound = false;
    this.step = new InStep();
    this.passing = new Passing();
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
    const passing = Math.min(Math.round(this.delay), this.passing.begin(isFine, this.delay - node) + node);
    this.step.begin(this.step.keeping(this.delay - passing), isFine);
    this.set(this.step.target);
    this.sound.hold(node);
    return `?passing_ms=${passing}`;
  }

  // As the plan has it for what is heard now, several times a second; null: as it was. While the delay moves the
  // buffer moves with it.
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
      this.passing.end();
    }
    this.delay = delay;
    if (delay === null) calibration.late(0);
  }

  // What the statistics say, several times a second.
  beat({ paused, lately, soon }, now) {
    if (!this.holds) return;
    const { target } = this.step;
    if (paused >= PAUSED_MS) this.step.stir();
    if (lately !== null) this.step.peek(lately, now);
    if (soon && soon.delay !== null && soon.buffer !== null) this.steer(soon, now);
    if (this.step.target !== target) {
      this.passing.end();
      this.set(this.step.target);
    }
    if (this.far > FAR_READINGS) {
      this.isObedient = false;
      this.set(null);
    }
  }

  // How late sound is heard, how much of that in the buffer, and whether nothing was made up.
  steer({ delay, buffer, isSteady }, now) {
    const isFine = this.sound.isAmplified, isFound = isFine && Boolean(this.sound.fine.found);
    // What was told before that may have been some hundredths of a second off.
    if (isFound && !this.isFound) this.step.stir();
    this.isFound = isFound;
    if (isSteady && (!isFine || isFound)) this.passing.learn(isFine, delay - this.sound.wanted);
    const { node } = this.step.update({ goal: this.delay, heard: delay, buffer, isSteady, isFine }, now);
    this.sound.hold(node);
    this.far = Math.abs(this.delay - delay) < FAR_MS ? 0 : this.far + 1;
  }

  // Whether the server may go by what was heard: where it keeps the packets back, only while nothing is made up and both
  // measures of the place agree.
  vouches({ delay, buffer, isSteady }) {
    if (this.holds || this.delay === null) return true;
    return isSteady && (delay === null || buffer === null || this.step.agree(delay - buffer));
  }

  set(target) {
    // A browser may refuse a value: that shows.
    try { this.receiver.jitterBufferTarget = target; } catch (error) { this.isObedient = false; }
  }
}

// How long the first packet takes from its arrival until it is heard, with nothing kept before it: learnt at every join
// for the next one, on either way to the output.
class Passing {
  constructor() {
    // Chromium fills a larger queue when it begins, and another on its way into Web Audio (docs/measurements.md).
    this.values = memory.read('passing', /Chrome/.test(navigator.userAgent) ? [90, 125] : [80, 80]);
    this.end();
  }

  // A join begins on this way, where sound without Web Audio's delay is to be heard at this age.
  begin(isFine, age) {
    const value = Math.round(this.values[Number(isFine)]);
    // The server sends whole packets.
    this.backlog = { isFine, ms: PACKET_MS * Math.round(Math.max(0, age - value) / PACKET_MS) };
    return value;
  }

  // Its buffer is moved, or what was asked for is another.
  end() { this.backlog = null; }

  learn(isFine, heard) {
    if (!this.backlog || this.backlog.isFine !== isFine) return;
    const value = (this.values[Number(isFine)] + heard - this.backlog.ms) / 2;
    this.values[Number(isFine)] = Math.min(400, Math.max(20, value));
    memory.write('passing', this.values);
    this.end();
  }
}
