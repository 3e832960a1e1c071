'use strict';

// Brings what is heard to its time. Nothing of a browser in it: time and signals are arguments.
//
// A browser's buffer follows its target only from outside of a zone, in steps of a pitch period, and
// while the sound can be stretched. So the target is set past the goal, to where the zone's edge is at the goal
// as a rule, and farther while nothing moves; as soon as the buffer has come there it is put where it keeps
// the buffer. Milliseconds everywhere.
class InStep {
  constructor() { this.begin(0); }

  // Nearer than `near` is not corrected (`early`: by two readings), and no more often than every `pause`; but `soon`
  // while it is `far` off or has just joined.
  static get rule() { return { near: 9, early: 15, far: 40, pause: 15000, soon: 4000, most: 4000, packet: 20 }; }
  // How far beyond its target a buffer comes to rest from below and from above, rather too near than too far, and what
  // is in every zone (docs/measurements.md).
  static get zone() { return { up: -6, down: 13, inside: 5 }; }
  // A step is over nearer than `reach`, which is made while that is noticed. A browser needs up to `wait` to begin:
  // from then on the target goes on by `push` a second, until nothing has moved for as long as `patience`. A goal that
  // goes on moving does so within `again`.
  static get step() { return { reach: 8, wait: 3000, push: 6, patience: 30000, again: 2500 }; }
  // What Web Audio's own delay can make up for, and how much of that in a second: 0.2 % at its quickest. It
  // colours high tones while it moves, so it rests nearer than `near`.
  static get fine() { return { middle: 30, most: 60, slew: 1, near: 1.5 }; }

  // Nothing is known of the buffer; it was begun with this target, on this way.
  begin(target, isFine = false) {
    Object.assign(this, { target, rests: [], buffer: null });
    this.change(isFine);
  }

  // The target that keeps a buffer where it is.
  keeping(buffer) { return Math.max(0, buffer - InStep.zone.inside); }

  // Once a second, oftener at first. `heard`: how late the sound is, with all that comes after the buffer, or null;
  // `buffer`: how much of that is spent in it; `isSteady`: nothing was made up; `isFine`: Web Audio's delay is in the
  // way. Returns { target, node }: what both are to be.
  update({ goal, heard, buffer, isSteady, isFine }, now) {
    if (isFine !== this.isFine) this.change(isFine);
    if (buffer !== null) this.buffer = buffer;
    if (heard !== null && buffer !== null && isSteady && this.agree(heard - buffer)) {
      this.look(goal - heard, buffer, isFine, now);
    }
    return { target: this.target, node: this.node };
  }

  // Several times a second: how much was just spent in the buffer. A step ends when that is what it is to be, or when
  // nothing moves for long.
  peek(buffer, now) {
    if (!this.moving) return;
    const { want, way, since, until } = this.moving;
    const isThere = (way === 'up' ? want - buffer : buffer - want) < InStep.step.reach;
    if (now < until || (!isThere && now - since < InStep.step.patience)) return;
    this.moving = null;
    this.errors = [];
    this.aim(this.keeping(isThere ? want : buffer));
  }

  // The other way to the output: that is a join that is heard anyway, and another latency.
  change(isFine) {
    Object.assign(this, { isFine, node: isFine ? InStep.fine.middle : 0, moving: null, slewed: -Infinity });
    this.stir();
  }

  // Nothing has to be left in peace: something was heard anyway.
  stir() { Object.assign(this, { errors: [], nextMove: 0, isFresh: true }); }

  // The goal has moved by so much: the buffer goes along, and is judged when it is there. As long as it is told to go
  // on, all of it is one step.
  shift(by, now) {
    if (this.buffer === null) this.aim(this.target + by);
    else {
      // Where it has come a little too far it waits, and does not turn.
      const want = (this.moving ? this.moving.want : this.buffer) + by;
      this.move(this.buffer, want, now, now + InStep.step.again, by > 0 ? 'up' : 'down');
    }
  }

  move(buffer, want, now, until = now, way = want > buffer ? 'up' : 'down') {
    this.moving = { want, way, buffer, since: now, until, began: now };
    this.aim(want - InStep.zone[way]);
  }

  // Within a wider zone, or while the sound cannot be stretched, nothing moves.
  urge(buffer, now) {
    const { moving } = this;
    const { wait, push } = InStep.step;
    if (Math.abs(buffer - moving.buffer) > 2) Object.assign(moving, { buffer, since: now });
    else if (now - moving.since > wait) this.aim(this.target + (moving.way === 'up' ? push : -push));
  }

  // The two ways to tell the place in the sound: what lies between them does not change by a packet. At first it may:
  // what came at once has waited for less than is in the buffer.
  agree(rest) {
    const isApart = (other) => Math.abs(rest - other) >= InStep.rule.packet;
    if (this.rests.length < 2 && this.rests.some(isApart)) {
      this.rests = [rest];
      return false;
    }
    this.rests.push(rest);
    if (this.rests.length > 7) this.rests.shift();
    return !isApart(median(this.rests));
  }

  look(error, buffer, isFine, now) {
    // What it would be without Web Audio's delay: that may be moved while others are measured.
    this.errors.push(error + this.node);
    if (this.errors.length > (isFine ? 9 : 5)) this.errors.shift();
    if (this.moving) this.urge(buffer, now);
    else if (this.errors.length >= (this.isFresh ? 2 : 4)) this.judge(buffer, isFine, now);
    if (isFine && (!this.moving || this.isLong(now))) this.slew(now);
  }

  // A step may take tens of seconds: meanwhile Web Audio's delay does what it can do whole.
  isLong(now) {
    const missing = median(this.errors);
    return now - this.moving.began > InStep.step.wait && missing >= 0 && missing <= InStep.fine.most;
  }

  judge(buffer, isFine, now) {
    const { near, early, far, pause, soon } = InStep.rule;
    const { middle, most } = InStep.fine;
    const missing = median(this.errors);
    // What is over, or has only just begun. Once it lasts, nothing from before it counts.
    const isOff = (one) => Math.abs(one - missing) > near;
    const last = this.errors.slice(-2);
    if (last.some(isOff)) {
      if (last.every(isOff) && Math.abs(last[1] - last[0]) < near) this.errors = last;
      return;
    }
    // The buffer is left to itself where Web Audio's delay is enough.
    const margin = this.isFresh ? 10 : 0;
    const isCertain = this.errors.length >= 4;
    const isEnough = isFine ? missing > margin && missing < most - margin
      : Math.abs(missing) < (isCertain ? near : early);
    if (isEnough) {
      if (isCertain) this.isFresh = false;
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

  // Once a second, however often there are readings.
  slew(now) {
    const { most, slew, near } = InStep.fine;
    if (this.errors.length < 3 || now - this.slewed < 900) return;
    this.slewed = now;
    const left = Math.min(most, Math.max(0, median(this.errors))) - this.node;
    this.isSlewing = Math.abs(left) > (this.isSlewing ? 0.3 : near);
    if (this.isSlewing) this.node += Math.min(slew, Math.max(-slew, left));
  }
}

function median(values) {
  const sorted = values.slice().sort((a, b) => a - b);
  return sorted[sorted.length >> 1];
}
