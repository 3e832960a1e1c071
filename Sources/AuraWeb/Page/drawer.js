'use strict';

const HISTORY_SECONDS = 120;

// How large a plot's full height is at least, and how its figures are written.
const PLOTS = {
  delay: { least: 150, write: (value) => milliseconds(value) },
  jitter: { least: 20, write: (value) => milliseconds(value) },
  loss: { least: 0.05, write: (value) => percent(value, 1) },
  concealed: { least: 0.05, write: (value) => percent(value, 1) },
};

function percent(value, digits = 0) {
  return value.toLocaleString(language, { style: 'percent', maximumFractionDigits: digits });
}

function milliseconds(value) {
  try {
    return Math.round(value).toLocaleString(language, { style: 'unit', unit: 'millisecond' });
  } catch (error) {
    return `${Math.round(value)} ms`;
  }
}

// The drawer: what the last two minutes were like, and a report of them.
class Drawer {
  constructor(element) {
    this.element = element;
    this.seconds = [];
    this.events = [];
    const open = () => { if (element.open) this.draw(); };
    element.addEventListener('toggle', open);
    const part = (id) => document.getElementById(id);
    this.contains = part('contains');
    this.report = part('report');
    part('copy').addEventListener('click', () => this.copy());
    this.rows = Object.keys(PLOTS).map((key) => {
      const row = document.getElementById('plot').content.firstElementChild.cloneNode(true);
      row.querySelector('dt').textContent = say(key);
      row.querySelector('svg').setAttribute('aria-label', say(key));
      part('plots').append(row);
      return { key, figure: row.querySelector('dd'), plot: row.querySelector('svg'), line: row.querySelector('path') };
    });
  }

  // One second's figures, or null for one without sound.
  add(second) {
    this.seconds.push(second);
    if (this.seconds.length > HISTORY_SECONDS) this.seconds.shift();
    if (this.element.open) this.draw();
  }

  note(state) {
    this.events.push(`${new Date().toISOString().slice(11, 19)} ${state}`);
    if (this.events.length > 20) this.events.shift();
  }

  draw() {
    const last = this.seconds[this.seconds.length - 1];
    for (const { key, figure, plot, line } of this.rows) {
      const { least, write } = PLOTS[key];
      const values = this.seconds.map((second) => (second ? second[key] : null));
      const known = values.filter((value) => value !== null);
      const most = Math.max(least, ...known);
      const text = last && last[key] !== null ? write(last[key]) : '–';
      figure.textContent = text;
      plot.setAttribute('aria-label', known.length === 0 ? say(key)
        : `${say(key)}: ${write(Math.min(...known))} – ${write(Math.max(...known))}`);
      // A line for every stretch that is known.
      let path = '';
      let isDown = false;
      values.forEach((value, index) => {
        if (value === null) { isDown = false; return; }
        const x = index + HISTORY_SECONDS - values.length;
        const y = (38 - (36 * Math.min(value, most)) / most).toFixed(1);
        path += `${isDown ? 'L' : 'M'}${x} ${y}${isDown ? '' : `h.01`}`;
        isDown = true;
      });
      line.setAttribute('d', path);
    }
    if (!last) return;
    const words = last.output.isMeasured ? 'delayMeasured' : 'delayAssumed';
    const text = say(words, { ms: milliseconds(last.output.ms) });
    if (this.contains.textContent !== text) this.contains.textContent = text;
  }

  // For the host, who may read another language: in English.
  text() {
    const line = (key, factor = 1, unit = 'ms') => {
      const values = this.seconds.filter((one) => one && one[key] !== null).map((one) => one[key]).sort((a, b) => a - b);
      if (values.length === 0) return `${key}: not known`;
      const at = (part) => (factor * values[Math.min(values.length - 1, Math.floor(part * values.length))]).toFixed(1);
      return `${key}: median ${at(0.5)}, 95 % below ${at(0.95)}, most ${at(1)} ${unit}`;
    };
    const last = this.seconds.filter(Boolean).pop();
    return [
      `AuraLync listener report, ${new Date().toISOString()}`,
      `page: ${location.href}`,
      `browser: ${navigator.userAgent}`,
      `last ${this.seconds.length} s, of them with sound: ${this.seconds.filter(Boolean).length}`,
      line('delay'),
      last ? `of it output: ${last.output.ms.toFixed(1)} ms (${last.output.isMeasured ? 'measured' : 'assumed'})` : '',
      line('jitter'),
      line('loss', 100, '%'),
      line('concealed', 100, '%'),
      `events (UTC): ${this.events.join(', ') || 'none'}`,
    ].filter(Boolean).join('\n');
  }

  async copy() {
    const { report } = this;
    report.value = this.text();
    report.hidden = false;
    report.select();
    // Plain http pages have no clipboard, and some browsers refuse it; the old way mostly works.
    // Where nothing does, the text stands there, selected.
    let isCopied = true;
    try {
      await navigator.clipboard.writeText(report.value);
    } catch (error) {
      isCopied = document.execCommand('copy');
    }
    report.hidden = isCopied;
    document.getElementById('copied').textContent = say(isCopied ? 'copied' : 'copyByHand');
    if (isCopied) document.getElementById('copy').focus();
  }
}
