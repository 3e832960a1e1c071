"""Does the picture wait for the sound? Flash and beep in real players, as Markdown tables."""

import argparse
import json
import os
import platform
import sys
import tempfile
import time
import urllib.request

from lab import lipsync
from lab.processes import Busyness, LabError
from lab.soundserver import SERVERS
from lab.stage import Stage

METHOD = (
    "A generated film of {fps} pictures a second, whose white picture and beep coincide every "
    "{period:g} s, on a screen whose memory is read every millisecond; the ear is the monitor of the "
    "sink that `auralync listen` plays into, dated by its earliest blocks, on the same clock. Sound "
    "minus picture: above zero the sound comes late. Median of the flashes after the first "
    "{skip} (lowest to highest). *Zero* is the same player straight into that sink, in the same "
    "run of the sound server: what the player and the rig do by themselves; *beyond zero* is what "
    "remains of us. Waits: the part of the time in which somebody waited for a core.")

DEVICE = "AuraLync"
DELAYS_MS = (150, 300, 1000)
TABLE_DELAY_MS = 300
LATE_MS = 200
SKIP = 2
MAIN_PLAYER = "mpv --ao=pulse"
HELD_PLAYER = "mpv --ao=pulse, its picture held over its socket"
SECONDS = 20.0


def say(text):
    print(text, file=sys.stderr, flush=True)


def post_mode(serve, mode, delay_ms=None):
    """Switches a running server."""
    body = {"mode": mode, **({"delay_ms": delay_ms} if delay_ms else {})}
    host, port = serve.web_address()
    request = urllib.request.Request(
        f"http://{host}:{port}/api/mode", json.dumps(body).encode(), {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=5) as answer:
        return answer.status


class Rig:
    """One sound server with a broadcast, and one listener of it."""

    def __init__(self, server, stage, directory):
        self.server, self.stage, self.directory = server, stage, directory

    def measure(self, player, sink, **more):
        busy = Busyness()
        try:
            offset = lipsync.measure(self.server, player, sink, "ear1", self.directory,
                                     skip=SKIP, **{"seconds": SECONDS, **more})
            error = None if offset.each_ms else "nothing matched"
        except LabError as caught:
            offset, error = lipsync.Offset(), str(caught)
        return {"player": player, "each_ms": offset.each_ms, "error": error, "busy": busy.share,
                "median_ms": offset.median_ms if offset.each_ms else None, "text": str(offset)}

    def serve(self, *options):
        self.stage.end_programs()
        serve = self.stage.serve(*options)
        host, port = serve.web_address()
        listen = self.stage.listen(f"http://{host}:{port}{serve.whep}", "--output", "ear1", "--status-every", 1)
        listen.event("connected", 20)
        listen.until("the sound", lambda: any(
            status["state"] == "playing" and status["webrtc"]["from_capture"]
            for status in listen.events("status")), 30)
        return serve, listen


def one(name, backend, zero, row):
    text = row["text"] if not row["error"] else row["error"]
    beyond = None if row["median_ms"] is None or zero is None else row["median_ms"] - zero
    say(f"{backend}: {name}: {text}")
    return {"name": name, "backend": backend, "zero_ms": zero, "beyond_zero_ms": beyond, **row}


def measure_paths(rig, backend, player, delays):
    """Zero, the proof, what users have today, and film mode at each delay, all with one player."""
    zero_row = rig.measure(player, "ear1")
    zero = zero_row["median_ms"]
    yield one("straight into the ear (zero)", backend, zero, zero_row)
    yield one(f"zero, in a film whose beep is {LATE_MS} ms late (proof)", backend, zero,
              rig.measure(player, "ear1", beep_late_ms=LATE_MS))
    rig.serve("--source", "system", "--mode", "live")
    yield one("live, without our device (as today)", backend, zero, rig.measure(player, "program"))
    if player == MAIN_PLAYER:
        rig.serve("--source", "system", "--mode", "film", "--delay", TABLE_DELAY_MS,
                  "--mpv-socket", f"{rig.directory}/mpv.socket")
        yield one(f"film, D = {TABLE_DELAY_MS} ms, without our device, --mpv-socket", backend, zero,
                  rig.measure(HELD_PLAYER, "program"))
    for delay in delays:
        rig.serve("--source", "output", "--mode", "film", "--delay", delay)
        yield one(f"film, D = {delay} ms", backend, zero, rig.measure(player, DEVICE))
    yield one("film, D from 150 to 300 ms while playing", backend, zero, _moved(rig, player))
    rig.serve("--source", "output", "--mode", "film", "--delay", TABLE_DELAY_MS)
    yield one(f"film, D = {TABLE_DELAY_MS} ms, sound without a pause", backend, zero,
              rig.measure(player, DEVICE, pauses=False))
    yield one("film, D from 150 to 300 ms while playing, sound without a pause", backend, zero,
              _moved(rig, player, pauses=False))


def _moved(rig, player, pauses=True):
    """Only flashes after the move count: at once in a pause, else D needs 7.5 s for 150 ms, and the player some
    more."""
    serve, _ = rig.serve("--source", "output", "--mode", "film", "--delay", 150)

    def during(screen):
        serve.until("two flashes", lambda: len(screen.flashes) >= 2, 30)
        post_mode(serve, "film", 300)
        time.sleep(15)
        screen.flashes.clear()
    return rig.measure(player, DEVICE, seconds=45.0, pauses=pauses, during=during)


def measure_players(rig, backend, players):
    for player in players:
        if player == "mpv --ao=pipewire" and backend != "pipewire":
            continue
        rig.stage.end_programs()
        zero = rig.measure(player, "ear1")["median_ms"]
        rig.serve("--source", "output", "--mode", "film", "--delay", TABLE_DELAY_MS)
        yield one(f"{player}, D = {TABLE_DELAY_MS} ms", backend, zero, rig.measure(player, DEVICE))


def table(rows):
    lines = ["| sound server | path | sound minus picture | zero, ms | beyond zero, ms | waits |",
             "|---|---|---|---|---|---|"]
    for row in rows:
        zero, beyond = ("–" if row[x] is None else f"{row[x]:+.1f}" for x in ("zero_ms", "beyond_zero_ms"))
        text = row["error"] or row["text"]
        lines.append(f"| {row['backend']} | {row['name']} | {text} | {zero} | {beyond} | {row['busy']:.0%} |")
    return lines


def main():
    parser = argparse.ArgumentParser(prog="script/lipsync", description=__doc__)
    parser.add_argument("--backend", action="append", choices=list(SERVERS), help="only this sound server")
    parser.add_argument("--only", choices=("paths", "players"), help="only this table")
    parser.add_argument("--player", action="append", choices=list(lipsync.PLAYERS),
                        help="only this player (both tables; the first one's paths)")
    parser.add_argument("--json", metavar="FILE", help="write every value here")
    options = parser.parse_args()
    players = options.player or [player for player in lipsync.PLAYERS if player != HELD_PLAYER]
    main_player = options.player[0] if options.player else MAIN_PLAYER
    tables = {"paths": [], "players": []}
    for backend in options.backend or SERVERS:
        with tempfile.TemporaryDirectory(prefix="auralync-lab.") as directory, \
                SERVERS[backend]() as server, Stage(sound_server=server) as stage:
            rig = Rig(server, stage, directory)
            if options.only != "players":
                tables["paths"] += measure_paths(rig, backend, main_player, DELAYS_MS)
            if options.only != "paths":
                tables["players"] += measure_players(rig, backend, players)
    print(METHOD.format(fps=lipsync.FPS, period=lipsync.PERIOD, skip=SKIP))
    print(f"\n{platform.system()} {platform.release()}, {os.cpu_count()} cores. `script/lipsync "
          f"{' '.join(sys.argv[1:])}`".rstrip())
    for rows in tables.values():
        if rows:
            print("\n" + "\n".join(table(rows)))
    if options.json:
        with open(options.json, "w", encoding="utf-8") as file:
            json.dump(tables, file, indent=1)
    return 1 if any(row["error"] for rows in tables.values() for row in rows) else 0


if __name__ == "__main__":
    sys.exit(main())
