"""What befalls a page in film mode, and when it is in step with a native ear again."""

import contextlib
import time
from types import SimpleNamespace

import numpy as np

from . import meter
from .lan import Lan
from .namespaces import ip
from .soundserver import SERVERS
from .stage import Stage
from .takes import Take
from .webpage import WebPage

DELAY_MS = 300
# In step: within this of the native ear for a second.
NEAR_MS = 15
BEFORE, AFTER = 12.0, 22.0
# Timers as browsers leave them to a page that has been hidden for minutes: one turn a minute.
_RARE_TIMERS = """(() => { const plain = window.setInterval; let last = 0;
  window.setInterval = (turn, ...rest) => plain(() => {
    if (window.isRare && performance.now() - last < 60000) return;
    last = performance.now(); turn(); }, ...rest); })();"""


class Hidden:
    """Another tab in front, as timers are then (one turn a second), or with one turn a minute."""

    def __init__(self, seconds, rare=False):
        self.seconds, self.rare = seconds, rare
        self.before = _RARE_TIMERS if rare else ""

    def happen(self, scene):
        browser = scene.page.browser
        browser.evaluate(f"(window.isRare = {str(self.rare).lower()}, true)")
        browser.hide(True)
        browser.until("another tab in front", "document.visibilityState === 'hidden'")
        time.sleep(self.seconds)
        browser.evaluate("(window.isRare = false, true)")
        browser.hide(False)
        browser.until("the page in front", "document.visibilityState === 'visible'")


class Asleep:
    """All of the browser's processes stopped, as by a phone that sleeps."""

    before = ""

    def __init__(self, seconds):
        self.seconds = seconds

    def happen(self, scene):
        scene.page.browser.sleep(self.seconds)


class Moved:
    """Another address; with `gone` seconds without a network before."""

    before = ""

    def __init__(self, gone):
        self.seconds = gone

    def happen(self, scene):
        name, network = scene.namespace, scene.lan.network
        if self.seconds:
            ip("-n", name, "link", "set", "eth0", "down")
            time.sleep(self.seconds)
        ip("-n", name, "addr", "flush", "dev", "eth0")
        ip("-n", name, "addr", "add", f"{network}.77/24", "dev", "eth0")
        ip("-n", name, "link", "set", "eth0", "up")
        ip("-n", name, "route", "replace", "default", "via", f"{network}.254")


EVENTS = {
    "another tab in front for 20 s": Hidden(20),
    "the same, timers once a minute": Hidden(20, rare=True),
    "asleep for 3 s": Asleep(3),
    "asleep for 10 s": Asleep(10),
    "asleep for 40 s": Asleep(40),
    "another address at once": Moved(0),
    "another address after 4 s without": Moved(4),
}


def watch(event, kind="chromium", directory=None, after=AFTER):
    """A native ear and a page in film mode; what befalls the page, and how far they are apart then.

    Returns times (seconds since the event's end), skew in milliseconds (NaN: nothing to be placed), when
    sound was there again, and the part of the time in which somebody waited for a core.
    """
    seconds = BEFORE + event.seconds + after
    with (SERVERS["pipewire"](("program", "ear1", "ear2")) as server, Lan(2) as lan,
          Stage(directory, server) as stage):
        serve = stage.serve("--mode", "film", "--delay", DELAY_MS, prefix=lan.inside("server"))
        host, port = address = serve.web_address(lan.server_address)
        listen = stage.listen(f"http://{host}:{port}{serve.whep}", "--output", "ear1",
                              "--status-every", 1, prefix=lan.inside("h1"))
        browser = stage.browser(kind, "ear2", lan.namespace("h2"))
        # A namespace's first second counts as a change of networks to a browser.
        browser.evaluate("new Promise((done) => setTimeout(done, 1500))")
        with browser.before_pages(event.before) if event.before else contextlib.nullcontext():
            page = WebPage(browser, address)
        scene = SimpleNamespace(page=page, lan=lan, namespace=lan.namespace("h2"))
        listen.until("the delay", lambda: abs(
            (listen.events("status") or [{"delay_ms": 0}])[-1]["delay_ms"] - DELAY_MS) < 3, 30)
        with Take(server, ["ear1", "ear2"], seconds, probe=meter.voice) as take:
            page.listen(60)
            take.sleep_until(BEFORE)
            event.happen(scene)
            end = time.monotonic() - take.began
            take.sleep_until(min(seconds, end + after))
            joins = len(page.exchanges)
            state = browser.evaluate("document.body.dataset.state")
    # The recording begins a little before the take's first moment; the probe's beginning tells.
    end += np.flatnonzero(np.abs(take.sounds["program"][:, 0]) > 0.003)[0] / meter.RATE
    native, web = (meter.follow(take.sounds["program"], take.sounds[ear]) for ear in ("ear1", "ear2"))
    times, lags = web
    known = np.isfinite(native[1])
    skew = lags - np.interp(times, native[0][known], native[1][known])
    ear = np.abs(take.sounds["ear2"][int(end * meter.RATE):, 0])
    loud = np.flatnonzero(ear > 0.003)
    return SimpleNamespace(
        times=times - end, skew=skew, joins=joins, state=state, pressure=take.pressure,
        sound_s=float(loud[0] / meter.RATE) if len(loud) else None)


def in_step_again(found, near=NEAR_MS):
    """Seconds from the event's end until within `near` for a second; None if never."""
    good = (np.abs(found.skew) <= near) & (found.times >= 0)
    window = int(1 / meter.HOP)
    for index in np.flatnonzero(good):
        if len(good) >= index + window and good[index:index + window].all():
            return float(found.times[index])
    return None


def apart(found, begin, end):
    """Median, 95 % and most of the size of the skew in a stretch of seconds after the event."""
    size = np.abs(found.skew[(found.times >= begin) & (found.times < end) & np.isfinite(found.skew)])
    return (np.median(size), np.percentile(size, 95), size.max()) if len(size) else (np.nan,) * 3
