"""Everything hostile at once while somebody listens, in any size, and what came of it."""

import collections
import json
import time
from dataclasses import dataclass, field

from .processes import until
from .product import Peer
from .vigil import SOURCE, Body, Vigil, Watch, labels, scrape
from .whep import Web

# What a server may keep of an attack for the next one, in bytes.
KEPT = 16 << 20
IGNORED = ("stranger", "malformed", "unauthentic", "unexpected")


@dataclass
class Size:
    """How much of each."""

    datagrams: int = 30_000
    rate: float = 6_000  # datagrams a second; 0: as many as can be sent
    requests: int = 2_000
    slow: float = 0.04  # the part of the requests that takes for ever
    joins: int = 600
    join_addresses: int = 18
    idle: int = 500  # on each port
    idle_addresses: int = 6
    idle_seconds: float = 12
    in_turn: bool = False  # idle connections come last, and leave the others their places


@dataclass
class Outcome:
    quiet: Watch
    watch: Watch
    done: dict  # what each attacker says of itself
    before: dict  # /metrics
    after: dict
    undelivered: int  # datagrams that the kernel threw away on their way to the server
    memory: tuple  # bytes before, at most, after
    files: tuple  # descriptors before, at most, after
    recovery: float  # seconds until all of it was gone
    is_running: bool
    faults: list = field(default_factory=list)

    def counted(self, name):
        """How much a number of /metrics has grown."""
        return self.after.get(name, 0) - self.before.get(name, 0)

    def counted_by(self, name):
        """The same by its labels, as whole numbers."""
        return {label: int(self.counted(f"{name}{{{label}}}"))
                for label in labels(self.after, name)}

    @property
    def statuses(self):
        """Answers that the clients saw, by status."""
        total = collections.Counter()
        for attacker in self.done.values():
            total.update(attacker.get("statuses", {}))
        return total

    @property
    def ends(self):
        """Connections that ended without an answer, as the clients saw it."""
        total = collections.Counter()
        for attacker in self.done.values():
            total.update(attacker.get("ends", {}))
        return total


class Siege:
    """A server, its listeners, and those who wish them ill."""

    def __init__(self, stage, players, *options):
        self.stage = stage
        self.serve = stage.serve(*SOURCE, *options)
        self.web = Web(self.serve.web_address())
        self.vigil = Vigil(stage, self.serve, players)
        self.body = Body(self.serve)
        self.port = self.vigil.players[0].server[1]

    def close(self):
        self.body.close()
        self.vigil.tone.close()

    def lay(self, size, seed=1, quiet=3.0):
        """One siege from its beginning until the server has recovered."""
        recorded = self._record()
        self.vigil.mark()
        time.sleep(quiet)
        before_watch, before = self.vigil.told(), scrape(self.web)
        memory, files = self.serve.resident_bytes, self.body.files
        dropped = self.body.dropped_datagrams(self.port)
        self.body.peak = self.body.most_files = 0
        self.vigil.mark()
        done = self._attack(size, seed, recorded)
        watch, begin = self.vigil.told(), time.monotonic()
        until("recovery", lambda: self._is_calm(memory), 60, self.serve.death)
        recovery = time.monotonic() - begin
        time.sleep(0.6)  # numbers are at most half a second old
        return Outcome(
            before_watch, watch, done, before, scrape(self.web),
            self.body.dropped_datagrams(self.port) - dropped,
            (memory, self.body.peak, self.serve.resident_bytes),
            (files, self.body.most_files, self.body.files), recovery, self.serve.is_running,
            [fault for fault in (self.vigil.tone.fault,
                                 *(p.was_closed and "a player was sent away"
                                   for p in self.vigil.players)) if fault])

    def _record(self):
        """What a listener sends, for the attackers to know: checks, handshake, feedback."""
        player = self.vigil.players[0]
        player.report(0)
        player.ask_again([(player.packets[-1][0], 1)])
        path = self.stage.directory / "sent.json"
        path.write_text(json.dumps([datagram.hex() for datagram in player.sent]))
        return path

    def _attack(self, size, seed, recorded):
        """Returns what each attacker says of itself at its end."""
        http, tcp = ("{}:{}".format(*x) for x in (self.serve.web_address(), self.serve.address))
        own = "{}:{}".format(*self.vigil.players[0].socket.getsockname()[:2])
        whep, seed = self.serve.whep, f"--seed={seed}"
        attacks = {
            "idle": ["lab.httpflood", "idle", http, tcp, f"--count={size.idle}", "--network=4",
                     f"--seconds={size.idle_seconds}", f"--addresses={size.idle_addresses}"],
            "joins": ["lab.httpflood", "joins", http, whep, f"--count={size.joins}", seed,
                      "--network=3", f"--addresses={size.join_addresses}"],
            # One that tries again and again.
            "insistence": ["lab.httpflood", "joins", http, whep, f"--count={size.joins // 3}", seed,
                           "--network=5", "--addresses=1"],
            "requests": ["lab.httpflood", "requests", http, whep, f"--count={size.requests}", seed,
                         f"--slow={size.slow}"],
            "datagrams": ["lab.flood", f"127.0.0.1:{self.port}", f"--count={size.datagrams}", seed,
                          f"--rate={size.rate}", f"--recorded={recorded}", f"--listener={own}"],
        }
        waves = [attacks]
        if size.in_turn:
            waves.append({"idle": attacks.pop("idle")})
        done = {}
        for wave in waves:
            attackers = {name: self.stage.keep(Peer(*arguments, log=self.stage.log(name)))
                         for name, arguments in wave.items()}
            for name, attacker in attackers.items():
                attacker.wait(1_800)
                done[name] = attacker.until(name, lambda: attacker.events("done"))[0]
        return done

    def _is_calm(self, memory):
        if self.serve.resident_bytes > memory + KEPT:
            return False
        numbers = scrape(self.web)
        return (numbers["joins_unfinished"] == 0 and numbers["http_connections"] <= 2
                and numbers["listeners{tcp}"] == 1)
