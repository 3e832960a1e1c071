"""Joining over HTTP and leaving again, by programs that are no browsers, through the real program."""

import re
import time

import numpy as np
import pytest

from lab import signals
from lab.namespaces import RoutedNetwork
from lab.player import Players
from lab.processes import until
from lab.soundserver import SERVERS
from lab.stage import Stage
from lab.whep import Web

TONE = ["--source", "tone:440"]


@pytest.fixture(scope="module")
def players():
    with Players() as players:
        yield players


@pytest.fixture
def served(stage):
    """A broadcast of a tone, and its HTTP side."""
    serve = stage.serve(*TONE)
    return serve, Web(serve.web_address())


@pytest.mark.parametrize("path", ["/page.js", "/words.js", "/listen.css", "/icon.svg"])
def test_the_page_is_the_same_when_it_comes_compressed(served, path):
    _, web = served
    whole, small = web.ask("GET", path), web.ask("GET", path, Accept_Encoding="gzip, deflate")
    assert small.headers["content-encoding"] == "gzip" and small.text == whole.text
    assert int(small.headers["content-length"]) < int(whole.headers["content-length"])


def test_a_player_joins_is_listed_and_leaves(served, players):
    serve, web = served
    before = int(time.time())
    player = players.join(serve.web_address(), serve.whep)
    assert player.location.startswith(serve.whep + "/")
    players.until_playing(player)
    serve.event("client", state="connected", transport="webrtc")
    broadcast, = web.status["broadcasts"]
    assert broadcast["whep"] == serve.whep and broadcast["slug"] and broadcast["name"]
    assert "tone" in broadcast["source"]
    listener, = until("the listener", lambda: web.listeners)
    assert listener["transport"] == "webrtc" and listener["broadcast"] == broadcast["slug"]
    assert before - 1 <= listener["since"] <= time.time() + 1
    assert web.ask("GET", player.location).status == 204
    assert web.ask("DELETE", player.location).status == 200
    until("the listener's end", lambda: web.listeners == [], 2)
    serve.event("client", state="closed", transport="webrtc")
    assert web.ask("DELETE", player.location).status == 404
    begin = time.monotonic()
    until("silence", lambda: player.packets[-1][2] < time.monotonic() - 0.5, 5)
    assert player.packets[-1][2] - begin < 2, "packets came on after the DELETE"


def test_over_ipv6(served, players):
    serve, _ = served
    player = players.join(serve.web_address("::1"), serve.whep)
    players.until_playing(player)
    assert re.search(r"^a=candidate:\S+ 1 udp \d+ \S*:\S* \d+ typ host", player.answer, re.M)


def test_nothing_is_playing(tmp_path, players):
    """While the sound server is away there is nothing to join, and then there is again."""
    with SERVERS["pulse"]() as server, Stage(tmp_path, server) as stage:
        serve = stage.serve()
        web = Web(serve.web_address())
        serve.event("capture", state="running")
        server.kill()
        serve.event("capture", state="lost")
        answer = web.offer(serve.whep, players.offer())
        assert answer.status == 409 and int(answer.headers["retry-after"]) > 0, answer
        assert answer.text.strip().endswith(".")
        assert not web.status["broadcasts"][0]["live"]
        server.start()
        player = until("sound again", lambda: try_to_join(players, serve), 15)
        players.until_playing(player)


def test_a_goodbye_ends_it_at_once(served, players):
    serve, web = served
    player = players.join(serve.web_address(), serve.whep)
    players.until_playing(player)
    until("the listener", lambda: len(web.listeners) == 1)
    player.say_goodbye()
    until("the listener's end", lambda: web.listeners == [], 2)
    serve.event("client", state="left", transport="webrtc")


def test_a_new_address_is_followed(served, players):
    serve, web = served
    player = players.join(serve.web_address(), serve.whep)
    players.until_playing(player)
    players.move(player)
    moved = time.monotonic()
    until("media at the new address", lambda: player.packets[-1][2] > moved, 5)
    until("the listener", lambda: len(web.listeners) == 1)


def test_who_falls_silent_is_spared_and_may_come_back(served, players):
    serve, web = served
    player = players.join(serve.web_address(), serve.whep)
    players.until_playing(player)
    player.is_quiet = True
    silent = time.monotonic()
    until("the pause", lambda: player.packets[-1][2] < time.monotonic() - 1, 15)
    assert player.packets[-1][2] - silent > 2
    assert len(web.listeners) == 1
    player.is_quiet = False
    back = time.monotonic()
    until("media again", lambda: player.packets[-1][2] > back, 5)


def test_one_encoding_for_all(served, players):
    """10 ms packets whose time stamps count the same frames for everybody."""
    serve, _ = served
    joined = [players.join(serve.web_address(), serve.whep) for _ in range(3)]
    players.until_playing(*joined)
    time.sleep(0.5)
    starts = [{stamp for _, stamp, _ in player.packets} for player in joined]
    steps = {(b - a) % 2 ** 32 for p in joined
             for (_, a, _), (_, b, _) in zip(p.packets, p.packets[1:])}
    assert steps == {480}
    assert len(set.intersection(*starts)) > 20


@pytest.mark.parametrize("preset, frames", [("low-latency", 240), ("stable", 960)])
def test_the_packets_of_a_preset(stage, players, preset, frames):
    serve = stage.serve(*TONE, "--preset", preset)
    player = players.join(serve.web_address(), serve.whep)
    players.until_playing(player)
    until("some packets", lambda: len(player.packets) > 10)
    stamps = [stamp for _, stamp, _ in player.packets[:10]]
    assert {(b - a) % 2 ** 32 for a, b in zip(stamps, stamps[1:])} == {frames}


def test_what_is_refused(served):
    serve, web = served
    sentences = {
        415: web.ask("POST", serve.whep, "v=0", Content_Type="text/plain"),
        413: web.offer(serve.whep, "v=0\r\n" + "a" * 70_000),
        400: web.offer(serve.whep, "v=0\r\n"),
        404: web.offer("/whep/no-such-broadcast", "v=0\r\n"),
        405: web.ask("PATCH", serve.whep, "x"),
    }
    for status, answer in sentences.items():
        assert answer.status == status, answer
        assert answer.text.strip().endswith(".") and answer.headers["content-type"].startswith(
            "text/plain"), answer
    options = web.ask("OPTIONS", serve.whep)
    assert options.status == 200 and "POST" in options.headers["allow"]
    assert options.headers["accept-post"] == "application/sdp"
    assert web.ask("GET", serve.whep).status == 204
    assert web.listeners == []


def test_full(stage, players):
    serve = stage.serve(*TONE, "--max-listeners", 1)
    web = Web(serve.web_address())
    first = players.join(serve.web_address(), serve.whep)
    players.until_playing(first)
    offer = web.offer(serve.whep, players.offer())
    assert offer.status == 503 and offer.headers["retry-after"], offer
    assert "room" in offer.text and offer.text.strip().endswith("."), offer
    assert web.ask("DELETE", first.location).status == 200
    second = until("room", lambda: try_to_join(players, serve), 5)
    players.until_playing(second)


def test_who_may_ask(stage):
    serve = stage.serve(*TONE, "--allow-origin", "https://radio.example",
                        "--allow-host", "sound.example")
    web = Web(serve.web_address())
    port = serve.serving["http_port"]
    own, stranger, friend = (
        f"http://127.0.0.1:{port}", "http://stranger.example", "https://radio.example")
    for method, path in (("GET", "/"), ("GET", "/api/status"), ("POST", serve.whep)):
        def ask(**headers):
            body = "v=0\r\n" if method == "POST" else None
            return web.ask(method, path, body, Content_Type="application/sdp", **headers).status
        passes = 400 if method == "POST" else 200
        assert ask() == ask(Origin=own) == ask(Origin=friend) == passes
        assert ask(Origin=stranger) == ask(Origin="null") == 403
        assert ask(Host=f"stranger.example:{port}") == 421
        assert ask(Host=f"sound.example:{port}") == ask(Host=f"localhost:{port}") == passes
    allowed = web.ask("OPTIONS", serve.whep, Origin=friend)
    assert allowed.headers["access-control-allow-origin"] in ("*", friend)
    refused = web.ask("OPTIONS", serve.whep, Origin=stranger)
    assert "access-control-allow-origin" not in refused.headers


def test_networks_beyond(stage):
    with RoutedNetwork() as net:
        for option, near, far in ((), 200, 403), (("--public",), 200, 200):
            serve = stage.serve(*TONE, *option, prefix=net.inside(net.server))
            address = serve.web_address(net.server_address)
            assert Web(address, net.router).ask("GET", "/api/status").status == near
            assert Web(address, net.far).ask("GET", "/api/status").status == far
            serve.interrupt()


@pytest.mark.parametrize("preset, any_packet", [("stable", False), ("smooth", True)])
def test_aiortc_joins(stage, preset, any_packet):
    """With 20 ms packets as it comes; with shorter ones its decoder has to be helped."""
    serve = stage.serve(*TONE, "--preset", preset)
    host, port = serve.web_address()
    web = Web((host, port))
    player = stage.aiortc_player(f"http://{host}:{port}{serve.whep}", any_packet=any_packet)
    joined = player.event("joined")
    assert joined["status"] == 201 and joined["location"].startswith(serve.whep + "/")
    player.event("playing")
    second = 4 * 48_000
    player.until("two seconds of sound", lambda: player.sound.stat().st_size > 2 * second)
    sound = np.fromfile(player.sound, dtype="<i2").reshape(-1, 2)[24_000:72_000] / 32_768
    for side in sound.T:
        frequency, level, below = signals.spectrum_peak(side, 48_000)
        assert frequency == pytest.approx(440, abs=0.5) and level > 0.05 and below > 30
    listener = until("its reports", lambda: next(
        (x for x in web.listeners if x["round_trip_ms"] is not None and x["loss"] is not None), None))
    assert listener["loss"] == 0 and listener["delay_ms"] > 0
    assert 0 <= listener["jitter_ms"] and 0 <= listener["round_trip_ms"] < 1_000
    assert player.leave()["status"] == 200
    until("the listener's end", lambda: web.listeners == [], 2)
    time.sleep(0.3)
    counted = len(player.events("count"))
    player.until("two more counts", lambda: len(player.events("count")) > counted + 2)
    first, *_, last = player.events("count")[counted:]
    assert first["received"] == last["received"] > 0, "packets came after the DELETE"


def try_to_join(players, serve):
    try:
        return players.join(serve.web_address(), serve.whep)
    except AssertionError:
        return None
