"""Every page in every state that people can see it in, in Chromium, in a few looks.

What needs a server to be listened to is real. The states that need a mishap come from the page's own
code, which is told of one: by answers that a test makes up, or by a listener that it plays.
"""

import contextlib
import json

from .browser import Chromium

# In the page's own words (words.js); what a listener tells the page, with what goes with it.
_LISTENER_STATES = {
    "connecting": {}, "returning": {}, "paused": {}, "tap": {}, "offline": {}, "busy": {}, "idle": {},
    "network": {}, "unknown": {}, "firewall": {"port": 5555}, "isolated": {},
    "full": {"sentence": "There is no room for one more listener; somebody must leave first."},
    "failed": {"sentence": "The offer has no Opus."},
}
# What the page finds out before anybody listens, and the answer to its question that says so.
_ANSWERS = {
    "gone": "Promise.reject(new TypeError('gone'))",
    "nothing": "Promise.resolve(new Response('{\"broadcasts\":[]}'))",
    "finding": "new Promise(() => {})",
}
_WITHOUT_EVENTS = "delete window.EventSource;"

LISTENING = ["listening", "louder", "drawer", "report", "calibrating"]
PAGE = ["ready", *LISTENING, *_LISTENER_STATES, *_ANSWERS, "old"]
JOIN = ["join", "join-flash", "join-gone", "join-nothing"]
STATES = PAGE + JOIN

SIZES = {"phone": (390, 844), "tablet": (820, 1180), "television": (1920, 1080)}
SCHEMES = ["dark", "light"]


class Gallery:
    """A browser that is led from state to state of the pages of one server."""

    def __init__(self, env, address, log=None):
        self.browser = Chromium(env, log=log)
        self._url = "http://{}:{}".format(*address)

    def end(self):
        self.browser.end()

    def look(self, size=(390, 844), scheme="dark", density=1, language=None):
        """From now on a screen of that size, with that taste and in that language."""
        width, height = size
        self.browser.emulate(width, height, density, scheme, language)

    @contextlib.contextmanager
    def state(self, name):
        """Shows a state for as long as the block lasts; then nobody listens any more."""
        if name in _LISTENER_STATES:
            self._told(name, _LISTENER_STATES[name])
        elif name in _ANSWERS:
            self._answered("/", _ANSWERS[name], f"document.body.dataset.state === '{name}'")
        elif name == "old":
            self._opened("/", "delete window.RTCPeerConnection;")
        elif name == "join":
            self._opened("/join")
            self.browser.until("the code", "document.getElementById('code').alt !== '' "
                               "&& document.getElementById('code').complete")
        elif name == "join-flash":
            self._opened("/join")
            self.browser.until("the button", "document.getElementById('flash').textContent !== ''")
            self.browser.evaluate("(document.getElementById('flash').click(), true)")
            self._lit()
        elif name.startswith("join-"):
            self._answered("/join", _ANSWERS[name.removeprefix("join-")],
                           "document.getElementById('message').textContent !== ''")
        else:
            self._opened("/", "try { localStorage.clear(); } catch (error) {}")
            self.browser.until("the button", "!document.getElementById('listen').disabled")
            if name in LISTENING:
                self._listened(name)
        try:
            yield self.browser
        finally:
            if name in LISTENING:
                self.browser.evaluate("(document.getElementById('listen').click(), true)")

    def _opened(self, path, before=""):
        with self.browser.before_pages(before):
            self.browser.open(self._url + path)

    def _answered(self, path, answer, proof):
        self._opened(path, f"{_WITHOUT_EVENTS} window.fetch = () => {answer};")
        self.browser.until("the state", proof)

    def _told(self, state, detail):
        self._opened("/")
        self.browser.until("the button", "!document.getElementById('listen').disabled")
        self.browser.evaluate("""(() => { Listener = class {
            constructor(broadcast, sound, changed) { window.told = changed; }
            look() {} leave() {} end() {} join() {} };
            document.getElementById('listen').click(); return true; })()""")
        self.browser.evaluate(f"(told({json.dumps(state)}, {json.dumps(detail)}), true)")

    def _lit(self):
        """The light stays as it is in its flash: pictures take longer than that."""
        self.browser.until("a flash", "document.getElementById('lamp').classList.contains('lit')")
        self.browser.evaluate("""(() => { const lamp = document.getElementById('lamp');
            lamp.classList.add('lit'); lamp.classList.toggle = () => true; return true; })()""")

    def _listened(self, name):
        browser = self.browser
        browser.click("#listen")
        browser.until("the sound", "document.body.dataset.state === 'listening' "
                      "&& /\\d/.test(document.getElementById('delay').textContent)")
        if name == "louder":
            browser.evaluate("(document.getElementById('louder').click(), true)")
        if name in ("drawer", "report"):
            browser.evaluate("document.getElementById('drawer').open = true")
            browser.until("plots", "document.querySelectorAll('#plots path[d]').length === 4")
        if name == "calibrating":
            browser.evaluate("document.getElementById('headphones').open = true")
            browser.until("the panel", "document.getElementById('lateness')?.textContent")
            browser.evaluate("""(() => {
                const pair = document.getElementById('pair');
                pair.value = 'Kitchen'; pair.dispatchEvent(new Event('change'));
                for (let step = 0; step < 18; step += 1) document.getElementById('more').click();
                return true; })()""")
            browser.until("a delay with them in it", "document.getElementById('lateness').textContent.match(/\\d+/) > 180")
            browser.evaluate("(document.getElementById('clicks').click(), true)")
            self._lit()
            browser.evaluate("(document.getElementById('headphones').scrollIntoView(), true)")
        if name == "report":
            # As where no way of copying works.
            browser.evaluate("""(Object.defineProperty(navigator, 'clipboard', {}),
                document.execCommand = () => false,
                document.getElementById('copy').click(), true)""")
            browser.until("the text", "!document.getElementById('report').hidden")
