"""Fixtures of the end-to-end tests."""

import signal
import sys
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).parent))


def pytest_configure(config):
    # An ended run must still tear its servers down.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
