'use strict';

// Out of the browser: an audio element up to 100 %, Web Audio above.
class Sound {
  constructor(element, carrier) {
    this.element = element;
    this.carrier = carrier;
    this.volume = 1;
    this.isMuted = false;
    this.isLouder = false;
    this.isPlaying = false;
    this.wanted = 0;
    // The system pauses for a call or pulled-out headphones, and may go on by itself.
    for (const one of [element, carrier]) one.addEventListener('pause', () => this.systemPaused(one));
    carrier.addEventListener('play', () => { if (!this.isPlaying && this.onresume) this.onresume(); });
  }

  // Phones of Apple's keep the volume to themselves.
  static get canSetVolume() {
    const probe = document.createElement('audio');
    probe.volume = 0.5;
    return probe.volume === 0.5;
  }

  static get canBeLouder() { return Boolean(window.AudioContext || window.webkitAudioContext); }

  // Rejects with NotAllowedError where the browser wants a tap first.
  play(track) {
    this.track = track;
    this.stream = new MediaStream([track]);
    this.element.srcObject = this.stream;
    this.isPlaying = true;
    // Safari: this is no sound effect; it goes on with the screen locked, Web Audio too.
    if (navigator.audioSession) navigator.audioSession.type = 'playback';
    this.connect();
    // The sound itself does not depend on the carrier.
    const carried = this.carrier.play();
    if (carried) carried.catch(() => {});
    return Promise.resolve(this.element.play());
  }

  stop() {
    this.isPlaying = false;
    this.element.srcObject = null;
    this.carrier.pause();
    this.connect();
  }

  systemPaused(one) {
    const isOver = one === this.element && (one.ended || this.track.readyState === 'ended');
    if (this.isPlaying && one.paused && !isOver && this.onpause) this.onpause();
  }

  set(change) {
    Object.assign(this, change);
    this.connect();
  }

  // Chooses the way and sets the volume on it. Where Web Audio is not running (not allowed yet,
  // suspended with the screen locked), the element plays on at up to 100 %.
  connect() {
    if (this.isLouder && this.isPlaying && !this.context) this.amplify();
    if (this.context && this.isLouder && this.isPlaying && this.context.state !== 'running') {
      this.context.resume().catch(() => {});
    }
    if (this.source && this.source.mediaStream !== this.stream) {
      this.source.disconnect();
      this.source = null;
    }
    const isAmplified = this.isAmplified;
    if (isAmplified && !this.source) {
      this.source = this.context.createMediaStreamSource(this.stream);
      this.fine.listen(this.source);
    } else if (!isAmplified && this.source) {
      this.source.disconnect();
      this.source = null;
    }
    if (this.fine) this.fine.gain.gain.value = this.isMuted ? 0 : this.volume;
    this.element.volume = Math.min(1, this.volume);
    // Chrome gives Web Audio nothing unless an element plays the stream too, silently.
    this.element.muted = this.isMuted || isAmplified;
  }

  get isAmplified() {
    return this.isLouder && this.isPlaying && Boolean(this.fine) && this.context.state === 'running';
  }

  // The context at once, in answer to a tap; what sounds in it when its code is here.
  amplify() {
    const Context = window.AudioContext || window.webkitAudioContext;
    const context = new Context({ latencyHint: 'interactive' });
    context.onstatechange = () => this.connect();
    this.context = context;
    const script = Object.assign(document.createElement('script'), { src: 'fine.js' });
    script.onload = () => {
      this.fine = new Fine(this);
      this.connect();
    };
    script.onerror = () => {  // another time
      context.onstatechange = null;
      context.close();
      this.context = null;
    };
    document.head.append(script);
  }

  // Web Audio's own delay, in milliseconds.
  hold(ms) {
    this.wanted = ms;
    if (this.fine) this.fine.hold(ms);
  }
}

// The lock screen's title, play and pause. They go with a media file that plays, not with a stream:
// that is what the carrier is for.
function showOnLockScreen(title, isPlaying, play, pause) {
  if (!('mediaSession' in navigator)) return;
  const session = navigator.mediaSession;
  if (window.MediaMetadata) session.metadata = new MediaMetadata({ title, artist: 'AuraLync' });
  session.playbackState = isPlaying ? 'playing' : 'paused';
  for (const [action, handler] of [['play', play], ['pause', pause], ['stop', pause]]) {
    try { session.setActionHandler(action, handler); } catch (error) { /* not known here */ }
  }
}
