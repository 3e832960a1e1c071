"""The page while nothing is captured: the sound server has gone, the broadcast has not."""

import pytest

from lab.browser import BROWSERS
from lab.soundserver import SERVERS
from lab.stage import Stage

STATE = "document.body.dataset.state"


@pytest.mark.parametrize("kind", BROWSERS)
def test_it_says_so_and_goes_on_by_itself(kind, tmp_path):
    with (SERVERS["pulse"](("program",)) as server, Stage(tmp_path, server) as stage,
          Stage() as elsewhere):
        serve = stage.serve("--name", "Film night")
        serve.event("capture", state="running")
        host, port = serve.web_address()
        # It plays where no sound server is.
        browser = stage.keep(BROWSERS[kind](elsewhere.environment, log=stage.log(kind)))

        def until_state(state):
            browser.until(f"the state {state}", f"{STATE} === '{state}'", 30)

        # A link that is broken behind its # leads to the broadcast there is.
        browser.open(f"http://{host}:{port}/#%")
        until_state("ready")
        known = len(serve.events("capture"))
        server.kill()
        serve.new_event("capture", known)
        until_state("idle")
        message = browser.evaluate("document.getElementById('message').textContent")
        assert message == browser.evaluate("say('idle')") and message
        browser.click("#listen")
        browser.until("waiting", "document.body.dataset.stay === 'true'")
        until_state("idle")
        server.start()
        until_state("listening")
        assert browser.evaluate("document.getElementById('message').textContent") != message
