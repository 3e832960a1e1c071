"""Fixtures of the end-to-end tests."""

import signal
import sys
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).parent))

import pytest  # noqa: E402

from lab.stage import Stage  # noqa: E402


def pytest_configure(config):
    # An ended run must still tear its servers down.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))


@pytest.fixture
def stage(tmp_path):
    """Starts programs on a machine without a sound server; ends them after the test."""
    with Stage(tmp_path) as stage:
        yield stage
