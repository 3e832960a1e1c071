'use strict';

// What headphones add to the delay that a browser knows of, in milliseconds. On plain http no browser tells a
// page where it plays to: a person may name headphones, and choose between them.
const calibration = Object.assign({
  name: '',
  values: {},
  LIMIT: 500,
  get offsetMs() { return Number(this.values[this.name]) || 0; },
  set offsetMs(value) { this.keep(this.name, Math.max(-this.LIMIT, Math.min(this.LIMIT, Math.round(value)))); },
  keep(name, value) {
    this.name = name;
    this.values[name] = value;
    memory.write('headphones', { name, values: this.values });
  },
}, memory.read('headphones'));

// The panel is fetched by who asks for it.
document.getElementById('headphones').addEventListener('toggle', () => {
  for (const path of ['headphone_words.js', 'beat.js', 'headphones.js']) {
    document.head.append(Object.assign(document.createElement('script'), { src: path, async: false }));
  }
}, { once: true });
