"""The sound system's callbacks neither allocate nor lock: `rtguard.c` counts both in them."""

import re
import shutil
import subprocess
from collections import namedtuple
from pathlib import Path

import pytest

Counts = namedtuple("Counts", "callbacks allocations locks")


@pytest.fixture(scope="session")
def guard(tmp_path_factory):
    library = tmp_path_factory.mktemp("rtguard") / "librtguard.so"
    compiler = shutil.which("cc") or shutil.which("clang")
    source = Path(__file__).with_name("rtguard.c")
    subprocess.run([compiler, "-O2", "-shared", "-fPIC", "-o", library, source], check=True)
    return library


def counts_of(program, report):
    """Ends a program that ran under the guard, and returns what was counted in it."""
    code, _ = program.interrupt()
    assert code == 0, program.tail()
    assert report.exists(), "no callback was ever seen"
    numbers = re.fullmatch(r"callbacks=(\d+) allocations=(\d+) locks=(\d+)\n", report.read_text())
    return Counts(*map(int, numbers.groups()))


def counted(room, guard, plant=0):
    """Counts of `listen` and `serve`, from their first block on."""
    def guarded(name):
        return {"LD_PRELOAD": str(guard), "RTGUARD_OUT": str(room.directory / name),
                "RTGUARD_PLANT": str(plant)}
    serve = room.serve("--status-every", 1, env=guarded("serve.count"))
    listen = room.listen(
        serve.port, "--output", "ear1", "--status-every", 1, env=guarded("listen.count"))
    listen.until_playing()
    # Running dry and starting again, and a backlog, are callbacks too.
    serve.freeze(0.5)
    for program in (serve, listen):
        program.new_event("status", known=len(program.events("status")))
    return (counts_of(listen, room.directory / "listen.count"),
            counts_of(serve, room.directory / "serve.count"))


def test_callbacks_neither_allocate_nor_lock(room, guard):
    for counts in counted(room, guard):
        assert counts.callbacks > 20, counts
        assert (counts.allocations, counts.locks) == (0, 0), counts


def test_what_is_planted_is_counted(room, guard):
    for counts in counted(room, guard, plant=1):
        assert min(counts.allocations, counts.locks) >= counts.callbacks > 20, counts
