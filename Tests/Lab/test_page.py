"""The page, used as people use it, in Chromium and Firefox on plain http and another computer's address."""

import json
import re
import subprocess
import time
from types import SimpleNamespace

import numpy as np
import pytest

from lab import signals
from lab.browser import BROWSERS
from lab.lan import Lan
from lab.namespaces import ip
from lab.processes import Process
from lab.signals import stereo_tone, write_float_wav
from lab.soundserver import SERVERS
from lab.stage import Stage
from lab.takes import Take
from lab.webpage import WebPage

RATE = 48_000
LEVEL = 0.2
STATE = "document.body.dataset.state"


class Listener(WebPage):
    """The page, and what a person does with it and sees on it."""

    @property
    def state(self):
        return self.browser.evaluate(STATE)

    def until_state(self, state, seconds=20.0):
        self.browser.until(f"the state {state}", f"{STATE} === '{state}'", seconds)

    def text(self, name):
        return self.browser.evaluate(f"document.getElementById('{name}').textContent")

    def set_volume(self, percent):
        self.browser.evaluate(f"""(() => {{
            const slider = document.getElementById('volume');
            slider.value = {percent};
            slider.dispatchEvent(new Event('input')); return true; }})()""")


class Desktop:
    """A session bus, over which a desktop shows what plays, and its keys pause it (MPRIS)."""

    def __init__(self, log):
        self._daemon = Process(["dbus-daemon", "--session", "--print-address", "--nofork"], log)
        self.address = self._daemon.until(
            "the bus", lambda: re.search(r"unix:\S+", self._daemon.output))[0]

    def end(self):
        self._daemon.end()

    def _send(self, name, path, *message):
        result = subprocess.run(
            ["dbus-send", f"--bus={self.address}", "--print-reply", f"--dest={name}", path, *message],
            capture_output=True, text=True, timeout=10)
        return result.stdout

    @property
    def player(self):
        """The bus name of the only program that plays, or None."""
        names = self._send("org.freedesktop.DBus", "/", "org.freedesktop.DBus.ListNames")
        found = re.search(r'"(org\.mpris\.MediaPlayer2\.[^"]+)"', names)
        return found and found[1]

    @property
    def shown(self):
        """Everything that is told about what plays."""
        return self._send(self.player, "/org/mpris/MediaPlayer2",
                          "org.freedesktop.DBus.Properties.GetAll",
                          "string:org.mpris.MediaPlayer2.Player")

    def press(self, key):
        self._send(self.player, "/org/mpris/MediaPlayer2", f"org.mpris.MediaPlayer2.Player.{key}")


@pytest.fixture(scope="module", params=BROWSERS)
def scene(request, tmp_path_factory):
    """A host with two tones and a browser on another computer that is listening to them."""
    with (SERVERS["pipewire"](("program", "ear1")) as server, Lan(1) as lan,
          Stage(tmp_path_factory.mktemp("page"), server) as stage):
        tones = server.directory / "tones.wav"
        write_float_wav(tones, stereo_tone(440, 660, 300, RATE, LEVEL), RATE)
        player = server.play(tones, "program")
        scene = SimpleNamespace(
            server=server, lan=lan, stage=stage, player=player,
            inside=lan.inside("server"), namespace=lan.namespace("h1"))
        scene.serve = stage.serve("--name", "Film night", prefix=scene.inside)
        scene.address = scene.serve.web_address(lan.server_address)
        scene.desktop = stage.keep(Desktop(stage.log("bus")))
        env = {**server.environment("ear1"), "DBUS_SESSION_BUS_ADDRESS": scene.desktop.address}
        browser = stage.keep(
            BROWSERS[request.param](env, scene.namespace, stage.log(request.param)))
        page = scene.page = Listener(browser, scene.address)
        page.until_state("ready")
        recording = server.record(["ear1"])
        tapped = recording.seconds
        page.listen()
        page.until_state("listening")
        time.sleep(1)
        heard = recording.stop()["ear1"]
        loud = np.flatnonzero(np.abs(heard[:, 0]) > LEVEL / 4)
        assert len(loud), "the ear heard nothing"
        scene.first_sound = loud[0] / RATE - tapped
        yield scene
        player.end()


def level_at_the_ear(scene, seconds=1.5):
    """The left tone's amplitude, from a while after now. Where a busy machine breaks the tone off, a
    window shows less of it, never more."""
    time.sleep(0.7)
    recording = scene.server.record(["ear1"])
    time.sleep(seconds)
    left = recording.stop()["ear1"][RATE // 2:, 0]
    windows = np.array_split(left, 20)
    return float(np.quantile([signals.amplitude(window, 440, RATE) for window in windows], 0.8))


def test_a_tap_is_followed_by_sound(scene, record_property):
    record_property("seconds", round(scene.first_sound, 3))
    print(f"from the tap to the ear: {scene.first_sound:.2f} s")
    assert scene.first_sound < 10
    assert scene.page.text("name") == "Film night"
    assert not scene.page.browser.evaluate("isSecureContext")


@pytest.mark.parametrize("percent", [100, 50])
def test_volume(scene, percent):
    scene.page.set_volume(percent)
    assert level_at_the_ear(scene) == pytest.approx(LEVEL * percent / 100, rel=0.05)
    scene.page.set_volume(100)


def test_louder(scene):
    """Through Web Audio, with its limiter: not one decibel off where nothing is limited."""
    scene.page.browser.click("#louder")
    try:
        scene.page.set_volume(200)
        assert level_at_the_ear(scene) == pytest.approx(2 * LEVEL, rel=0.05)
        scene.page.set_volume(100)
        assert level_at_the_ear(scene) == pytest.approx(LEVEL, rel=0.05)
        assert scene.page.browser.evaluate("!document.getElementById('cost').hidden")
    finally:
        scene.page.browser.click("#louder")
    assert level_at_the_ear(scene) == pytest.approx(LEVEL, rel=0.05)


def test_mute(scene):
    scene.page.browser.click("#mute")
    assert level_at_the_ear(scene) < LEVEL / 1000
    scene.page.browser.click("#mute")
    assert level_at_the_ear(scene) == pytest.approx(LEVEL, rel=0.05)


def test_title_play_and_pause_outside_of_the_page(scene):
    """As on a lock screen. Headless Firefox shows its desktop nothing, so it is not asked."""
    if scene.page.browser.name == "firefox":
        pytest.skip("headless Firefox has no media controls")
    desktop = scene.desktop
    assert '"Film night"' in desktop.shown and '"Playing"' in desktop.shown
    desktop.press("Pause")
    scene.page.until_state("paused")
    assert level_at_the_ear(scene) < LEVEL / 1000
    desktop.press("Play")
    scene.page.until_state("listening")
    assert level_at_the_ear(scene) == pytest.approx(LEVEL, rel=0.05)


def test_the_delay_is_true(scene, record_property):
    """What the page says beside what an ear measures, from the player to the sound card."""
    scene.player.end()
    said = []
    with Take(scene.server, ["ear1"], 6, player_sink="program") as take:
        for second in range(1, 7):
            take.sleep_until(second)
            said.append(scene.page.browser.evaluate(
                "parseInt(document.getElementById('delay').textContent)"))
    heard, said = take["ear1"], float(np.median(said))
    scene.player = scene.server.play(scene.server.directory / "tones.wav", "program")
    story = f"the page says {said:.0f} ms, the ear {heard.median_ms:.1f} ms"
    record_property("delay", story)
    print(story)
    assert heard.error is None, heard.error
    if take.pressure and take.pressure > 0.25:
        pytest.skip(f"the machine was too busy to judge: {story}")
    assert abs(said - heard.median_ms) < 25, story


def test_the_host_hears_of_it(scene):
    """The report of every five seconds is what /api/status shows of this listener."""
    page = scene.page
    found = page.browser.until("a report", """fetch('/api/status').then((x) => x.json())
        .then((x) => x.listeners.length === 1 && x.listeners[0].delay_ms)""")
    assert 0 < found < 5_000


def test_plots_and_report(scene):
    page = scene.page
    page.browser.evaluate("document.getElementById('drawer').open = true")
    page.browser.until("plots", "document.querySelectorAll('#plots path[d]').length === 4")
    page.browser.evaluate("document.getElementById('copy').scrollIntoView()")
    page.browser.click("#copy")
    page.browser.until("an answer", "document.getElementById('copied').textContent")
    report = page.browser.evaluate("document.getElementById('report').value")
    assert report.startswith("AuraLync listener report")
    assert "delay: median" in report and "concealed: median" in report
    page.browser.evaluate("document.getElementById('drawer').open = false")
    page.browser.evaluate("scrollTo(0, 0)")


def test_a_server_that_comes_back_is_heard_again(scene, record_property):
    """Killed, not ended: nobody is told. No tap is needed afterwards."""
    page = scene.page
    http_port, port = scene.address[1], scene.serve.port
    scene.serve.popen.kill()
    scene.serve.popen.wait()
    page.until_state("gone")
    assert page.text("message")
    scene.serve = scene.stage.serve(
        "--name", "Film night", "--http-port", http_port, port=port, prefix=scene.inside)
    scene.serve.event("serving")
    began = time.monotonic()
    page.until_state("listening")
    record_property("seconds", round(time.monotonic() - began, 2))
    print(f"from the server's return to sound: {time.monotonic() - began:.2f} s")
    assert level_at_the_ear(scene) == pytest.approx(LEVEL, rel=0.05)


def test_a_page_that_is_loaded_again_goes_on_or_asks_for_a_tap(scene):
    page = scene.page
    host, port = scene.serve.web_address(scene.lan.server_address)
    page.browser.open(f"http://{host}:{port}/?again")
    page.browser.until("a decision", f"['listening', 'tap'].includes({STATE})")
    if page.state == "tap":
        assert page.text("message") and page.text("label") == "Go on"
        page.browser.click("#listen")
    page.until_state("listening")
    assert level_at_the_ear(scene) == pytest.approx(LEVEL, rel=0.05)


def test_udp_that_is_blocked_is_named(scene):
    """HTTP gets through and nothing else does; nobody else hears, so the host is asked."""
    page = scene.page
    page.stop()
    page.until_state("ready")
    ip("-n", scene.namespace, "rule", "add", "ipproto", "udp", "prohibit", "pref", "1")
    try:
        page.browser.click("#listen")
        page.until_state("firewall")
        assert str(scene.serve.port) in page.text("message")
    finally:
        ip("-n", scene.namespace, "rule", "del", "pref", "1")
    page.until_state("listening")


def test_another_network_address_needs_no_tap(scene, record_property):
    """As when a phone goes from one access point to another: it is gone for a while, and comes back as
    somebody else."""
    page, lan = scene.page, scene.lan
    ip("-n", scene.namespace, "link", "set", "eth0", "down")
    page.browser.until("its notice", f"{STATE} !== 'listening'")
    time.sleep(2)
    ip("-n", scene.namespace, "addr", "flush", "dev", "eth0")
    ip("-n", scene.namespace, "addr", "add", f"{lan.network}.77/24", "dev", "eth0")
    ip("-n", scene.namespace, "link", "set", "eth0", "up")
    ip("-n", scene.namespace, "route", "add", "default", "via", f"{lan.network}.254")
    began = time.monotonic()
    page.until_state("listening", 30)
    record_property("seconds", round(time.monotonic() - began, 2))
    print(f"from the network's return to sound: {time.monotonic() - began:.2f} s")
    assert level_at_the_ear(scene) == pytest.approx(LEVEL, rel=0.05)


def test_who_slept_is_not_late_by_that(scene, record_property):
    """What came meanwhile waits in the browser, and would be played first."""
    page = scene.page
    page.until_state("listening")
    page.browser.evaluate("""(new MutationObserver(() => { window.hasReturned ||= document.body.dataset.state === 'returning'; })
        .observe(document.body, { attributeFilter: ['data-state'] }), true)""")
    page.browser.sleep(2.5)
    began = time.monotonic()
    page.browser.until("another join", f"window.hasReturned && {STATE} === 'listening'", 20)
    page.browser.until("a delay of now", "parseInt(document.getElementById('delay').textContent) < 1000", 20)
    record_property("seconds", round(time.monotonic() - began, 2))
    print(f"from the end of sleep to sound of now: {time.monotonic() - began:.2f} s")


def test_every_place_taken_is_said_and_waited_for(scene):
    page = scene.page
    page.stop()
    page.until_state("ready")
    scene.serve.end()
    scene.serve = scene.stage.serve("--max-listeners", 1, prefix=scene.inside)
    address = scene.serve.web_address(scene.lan.server_address)
    page = scene.page = Listener(page.browser, address)
    page.listen()
    page.browser.evaluate("""(async () => {
        const frame = new Listener({ slug: 'main', whep: '/whep/main' },
          { play: () => Promise.resolve(), stop() {}, hold() {}, isAmplified: false },
          (state) => { window.second = state; }, () => {});
        window.secondListener = frame; return true; })()""")
    page.browser.until("the refusal", "window.second === 'full'")
    page.stop()
    page.browser.until("the free place", "window.second === 'listening'", 30)
    page.browser.evaluate("secondListener.end('ready')")


def test_a_room_is_shown_the_way(scene):
    """The code on the big screen is the address, and a camera can read it."""
    browser = scene.page.browser
    host, port = scene.serve.web_address(scene.lan.server_address)
    browser.open(f"http://{host}:{port}/join#%")
    browser.until("the address", f"document.getElementById('address').textContent === '{host}:{port}'")
    browser.until("the code", "document.getElementById('code').complete")
    time.sleep(0.5)
    picture = scene.stage.directory / f"join-{browser.name}.png"
    browser.screenshot(picture)
    read = subprocess.run(["zbarimg", "-q", "--raw", picture], capture_output=True, text=True)
    assert read.stdout.strip() == f"http://{host}:{port}/"


def test_no_language_breaks_the_page(scene):
    """No word is missing where it is shown, and none is wider than a small phone."""
    browser = scene.page.browser
    host, port = scene.serve.web_address(scene.lan.server_address)
    browser.open(f"http://{host}:{port}/")
    wide = browser.evaluate("""(() => {
        document.documentElement.style.fontSize = '16px';
        document.body.style.width = '320px';
        document.querySelector('main').style.display = 'flex';
        document.getElementById('controls').hidden = false;
        document.getElementById('drawer').hidden = false;
        document.getElementById('drawer').open = true;
        const wide = [];
        for (const name of Object.keys(WORDS)) {
          language = name;
          for (const one of document.querySelectorAll('[data-say]')) one.textContent = say(one.dataset.say);
          for (const key of Object.keys(WORDS[name])) {
            document.getElementById('message').textContent = say(key, { port: 5555, ms: 40 });
            if (document.querySelector('main').scrollWidth > 320) wide.push(name + ' ' + key);
          }
        }
        return wide; })()""")
    assert wide == []
    assert json.loads(browser.evaluate("JSON.stringify(Object.keys(WORDS))"))
