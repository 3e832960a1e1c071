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
    if (all[1]?.headers?.['Content-Type'] === 'application/sdp') {
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

# Joins a second time in the same page, muted, offering neither to ask again nor RED.
_BESIDE = r"""(async (path) => {
  const connection = new RTCPeerConnection();
  const { receiver } = connection.addTransceiver('audio', { direction: 'recvonly' });
  const element = new Audio();
  element.muted = true;
  element.srcObject = new MediaStream([receiver.track]);
  element.play();
  (window.kept ??= []).push(element);
  await connection.setLocalDescription();
  let { sdp } = connection.localDescription;
  const red = /^a=rtpmap:(\d+) red\/48000/m.exec(sdp)?.[1];
  if (red) {
    const about = new RegExp(`^a=(rtpmap|fmtp|rtcp-fb):${red} .*\r\n`, 'gm');
    sdp = sdp.replace(about, '').replace(new RegExp(`^(m=audio.*) ${red}\\b`, 'm'), '$1');
  }
  const response = await fetch(path, {
    method: 'POST', headers: { 'Content-Type': 'application/sdp' }, body: sdp });
  if (!response.ok) throw new Error(await response.text());
  await connection.setRemoteDescription({ type: 'answer', sdp: await response.text() });
  return connections.indexOf(connection);
})"""

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

    def join_beside(self, path):
        """A second connection of this page, that offers neither to ask again nor RED; its number."""
        index = self.browser.evaluate(f"{_BESIDE}({json.dumps(path)})")
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
