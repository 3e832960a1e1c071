'use strict';

// What a browser that does not say it is taken to need between its decoder and its output.
const ASSUMED_OUTPUT_MS = 28;
// And to keep in its buffer, for the network alone.
const ASSUMED_LEAST_MS = 40;

// A page that has just joined is to be in step soon: half a second is enough to begin with.
const EARLY_MS = 3000;
const SOON_MS = 400;

// An output whose clock falls behind by more has stood still; an output's turns are seldom longer.
const STOOD_MS = 30, TURN_MS = 60;

// What a Web Audio context needs to its output. Asked seldom, and Firefox once: it stands still for good if asked
// just when its device changes, and what it tells when it has just stood still is wrong for good.
class OutputTime {
  constructor(context) {
    Object.assign(this, { context, ms: null, next: 1.5, ages: [], asked: null, sunk: 0, isCalm: false });
  }

  // What performance.now() is ahead of the context's clock.
  get age() { return performance.now() - 1000 * this.context.currentTime; }

  // The least of some seconds is the truth: Firefox shows the context's clock, and the sound, as they were up to a turn
  // of its output ago.
  get least() { return Math.min(...this.ages.map(([, age]) => age)); }

  // Several times a second.
  note() {
    const now = performance.now(), { age } = this;
    // It has stood still, or is another output.
    if (Math.abs(age - this.least) > 150) this.ages = [];
    this.ages = [...this.ages.filter(([then]) => now - then < 6000), [now, age]];
    const last = this.ages.filter(([then]) => now - then < 1200), lately = last.map(([, one]) => one);
    const isKnown = last.length > 4, low = Math.min(...lately);
    if (isKnown && low - this.least > STOOD_MS) this.ages = last;
    this.isCalm = isKnown && now - last[0][0] > 1000 && Math.max(...lately) - low < TURN_MS;
    // What it needs sinks until its next turn, and is told for good as it was when it was asked.
    if (this.asked && now - this.asked.now < 6000) this.sunk = Math.max(this.sunk, this.asked.age - this.least);
  }

  // Milliseconds; 0: the browser does not say; null: not known yet.
  read() {
    const { context } = this;
    const isOnce = /Firefox/.test(navigator.userAgent);
    // Nobody waits for ever.
    if (context.currentTime >= this.next && (!isOnce || this.isCalm || context.currentTime > 6)) {
      this.next = isOnce ? Infinity : context.currentTime + 1;
      const latency = context.outputLatency;
      Object.assign(this, { asked: { now: performance.now(), age: this.age }, sunk: 0 });
      this.ms = latency > 0 ? 1000 * (latency + context.baseLatency) : 0;
    }
    return this.ms;
  }

  // When the output plays what was rendered at `time`, on performance.now()'s clock; NaN: that is not told. Chromium's
  // latency is a rounded one, its time stamps are not; Firefox's stamps are without the latency.
  heardAt(time) {
    const now = performance.now();
    const stamp = this.context.getOutputTimestamp ? this.context.getOutputTimestamp() : {};
    const heard = stamp.performanceTime + 1000 * (time - stamp.contextTime);
    if (heard > now + 5 && heard < now + 2000) return heard;
    return 1000 * time + this.least + this.sunk + (this.read() || NaN);
  }
}

// What stands before the number of a plan in a contributing source (docs/protocols/whep.md).
const PLAN_MARK = 0x415552;
// For so long there may be none.
const MARK_MS = 200;

// By how much a count has grown.
const growth = (now, before) => (key) => Math.max(0, (now[key] || 0) - (before[key] || 0));

// Reads a receiver's statistics: the level at every reading, the rest once a second.
class Measure {
  // `offset()`: what the headphone adds to what a browser can know, in milliseconds.
  constructor(receiver, clock, sound, offset) {
    this.receiver = receiver;
    this.clock = clock;
    this.sound = sound;
    this.offset = offset;
    this.delays = [];
    this.level = 0;
    // Of what is being delivered: its RTP timestamp, and the number of the plan it is heard by, null for none;
    // undefined: this browser shows none.
    this.rtp = null;
    this.plan = undefined;
  }

  // { packets, stood, paused, level, lately, second, soon }: level from 0 (silence, -60 dB) to 1; second is null in
  // between, and soon is the same, but oftener at first; the others as below.
  async read(now) {
    const entries = [];
    (await this.receiver.getStats()).forEach((entry) => entries.push(entry));
    const inbound = entries.find((entry) => entry.type === 'inbound-rtp');
    if (!inbound) return { packets: 0, stood: 0, paused: 0, level: 0, lately: null, second: null, soon: null };
    const playout = entries.find((entry) => entry.type === 'media-playout');
    this.hear(inbound);
    this.time(now);
    if (this.sound.isAmplified) this.sound.fine.output.note();
    const stood = this.stood(inbound.totalSamplesReceived / 48, Date.now());
    const paused = this.paused(inbound.packetsReceived, now);
    const lately = this.last ? this.lately(inbound) : null;
    const reading = { inbound, playout, now };
    this.began = this.began || now;
    const since = (before, least) => (before && now - before.now >= least ? this.compare(reading, before) : null);
    const second = since(this.before, 1000);
    const isEarly = now - this.began < EARLY_MS;
    const soon = isEarly ? since(this.early, SOON_MS) : second;
    if (second || !this.before) this.before = reading;
    if (soon || !this.early) this.early = reading;
    this.delays = this.delays.filter((one) => one.now > this.before.now || one.now > this.early.now);
    this.last = inbound;
    return { packets: inbound.packetsReceived || 0, stood, paused, level: this.level, lately, second, soon };
  }

  // For how long the output stood still, as in a device's sleep: the page's own clock may sleep too.
  stood(played, date) {
    const ms = this.played && played > this.played ? date - this.date - (played - this.played) : 0;
    if (played !== this.played) Object.assign(this, { played, date });
    return ms;
  }

  // For how long no packets had come when they came again. Readings may be seldom: what lies between two of them is
  // no pause.
  paused(packets, now) {
    const ms = packets > this.packets ? this.noticed - this.came : 0;
    if (packets !== this.packets) Object.assign(this, { packets, came: now });
    this.noticed = now;
    return ms;
  }

  // How much of what was played since the last reading was spent in the buffer; null: nothing, or some of it made up.
  lately(inbound) {
    const grown = growth(inbound, this.last);
    const emitted = grown('jitterBufferEmittedCount');
    const isSteady = grown('concealedSamples') === grown('silentConcealedSamples');
    return emitted > 0 && isSteady ? (1000 * grown('jitterBufferDelay')) / emitted : null;
  }

  hear(inbound) {
    let power = null;
    if (this.last && inbound.totalSamplesDuration > this.last.totalSamplesDuration) {
      power = (inbound.totalAudioEnergy - this.last.totalAudioEnergy)
        / (inbound.totalSamplesDuration - this.last.totalSamplesDuration);
    } else if (inbound.totalSamplesDuration === undefined && inbound.audioLevel !== undefined) {
      power = inbound.audioLevel ** 2;
    }
    if (power === null) return;
    const decibels = 10 * Math.log10(Math.max(power, 1e-9));
    this.level = Math.min(1, Math.max(0, 1 + decibels / 60));
  }

  // How long ago the packet was captured that is being delivered: that is before the browser's
  // own output, which compare() adds.
  time(now) {
    if (!this.receiver.getSynchronizationSources) return;
    const [source] = this.receiver.getSynchronizationSources();
    if (!source || source.rtpTimestamp === undefined) return;
    // Browsers count it from the page's beginning or from 1970.
    let instant = source.timestamp;
    if (instant > 1e11) instant -= performance.timeOrigin;
    if (!(Math.abs(now - instant) < 2000)) return;
    this.rtp = source.rtpTimestamp;
    this.mark();
    const delay = this.clock.sinceCapture(source.rtpTimestamp, instant);
    if (delay !== null) this.delays.push({ now, delay });
  }

  // Marks are listed for 10 s, each with the newest packet that had it; what was repaired may have none. (Firefox gives them
  // other times than the sound.)
  mark() {
    const age = (one) => (this.rtp - one.rtpTimestamp) | 0;
    const sources = this.receiver.getContributingSources ? this.receiver.getContributingSources() : [];
    const [mark] = sources.filter((one) => one.source >>> 8 === PLAN_MARK)
      .sort((a, b) => age(a) - age(b));
    if (mark && age(mark) < 48 * MARK_MS) this.plan = mark.source & 255;
    else if (this.plan !== undefined) this.plan = null;
  }

  compare({ inbound, playout, now }, before) {
    const grown = growth(inbound, before.inbound);
    const lost = grown('packetsLost');
    const received = grown('packetsReceived');
    const samples = grown('totalSamplesReceived');
    const output = this.output(playout, before.playout);
    const delays = this.delays.filter((one) => one.now > before.now).map((one) => one.delay).sort((a, b) => a - b);
    const known = delays.length > 0 && delays[0] > -50 && delays[delays.length - 1] < 30000;
    const seconds = (now - before.now) / 1000;
    // What is delivered first of a packet is still some milliseconds away from leaving the decoder, more
    // so of a long one: measured, against a native listener's ear.
    const packet = received > 0 ? Math.min(20, (1000 * seconds) / (received + lost)) : 0;
    const inHand = Math.max(0, packet - 5);
    let delay = known ? delays[delays.length >> 1] + inHand + output.ms : null;
    const emitted = grown('jitterBufferEmittedCount');
    const buffer = emitted > 0 ? (1000 * grown('jitterBufferDelay')) / emitted : null;
    if (this.sound.isAmplified) {
      delay = this.sound.fine.refine(delay, buffer, now, this.clock, playout ? 'chromium' : 'others');
    }
    if (delay !== null) delay += this.offset();
    // What the network alone asks for.
    const told = inbound.jitterBufferMinimumDelay !== undefined;
    const least = emitted > 0 ? (told ? (1000 * grown('jitterBufferMinimumDelay')) / emitted : ASSUMED_LEAST_MS) : null;
    // Web Audio's own delay is there for the timeline's sake.
    const held = this.sound.isAmplified ? this.sound.fine.held : 0;
    return {
      delay,
      buffer,
      needed: delay !== null && least !== null ? Math.max(0, delay - held - buffer + least) : null,
      output,
      jitter: inbound.jitter === undefined ? null : 1000 * inbound.jitter,
      loss: received + lost > 0 ? lost / (received + lost) : null,
      concealed: samples > 0 ? Math.min(1, grown('concealedSamples') / samples) : null,
      concealedMs: grown('concealedSamples') / 48,
      isSteady: grown('concealedSamples') === grown('silentConcealedSamples'),
      seconds,
    };
  }

  // What comes after delivery: as Web Audio says, as the statistics say, or assumed.
  output(playout, before) {
    if (this.sound.isAmplified) {
      const { outputMs, output } = this.sound.fine;
      return { ms: outputMs + WEB_AUDIO_MS[playout ? 'chromium' : 'others'], isMeasured: output.ms > 0 };
    }
    if (playout && before && playout.totalSamplesCount > before.totalSamplesCount) {
      const ms = (1000 * (playout.totalPlayoutDelay - before.totalPlayoutDelay))
        / (playout.totalSamplesCount - before.totalSamplesCount);
      return { ms, isMeasured: true };
    }
    return { ms: ASSUMED_OUTPUT_MS, isMeasured: false };
  }
}
