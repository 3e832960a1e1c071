"""A page in film mode that was hidden, slept or got another address: when it is in step again."""

import numpy as np
from lab import comeback

METHOD = (
    "Film mode, {delay} ms; `listen` and our page in Chromium or Firefox, headless, each in a network namespace of "
    "its own, while sung syllables and breaths of noise play (PipeWire). Hidden: another tab in front of the page; "
    "once a minute: the page's timers are held back to that meanwhile. Asleep: all of the browser's processes are "
    "stopped (its clock goes on). Another address: the old one is taken away and another given, at once or after "
    "the link has been down. Every 0.25 s a window of 0.5 s of each ear is placed in the sound. In step: from "
    "when, seconds after the end of it all, the page is within {near} ms of the native ear for a second. After "
    "that: the distance from 10 to 20 s after the end. Before: the same in the 5 s before. Waits: the part of the "
    "time in which somebody waited for a core.")


def measure(name, kind):
    found = comeback.watch(comeback.EVENTS[name], kind)
    length = comeback.EVENTS[name].seconds
    return {"event": name, "browser": kind, "sound_s": found.sound_s, "joins": found.joins, "state": found.state,
            "in_step_s": comeback.in_step_again(found), "waits": found.pressure,
            "before_ms": [float(x) for x in comeback.apart(found, -length - 5, -length)],
            "after_ms": [float(x) for x in comeback.apart(found, 10, 20)]}


def table(rows):
    lines = ["| what | browser | joined again | sound after, s | in step after, s | 10–20 s after: p50 | p95 | "
             "before: p50 | p95 | waits |", "|---|---|---|---|---|---|---|---|---|---|"]
    for row in rows:
        sound, soon = ("–" if row[key] is None else f"{row[key]:.1f}" for key in ("sound_s", "in_step_s"))
        figures = " | ".join("–" if np.isnan(x) else f"{x:.1f}" for x in row["after_ms"][:2] + row["before_ms"][:2])
        lines.append(f"| {row['event']} | {row['browser']} | {'yes' if row['joins'] > 1 else 'no'} | {sound} | {soon} | "
                     f"{figures} | {row['waits']:.0%} |")
    return lines
