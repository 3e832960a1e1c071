"""The page that `serve` gives to a browser, and what the browser tells about its connections."""

import json

from .processes import LabError

# Connections that pages make from here on are kept, so that they can be asked.
_HOOK = """(() => {
  if (window.connections) return true;
  window.connections = [];
  window.exchanges = [];
  const Connection = RTCPeerConnection, post = window.fetch;
  window.RTCPeerConnection = class extends Connection {
    constructor(...all) { super(...all); window.connections.push(this); }
  };
  window.fetch = async (...all) => {
    const response = await post(...all);
    if (all[1]?.method === 'POST') {
      const answer = await response.clone().text();
      window.exchanges.push({ status: response.status, offer: all[1].body, answer,
        location: response.headers.get('Location') });
    }
    return response;
  };
  return true;
})()"""

_STATS = """(async (connection) => {
  const found = {};
  for (const report of (await connection.getStats()).values()) {
    if (report.type === 'inbound-rtp') found.inbound = report;
    if (report.type === 'media-playout') found.playout = report;
    if (report.type === 'candidate-pair' && report.nominated) found.pair = report;
  }
  return found;
})(connections[%d])"""

_CANDIDATES = """new Promise(async (resolve) => {
  const connection = new RTCPeerConnection(), found = [];
  connection.addTransceiver('audio', { direction: 'recvonly' });
  connection.onicecandidate = ({ candidate }) => {
    if (candidate?.candidate) found.push(candidate.candidate);
    if (!candidate) { connection.close(); resolve(found); }
  };
  await connection.setLocalDescription();
})"""

# Joins a second time in the same page, muted. `offered` makes the server's copy of the browser's
# offer, `accepted` the browser's copy of the answer.
_BESIDE = """(async (path, offered, accepted) => {
  const connection = new RTCPeerConnection();
  const { receiver } = connection.addTransceiver('audio', { direction: 'recvonly' });
  const element = new Audio();
  element.muted = true;
  element.srcObject = new MediaStream([receiver.track]);
  element.play();
  (window.kept ??= []).push(element);
  await connection.setLocalDescription();
  const response = await fetch(path, { method: 'POST',
    headers: { 'Content-Type': 'application/sdp' }, body: offered(connection.localDescription.sdp) });
  if (!response.ok) throw new Error(await response.text());
  await connection.setRemoteDescription({ type: 'answer', sdp: accepted(await response.text()) });
  return connections.indexOf(connection);
})"""

_WITHOUT_RED = r"""((sdp) => {
  const red = /^a=rtpmap:(\d+) red\/48000/m.exec(sdp)?.[1];
  if (!red) return sdp;
  return sdp.split('\r\n').filter((line) => !new RegExp(`^a=(rtpmap|fmtp|rtcp-fb):${red} `).test(line))
    .map((line) => line.startsWith('m=audio') ? line.replace(` ${red}`, '') : line).join('\r\n');
})"""

_WITHOUT_NACK = r"""((sdp) => sdp.split('\r\n').filter((line) => !/^a=rtcp-fb:\d+ nack$/.test(line)).join('\r\n'))"""

_WITH_NACK = r"""((sdp) => sdp.replace(/^a=rtpmap:(\d+) opus.*\r\n/m, '$&a=rtcp-fb:$1 nack\r\n'))"""


class WebPage:
    """The page, open in a browser. Connection 0 is the page's own."""

    def __init__(self, browser, address):
        self.browser = browser
        host, port = address
        browser.open(f"http://{host}:{port}/")
        browser.evaluate(_HOOK)

    def listen(self, seconds=20.0):
        """Presses the button and waits until the sound element plays."""
        self.browser.click("#listen")
        try:
            self.browser.until("its sound", """(() => {
                const sound = document.getElementById('sound');
                return connections[0]?.connectionState === 'connected' && !sound.paused
                  && sound.currentTime > 0; })()""", seconds)
        except LabError as error:
            told = self.browser.evaluate("document.getElementById('message').textContent")
            raise LabError(f"{error}; the page says {told!r}") from None

    def stop(self):
        self.browser.click("#listen")

    @property
    def exchanges(self):
        """Every WHEP exchange of the page: status, offer, answer, location."""
        return self.browser.evaluate("exchanges")

    @property
    def candidates(self):
        """What a connection would tell of this computer's addresses."""
        return self.browser.evaluate(_CANDIDATES)

    def join_without_repair(self, path):
        """A second connection that gets each packet once: the server believes that it can ask
        again, and it never does."""
        return self._join_beside(path, f"(sdp) => {_WITH_NACK}({_WITHOUT_RED}(sdp))", _WITHOUT_NACK)

    def join_with_neither(self, path):
        """A second connection that offers neither to ask again nor RED."""
        return self._join_beside(path, _WITHOUT_RED, "(sdp) => sdp")

    def _join_beside(self, path, offered, accepted):
        index = self.browser.evaluate(f"{_BESIDE}({json.dumps(path)}, {offered}, {accepted})")
        self.browser.until(
            "the second connection", f"connections[{index}].connectionState === 'connected'")
        return index

    def stats(self, connection=0):
        return self.browser.evaluate(_STATS % connection)


class Span:
    """What one connection's counters did between two readings."""

    def __init__(self, page, connection=0):
        self.page, self.connection = page, connection
        self.begin = page.stats(connection)

    def end(self):
        self.finish = self.page.stats(self.connection)
        return self

    def count(self, name, part="inbound"):
        """How much a counter grew; 0 where the browser has none such."""
        return self.finish[part].get(name, 0) - self.begin[part].get(name, 0)

    @property
    def samples(self):
        return self.count("totalSamplesReceived")

    @property
    def concealed(self):
        """The part of what was played that was made up, silence included."""
        return self.count("concealedSamples") / max(1, self.samples)

    @property
    def buffer_ms(self):
        """Mean time in the browser's jitter buffer."""
        return 1000 * self.count("jitterBufferDelay") / max(1, self.count("jitterBufferEmittedCount"))

    @property
    def playout_ms(self):
        """Mean time from there to the sound system, as the browser reckons; None when it does not
        say."""
        if "playout" not in self.finish:
            return None
        return 1000 * self.count("totalPlayoutDelay", "playout") / max(
            1, self.count("totalSamplesCount", "playout"))

    def __str__(self):
        inbound = self.finish["inbound"]
        return (f"concealed {self.concealed:.2%} of {self.samples} samples, "
                f"{self.count('packetsLost')} packets lost of "
                f"{self.count('packetsReceived') + self.count('packetsLost')}, asked again "
                f"{self.count('nackCount')} times, redundant {self.count('fecPacketsReceived')}, "
                f"jitter buffer {self.buffer_ms:.0f} ms, jitter {inbound.get('jitter', 0):.3f} s")
