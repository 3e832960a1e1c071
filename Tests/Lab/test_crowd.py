"""Crowds of listeners: those who hear lose nothing to those who join; and servers that are not ours."""

import http.server
import json
import signal
import threading
import time

LISTENING, JOINING, JOIN_RATE = 10, 40, 40


def bench(stage, url, listeners, seconds, join_rate=50):
    return stage.program("bench", url, "--listeners", listeners, "--join-rate", join_rate, "--duration", seconds,
                         "--json")


def url_of(serve):
    host, port = serve.web_address()
    return f"http://{host}:{port}{serve.whep}"


def until_measuring(program):
    program.until("those who listen", lambda: "measuring" in program.errors)


def report(program):
    assert program.wait(30) == 0, program.tail()
    return json.loads(program.output)


def test_who_joins_takes_nothing_from_who_listens(stage):
    serve = stage.serve("--source", "tone")
    url = url_of(serve)
    listening = bench(stage, url, LISTENING, 60)
    until_measuring(listening)
    joined = report(bench(stage, url, JOINING, 1, JOIN_RATE))
    assert joined["joined"] == joined["stayed"] == JOINING, joined
    listening.send(signal.SIGINT)
    heard = report(listening)
    assert heard["joined"] == heard["stayed"] == LISTENING, heard
    assert heard["received"] == heard["expected"] > 0, heard
    assert heard["fairness"] > 0.99, heard


def test_what_was_due_and_never_sent(stage):
    """A server that stands still loses nothing: what it has not sent has no number."""
    serve = stage.serve("--source", "tone")
    listening = bench(stage, url_of(serve), 3, 3)
    until_measuring(listening)
    serve.freeze(1)
    missing = 3 * 100 * 1  # packets of 10 ms
    heard = report(listening)
    assert heard["loss"] == 0 and heard["due"] == heard["expected"] + heard["unsent"], heard
    assert 0.5 * missing < heard["unsent"] < heard["due"] - heard["received"] + 1, heard


def test_what_a_listener_takes_of_memory(stage):
    serve = stage.serve("--source", "tone")
    report(bench(stage, url_of(serve), 10, 1))
    before, listeners = serve.resident_bytes, 100
    program, most = bench(stage, url_of(serve), listeners, 1, listeners), 0
    while program.is_running:
        most = max(most, serve.resident_bytes)
        time.sleep(0.05)
    assert report(program)["joined"] == listeners
    print(f"{(most - before) / listeners / 1000:.1f} kB a listener")
    assert (most - before) / listeners < 64_000


def test_a_server_that_says_come_again(stage):
    """Nobody waits longer than the run lasts."""
    class Busy(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            self.send_response(503)
            self.send_header("Retry-After", "3000")
            self.end_headers()

        def log_message(self, *_):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Busy) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        heard = report(bench(stage, "http://127.0.0.1:{}/whep/x".format(server.server_port), 2, 1))
        server.shutdown()
    (reason, count), = heard["failures"].items()
    assert count == 2 and heard["joined"] == 0 and "3000 s" in reason and "not tried again" in reason


def test_a_server_that_is_not_ours(stage):
    source = stage.aiortc_source(440)
    heard = report(bench(stage, f"http://127.0.0.1:{source.port}/whep", 2, 1))
    assert heard["joined"] == heard["stayed"] == 2 and not heard["failures"], heard
    assert heard["received"] > 50 and heard["loss"] == 0, heard
