"""Listeners who fare badly, or behave badly, among others: the others lose nothing."""

import signal
import time
from types import SimpleNamespace

import pytest

from lab import namespaces
from lab.lan import Lan
from lab.misfortune import ASKED, GONE, HOSTS, UNFINISHED, Unlucky
from lab.original_client import OriginalClient
from lab.player import Players
from lab.processes import until
from lab.stage import Stage
from lab.vigil import SOURCE, ToneClient, scrape
from lab.whep import Web

GOOD = 12
SECONDS = 6


@pytest.fixture(scope="module")
def among(tmp_path_factory):
    """Some seconds of all of them together."""
    with (Lan(HOSTS) as lan, Stage(tmp_path_factory.mktemp("unlucky")) as stage, Players() as players):
        serve = stage.serve(*SOURCE, prefix=lan.inside("server"))
        address = serve.web_address(lan.server_address)
        web = Web(address, lan.namespace("h1"))

        def join(name):
            return players.join(address, serve.whep, lan.namespace(name))

        # The order of listeners is fixed: the others stand before, between and behind these.
        good = [join("h1") for _ in range(GOOD // 3)]
        unlucky = Unlucky(stage, players, lan, serve)
        unlucky.join_first()
        good += [join("h1") for _ in range(GOOD // 3)]
        unlucky.join_then()
        good += [join("h2") for _ in range(GOOD - len(good))]
        with namespaces.within(lan.namespace("h1")):
            tone = ToneClient((lan.server_address, serve.port))
        with namespaces.within(lan.namespace("h2")):
            deaf = OriginalClient((lan.server_address, serve.port), receive_buffer=4_096)
        players.until_playing(*good)
        unlucky.until_playing()
        until("the original client", lambda: len(tone.arrivals) > 5)
        unlucky.begin()
        vanished = time.monotonic()
        before, begin, breaks = scrape(web), time.monotonic(), len(tone.breaks)
        # Until after those whom nobody hears have been doubted and spared.
        with unlucky.make_trouble() as trouble:
            time.sleep(SECONDS)
        end = time.monotonic()
        time.sleep(0.6)
        listeners = web.listeners
        after = scrape(web)
        unlucky.stopped.send(signal.SIGCONT)
        until("the end of those who never finish",
              lambda: scrape(web).get("ends_total{unfinished}", 0) == UNFINISHED, 20)
        yield SimpleNamespace(
            begin=begin, end=end, vanished=vanished, good=good, unlucky=unlucky, tone=tone,
            breaks=len(tone.breaks) - breaks, before=before, after=after, requests=trouble.requests,
            listeners=listeners, is_running=serve.is_running)
        deaf.socket.close()
        tone.close()


def test_the_others_lose_nothing(among):
    for place, player in enumerate(among.good):
        missing, came = player.missing(among.begin, among.end)
        assert missing == 0, f"number {place} lost {missing} of {missing + came}"
        assert came > 0.9 * 100 * (among.end - among.begin), f"number {place}: {came}"
        assert not player.was_closed
    print("longest pauses, ms:",
          [round(1000 * p.longest_pause(among.begin, among.end)) for p in among.good])


def test_nor_does_the_original_client(among):
    assert among.tone.fault is None and among.breaks == 0, among.tone.breaks


def test_what_the_unlucky_get(among):
    """Each of them had its trouble, or the tests above say nothing."""
    assert among.is_running
    unlucky = among.unlucky
    lost, came = unlucky.narrow.missing(among.begin, among.end)
    assert came > 0 and lost > came, f"64 kbit/s: {came} came, {lost} did not"
    assert not any(player.packets for player in unlucky.unfinished)
    assert len(unlucky.gone) == GONE
    for player in unlucky.gone:
        assert player.packets[-1][2] < among.vanished + 0.5
    assert among.requests * ASKED > 1_000 * SECONDS
    doubled = len(unlucky.lossy.packets) / len({number for number, *_ in unlucky.lossy.packets})
    print(f"who reports losses got every packet {doubled:.2f} times")


def test_who_asks_too_much_gets_what_there_is_room_for(among):
    """Repetition is bounded: the stream was asked for many times, and came a few."""
    inside = [p for p in among.unlucky.greedy.packets if among.begin <= p[2] <= among.end]
    fresh = 100 * (among.end - among.begin)
    ignored = among.after["dropped_total{requests}"] - among.before["dropped_total{requests}"]
    print(f"{among.requests * ASKED * 17} packets asked for, {len(inside)} came, {fresh:.0f} new, "
          f"{ignored:.0f} requests found no room")
    assert fresh * 0.9 < len(inside) < 4 * fresh
