"""Checkers of other people that are fetched when a test wants them, and kept beside the builds."""

import os
import shutil
import subprocess
import tempfile
import zipfile

from .processes import LabError
from .product import REPOSITORY

CACHE = REPOSITORY / ".build-tools"


def _run(*command, cwd):
    result = subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=300)
    if result.returncode != 0:
        raise LabError(f"{' '.join(map(str, command))}: {result.stderr or result.stdout}")


def _kept(name, fetch):
    """The folder `name` of the cache, made by `fetch(folder)` if it is not there; never half of it."""
    kept = CACHE / name
    if not kept.exists():
        CACHE.mkdir(exist_ok=True)
        with tempfile.TemporaryDirectory(dir=CACHE) as fresh:
            made = fetch(fresh) or fresh
            try:
                shutil.move(made, kept)
            except OSError:
                if not kept.exists():  # or else another run was faster
                    raise
    return kept


def promtool():
    """Prometheus' own tool, out of Debian's package. That one is not installed: it starts a server."""
    def fetch(folder):
        try:
            _run("apt-get", "download", "prometheus", cwd=folder)
        except LabError:  # package lists that are older than the package
            if os.geteuid() != 0:
                raise
            _run("apt-get", "update", cwd=folder)
            _run("apt-get", "download", "prometheus", cwd=folder)
        _run("dpkg-deb", "-x", *os.listdir(folder), "content", cwd=folder)
        os.mkdir(f"{folder}/kept")
        shutil.move(f"{folder}/content/usr/bin/promtool", f"{folder}/kept")
        return f"{folder}/kept"
    return _kept("promtool", fetch) / "promtool"


def axe():
    """The script of axe-core, which looks for what keeps people out of a page."""
    package = "axe-core-python==0.1.0"

    def fetch(folder):
        _run("/usr/bin/python3", "-m", "pip", "download", "--quiet", "--no-deps", "--no-cache-dir",
             "--disable-pip-version-check", package, cwd=folder)
        wheel, = os.listdir(folder)
        with zipfile.ZipFile(f"{folder}/{wheel}") as content:
            content.extract("axe_core_python/axe.min.js", folder)
        return f"{folder}/axe_core_python"
    return (_kept(package, fetch) / "axe.min.js").read_text()
