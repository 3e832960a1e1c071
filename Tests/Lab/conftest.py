"""Fixtures of the end-to-end tests."""

import signal
import sys
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).parent))

import pytest  # noqa: E402
from _pytest.runner import runtestprotocol  # noqa: E402

from lab.processes import STARVED, TOO_STOLEN, Busyness, until_calm  # noqa: E402
from lab.soundserver import CONTROLS, SERVERS  # noqa: E402
from lab.stage import Stage  # noqa: E402

_stories = pytest.StashKey[list]()
_whole = pytest.StashKey[Busyness]()


# Files whose tests are about what is said and done, whenever that is: three parts, which run beside each other on two
# cores. The others, where sound has to come in time, are the last part, and run alone.
_PARTS = {
    "one": {"api_docs", "events", "help", "laboratory", "launcher", "listen_trouble", "protocol_server"},
    "two": {"access", "fine", "keys", "listen_record", "metrics", "no_sound_server", "output_device", "page_not_live",
            "plan", "web_joining"},
    "three": {"page", "protocol_client", "web_networks"},
}


def pytest_addoption(parser):
    parser.addoption("--part", choices=[*_PARTS, "sound"], help="only these files; all where nothing is said")


def pytest_ignore_collect(collection_path, config):
    wanted, name = config.getoption("--part"), collection_path.stem.removeprefix("test_")
    if not wanted or name == collection_path.stem:
        return None
    return True if wanted != next((part for part, files in _PARTS.items() if name in files), "sound") else None


def pytest_configure(config):
    config.stash[_whole] = Busyness()
    # An ended run must still tear its servers down.
    signal.signal(signal.SIGTERM, lambda *_: pytest.exit("ended by a signal", returncode=143))


# How busy the machine has been since a file's first test: what is shared by them may have been made then.
_since = {}
# More than so many tell of something else, and would take long.
_MOST_AGAIN = 10
# Seconds for which others may keep this machine from trying again.
_PATIENCE = 30


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(item, nextitem):
    """What fails is tried once more, with everything begun anew, and told of: a machine that stood still does not do
    so at the same place again, and a fault does. That counts, unless this time again somebody waited for a core most
    of the time, or the computer below has our cores for others so often that no sound can be played in time here."""
    item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
    both = (Busyness(), _since.setdefault(item.path, Busyness()))
    stories = item.config.stash.setdefault(_stories, [])

    def run():
        reports = runtestprotocol(item, nextitem=nextitem, log=False)
        return reports, [report for report in reports if report.failed]
    reports, failed = run()
    waits = max(one.share for one in both)
    if failed and sum(story.startswith("tried") for story in stories) < _MOST_AGAIN:
        stories.append(f"tried once more: {item.nodeid} (somebody waited for a core {waits:.0%} of the time): "
                       f"{failed[0].longreprtext[-600:]}")
        try:
            item.session._setupstate.teardown_exact(None)
        except Exception as error:  # whatever its fixtures find wrong at their end
            stories.append(f"and its fixtures ended with {error!r}")
        until_calm(_PATIENCE)
        again = Busyness()
        item._initrequest()
        item._report_sections.clear()
        reports, failed = run()
        share, stolen = again.share, again.stolen
        excuses = sum(story.startswith("not judged") for story in stories) < _MOST_AGAIN
        failed = failed if excuses and (stolen > TOO_STOLEN or share > STARVED) else []
        for report in failed:
            stories.append(f"not judged: {report.nodeid}, as somebody waited for a core {share:.0%} of the time, and "
                           f"cores were taken from this machine {stolen:.0%} of it: {report.longreprtext[-600:]}")
            report.outcome, report.longrepr = "skipped", (str(item.path), 0, stories[-1])
    reports[-1].user_properties.append(("waits", round(waits, 3)))
    for report in reports:
        item.ihook.pytest_runtest_logreport(report=report)
    item.ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
    return True


def pytest_terminal_summary(terminalreporter, config):
    for story in config.stash.get(_stories, []):
        terminalreporter.write_line(story)
    whole = config.stash[_whole]
    terminalreporter.write_line(f"somebody waited for a core {whole.share:.0%} of all the time; cores were taken from "
                                f"this machine {whole.stolen:.0%} of it")


@pytest.fixture
def stage(tmp_path):
    """Starts programs on a machine without a sound server; ends them after the test."""
    with Stage(tmp_path) as stage:
        yield stage


@pytest.fixture(scope="module", params=["pipewire", "pulse"])
def sound_server(request):
    """A headless sound server with its control ears, shared by the tests of a file."""
    with SERVERS[request.param](("program", "second", "ear1", "ear2", *CONTROLS)) as server:
        server.start_controls()
        yield server


@pytest.fixture
def room(sound_server, tmp_path):
    """Starts programs that use the sound server; ends them after the test."""
    sound_server.renew_relay()
    with Stage(tmp_path, sound_server) as stage:
        yield stage


@pytest.fixture(scope="module", params=SERVERS)
def plain_server(request):
    """A sound server without control ears: for where sound goes, and how loud it is."""
    with SERVERS[request.param](("program", "ear1", "ear2")) as server:
        yield server


@pytest.fixture
def plain_room(plain_server, tmp_path):
    """Starts programs that use it."""
    with Stage(tmp_path, plain_server) as stage:
        yield stage
