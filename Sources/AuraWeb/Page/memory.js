'use strict';

// What is remembered on this device. Private windows may refuse: then it lasts as long as the page.
const memory = {
  held: {},
  read(key, otherwise) {
    try {
      const text = localStorage.getItem(`auralync.${key}`);
      return text === null ? otherwise : JSON.parse(text);
    } catch (error) {
      return key in this.held ? this.held[key] : otherwise;
    }
  },
  write(key, value) {
    this.held[key] = value;
    try { localStorage.setItem(`auralync.${key}`, JSON.stringify(value)); } catch (error) { /* held */ }
  },
  // Whether this tab was listening when it was last left: a reload or a discarded tab goes on.
  get wasListening() {
    try { return sessionStorage.getItem('auralync.listening') === '1'; } catch (error) { return false; }
  },
  set wasListening(value) {
    try { sessionStorage.setItem('auralync.listening', value ? '1' : '0'); } catch (error) { /* no matter */ }
  },
};
