"""Network namespaces joined by cables; needs root."""

import itertools
import os
import subprocess

from .processes import LabError

_numbers = itertools.count()


def _ip(*arguments):
    result = subprocess.run(["ip", *arguments], capture_output=True, text=True, timeout=10)
    if result.returncode:
        raise LabError(f"ip {' '.join(arguments)}: {result.stderr.strip()}")


class RoutedNetwork:
    """server — router — far: two networks with a router between them.

    The router is a neighbour of the server; the far host is beyond it.
    """

    server_address = "10.211.1.1"
    near_address = "10.211.1.2"
    far_address = "10.211.2.2"

    def __init__(self):
        unique = f"{os.getpid()}-{next(_numbers)}"
        self.server, self.router, self.far = (f"auralab-{unique}-{x}" for x in "srf")

    def __enter__(self):
        try:
            for name in (self.server, self.router, self.far):
                _ip("netns", "add", name)
                _ip("-n", name, "link", "set", "lo", "up")
            self._cable(self.server, self.server_address, self.router, self.near_address)
            self._cable(self.router, "10.211.2.1", self.far, self.far_address)
            _ip("-n", self.server, "route", "add", "default", "via", self.near_address)
            _ip("-n", self.far, "route", "add", "default", "via", "10.211.2.1")
            self.run(self.router, "sysctl", "-qw", "net.ipv4.ip_forward=1")
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        for name in (self.server, self.router, self.far):
            subprocess.run(["ip", "netns", "del", name], capture_output=True, timeout=10)

    def _cable(self, a, a_address, b, b_address):
        ends = ("to-b", "to-a")
        _ip("-n", a, "link", "add", ends[0], "type", "veth", "peer", "name", ends[1], "netns", b)
        for name, end, address in ((a, ends[0], a_address), (b, ends[1], b_address)):
            _ip("-n", name, "addr", "add", f"{address}/24", "dev", end)
            _ip("-n", name, "link", "set", end, "up")

    @staticmethod
    def inside(namespace):
        """What to put before a command so that it runs in a namespace."""
        return ["ip", "netns", "exec", namespace]

    def run(self, namespace, *argv, timeout=20):
        """Runs a command to its end in a namespace; returns what it printed."""
        result = subprocess.run([*self.inside(namespace), *argv], capture_output=True, text=True,
                                timeout=timeout, stdin=subprocess.DEVNULL)
        if result.returncode:
            raise LabError(f"{' '.join(argv)}: {result.stderr.strip()}")
        return result.stdout
