'use strict';

// Brings what is heard to its time. Nothing of a browser in it: time and signals are arguments.
//
// A browser's buffer follows its target only from outside of a zone, in steps of a pitch period, and
// while the sound can be stretched. So the target is set past the goal, to where the zone's
// edge is at the goal, and put back when the buffer has come there. Where the zone's edges lie beyond the
// target is learnt (from docs/measurements.md to begin with). Milliseconds everywhere.
class InStep {
  constructor() {
    this.forget();
    this.begin(0);
  }

  // Nearer than `near` is not corrected, and no more often than every `pause`; but `soon` while it is
  // `far` off or has just joined.
  static get rule() { return { near: 9, far: 40, pause: 15000, soon: 4000, most: 4000, packet: 20 }; }
  // What Web Audio's own delay can make up for, and how much of that in a second: 0.2 % at its quickest. It
  // colours high tones while it moves, so it rests nearer than `near`.
  static get fine() { return { middle: 30, most: 60, slew: 1, near: 1.5 }; }

  // Nothing is known of the buffer; it was begun with this target, on this way.
  begin(target, isFine = false) {
    Object.assign(this, { target, rests: [], buffer: null });
    this.change(isFine);
  }

  forget() { Object.assign(this, { edges: { up: -8, down: 15 }, fruitless: 0 }); }

  get middle() { return (this.edges.up + this.edges.down) / 2; }

  // The target that keeps a buffer where it is.
  keeping(buffer) { return Math.max(0, buffer - this.middle); }

  // Once a second. `heard`: how late the sound is, with all that comes after the buffer, or null; `buffer`:
  // how much of that is spent in it; `isSteady`: nothing was made up; `isFine`: Web Audio's delay is in the
  // way. Returns { target, node }: what both are to be.
  update({ goal, heard, buffer, isSteady, isFine }, now) {
    if (isFine !== this.isFine) this.change(isFine);
    if (buffer !== null) this.buffer = buffer;
    if (heard !== null && buffer !== null && isSteady && this.agree(heard - buffer)) {
      this.look(goal - heard, buffer, isFine, now);
    }
    return { target: this.target, node: this.node };
  }

  // The other way to the output: that is a join that is heard anyway, and another latency.
  change(isFine) {
    const node = isFine ? InStep.fine.middle : 0;
    Object.assign(this, { isFine, node, errors: [], moving: null, nextMove: 0, isFresh: true });
  }

  // The goal has moved by so much: the buffer goes along, and is judged when it is there.
  shift(by, now) {
    if (this.buffer === null) return;
    this.move(this.buffer, (this.moving ? this.moving.want : this.buffer) + by, now);
  }

  move(from, want, now) {
    const way = want > from ? 'up' : 'down';
    this.moving = { want, way, from, until: now + Math.min(12000, 3000 + 12 * Math.abs(want - from)) };
    this.aim(want - this.edges[way]);
  }

  // The two ways to tell the place in the sound: what lies between them does not change by a packet.
  agree(rest) {
    this.rests.push(rest);
    if (this.rests.length > 7) this.rests.shift();
    return Math.abs(rest - median(this.rests)) < InStep.rule.packet;
  }

  look(error, buffer, isFine, now) {
    // What it would be without Web Audio's delay: that may be moved while others are measured.
    this.errors.push(error + this.node);
    if (this.errors.length > (isFine ? 9 : 5)) this.errors.shift();
    if (this.moving) this.watch(buffer, now);
    else if (this.errors.length >= (this.isFresh ? 2 : 4)) this.judge(buffer, isFine, now);
    if (isFine && !this.moving) this.slew();
  }

  judge(buffer, isFine, now) {
    const { near, far, pause, soon } = InStep.rule;
    const { middle, most } = InStep.fine;
    const missing = median(this.errors);
    // The buffer is left to itself where Web Audio's delay is enough.
    const margin = this.isFresh ? 10 : 0;
    const isEnough = isFine ? missing > margin && missing < most - margin : Math.abs(missing) < near;
    if (isEnough) {
      if (this.errors.length >= 4) this.isFresh = false;
      return;
    }
    const step = isFine ? missing - middle : missing;
    const since = now - this.nextMove;
    if (since < 0 && !((this.isFresh || Math.abs(step) > far) && since > soon - pause)) return;
    // Once so after a join.
    if (since < 0) this.isFresh = false;
    this.nextMove = now + pause;
    this.move(buffer, buffer + step, now);
  }

  aim(target) { this.target = Math.min(InStep.rule.most, Math.max(0, Math.round(target))); }

  // The step ends when the buffer is there, or its time is over; where it came to rest teaches.
  watch(buffer, now) {
    const { want, way, from, until } = this.moving;
    const left = way === 'up' ? want - buffer : buffer - want;
    if (left > 3 && now < until) return;
    if (Math.abs(left) < 120 && this.target > 0) this.teach(way, buffer, Math.abs(buffer - from) < 2);
    this.moving = null;
    this.errors = [];
    this.aim(this.keeping(buffer));
  }

  // What has not moved at all is within its zone; or the sound cannot be stretched now, and has taught
  // nothing: then a while later from the beginning.
  teach(way, buffer, isFruitless) {
    const rest = buffer - this.target;
    const edge = this.edges[way] + (rest - this.edges[way]) / (isFruitless ? 1 : 2);
    this.edges[way] = Math.min(150, Math.max(-150, edge));
    if (this.edges.down < this.edges.up + 5) this.edges.down = this.edges.up + 5;
    this.fruitless = isFruitless ? this.fruitless + 1 : 0;
    if (this.fruitless < 5) return;
    this.forget();
    this.nextMove += 2 * InStep.rule.pause;
  }

  slew() {
    const { most, slew, near } = InStep.fine;
    if (this.errors.length < 3) return;
    const left = Math.min(most, Math.max(0, median(this.errors))) - this.node;
    this.isSlewing = Math.abs(left) > (this.isSlewing ? 0.3 : near);
    if (this.isSlewing) this.node += Math.min(slew, Math.max(-slew, left));
  }
}

function median(values) {
  const sorted = values.slice().sort((a, b) => a - b);
  return sorted[sorted.length >> 1];
}
