"""Film mode on a wire that loses: what a native listener and a browser make up."""

import time
from types import SimpleNamespace

from .lan import Lan
from .processes import Busyness
from .soundserver import SERVERS
from .stage import Stage
from .webpage import Span, WebPage
from .whep import Web

DELAY_MS = 250
LOSS = 0.1
# How near to the delay a browser's own buffer comes, in milliseconds.
NEAR = 30


def watch_losses(seconds, directory=None):
    """Film mode with a tenth of the packets lost, both ways. Returns what each listener counted, and
    what the server knew of when they heard."""
    with (SERVERS["pipewire"](("program", "ear1", "ear2")) as server,
          Lan(2, bad=("h1", "h2")) as lan, Stage(directory, server) as stage):
        serve = stage.serve("--source", "tone:440", "--mode", "film", "--delay", DELAY_MS,
                            prefix=lan.inside("server"))
        host, port = address = serve.web_address(lan.server_address)
        listen = stage.listen(f"http://{host}:{port}{serve.whep}", "--output", "ear1",
                              "--status-every", 1, prefix=lan.inside("h1"))
        page = WebPage(stage.browser("chromium", "ear2", lan.namespace("h2")), address)
        page.listen()
        for name in ("h1", "h2"):
            lan.spoil(name, loss=LOSS, delay_ms=5)
        web = Web(address, lan.namespace("server"))
        serve.until("everyone at the one delay", lambda: sum(
            abs((one["delay_ms"] or 0) - DELAY_MS) < NEAR for one in web.listeners) == 2, 60)
        span, before, busyness = Span(page), listen.events("status")[-1], Busyness()
        time.sleep(seconds)
        span.end()
        # The newest status is up to a second old: the next one has the whole time in it.
        after = listen.new_event("status", len(listen.events("status")), 15)
        return SimpleNamespace(
            browser=span, before=before["webrtc"], after=after["webrtc"],
            delays=[status["delay_ms"] for status in listen.events("status")[-int(seconds):]],
            told=[one["delay_ms"] for one in web.listeners], pressure=busyness.share)
