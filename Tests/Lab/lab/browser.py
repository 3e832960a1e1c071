"""Real browsers without a screen, as listeners.

Chromium speaks its DevTools protocol, Firefox WebDriver BiDi; both are JSON messages over a
websocket that the browser itself serves on 127.0.0.1, hence inside its own network namespace.
"""

import base64
import contextlib
import json
import os
import signal
import socket
import tempfile
import time
from pathlib import Path

import pytest
import websocket

from . import namespaces
from .processes import LabError, Process, until


# How long a browser may take for an answer, in seconds: on a busy machine, its start and its first sound too.
_PATIENCE = 30


class Browser:
    """One browser with one page. Nothing is allowed to it that its user would not have allowed."""

    name = ""

    def __init__(self, env, namespace=None, log=None):
        """`env`: of the sound server, PULSE_SINK in it says where it plays. `namespace`: where it
        lives."""
        self.namespace = namespace
        self._home = tempfile.TemporaryDirectory(prefix="auralync-lab.", ignore_cleanup_errors=True)
        self.home = Path(self._home.name)
        env = {**env, "HOME": str(self.home), "XDG_CONFIG_HOME": str(self.home / "config"),
               "XDG_CACHE_HOME": str(self.home / "cache")}
        prefix = namespaces.inside(namespace) if namespace else []
        self._channel = None
        self._stands_still = False
        self._process = Process(
            [*prefix, *self._command()], log or self.home / f"{self.name}.log", env=env)
        try:
            self._begin()
        except BaseException:
            self.close()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        if self._channel:
            self._channel.close()
        self._process.end()
        self._home.cleanup()

    end = close  # what a stage calls

    # What each kind does its own way

    def _command(self):
        raise NotImplementedError

    def _begin(self):
        raise NotImplementedError

    def open(self, url):
        """Goes to a page and waits until it is loaded."""
        raise NotImplementedError

    def _run(self, javascript):
        """Runs an expression to its promise's end; returns its value, a string."""
        raise NotImplementedError

    def _press(self, x, y):
        raise NotImplementedError

    def _picture(self):
        """The page as PNG, in base64."""
        raise NotImplementedError

    # What all do

    def evaluate(self, javascript):
        """The value of an expression; promises are awaited, objects come as JSON has them."""
        text = self._run(f"(async () => JSON.stringify(await ({javascript})) ?? 'null')()")
        return json.loads(text)

    def until(self, what, javascript, seconds=15.0):
        """Waits until an expression is true, and returns it."""
        try:
            return until(what, lambda: self.evaluate(javascript), seconds, self._process.death)
        except LabError as error:
            raise LabError(f"{self.name}: {error}") from None

    def click(self, selector):
        """Presses a real mouse button, so that the page may begin to play."""
        x, y = self.until(f"{selector} to press", f"""(() => {{
            const element = document.querySelector({json.dumps(selector)});
            if (!element || element.disabled) return null;
            element.scrollIntoView({{ block: 'nearest' }});
            const box = element.getBoundingClientRect();
            return [box.x + box.width / 2, box.y + box.height / 2]; }})()""")
        self._press(round(x), round(y))

    def sleep(self, seconds):
        """Stops all of its processes, as a phone's sleep does, and lets them go on."""
        os.killpg(self._process.pid, signal.SIGSTOP)
        try:
            time.sleep(seconds)
        finally:
            os.killpg(self._process.pid, signal.SIGCONT)

    def screenshot(self, path):
        Path(path).write_bytes(base64.b64decode(self._picture()))

    def _connect(self, port, path):
        """The browser's websocket, as soon as it answers."""
        def attempt():
            try:
                wire = namespaces.connect(self.namespace, ("127.0.0.1", port), _PATIENCE)
                return _Channel(websocket.create_connection(
                    f"ws://127.0.0.1:{port}{path}", socket=wire, suppress_origin=True), self._no_answer)
            except (OSError, websocket.WebSocketException):
                return None
        self._channel = self._process.until("its websocket", attempt, 60)
        return self._channel

    def _no_answer(self):
        """Whoever does not answer and works was given too much to do, which is a fault of ours. Firefox stands still
        for good now and then, all of its threads waiting for each other (ARCHITECTURE.md): that is not."""
        if not self._stands_still:
            before = self._process.group_seconds()
            time.sleep(2)
            self._stands_still = self._process.group_seconds() - before < 0.2
        if self.name == "firefox" and self._stands_still:
            self._channel.give_up()
            if "PYTEST_CURRENT_TEST" in os.environ:
                pytest.skip("Firefox stands still, and does nothing")
        raise LabError(f"{self.name}: no answer within {_PATIENCE} s")


class _Channel:
    """Commands and their answers; what the browser tells on its own is passed over."""

    def __init__(self, wire, no_answer):
        self._wire = wire
        self._no_answer = no_answer
        self._number = 0

    def call(self, method, session=None, **parameters):
        self._number += 1
        message = {"id": self._number, "method": method, "params": parameters}
        if session:
            message["sessionId"] = session
        self._wire.send(json.dumps(message))
        while True:
            try:
                answer = json.loads(self._wire.recv())
            except websocket.WebSocketTimeoutException:
                self._no_answer()
            if answer.get("id") == self._number:
                break
        if "error" in answer:
            raise LabError(f"{method}: {answer.get('message') or answer['error']}")
        return answer["result"]

    def give_up(self):
        """Nobody waits as long again."""
        self._wire.settimeout(0.1)

    def close(self):
        self._wire.shutdown()


class Chromium(Browser):
    """Debian's Chromium."""

    name = "chromium"

    def _command(self):
        return ["chromium", "--headless=new", "--no-sandbox", "--no-first-run", "--disable-gpu",
                "--disable-dev-shm-usage", "--disable-background-networking", "--disable-sync",
                "--disable-component-update", "--no-default-browser-check",
                f"--user-data-dir={self.home}/profile", "--remote-debugging-port=0",
                "--window-size=800,600", "about:blank"]

    def _begin(self):
        found = self.home / "profile/DevToolsActivePort"
        self._process.until("its port", lambda: found.exists() and len(found.read_text().split()) == 2,
                            60)
        port, path = found.read_text().split()
        channel = self._connect(int(port), path)
        targets = channel.call("Target.getTargets")["targetInfos"]
        page = next(t["targetId"] for t in targets if t["type"] == "page")
        self._session = channel.call("Target.attachToTarget", targetId=page, flatten=True)["sessionId"]
        self.version = channel.call("Browser.getVersion")["product"]
        self._call("Page.enable")

    def _call(self, method, **parameters):
        return self._channel.call(method, self._session, **parameters)

    def open(self, url):
        self.evaluate("(window.isOld = true)")
        result = self._call("Page.navigate", url=url)
        if "errorText" in result:
            raise LabError(f"{url}: {result['errorText']}")
        self.until(url, "document.readyState === 'complete' && !window.isOld")

    def _run(self, javascript):
        result = self._call("Runtime.evaluate", expression=javascript, awaitPromise=True,
                            returnByValue=True)
        if "exceptionDetails" in result:
            raise LabError(f"{javascript}: {result['exceptionDetails']}")
        return result["result"]["value"]

    def _press(self, x, y):
        for kind in ("mousePressed", "mouseReleased"):
            self._call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)

    def _picture(self):
        return self._call("Page.captureScreenshot", format="png")["data"]

    def whole_picture(self, path):
        """A screenshot of all there is to scroll to."""
        size = self._call("Page.getLayoutMetrics")["cssContentSize"]
        data = self._call("Page.captureScreenshot", format="png", captureBeyondViewport=True,
                          clip={**size, "scale": 1})["data"]
        Path(path).write_bytes(base64.b64decode(data))

    def settle(self):
        """Waits until what has been changed is drawn, transitions and all."""
        self.evaluate("""new Promise((done) => requestAnimationFrame(() => setTimeout(done, 250)))""")

    def hide(self, hidden):
        """Another tab in front of the page, or that one gone again."""
        if hidden:
            self._front = self._channel.call("Target.createTarget", url="about:blank")["targetId"]
        else:
            self._channel.call("Target.closeTarget", targetId=self._front)
            self._call("Page.bringToFront")

    def emulate(self, width, height, density=1, scheme="dark", language=None):
        """From now on a screen of that many CSS pixels, its owner's taste and language."""
        self._call("Emulation.setDeviceMetricsOverride", width=width, height=height,
                   deviceScaleFactor=density, mobile=width < 600)
        self._call("Emulation.setEmulatedMedia",
                   features=[{"name": "prefers-color-scheme", "value": scheme}])
        agent = self._call("Runtime.evaluate", expression="navigator.userAgent")["result"]["value"]
        self._call("Emulation.setUserAgentOverride", userAgent=agent,
                   acceptLanguage=language or "en-GB")

    @contextlib.contextmanager
    def before_pages(self, javascript):
        """Pages that are opened in the block run this before their own scripts."""
        number = self._call("Page.addScriptToEvaluateOnNewDocument", source=javascript)["identifier"]
        try:
            yield
        finally:
            self._call("Page.removeScriptToEvaluateOnNewDocument", identifier=number)


class Firefox(Browser):
    """Debian's Firefox ESR."""

    name = "firefox"

    # Nothing about sound or connections: those are as everybody has them. The sound's sandbox
    # process does not run as root.
    _PREFERENCES = {
        "media.cubeb.backend": "pulse", "media.cubeb.sandbox": False,
        "browser.shell.checkDefaultBrowser": False, "app.update.enabled": False,
        "datareporting.policy.dataSubmissionEnabled": False,
        "toolkit.telemetry.reportingpolicy.firstRun": False,
        "network.captive-portal-service.enabled": False,
        "network.connectivity-service.enabled": False, "remote.active-protocols": 1,
        "browser.safebrowsing.malware.enabled": False, "services.settings.server": "",
    }

    def _command(self):
        profile = self.home / "profile"
        profile.mkdir()
        (profile / "user.js").write_text("".join(
            f"user_pref({json.dumps(name)}, {json.dumps(value)});\n"
            for name, value in self._PREFERENCES.items()))
        with namespaces.within(self.namespace), socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self._port = probe.getsockname()[1]
        return ["firefox-esr", "--headless", "--no-remote", "--profile", profile,
                "--remote-debugging-port", self._port, "--window-size=800,600"]

    def _begin(self):
        channel = self._connect(self._port, "/session")
        capabilities = channel.call("session.new", capabilities={})["capabilities"]
        self.version = f"Firefox/{capabilities['browserVersion']}"
        self._tab = channel.call("browsingContext.getTree")["contexts"][0]["context"]

    def open(self, url):
        self._channel.call("browsingContext.navigate", context=self._tab, url=url, wait="complete")

    def _run(self, javascript):
        result = self._channel.call("script.evaluate", expression=javascript, awaitPromise=True,
                                    target={"context": self._tab})
        if result["type"] != "success":
            raise LabError(f"{javascript}: {result['exceptionDetails']['text']}")
        return result["result"]["value"]

    def _press(self, x, y):
        self._channel.call("input.performActions", context=self._tab, actions=[{
            "type": "pointer", "id": "mouse", "actions": [
                {"type": "pointerMove", "x": x, "y": y},
                {"type": "pointerDown", "button": 0}, {"type": "pointerUp", "button": 0}]}])

    def _picture(self):
        return self._channel.call("browsingContext.captureScreenshot", context=self._tab)["data"]

    def hide(self, hidden):
        """Another tab in front of the page, or that one gone again."""
        if hidden:
            self._front = self._channel.call("browsingContext.create", type="tab")["context"]
            self._channel.call("browsingContext.activate", context=self._front)
        else:
            self._channel.call("browsingContext.close", context=self._front)
            self._channel.call("browsingContext.activate", context=self._tab)

    @contextlib.contextmanager
    def before_pages(self, javascript):
        """Pages that are opened in the block run this before their own scripts."""
        script = self._channel.call(
            "script.addPreloadScript", functionDeclaration=f"() => {{ {javascript} }}")["script"]
        try:
            yield
        finally:
            self._channel.call("script.removePreloadScript", script=script)


BROWSERS = {"chromium": Chromium, "firefox": Firefox}
