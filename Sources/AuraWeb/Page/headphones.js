'use strict';

const TAPS = 8;
// A person keeps a beat within this; taps further apart were no answer to clicks.
const WIDEST_MS = 200;

// Milliseconds from a beat, to either side.
const aroundBeat = (ms) => ms - BEAT_MS * Math.round(ms / BEAT_MS);

// The median of eight, or null where they do not agree. Counted from the first, so that taps near half
// a beat do not fall apart into early and late.
function medianTap(late) {
  const near = late.map((one) => late[0] + aroundBeat(one - late[0])).sort((a, b) => a - b);
  if (near[TAPS - 2] - near[1] > WIDEST_MS) return null;
  return aroundBeat((near[TAPS / 2 - 1] + near[TAPS / 2]) / 2);
}

// Clicks on Web Audio, each at its beat at the ear, if the headphones add what is set.
class Clicks {
  constructor() {
    const Context = window.AudioContext || window.webkitAudioContext;
    this.context = new Context({ latencyHint: 'interactive' });
    this.output = new OutputTime(this.context);
    this.last = -Infinity;
  }

  // Makes the click of the first beat that there is still time for.
  follow(now, beat) {
    this.output.note();
    if (this.output.read() === null) return;
    const { currentTime } = this.context;
    // From the context's clock to the output, as for the sound itself; the clock may be a turn of the output old.
    const heard = this.output.heardAt(currentTime) || now + ASSUMED_OUTPUT_MS;
    let next = beat;
    const wait = () => next - heard - calibration.offsetMs;
    while (wait() < 40) next += BEAT_MS;
    if (wait() > 140 || Math.abs(next - this.last) < BEAT_MS / 2) return;
    this.last = next;
    const at = currentTime + wait() / 1000;
    const tone = this.context.createOscillator();
    const gain = this.context.createGain();
    tone.frequency.value = 1000;
    gain.gain.setValueAtTime(0.5, at);
    gain.gain.linearRampToValueAtTime(0, at + 0.012);
    tone.connect(gain).connect(this.context.destination);
    tone.start(at);
    tone.stop(at + 0.02);
  }

  end() { this.context.close(); }
}

(function () {
  const panel = document.getElementById('lips');
  document.head.append(Object.assign(document.createElement('link'), { rel: 'stylesheet', href: 'headphones.css' }));
  panel.innerHTML = `
    <label for="pair" data-beat="name"></label>
    <input id="pair" type="text" list="pairs" maxlength="40" autocomplete="off" spellcheck="false" dir="auto">
    <datalist id="pairs"></datalist>
    <label for="offset" data-beat="adds"></label>
    <output id="offsetSaid" for="offset"></output>
    <input id="offset" class="slide" type="range" step="1">
    <div class="steps">
      <button id="less" type="button"></button><button id="zero" type="button" data-beat="reset"></button><button id="more" type="button"></button>
    </div>
    <p class="hint" data-beat="lips"></p>
    <p class="hint" id="lateness"></p>
    <button id="clicks" type="button" aria-expanded="false" aria-controls="beat"></button>
    <div id="beat" hidden>
      <div id="lamp" aria-hidden="true"></div>
      <p data-beat="agree"></p>
      <p data-beat="tapWay"></p>
      <button id="tap" type="button"><span data-beat="tap"></span> <span id="left"></span></button>
      <p id="found" role="status"></p>
    </div>`;
  for (const one of panel.querySelectorAll('[data-beat]')) one.textContent = sayBeat(one.dataset.beat);
  const part = (id) => document.getElementById(id);
  const slider = part('offset');
  const signed = (value) => `${value > 0 ? '+' : ''}${milliseconds(value)}`;
  let clicks = null;
  let taps = [];

  function show() {
    const offset = calibration.offsetMs;
    slider.value = offset;
    slider.style.setProperty('--share', (offset + calibration.LIMIT) / (2 * calibration.LIMIT));
    slider.setAttribute('aria-valuetext', signed(offset));
    part('offsetSaid').textContent = signed(offset);
    if (part('pair') !== document.activeElement) part('pair').value = calibration.name;
    part('pairs').replaceChildren(...Object.keys(calibration.values).filter(Boolean).map((name) => new Option(name, name)));
    part('less').disabled = offset <= -calibration.LIMIT;
    part('more').disabled = offset >= calibration.LIMIT;
  }

  function set(value) {
    calibration.offsetMs = value;
    taps = [];
    part('left').textContent = '';
    show();
  }

  slider.min = -calibration.LIMIT;
  slider.max = calibration.LIMIT;
  part('less').textContent = signed(-10);
  part('more').textContent = signed(10);
  slider.addEventListener('input', () => set(slider.value));
  part('less').addEventListener('click', () => set(calibration.offsetMs - 10));
  part('more').addEventListener('click', () => set(calibration.offsetMs + 10));
  part('zero').addEventListener('click', () => set(0));
  part('pair').addEventListener('change', ({ target }) => {
    // Another pair: what is remembered for it holds from now on, and nothing for one that is new.
    const name = target.value.trim();
    calibration.keep(name, calibration.values[name] || 0);
    show();
  });

  // MARK: Clicks

  const beat = new Beat(wantedSlug() || 'main', part('lamp'),
    (now, next) => { if (clicks) clicks.follow(now, next); });

  function toggle() {
    const isOn = !clicks;
    if (isOn) {
      clicks = new Clicks();
      clicks.context.resume().catch(() => {});
      beat.start();
    } else {
      clicks.end();
      clicks = null;
      beat.stop();
    }
    taps = [];
    part('left').textContent = part('found').textContent = '';
    part('beat').hidden = !isOn;
    part('clicks').textContent = sayBeat(isOn ? 'done' : 'begin');
    part('clicks').setAttribute('aria-expanded', isOn);
    // Only the clicks are to be heard.
    if (calibration.onquiet) calibration.onquiet(isOn);
  }

  function tap(event) {
    if (!clicks || event.repeat) return;
    taps.push(aroundBeat(event.timeStamp - beat.nearest(event.timeStamp)));
    part('left').textContent = `${taps.length}/${TAPS}`;
    part('found').textContent = '';
    if (taps.length < TAPS) return;
    const late = medianTap(taps);
    if (late === null) {
      taps = [];
      part('left').textContent = '';
      part('found').textContent = sayBeat('scattered');
      return;
    }
    set(aroundBeat(calibration.offsetMs + late));
    part('found').textContent = sayBeat('found', { ms: signed(calibration.offsetMs) });
  }

  // At the press, not at the release: that is when a person means it.
  part('tap').addEventListener('pointerdown', tap);
  part('tap').addEventListener('keydown', (event) => { if ([' ', 'Enter'].includes(event.key)) tap(event); });
  part('clicks').textContent = sayBeat('begin');
  part('clicks').hidden = !Sound.canBeLouder;
  part('clicks').addEventListener('click', toggle);
  document.getElementById('headphones').addEventListener('toggle', () => { if (clicks) toggle(); });
  addEventListener('pagehide', () => { if (clicks) toggle(); });

  // MARK: How late it is heard

  calibration.onheard = (delay, film) => {
    const late = film === null ? delay : delay - film;
    const key = film === null ? 'live' : late > 40 ? 'short' : 'film';
    const text = delay === null ? '' : sayBeat(key, { ms: milliseconds(key === 'film' ? film : late).replace(' ', '\u00a0') });
    if (part('lateness').textContent !== text) part('lateness').textContent = text;
  };
  show();
})();
