'use strict';

// Which words of words.js are spoken, and what a browser is told that is too old for the rest.
// This file and words.js stay in the JavaScript of 2011, so that such a browser can read them.
var language = (function () {
  var wanted = navigator.languages || [navigator.language || 'en'];
  for (var i = 0; i < wanted.length; i += 1) {
    // What browsers once called Hebrew.
    var name = String(wanted[i]).toLowerCase().split('-')[0].replace('iw', 'he');
    if (WORDS.hasOwnProperty(name)) return name;
  }
  return 'en';
})();

function say(key, values) {
  return WORDS[language][key].replace(/\{(\w+)\}/g, function (_, name) { return values[name]; });
}

document.documentElement.lang = language;
document.documentElement.dir = language === 'ar' || language === 'he' ? 'rtl' : 'ltr';

(function () {
  var labels = document.querySelectorAll('[data-say]');
  for (var i = 0; i < labels.length; i += 1) {
    labels[i].textContent = say(labels[i].getAttribute('data-say'));
  }
})();

var isTooOld = !(window.RTCPeerConnection && RTCPeerConnection.prototype.addTransceiver
  && window.RTCRtpReceiver && RTCRtpReceiver.prototype.getStats
  && window.fetch && window.Promise && window.AbortController);

// Who only shows the way needs nothing of this.
if (isTooOld && document.getElementById('listen')) {
  document.body.setAttribute('data-state', 'old');
  document.getElementById('message').textContent = say('old');
}
