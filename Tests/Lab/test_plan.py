"""The page learns when everyone hears from the packets, and asks no more often than there is news."""

import json

import pytest

from lab.browser import BROWSERS
from lab.soundserver import SERVERS
from lab.stage import Stage
from lab.webpage import WebPage
from lab.whep import Web


# The page asks for the clock five times, and from then on when a packet tells of news; it reports nothing.
_ASK_NO_MORE = """(() => {
  const { keep } = ServerClock.prototype, { follow } = FilmBuffer.prototype;
  window.asked = 0;
  ServerClock.prototype.keep = async function (now) {
    window.clock = this;
    const isNews = this.samples.length >= 5 && this.next === 0;
    window.asked += isNews;
    if (isNews || this.samples.length < 5) await keep.call(this, now);
  };
  FilmBuffer.prototype.follow = function (told) {
    window.film = this;
    follow.call(this, told);
  };
  Listener.prototype.report = async () => {};
  return true;
})()"""


@pytest.mark.parametrize("browser", BROWSERS)
def test_a_page_learns_of_a_change_from_its_packets(tmp_path, browser):
    """Of another delay, of live mode and of film mode, however long ago it has asked."""
    with SERVERS["pipewire"](("ear1",)) as server, Stage(tmp_path, server) as stage:
        serve = stage.serve("--source", "tone:440", "--mode", "film", "--delay", 250)
        web = Web(serve.web_address())
        page = WebPage(stage.browser(browser, "ear1"), serve.web_address())
        page.browser.evaluate(_ASK_NO_MORE)
        page.listen()
        page.browser.until("enough answers", "window.clock?.samples.length >= 5")
        assert page.browser.evaluate("film.delay") == 250

        def ask(**wanted):
            web.ask("POST", "/api/mode", json.dumps(wanted), Content_Type="application/json")
        ask(delay_ms=300)
        page.browser.until("the first of it", "film.delay > 250")
        page.browser.until("all of it", "film.delay === 300")
        ask(mode="live")
        page.browser.until("live mode", "film.delay === null")
        ask(mode="film")
        page.browser.until("film mode", "film.delay === 300")
        asked, number = page.browser.evaluate("[asked, clock.point.plan.number]")
        # Once for each, and again where an answer is slow.
        assert number == 3 and 3 <= asked <= 8
