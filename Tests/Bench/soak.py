"""A long run: not one dropout that no control ear has, in a hidden page neither; a thousand clients."""

import argparse
import os
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import instep
import numpy as np

from lab import matinee, meter
from lab.film import DELAY_MS, LOSS, watch_losses
from lab.processes import TOO_BUSY, Busyness, LabError, Process
from lab.soundserver import CONTROLS, RATE, SERVERS
from lab.stage import Stage
from lab.takes import listen_in
from lab.webpage import WebPage

# How far a delay that is held may move.
HELD_MS = 10
# How far a browser's middle may be from the median ear's, by the page's way to the output, and how soon it is in step.
IN_STEP_MS = {"element": 15, "Web Audio": 5}
IN_STEP_S = 5

METHOD = """\
Method: on a headless PipeWire and a headless PulseAudio at the same time, a probe goes program →
serve → listen → ear in takes of {take:g} s, recorded with the program and two control ears (the server's
own loopback, and an ordinary parec | pacat) as channels of one stream. A dropout is silence or
wrong sound over 5 ms; one that a control ear has within 0.15 s of the same instant of the sound is
the machine's. A take in which a control ear lost over 1 % of its sound, or could not be read, is not
judged: that is no pass. The programs run on from take to take, parec | pacat are renewed. Then our page
plays in Chromium, behind another tab for a take of {hidden:g} s, judged in the same way; its dropouts are
the machine's too while somebody waits for a core for over a quarter of the time. Then film mode, {delay} ms, on a wire
that loses {loss:.0%} both ways: what `listen` and our page in Chromium make up in {film:g} s, by their own count, fails unless
the machine was too busy. With --only films: mpv plays films into our device in film mode while the host pauses, seeks
and changes films, as a seed has it; what the device took is the reference, so a dropout is what the ear lacks of that,
and a delay that moves by over {held:g} ms within a take, or over {held:g} ms from the delay by the listener's own
report, fails too. At last {clients} clients
on loopback for {crowd:g} s, read by one process; a client that is closed, a message of the wrong length, or
one dropped chunk fails. With `--only memory`, program → serve → listen over WHEP → ear on PipeWire for
{memory:g} s, and the resident memory of both programs every {every:g} s: the straight line through what was
read after the first sixth rises by at most {rise:g} KiB an hour. With `--only instep`, five ears as in script/bench,
as long as the sound on each of the page's ways: a browser whose middle is farther from the median ear's than {element} ms on
the element's way or {fine} on Web Audio's, or that is not within {near:g} ms of it {soon:g} s after its first sound, fails."""

SAMPLE_EVERY = 30.0
MOST_KIB_AN_HOUR = 512.0


def soak_sound(backend, seconds, take_seconds):
    """Returns (faults, takes not judged, lines to print)."""
    faults, unjudged, lines, played = 0, 0, [], 0.0
    with SERVERS[backend]() as server, Stage(sound_server=server) as stage:
        server.start_controls()
        serve = stage.serve()
        listen = stage.listen(serve.port, "--output", "ear1", "--status-every", 1)
        listen.until_playing()
        time.sleep(1)
        while played < seconds:
            length = min(take_seconds, max(5.0, seconds - played))
            server.renew_relay()
            time.sleep(1)
            take = listen_in(server, ["ear1", *CONTROLS], length, seed=int(played) + 1)
            played += length
            pressure = f", somebody waited for a core {100 * take.pressure:.0f} % of the time"
            heard, controls = take["ear1"], [take[c] for c in CONTROLS]
            if heard.error:
                faults += 1
                lines.append(f"{backend}: {heard.error}")
                continue
            usable = all(not c.error and c.dropped_ms < 10 * length for c in controls)
            beyond = heard.dropouts_beyond(*controls)
            faults += (len(beyond) if usable else 0) + (heard.correlation < 0.99)
            unjudged += not usable
            lines.append(f"{backend}, {length:g} s: {heard}{pressure}")
            lines += [f"  {name}: {ear}" for name, ear in zip(CONTROLS, controls)]
            lines.append(f"  dropouts that no control ear has: {beyond or 'none'}" if usable else
                         "  not judged: the machine was too busy for a control ear")
        status = listen.events("status")[-1]
        lines.append(f"  listener's own count: {status['underruns']} underruns, "
                     f"{status['skipped_ms']:.0f} ms skipped, "
                     f"{len(listen.events('disconnected'))} disconnections")
    return faults, unjudged, lines


def soak_hidden(seconds):
    """The page goes on behind another tab: browsers slow the timers of such pages down."""
    with SERVERS["pipewire"]() as server, Stage(sound_server=server) as stage:
        server.start_controls()
        serve = stage.serve()
        page = WebPage(stage.browser("chromium", "ear1"), serve.web_address())
        page.listen()
        page.browser.hide(True)
        page.browser.until("another tab in front", "document.visibilityState === 'hidden'")
        time.sleep(5)  # its jitter buffer finds its length
        server.renew_relay()
        time.sleep(1)
        take = listen_in(server, ["ear1", *CONTROLS], seconds)
        was_hidden = page.browser.evaluate("document.hidden")
        page.browser.hide(False)
        page.browser.until("the page in front", "document.visibilityState === 'visible'")
        state = page.browser.evaluate("document.body.dataset.state")
    heard, controls = take["ear1"], [take[c] for c in CONTROLS]
    if heard.error or not was_hidden or state != "listening":
        return 1, 0, [f"hidden page: {heard.error or state}"]
    beyond = take.judged(heard.dropouts_beyond(*controls))
    # A browser has more threads than a control ear, and each of them may be the one that waits.
    usable = (all(not c.error and c.dropped_ms < 10 * seconds for c in controls)
              and (not beyond or take.pressure < TOO_BUSY))
    lines = [f"hidden page, {seconds:g} s: {heard}, somebody waited for a core "
             f"{100 * take.pressure:.0f} % of the time"]
    lines += [f"  {name}: {ear}" for name, ear in zip(CONTROLS, controls)]
    lines.append(f"  dropouts that no control ear has: {beyond or 'none'}" if usable else
                 "  not judged: the machine was too busy")
    return len(beyond) if usable else 0, int(not usable), lines


def soak_film(seconds):
    heard = watch_losses(seconds)
    native = heard.after["concealed_ms"] - heard.before["concealed_ms"]
    lost = heard.after["lost"] - heard.before["lost"]
    browser = heard.browser.count("concealedSamples")
    usable = heard.pressure < TOO_BUSY or not (native or browser)
    faults = (native > 0) + (browser > 0) if usable else 0
    return faults, int(not usable), [
        f"film mode, {seconds:g} s, {LOSS:.0%} lost both ways, somebody waited for a core "
        f"{100 * heard.pressure:.0f} % of the time",
        f"  listen: {lost} packets lost for good, {native} ms made up, "
        f"{min(heard.delays):.1f} to {max(heard.delays):.1f} ms after the capture",
        f"  Chromium: {heard.browser}; both by the server's status: {heard.told} ms"]


def soak_memory(seconds):
    """Sound that never repeats as one file does: what grows, grows by what is played."""
    with SERVERS["pipewire"](("program", "ear1")) as server, Stage(sound_server=server) as stage:
        probe = server.directory / "probe.wav"
        meter.write_wav(probe, meter.stereo(meter.probe(60, seed=1)))
        stage.keep(Process(["sh", "-c", f"while paplay {probe}; do :; done"], server.log_path("player"),
                           env=server.environment()))
        serve = stage.serve("--status-every", 10)
        host, port = serve.web_address()
        listen = stage.listen(f"http://{host}:{port}{serve.whep}", "--output", "ear1",
                              "--status-every", 10)
        listen.until_playing(60)
        began, rows = time.monotonic(), []
        while (passed := time.monotonic() - began) < seconds:
            rows.append((passed, serve.resident_bytes / 1024, listen.resident_bytes / 1024))
            time.sleep(min(SAMPLE_EVERY, max(0.0, seconds - passed)))
        status = listen.events("status")[-1]
        whole = listen.is_running and serve.is_running and not listen.events("disconnected")
    times, *programs = np.array(rows).T
    late = times >= seconds / 6
    faults, lines = int(not whole), [f"memory, {seconds:g} s, {len(rows)} samples"]
    for name, used in zip(("serve", "listen"), programs):
        slope = float(np.polyfit(times[late], used[late], 1)[0]) * 3600
        faults += slope > MOST_KIB_AN_HOUR
        lines.append(f"  {name}: {used[0]:.0f} KiB at first, {used[late][0]:.0f} after a sixth, {used[-1]:.0f} "
                     f"at the end, between {used[late].min():.0f} and {used[late].max():.0f}; {slope:+.1f} KiB an hour")
    lines.append(f"  listener's own count: {status['underruns']} underruns, state {status['state']}"
                 + ("" if whole else "; a program or the connection did not last"))
    return faults, lines


def soak_films(seconds, take_seconds, kept=None, seed=7):
    """The host pauses, seeks and changes films: returns (faults, takes not judged, lines to print). A take with a
    dropout that counts is kept in a directory, if there is one: left is what the device took, right is the ear."""
    faults, unjudged, lines = 0, 0, []
    with SERVERS["pipewire"]() as server, Stage(sound_server=server) as stage:
        serve = stage.serve("--source", "output", "--mode", "film", "--delay", DELAY_MS, "--status-every", 1)
        device = serve.event("capture", state="running")["device"]
        # Film mode's cycles are long, if nobody wishes shorter ones.
        server.start_controls(device, relay_ms=100)
        player = stage.keep(matinee.Player(server, device, matinee.make_films(server.directory)))
        host = matinee.Host(player, seed)
        host_address, port = serve.web_address()
        listen = stage.listen(f"http://{host_address}:{port}{serve.whep}", "--output", "ear1", "--status-every", 1)
        listen.until_playing(20)
        time.sleep(10)
        known, began = len(listen.events("status")), time.monotonic()
        while (left := seconds - (time.monotonic() - began)) > 1:
            server.renew_relay(device)
            time.sleep(1)
            recording, busyness = server.record([device, "ear1", *CONTROLS]), Busyness()
            host.carry_on(time.monotonic() + min(take_seconds, max(10.0, left)))
            pressure, sounds = busyness.share, recording.stop()
            heard, *controls = (meter.measure(sounds[device], sounds[ear]) for ear in ("ear1", *CONTROLS))
            usable = all(not c.error and c.dropped_ms < 10 * take_seconds for c in controls)
            if heard.error:
                faults += 1
                lines.append(f"films: {heard.error}")
                continue
            spread = np.nanpercentile(heard.latencies_ms, 95) - np.nanpercentile(heard.latencies_ms, 5)
            beyond = [span for span, lost in zip(heard.dropouts, heard.lost)
                      if span in heard.dropouts_beyond(*controls) and not matinee.is_seam(sounds[device], *lost)]
            faults += (len(beyond) + (spread > HELD_MS)) if usable else 0
            unjudged += not usable
            if kept and beyond:
                meter.write_wav(kept / f"films-{time.monotonic() - began:.0f}.wav",
                                np.stack([sounds[one].mean(axis=1) for one in (device, "ear1")], axis=1))
            lines.append(f"films, {len(sounds[device]) / RATE:.0f} s: {heard}, its delay within {spread:.1f} ms, "
                         f"somebody waited for a core {100 * pressure:.0f} % of the time")
            lines.append(f"  dropouts that no control ear has: {beyond or 'none'}"
                         if usable else "  not judged: the machine was too busy for a control ear")
            print("\n".join(lines[-2:]), file=sys.stderr, flush=True)
        told = [one["delay_ms"] for one in listen.events("status")[known:] if one["delay_ms"] is not None]
        presented = serve.events("presentation")
        wanted = presented[-1]["delay_ms"] if presented else DELAY_MS
        worst = max(abs(one - wanted) for one in told)
        # A machine that is too busy for a control ear is so for a listener.
        faults += worst > HELD_MS and not unjudged
        last = listen.events("status")[-1]
        lines.append(f"  {host}; by the listener's own report {min(told):.1f} to {max(told):.1f} ms after the "
                     f"capture where {wanted} were wanted, {last['webrtc']['jumps']} jumps, "
                     f"{last['webrtc']['concealed_ms']} ms made up, {last['underruns']} underruns, "
                     f"{len(listen.events('disconnected'))} disconnections")
    return faults, unjudged, lines


def soak_in_step(seconds):
    """Five ears on each of the page's ways: returns (faults, lines to print)."""
    parts, off = [instep.measure(seconds, path) for path in IN_STEP_MS], []
    for row in (row for rows in parts for row in rows if "native" not in row["ear"]):
        middle, soon = abs(np.nanmedian(row["skew"])), row["in_step_s"]
        # A silent ear is off, too.
        if not middle <= IN_STEP_MS[row["path"]] or soon is None or soon > IN_STEP_S:
            off.append(f"  {row['path']}, {row['ear']}: {middle:.1f} ms off in the middle, in step after {soon} s")
    return len(off), [*instep.table(parts), *(off or ["  all of them in step"])]


def soak_crowd(clients, seconds):
    with Stage() as stage:
        serve = stage.serve("--source", "tone", "--max-clients", 0, "--listen-backlog", 1000)
        crowd = stage.crowd(serve.port, clients, seconds)
        crowd.wait(seconds + 60)
        report = crowd.all_events[-1]
        serve.interrupt()
        summary = serve.event("summary")
        expected = report["seconds"] * serve.serving["bytes_per_second_per_listener"]
    share = report["least_bytes"] / expected
    faults = (report["open"] < clients) + len(report["faults"]) + (summary["dropped_chunks"] > 0)
    return faults, [f"{clients} clients, {seconds:g} s: {report['open']} still connected, faults "
                    f"{report['faults'] or 'none'}, {summary['dropped_chunks']} dropped chunks, the "
                    f"least served got {100 * share:.1f} % of the sound's data rate"]


def main():
    parser = argparse.ArgumentParser(prog="script/soak", description=__doc__)
    parser.add_argument("seconds", type=float, nargs="?", default=60, help="of sound (60)")
    parser.add_argument("--take", type=float, default=60, help="seconds of one recording")
    parser.add_argument("--clients", type=int, default=1000)
    parser.add_argument("--hidden-seconds", type=float, default=60)
    parser.add_argument("--film-seconds", type=float, default=60)
    parser.add_argument("--only", choices=["sound", "hidden", "film", "films", "instep", "crowd", "memory"],
                        action="append",
                        help="one part, and again; films and instep, as long as the sound, and memory only if asked for")
    parser.add_argument("--keep", type=Path, metavar="DIRECTORY", help="for the sound of takes of films with a fault")
    parser.add_argument("--crowd-seconds", type=float, default=10)
    parser.add_argument("--memory-seconds", type=float, default=3600)
    options = parser.parse_args()
    parts = options.only or ["sound", "hidden", "film", "crowd"]
    print(METHOD.format(hidden=options.hidden_seconds, take=min(options.take, options.seconds), clients=options.clients,
                        held=HELD_MS, delay=DELAY_MS, loss=LOSS, film=options.film_seconds,
                        crowd=options.crowd_seconds, memory=options.memory_seconds, every=SAMPLE_EVERY,
                        rise=MOST_KIB_AN_HOUR,
                        element=IN_STEP_MS["element"], fine=IN_STEP_MS["Web Audio"], near=instep.NEAR, soon=IN_STEP_S),
          flush=True)
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} before.", flush=True)
    faults, unjudged = 0, 0
    with ThreadPoolExecutor() as pool:
        for result in [pool.submit(soak_sound, backend, options.seconds, options.take)
                       for backend in SERVERS if "sound" in parts]:
            found, open_takes, lines = result.result()
            faults += found
            unjudged += open_takes
            print("\n" + "\n".join(lines), flush=True)
    if "films" in parts:
        found, open_takes, lines = soak_films(options.seconds, options.take, options.keep)
        faults += found
        unjudged += open_takes
        print("\n" + "\n".join(lines), flush=True)
    if "instep" in parts:
        found, lines = soak_in_step(options.seconds)
        faults += found
        print("\n" + "\n".join(lines), flush=True)
    if "hidden" in parts:
        found, open_takes, lines = soak_hidden(options.hidden_seconds)
        faults += found
        unjudged += open_takes
        print("\n" + "\n".join(lines), flush=True)
    if "film" in parts:
        found, open_takes, lines = soak_film(options.film_seconds)
        faults += found
        unjudged += open_takes
        print("\n" + "\n".join(lines), flush=True)
    if "crowd" in parts:
        found, lines = soak_crowd(options.clients, options.crowd_seconds)
        faults += found
        print("\n" + "\n".join(lines))
    if "memory" in parts:
        found, lines = soak_memory(options.memory_seconds)
        faults += found
        print("\n" + "\n".join(lines))
    print(f"\n{verdict(faults, unjudged)} Load {os.getloadavg()[0]:.1f} after.")
    return 1 if faults else 2 if unjudged else 0


def verdict(faults, unjudged):
    rest = f" {unjudged} takes not judged: run it again on a quiet machine." if unjudged else ""
    return (f"{faults} faults." if faults else "" if unjudged else "Whole.") + rest


if __name__ == "__main__":
    try:
        sys.exit(main())
    except LabError as error:
        sys.exit(f"soak: {error}")
