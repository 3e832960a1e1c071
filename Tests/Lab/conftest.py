"""Fixtures of the end-to-end tests."""

import signal
import sys
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).parent))

import pytest  # noqa: E402

from lab.soundserver import CONTROLS, SERVERS  # noqa: E402
from lab.stage import Stage  # noqa: E402


def pytest_configure(config):
    # An ended run must still tear its servers down.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))


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
