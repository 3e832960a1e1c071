'use strict';

// What Chrome must have in its own offer: stereo, and asking again for lost packets (NACK).
// It leaves both out for sound unless told. Other engines are not told what they cannot do: only
// Chrome's family offers transport-cc for Opus.
function prepareOffer(sdp) {
  const opus = /^a=rtpmap:(\d+) opus\/48000\/2\r?$/im.exec(sdp);
  if (!opus) return sdp;
  const type = opus[1];
  const lines = sdp.split(/\r?\n/);
  const begins = (text) => lines.some((line) => line.startsWith(text));
  const rtpmap = lines.findIndex((line) => line.startsWith(`a=rtpmap:${type} `));
  const format = lines.findIndex((line) => line.startsWith(`a=fmtp:${type} `));
  const added = [];
  if (format < 0) added.push(`a=fmtp:${type} stereo=1`);
  else if (!/[ ;]stereo=/.test(lines[format])) lines[format] += ';stereo=1';
  const canAskAgain = begins(`a=rtcp-fb:${type} transport-cc`);
  const asksAgain = lines.includes(`a=rtcp-fb:${type} nack`);
  if (canAskAgain && !asksAgain) added.push(`a=rtcp-fb:${type} nack`);
  lines.splice(rtpmap + 1, 0, ...added);
  return lines.join('\r\n');
}

// The UDP port that an answer wants packets sent to.
function portOfAnswer(sdp) {
  const candidate = /^a=candidate:\S+ 1 udp \d+ \S+ (\d+) /im.exec(sdp);
  return candidate ? candidate[1] : '5555';
}
