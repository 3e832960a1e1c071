'use strict';

// What headphones add to the delay a browser knows of, in milliseconds. On plain http none tells a page
// where it plays to: a person names headphones, and chooses.
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
  // How much later than everyone: late.js says it, fetched by who is.
  late(ms) { if (ms > 20) { this.late = () => {}; fetchAll('late.js'); } },
}, memory.read('headphones'));

function fetchAll(...paths) {
  for (const src of paths) document.head.append(Object.assign(document.createElement('script'), { src, async: false }));
}

document.getElementById('headphones').addEventListener('toggle', () => fetchAll('headphone_words.js', 'beat.js', 'headphones.js'), { once: true });
