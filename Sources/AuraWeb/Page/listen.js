'use strict';

// What Chrome must have in its own offer: stereo, and asking again for lost packets (NACK).
// It leaves both out for sound unless told. Other engines are not told what they cannot do: only
// Chrome's family offers transport-cc for Opus.
function prepareOffer(sdp) {
  const opus = /^a=rtpmap:(\d+) opus\/48000\/2\r?$/im.exec(sdp);
  if (!opus) return sdp;
  const type = opus[1];
  const lines = sdp.split(/\r?\n/);
  const begins = (text) => lines.some((line) => line.startsWith(text));
  const rtpmap = lines.findIndex((line) => line.startsWith(`a=rtpmap:${type} `));
  const format = lines.findIndex((line) => line.startsWith(`a=fmtp:${type} `));
  const added = [];
  if (format < 0) added.push(`a=fmtp:${type} stereo=1`);
  else if (!/[ ;]stereo=/.test(lines[format])) lines[format] += ';stereo=1';
  const canAskAgain = begins(`a=rtcp-fb:${type} transport-cc`);
  const asksAgain = lines.includes(`a=rtcp-fb:${type} nack`);
  if (canAskAgain && !asksAgain) added.push(`a=rtcp-fb:${type} nack`);
  lines.splice(rtpmap + 1, 0, ...added);
  return lines.join('\r\n');
}

// One stay: from the button's press until it is pressed again. Comes back when the connection
// breaks or nothing is playing yet.
class Listener {
  constructor(path, audio, say, ended) {
    this.path = path;
    this.audio = audio;
    this.say = say;
    this.ended = ended;
    this.wait = 1;
    this.join();
  }

  async join() {
    this.leave();
    const connection = new RTCPeerConnection();
    this.connection = connection;
    const { receiver } = connection.addTransceiver('audio', { direction: 'recvonly' });
    // Before anything is waited for: browsers let sound begin only in answer to a press.
    this.audio.srcObject = new MediaStream([receiver.track]);
    this.audio.play().catch(() => {});
    connection.onconnectionstatechange = () => this.changed(connection);
    this.say('Connecting…');
    try {
      const offer = await connection.createOffer();
      const sdp = prepareOffer(offer.sdp);
      await connection.setLocalDescription({ type: 'offer', sdp });
      // No waiting for candidates: the server learns our address from our first packet.
      const response = await fetch(this.path, {
        method: 'POST', headers: { 'Content-Type': 'application/sdp' }, body: sdp,
      });
      const text = await response.text();
      const location = response.headers.get('Location');
      if (response.ok && location) {
        if (this.connection !== connection) return release(location);
        this.session = location;
        await connection.setRemoteDescription({ type: 'answer', sdp: text });
      } else if (this.connection === connection) {
        const seconds = Number(response.headers.get('Retry-After'));
        if (seconds > 0) this.again(text, seconds);
        else this.end(text);
      }
    } catch (error) {
      if (this.connection === connection) this.again('The server does not answer.', this.wait);
    }
  }

  changed(connection) {
    if (this.connection !== connection) return;
    if (connection.connectionState === 'connected') {
      this.wait = 1;
      this.say('You are listening.');
    } else if (connection.connectionState === 'failed') {
      this.again('The connection broke.', this.wait);
    }
  }

  again(reason, seconds) {
    this.leave();
    this.say(reason);
    this.wait = Math.min(2 * this.wait, 30);
    this.timer = setTimeout(() => this.join(), 1000 * seconds);
  }

  leave() {
    clearTimeout(this.timer);
    if (this.session) release(this.session);
    if (this.connection) this.connection.close();
    this.session = null;
    this.connection = null;
  }

  end(message) {
    this.leave();
    this.audio.srcObject = null;
    this.say(message);
    this.ended();
  }
}

// Tells the server that we are gone; reaches it even while the page closes.
function release(session) {
  fetch(session, { method: 'DELETE', keepalive: true }).catch(() => {});
}

// The broadcast of the page's address (/#slug), or the first.
async function findBroadcast() {
  const { broadcasts } = await (await fetch('/api/status')).json();
  const slug = decodeURIComponent(location.hash.slice(1));
  return broadcasts.find((broadcast) => broadcast.slug === slug) || broadcasts[0];
}

function start() {
  const element = (id) => document.getElementById(id);
  const button = element('listen');
  let broadcast = null;
  let listener = null;

  const say = (text) => { element('message').textContent = text; };
  const find = async () => {
    try {
      broadcast = await findBroadcast();
      element('name').textContent = broadcast ? broadcast.name : 'Nothing is playing here.';
      button.disabled = !broadcast;
    } catch (error) {
      button.disabled = true;
      say('The server does not answer.');
      setTimeout(find, 2000);
    }
  };

  const ended = () => {
    listener = null;
    button.textContent = 'Listen';
  };
  button.addEventListener('click', () => {
    if (listener) return listener.end('');
    listener = new Listener(broadcast.whep, element('sound'), say, ended);
    button.textContent = 'Stop';
  });
  addEventListener('pagehide', () => { if (listener) listener.leave(); });
  addEventListener('pageshow', (event) => { if (event.persisted && listener) listener.join(); });
  button.disabled = true;
  find();
}

if (typeof document !== 'undefined') start();
