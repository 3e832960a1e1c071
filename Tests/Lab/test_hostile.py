"""Hostile input while somebody listens: nothing is lost, nothing kept, and everything is counted."""

import contextlib
import socket
import time

import pytest

from lab.player import Players
from lab.processes import TOO_BUSY, until
from lab.product import Peer
from lab.siege import IGNORED, KEPT, Siege, Size
from lab.stage import Stage
from lab.vigil import SOURCE, Body, Vigil, scrape
from lab.whep import Web


@pytest.fixture(scope="module")
def siege(tmp_path_factory):
    """30,000 datagrams, 2,000 requests, 800 joins and 1,000 idle connections, all at once."""
    with Stage(tmp_path_factory.mktemp("siege")) as stage, Players() as players:
        siege = Siege(stage, players)
        try:
            outcome = siege.lay(Size())
            print(f"\nbefore: {outcome.quiet}\nduring: {outcome.watch}")
            yield outcome
        finally:
            siege.close()


def test_those_who_listen_lose_nothing(siege):
    assert siege.is_running and not siege.faults
    assert siege.watch.lost == [0, 0], str(siege.watch)
    assert min(siege.watch.came) > 0.9 * 100 * siege.watch.seconds - 10, str(siege.watch)
    assert siege.counted("dropped_total{packets}") == 0
    if siege.counted("missing_seconds_total") and siege.quiet.busy > TOO_BUSY:
        pytest.skip(f"the machine is busy anyway and left the tone behind: {siege.quiet}")
    assert siege.watch.breaks == 0, str(siege.watch)


def test_those_who_listen_hear_no_gap(siege):
    watch = siege.watch
    assert watch.silence < 1  # by a reader whose own processor is not its own
    worst, allowed = max(watch.pauses), 3 * max(siege.quiet.pauses) + watch.machine
    if worst > allowed and siege.quiet.busy > TOO_BUSY:
        pytest.skip(f"gaps cannot be judged, the machine is busy anyway: {siege.quiet}, {watch}")
    assert worst < allowed, f"before: {siege.quiet}; during: {watch}"


def test_memory_and_descriptors_come_back(siege):
    before, peak, after = siege.memory
    print(f"{before >> 20}, {peak >> 20}, {after >> 20} MB, recovered in {siege.recovery:.1f} s")
    assert peak > before + KEPT / 4  # or that was nothing
    assert after < before + 1.5 * KEPT, f"{before >> 20}, {peak >> 20}, {after >> 20} MB"
    before, most, after = siege.files
    assert most > before + 400  # they were really there
    assert after <= before + 3, siege.files


def test_every_datagram_is_counted(siege):
    ignored = siege.counted_by("ignored_datagrams_total")
    assert all(ignored[reason] > 0 for reason in IGNORED), ignored
    known = sum(ignored[reason] for reason in IGNORED) + siege.undelivered
    sent = siege.done["datagrams"]["sent"]
    story = f"{sent} sent; {ignored}, {siege.undelivered} undelivered"
    # What was changed only where nothing vouches for it is answered as the real one.
    assert sent - 30 <= known <= sent + 5, story


def test_every_request_is_counted(siege):
    answers, closed = siege.counted_by("http_answers_total"), siege.counted_by("http_closed_total")
    seen, ends, idle = siege.statuses, siege.ends, siege.done["idle"]["connections"] // 2
    story = f"answers {answers}, closed {closed}; seen {dict(seen)}, ends {dict(ends)}"
    print(story)
    for status, count in seen.items():
        known = answers.get(status, 0) + (closed["malformed"] if status == "400" else 0)
        if status == "200":  # also what nobody took, and our own questions
            assert known >= count, story
        elif status == "400":  # also those who went in the middle, or never read their answer
            assert count <= known <= count + sum(ends.values()), story
        else:
            assert count <= known <= count + ends["reset"], f"{status}: {story}"
    assert closed["crowded"] > 0
    unanswered = ends["closed"] + ends["unread"] + idle
    assert unanswered <= closed["slow"] + closed["crowded"] <= (
        unanswered + ends["left"] + ends["reset"]), story


def test_every_join_is_counted(siege):
    seen = siege.statuses
    assert seen["201"] > 400 and seen["503"] > 0 and seen["429"] > 0, dict(seen)
    assert siege.counted("refused_total{busy}") == seen["503"]
    assert siege.counted("ends_total{never_came}") == seen["201"]
    assert siege.counted("refused_total{tcp}") > 0


def test_an_old_check_that_is_replayed_moves_nothing(stage):
    """Who listens in on the network repeats a check of a listener's that was forgotten."""
    with Players() as players, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as thief:
        serve = stage.serve(*SOURCE)
        player = players.join(serve.web_address(), serve.whep)
        players.until_playing(player)
        old = next(datagram for datagram in player.sent if datagram[0] < 4)
        for _ in range(40):
            known = player.sent[-1]
            player.check_now()
            until("a check", lambda: player.sent[-1] is not known)
        begin = time.monotonic()
        thief.settimeout(0.2)
        thief.sendto(old, player.server)
        stolen = []
        with contextlib.suppress(TimeoutError):
            while time.monotonic() < begin + 2:
                stolen.append(thief.recv(2_048))
        end = time.monotonic()
        time.sleep(0.2)
        assert not [packet for packet in stolen if packet[0] >= 128]
        missing, came = player.missing(begin, end)
        assert missing == 0 and came > 5


def test_no_descriptors_left(stage):
    """More connections than the system gives us descriptors for."""
    with Players() as players:
        serve = stage.serve(*SOURCE, "--max-clients", 0, prefix=["prlimit", "--nofile=256:256"])
        vigil, web = Vigil(stage, serve, players), Web(serve.web_address())
        body = Body(serve)
        before = body.files
        try:
            idle = stage.keep(Peer(
                "lab.httpflood", "idle", "{}:{}".format(*web.address),
                "{}:{}".format(*serve.address), "--count=300", "--addresses=50", "--seconds=3",
                log=stage.log("idle")))
            idle.until("the end of it", lambda: idle.events("done"), 30)
            watch = vigil.told()
            assert body.most_files >= 250
            assert scrape(web)["http_closed_total{crowded}"] > 200
            assert watch.lost == [0, 0] and watch.breaks == 0, str(watch)
            until("descriptors", lambda: body.files <= before + 2, 15, serve.death)
            assert web.ask("GET", "/healthz").status == 200
        finally:
            vigil.tone.close()
            body.close()
