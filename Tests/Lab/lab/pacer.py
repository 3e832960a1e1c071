"""How late this machine is by itself: a thread with a sender's priority wakes up every 10 ms.

    python3 -m lab.pacer

Prints a JSON line for every pause of more than 15 ms between two wake-ups: when it ended and how long
it was. What a listener misses in the same moments is the machine's, not the server's.
"""

import contextlib
import json
import os
import time

PERIOD = 0.010


def main():
    with contextlib.suppress(OSError):
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(10))
    print(json.dumps({"event": "begun"}), flush=True)
    last = due = time.monotonic()
    while True:
        due += PERIOD
        time.sleep(max(0.0, due - time.monotonic()))
        now = time.monotonic()
        if now - last > 1.5 * PERIOD:
            print(json.dumps({"event": "pause", "at": now, "seconds": now - last}), flush=True)
        last, due = now, max(due, now - PERIOD)


if __name__ == "__main__":
    main()
