'use strict';

// What headphones add to the delay that a browser knows of, in milliseconds. Browsers do not tell a page on
// plain http which output they play to, so a person may name headphones, and choose between them.
const calibration = (() => {
  const LIMIT = 500;
  const kept = memory.read('headphones', {});
  const values = kept && typeof kept.values === 'object' && kept.values ? kept.values : {};
  let name = typeof (kept && kept.name) === 'string' ? kept.name : '';
  const fit = (value) => Math.round(Math.min(LIMIT, Math.max(-LIMIT, Number(value) || 0)));
  const keep = () => memory.write('headphones', { name, values });
  return {
    LIMIT,
    get offsetMs() { return Object.hasOwn(values, name) ? fit(values[name]) : 0; },
    set offsetMs(value) { values[name] = fit(value); keep(); },
    get name() { return name; },
    // Another pair: what is remembered for it holds from now on, and nothing for one that is new.
    set name(text) { name = text.trim().slice(0, 40); keep(); },
    get names() { return Object.keys(values).filter(Boolean); },
    // Told once a second: when sound is heard after the capture, and when it is to be heard in film mode.
    onheard: null,
    // Told whether only clicks are to be heard.
    onquiet() {},
  };
})();

// The panel is fetched by who asks for it.
document.getElementById('headphones').addEventListener('toggle', () => {
  for (const path of ['headphone_words.js', 'beat.js', 'headphones.js']) {
    const script = document.createElement('script');
    script.src = path;
    script.async = false;
    document.head.append(script);
  }
}, { once: true });
