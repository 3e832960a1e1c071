"""`/api/events` of the real program, and the projector's page that lives on it."""

import http.client
import json

import pytest

from lab.browser import BROWSERS
from lab.player import Players
from lab.whep import Web


class Follower:
    """Reads the events of one connection."""

    def __init__(self, address):
        self._connection = http.client.HTTPConnection(*address, timeout=20)
        self._connection.request("GET", "/api/events")
        self._answer = self._connection.getresponse()
        assert self._answer.status == 200
        assert self._answer.getheader("Content-Type") == "text/event-stream"

    def next(self):
        """The next event; None at the end."""
        while line := self._answer.readline():
            if line.startswith(b"data: "):
                return json.loads(line.removeprefix(b"data: "))
        return None

    def until_listeners(self, number):
        while (event := self.next()) and event["broadcasts"][0]["listeners"] != number:
            pass
        return event


@pytest.fixture
def served(stage):
    serve = stage.serve("--source", "tone", "--name", "Film night")
    return serve, serve.web_address()


def test_who_comes_and_goes_is_told(served):
    serve, address = served
    follower = Follower(address)
    assert follower.next()["broadcasts"][0]["name"] == "Film night"
    with Players() as players:
        player = players.join(address, serve.whep)
        players.until_playing(player)
        event = follower.until_listeners(1)
        assert event["listeners"][0]["transport"] == "webrtc"
        assert Web(address).ask("DELETE", player.location).status == 200
    assert follower.until_listeners(0)["listeners"] == []
    code, took = serve.interrupt()
    assert code == 0 and took < 1
    while follower.next():
        pass  # to the end, which http.client finds whole


@pytest.mark.parametrize("kind", BROWSERS)
def test_the_projector_shows_it(served, stage, kind):
    serve, address = served
    browser = stage.keep(BROWSERS[kind](stage.environment, log=stage.log(kind)))
    count = "document.getElementById('count').textContent"
    url = "http://{}:{}/join".format(*address)
    browser.open(url)
    browser.until("the count", f"{count} === '0'")
    browser.until("its events", """fetch('/metrics').then((x) => x.text())
        .then((x) => x.includes('auralync_http_event_streams 1'))""")
    with Players() as players:
        players.until_playing(players.join(address, serve.whep))
        browser.until("the listener", f"{count} === '1'", 5)
    serve.popen.kill()
    serve.popen.wait()
    browser.until("its notice", f"{count} === '–'")
    again = stage.serve("--source", "tone", "--name", "Later", "--http-port", address[1])
    again.event("serving")
    browser.until("its return", "document.getElementById('name').textContent === 'Later'")


def test_the_projector_asks_where_events_are_refused(served, stage):
    serve, address = served
    browser = stage.keep(BROWSERS["chromium"](stage.environment, log=stage.log("chromium")))
    with browser.before_pages("""window.EventSource = class {
            constructor() { window.tried = true; setTimeout(() => this.onerror(), 0); } close() {} };"""):
        browser.open("http://{}:{}/join".format(*address))
    browser.until("its attempt", "window.tried")
    with Players() as players:
        players.until_playing(players.join(address, serve.whep))
        browser.until("the listener", "document.getElementById('count').textContent === '1'", 10)
