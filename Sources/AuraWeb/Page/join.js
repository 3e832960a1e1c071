'use strict';

// The projector's view: keeps the name, the address and the count as they are.
(function () {
  const element = (id) => document.getElementById(id);
  let shown = '';
  let events = null;
  let triedAt = -Infinity;
  let timer = 0;
  let beat = null;

  function set(id, text) {
    if (element(id).textContent !== text) element(id).textContent = text;
  }

  function show({ address, broadcasts }) {
    const slug = wantedSlug();
    const one = broadcasts.find((broadcast) => broadcast.slug === slug) || broadcasts[0];
    const name = one ? one.name : 'AuraLync';
    document.title = name;
    set('name', name);
    set('count', String(one ? one.listeners : 0));
    set('message', one ? (one.live ? '' : say('idle')) : say('nothing'));
    // For the host, whose player may not ask its output how late it is.
    const delay = one && one.mode === 'film' ? one.delay_ms : null;
    set('enter', delay ? sayBeat('enter', { ms: `\u2066\u2212${Math.round(delay)} ms\u2069` }) : '');
    if (address === shown) return;
    shown = address;
    set('address', address.replace(/^http:\/\//, '').replace(/\/$/, ''));
    element('code').src = 'qr.svg?' + encodeURIComponent(address);
    element('code').alt = address;
  }

  // For those who calibrate headphones by what they see here.
  element('flash').textContent = sayBeat('flash');
  element('flash').addEventListener('click', () => {
    const isOn = element('lamp').hidden;
    element('lamp').hidden = !isOn;
    element('flash').setAttribute('aria-pressed', isOn);
    if (!beat) beat = new Beat(wantedSlug() || 'main', element('lamp'));
    if (isOn) beat.start();
    else beat.stop();
  });

  function follow() {
    if (events || !window.EventSource || performance.now() - triedAt < 30000) return;
    triedAt = performance.now();
    events = new EventSource('/api/events');
    events.onmessage = ({ data }) => { show(JSON.parse(data)); lookAfter(20000); };
    // Refused, or ended: looking tells whether anybody is there.
    events.onerror = () => { unfollow(); lookAfter(0); };
  }

  function unfollow() {
    if (events) events.close();
    events = null;
  }

  function lookAfter(milliseconds) {
    clearTimeout(timer);
    timer = setTimeout(look, milliseconds);
  }

  // Without events every two seconds. With them too, but seldom: nobody is told of a host that has
  // vanished without a word.
  async function look() {
    const waiting = new AbortController();
    const patience = setTimeout(() => waiting.abort(), 4000);
    try {
      const response = await fetch('/api/status', { signal: waiting.signal });
      if (!response.ok) throw new Error();
      show(await response.json());
      follow();
    } catch (error) {
      unfollow();
      set('count', '–');
      set('message', say('gone'));
    }
    clearTimeout(patience);
    lookAfter(events ? 20000 : 2000);
  }
  look();
})();
