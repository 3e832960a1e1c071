'use strict';

// From taps to the listener, and from the listener to the screen.
function start() {
  const element = (id) => document.getElementById(id);
  const sound = new Sound(element('sound'), element('carrier'));
  const drawer = new Drawer(element('drawer'));
  let broadcast = null;
  let listener = null;
  let state = 'finding';
  let recent = [];

  // Which states offer which button; all others can only be stopped.
  const rest = { finding: 'listen', ready: 'listen', nothing: 'listen', paused: 'goOn', tap: 'goOn' };

  function show(next, detail = {}) {
    if (next !== state) drawer.note(next);
    state = next;
    document.body.dataset.state = state;
    document.body.dataset.stay = Boolean(listener);
    const button = element('listen');
    const isPlaying = state === 'listening';
    button.disabled = !broadcast;
    element('label').textContent = say(listener ? 'stop' : rest[state] || 'listen');
    const words = state === 'ready' ? '' : say(state, { port: detail.port });
    // Said once: a live region that is written again is read aloud again.
    if (element('message').textContent !== words) element('message').textContent = words;
    element('reason').textContent = ['failed', 'full'].includes(state) && detail.sentence ? detail.sentence : '';
    element('controls').hidden = !isPlaying && !(listener && state === 'returning');
    element('headphones').hidden = !listener && !element('headphones').open;
    drawer.element.hidden = !listener && drawer.seconds.length === 0;
    if (!isPlaying) {
      recent = [];
      showLevel(0);
      element('delay').textContent = '–';
      element('quality').textContent = '–';
    }
    if (broadcast && (listener || state === 'paused')) {
      showOnLockScreen(broadcast.name, Boolean(listener), listen, pause);
    }
  }

  // MARK: What the statistics say

  function showLevel(level) {
    document.body.style.setProperty('--level', level.toFixed(3));
  }

  function heard({ level, second }) {
    if (!document.hidden) showLevel(level);
    if (!second) return;
    element('level').setAttribute('aria-valuenow', Math.round(100 * level));
    drawer.add(second);
    if (calibration.onheard) calibration.onheard(second.delay, listener ? listener.film.delay : null);
    recent.push(second);
    if (recent.length > 10) recent.shift();
    element('delay').textContent = second.delay === null ? '–' : milliseconds(second.delay);
    // What was made up for what did not come in time is what is heard of a bad network.
    const concealed = recent.reduce((sum, one) => sum + (one.concealed || 0), 0) / recent.length;
    const word = concealed < 0.003 ? 'good' : concealed < 0.03 ? 'uneven' : 'poor';
    element('quality').textContent = say(word);
    element('quality').dataset.quality = word;
  }

  // MARK: Listening

  function listen() {
    if (listener || !broadcast) return;
    memory.wasListening = true;
    listener = new Listener(broadcast, sound, changed, heard);
    show('connecting');
  }

  function changed(next, detail) {
    if (['tap', 'network', 'unknown', 'failed', 'paused', 'ready'].includes(next)) listener = null;
    show(next, detail);
  }

  function stop() {
    memory.wasListening = false;
    if (listener) listener.end('ready');
  }

  function pause() { if (listener) listener.end('paused'); }

  element('listen').addEventListener('click', () => (listener ? stop() : listen()));
  sound.onpause = pause;
  sound.onresume = listen;

  // MARK: What there is to hear

  // The broadcast of the page's address (/#slug), or the first.
  async function find() {
    clearTimeout(find.timer);
    if (!listener) {
      try {
        const response = await fetchSoon('/api/status', {}, 4000);
        if (response.status === 403 || response.status === 421) throw new Error('network');
        const { broadcasts } = await response.json();
        const slug = wantedSlug();
        found(broadcasts.find((one) => one.slug === slug) || broadcasts[0] || null);
      } catch (error) {
        if (!listener) {
          broadcast = null;
          show(error.message === 'network' ? 'network' : navigator.onLine === false ? 'offline' : 'gone');
        }
      }
    }
    find.timer = setTimeout(find, broadcast ? 5000 : 1500);
  }

  function found(one) {
    if (listener) return;
    const isFirst = !broadcast;
    broadcast = one;
    element('name').textContent = one ? one.name : 'AuraLync';
    document.title = one ? `${one.name} · AuraLync` : 'AuraLync';
    if (!one) show('nothing');
    else if (isFirst && memory.wasListening && state === 'finding') listen();
    else if (isFirst || state === 'idle') show(one.live ? 'ready' : 'idle');
    else if (state === 'ready' && !one.live) show('idle');
  }

  // MARK: Volume

  const louder = element('louder');
  const slider = element('volume');

  function volumeChanged() {
    const isLouder = louder.checked;
    slider.max = isLouder ? 200 : 100;
    if (!isLouder && slider.value > 100) slider.value = 100;
    const share = slider.value / slider.max;
    slider.style.setProperty('--share', share);
    slider.setAttribute('aria-valuetext', percent(slider.value / 100));
    element('percent').textContent = percent(slider.value / 100);
    element('cost').hidden = !isLouder;
    const hasSlider = Sound.canSetVolume || isLouder;
    element('fader').hidden = !hasSlider;
    element('buttons').hidden = hasSlider;
    sound.set({ volume: slider.value / 100, isLouder });
    memory.write('volume', Number(slider.value));
    memory.write('louder', isLouder);
  }

  louder.checked = Sound.canBeLouder && memory.read('louder', false) === true;
  element('amplifier').hidden = !Sound.canBeLouder;
  slider.max = 200;
  slider.value = Number(memory.read('volume', 100)) || 0;
  slider.addEventListener('input', volumeChanged);
  louder.addEventListener('change', volumeChanged);
  volumeChanged();

  let isMuted = false;
  calibration.onquiet = (isQuiet) => sound.set({ isMuted: isMuted || isQuiet });
  element('mute').addEventListener('click', () => {
    isMuted = !isMuted;
    sound.set({ isMuted });
    element('mute').setAttribute('aria-pressed', isMuted);
    document.body.dataset.muted = isMuted;
  });

  // MARK: Sleep, other networks, other tabs

  const look = () => {
    if (listener) listener.look();
    else find();
    sound.connect();
  };
  for (const name of ['online', 'focus', 'hashchange']) addEventListener(name, look);
  document.addEventListener('resume', look);
  document.addEventListener('visibilitychange', () => { if (!document.hidden) look(); });
  addEventListener('pagehide', () => { if (listener) listener.leave(); });
  addEventListener('pageshow', (event) => { if (event.persisted && listener) listener.join('returning'); });

  // A second without sound is a gap in the plots.
  setInterval(() => { if (listener && state !== 'listening') drawer.add(null); }, 1000);

  show('finding');
  find();
}

if (!isTooOld) start();
