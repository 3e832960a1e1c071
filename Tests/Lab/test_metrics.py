"""`/metrics`, judged by the tool of those who read it."""

import subprocess
from urllib.request import urlopen

import pytest

from lab import tools


def lint(text):
    """What promtool finds: nothing, or lines."""
    result = subprocess.run([tools.promtool(), "check", "metrics"], input=text, text=True,
                            capture_output=True, timeout=60)
    found = (result.stdout + result.stderr).strip()
    assert bool(found) == (result.returncode != 0), found
    return found.splitlines()


@pytest.fixture
def metrics(stage):
    serve = stage.serve("--source", "tone")
    host, port = serve.web_address()
    # A refusal first, so that no family is empty.
    urlopen(f"http://{host}:{port}/healthz", timeout=10).close()
    with urlopen(f"http://{host}:{port}/metrics", timeout=10) as answer:
        yield answer.read().decode()


def test_prometheus_has_nothing_to_say(metrics):
    assert "auralync_listeners{" in metrics
    assert lint(metrics) == []


def test_it_would_say_something():
    assert lint("# TYPE joins counter\njoins 3\n")
