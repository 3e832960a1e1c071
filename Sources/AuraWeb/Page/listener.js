'use strict';

// Without packets for this long, the connection counts as broken.
const SILENCE_MS = 1200;
// Who did not play for this long is too late for stretching.
const SLEPT_MS = 500;
// On one network a connection takes tens of milliseconds.
const CONNECT_MS = 6000;
// Nor does an answer take long; a request from before a change of networks is never answered.
const ANSWER_MS = 2500;
const REPORT_MS = 5000;
// Packets that tell no plan are live mode's, or carry older sound along: then Chromium shows no contributing source.
const UNTOLD_MS = 2000;
// Whose packets the server holds tells it sooner what there is to be corrected.
const FIRST_REPORT_MS = 2000;

// fetch that gives up: by itself it waits for a host that has gone for minutes.
function fetchSoon(path, options, patience) {
  const limit = new AbortController();
  const timer = setTimeout(() => limit.abort(), patience);
  return fetch(path, { ...options, signal: limit.signal }).finally(() => clearTimeout(timer));
}

// Sessions whose end the server has not heard of: they hold places until it does.
const unreleased = new Set();

// Tells the server that we are gone; reaches it even while the page closes.
function release(session) {
  unreleased.add(session);
  fetch(session, { method: 'DELETE', keepalive: true }).then(() => unreleased.delete(session), () => {});
}

// What the person has set for this headphone.
const offset = () => (typeof calibration === 'undefined' ? 0 : calibration.offsetMs || 0);

// One stay: from the tap until it is ended. Comes back by itself whenever the sound stops.
class Listener {
  // changed(state, detail) says how things stand; heard(reading) what the statistics say.
  constructor(broadcast, sound, changed, heard) {
    this.broadcast = broadcast;
    this.sound = sound;
    this.changed = changed;
    this.heard = heard;
    this.failures = 0;
    this.joins = 0;
    this.join('connecting');
    this.pulse = setInterval(() => this.beat(), 150);
  }

  // `detail` goes with the state, as in again().
  async join(state, detail) {
    this.leave();
    this.state = state;
    this.changed(state, detail);
    const connection = new RTCPeerConnection();
    const { receiver } = connection.addTransceiver('audio', { direction: 'recvonly' });
    const told = (this.clock && this.clock.line && this.clock.presentation(this.clock.rtpAt(performance.now())))
      || this.broadcast;
    const clock = new ServerClock(this.broadcast.slug);
    const now = performance.now();
    Object.assign(this, { connection, clock, packets: 0, lastPacket: now, isHeard: false });
    this.joins += 1;
    this.measure = new Measure(receiver, clock, this.sound, offset);
    this.film = new FilmBuffer(receiver, this.sound);
    this.film.follow(told);
    this.reported = this.film.isObedient ? now : now + FIRST_REPORT_MS - REPORT_MS;
    this.lost = { ms: 0, loss: 0, seconds: 0 };
    // Before anything is waited for: browsers let sound begin only in answer to a tap.
    this.sound.play(receiver.track).catch((error) => {
      if (this.connection === connection && error.name === 'NotAllowedError') this.end('tap');
    });
    // Firefox may give up before the answer is there: then the answer is waited for, to name the port.
    const judge = () => {
      const isOver = connection.connectionState === 'failed' && this.answered;
      if (this.connection === connection && isOver) this.blocked();
    };
    connection.onconnectionstatechange = judge;
    try {
      const offer = await connection.createOffer();
      const sdp = prepareOffer(offer.sdp);
      await connection.setLocalDescription({ type: 'offer', sdp });
      if (this.connection !== connection) return;
      // No waiting for candidates: the server learns our address from our first packet.
      const endpoint = this.broadcast.whep + this.film.query;
      const response = await fetchSoon(endpoint, {
        method: 'POST', headers: { 'Content-Type': 'application/sdp' }, body: sdp,
      }, ANSWER_MS);
      const text = await response.text();
      const session = response.headers.get('Location');
      if (this.connection !== connection) {
        if (response.ok && session) release(session);
      } else if (response.ok && session) {
        this.session = session;
        this.port = portOfAnswer(text);
        this.answered = performance.now();
        unreleased.forEach(release);
        await connection.setRemoteDescription({ type: 'answer', sdp: text });
        judge();
      } else {
        this.refused(response, text.trim());
      }
    } catch (error) {
      if (this.connection === connection) this.again(navigator.onLine === false ? 'offline' : 'gone');
    }
  }

  refused(response, sentence) {
    const states = { 403: 'network', 404: 'unknown', 409: 'idle', 421: 'network', 429: 'busy', 503: 'full' };
    const seconds = Number(response.headers.get('Retry-After'));
    // A crowd at the door is let in within a second or two; a full house says to wait longer.
    const isCrowd = response.status === 503 && seconds > 0 && seconds < 5;
    const state = isCrowd ? 'busy' : states[response.status] || 'failed';
    if (seconds > 0) this.again(state, { sentence, seconds: Math.min(seconds, 10) });
    else this.end(state, { sentence });
  }

  // Tries again after a while: soon at first, later not so often, and not everyone at once.
  again(state, detail = {}) {
    this.leave();
    this.failures += 1;
    const wait = detail.seconds || Math.min(2, 0.2 * 1.5 ** this.failures);
    this.retry = () => this.join(state, detail);
    this.timer = setTimeout(this.retry, 1000 * wait * (0.8 + 0.4 * Math.random()));
    this.changed(state, detail);
  }

  // The page came and the packets do not. Whether others hear tells on which side it is.
  async blocked() {
    const port = this.port;
    this.leave();
    const asked = this.asked = {};
    let others = false;
    try {
      const { listeners } = await (await fetchSoon('/api/status', {}, 2000)).json();
      others = listeners.some((one) => one.transport === 'webrtc'
        && [one.round_trip_ms, one.delay_ms].some(Number.isFinite));
    } catch (error) {
      if (this.asked === asked) this.again('gone');
      return;
    }
    if (this.asked === asked) this.again(others ? 'isolated' : 'firewall', { port, seconds: 4 });
  }

  // Several times a second: whether packets come, and what the statistics say of them.
  async beat(patience = SILENCE_MS) {
    const { connection, measure } = this;
    if (!connection || this.isReading) return;
    const now = performance.now();
    this.isReading = true;
    const reading = await measure.read(now).catch(() => null);
    this.isReading = false;
    if (this.connection !== connection || !reading) return;
    if (reading.packets > this.packets) {
      this.packets = reading.packets;
      this.lastPacket = now;
      if (!this.isHeard) {
        this.isHeard = true;
        this.failures = 0;
        this.changed('listening');
      }
    }
    if (this.isHeard) {
      const { rtp, plan } = measure;
      const { clock, film } = this;
      if (plan !== undefined && clock.isOutdated(rtp, plan)) clock.hurry(now, plan === null ? UNTOLD_MS : undefined);
      const follow = () => {
        if (rtp !== null && this.film === film) film.follow(clock.presentation(rtp));
      };
      follow();
      // The next turn may be a minute away.
      clock.keep(now).then(follow);
      this.film.beat(reading, now);
      this.heard(reading);
      this.report(reading.second, now);
      if (reading.stood > SLEPT_MS || now - this.lastPacket > patience) this.join('returning');
    } else if (this.answered && now - this.answered > CONNECT_MS) {
      this.blocked();
    }
  }

  // Something has happened to the device or its network: no waiting, look now.
  look() {
    const isUnanswered = !this.answered && performance.now() - this.lastPacket > 300;
    if (this.timer) this.retry();
    else if (isUnanswered) this.join(this.state);
    else if (this.isHeard) {
      this.clock.next = 0;
      this.beat(SILENCE_MS / 2);
    }
  }

  async report(second, now) {
    const sum = this.lost;
    if (second) {
      sum.ms += second.concealedMs;
      sum.loss += (second.loss || 0) * second.seconds;
      sum.seconds += second.seconds;
      const { jitter, needed } = second;
      const delay = this.film.vouches(second) ? second.delay : null;
      Object.assign(sum, { delay, jitter, needed });
    }
    if (now - this.reported < REPORT_MS || sum.seconds === 0) return;
    this.reported = now;
    const round = (value) => (value === null ? null : Math.round(10 * value) / 10);
    const body = JSON.stringify({
      delay_ms: round(sum.delay), jitter_ms: round(sum.jitter),
      loss: Math.round(1e4 * sum.loss / sum.seconds) / 1e4, concealed_ms: round(sum.ms),
      needed_ms: round(sum.needed), holds: this.film.holds,
    });
    Object.assign(sum, { ms: 0, loss: 0, seconds: 0 });
    const { connection, session } = this;
    const response = await fetchSoon(session, {
      method: 'POST', headers: { 'Content-Type': 'application/json' }, body,
    }, 4000).catch(() => null);
    const told = response && response.status === 200 ? await response.json().catch(() => null) : null;
    if (told) {
      calibration.late(told.late_ms);
      // It tells where the delay moves to; from when on, only the clock.
      const { point } = this.clock;
      if (point && point.plan && told.delay_ms !== point.plan.last_ms) this.clock.hurry(performance.now());
    }
    // The server knows us no more: it has been restarted.
    if (response && response.status === 404 && this.connection === connection) this.join('returning');
  }

  leave() {
    clearTimeout(this.timer);
    if (this.session) release(this.session);
    if (this.connection) this.connection.close();
    Object.assign(this, { timer: null, session: null, connection: null, answered: null, asked: null });
  }

  end(state, detail) {
    this.leave();
    clearInterval(this.pulse);
    this.sound.stop();
    this.changed(state, detail);
  }
}
