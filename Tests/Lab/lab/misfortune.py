"""Listeners who fare badly, or behave badly, each in its own way, for others to be among."""

import random
import signal
import threading

from .namespaces import ip

ASKED = 20  # numbers in a request
REQUESTS = 200  # of them a second
UNFINISHED, GONE = 3, 5
# Hosts of the network: one for those who fare well, one for most others, one behind a narrow place, and those
# that will be gone.
HOSTS = 3 + GONE


class Trouble:
    """Two listeners of whom one reports losses and the other asks for packets, again and again."""

    def __init__(self, lossy, greedy):
        self.lossy, self.greedy, self.requests = lossy, greedy, 0
        self._is_over, self._dice = threading.Event(), random.Random(1)
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._is_over.set()
        self._thread.join()

    def _run(self):
        while not self._is_over.wait(1 / REQUESTS):
            if self.requests % 20 == 0:
                self.lossy.report(0.5, len(self.lossy.packets))
            latest = self.greedy.packets[-1][0]
            # Some that there are, and some of anywhere.
            numbers = [(latest - self._dice.randrange(100)) % 65_536 if self._dice.random() < 0.3
                       else self._dice.randrange(65_536) for _ in range(ASKED)]
            self.greedy.ask_again([(number, 0xFFFF) for number in numbers])
            self.requests += 1


class Unlucky:
    """One that is stopped, one that reports half its packets lost, one that floods the server with requests, one
    behind 64 kbit/s, three that never finish their handshake, and five whose links vanish; `lan` has `HOSTS`."""

    def __init__(self, stage, players, lan, serve):
        self._stage, self._players, self._lan, self._serve = stage, players, lan, serve
        self._address = serve.web_address(lan.server_address)
        self.gone = []

    def _join(self, name, **how):
        return self._players.join(self._address, self._serve.whep, self._lan.namespace(name), **how)

    def _join_gone(self, numbers):
        self.gone += [self._join(f"h{4 + number}") for number in numbers]

    def join_first(self):
        """Half of them, so that others can join in between."""
        host, port = self._address
        self.stopped = self._stage.aiortc_player(
            f"http://{host}:{port}{self._serve.whep}", prefix=self._lan.inside("h2"))
        self.lossy, self.greedy = self._join("h2"), self._join("h2", asks=True)
        self._join_gone(range(2))

    def join_then(self):
        """The other half."""
        self._lan.throttle("h3", "64kbit")
        self.narrow = self._join("h3")
        self.unfinished = [self._join("h2", finishes=False) for _ in range(UNFINISHED)]
        self._join_gone(range(2, GONE))

    def until_playing(self):
        """Until those hear who will hear at all."""
        self._players.until_playing(self.lossy, self.greedy, self.narrow, *self.gone)
        self.stopped.event("playing")

    def begin(self):
        """Their bad luck."""
        self.stopped.send(signal.SIGSTOP)
        for number in range(GONE):
            vanish(self._lan, f"h{4 + number}")

    def make_trouble(self):
        """As long as this context lasts, two of them do what they can."""
        return Trouble(self.lossy, self.greedy)


def vanish(lan, name):
    """A host is gone, and what the kernel knew of it runs out now and not some half a minute later:
    from here on it holds its packets back and asks where it is."""
    lan.vanish(name)
    ip("-n", lan.namespace("server"), "neigh", "del", lan.address(name), "dev", "eth0")
