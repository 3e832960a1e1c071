'use strict';

// The projector's view: keeps the name, the address and the count as they are.
(function () {
  const element = (id) => document.getElementById(id);
  let shown = '';

  function set(id, text) {
    if (element(id).textContent !== text) element(id).textContent = text;
  }

  function show({ address, broadcasts }) {
    const slug = decodeURIComponent(location.hash.slice(1));
    const one = broadcasts.find((broadcast) => broadcast.slug === slug) || broadcasts[0];
    const name = one ? one.name : 'AuraLync';
    document.title = name;
    set('name', name);
    set('count', String(one ? one.listeners : 0));
    set('message', one ? (one.live ? '' : say('idle')) : say('nothing'));
    if (address === shown) return;
    shown = address;
    set('address', address.replace(/^http:\/\//, '').replace(/\/$/, ''));
    element('code').src = 'qr.svg?' + encodeURIComponent(address);
    element('code').alt = address;
  }

  async function look() {
    try {
      const response = await fetch('/api/status');
      if (!response.ok) throw new Error();
      show(await response.json());
    } catch (error) {
      set('count', '–');
      set('message', say('gone'));
    }
    setTimeout(look, 2000);
  }
  look();
})();
