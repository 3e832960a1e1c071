"""Crowds of listeners: those who hear lose nothing to those who join; and servers that are not ours."""

import json

from lab.whep import Web

LISTENING, JOINING, JOIN_RATE = 10, 40, 40


def bench(stage, url, listeners, seconds, join_rate=50):
    return stage.program("bench", url, "--listeners", listeners, "--join-rate", join_rate, "--duration", seconds,
                         "--json")


def report(program):
    assert program.wait(30) == 0, program.tail()
    return json.loads(program.output)


def test_who_joins_takes_nothing_from_who_listens(stage):
    serve = stage.serve("--source", "tone")
    web = Web(serve.web_address())
    host, port = web.address
    url = f"http://{host}:{port}{serve.whep}"
    listening = bench(stage, url, LISTENING, 4)
    listening.until("those who listen", lambda: len(web.listeners) == LISTENING)
    joined = report(bench(stage, url, JOINING, 1, JOIN_RATE))
    assert joined["joined"] == joined["stayed"] == JOINING, joined
    heard = report(listening)
    assert heard["joined"] == heard["stayed"] == LISTENING, heard
    assert heard["received"] == heard["expected"] > 0, heard
    assert heard["fairness"] > 0.99, heard


def test_a_server_that_is_not_ours(stage):
    source = stage.aiortc_source(440)
    heard = report(bench(stage, f"http://127.0.0.1:{source.port}/whep", 2, 1))
    assert heard["joined"] == heard["stayed"] == 2 and not heard["failures"], heard
    assert heard["received"] > 50 and heard["loss"] == 0, heard
