"""Network namespaces joined by cables; needs root."""

import contextlib
import ctypes
import itertools
import os
import socket
import subprocess

from .processes import LabError

_LIBC = ctypes.CDLL(None, use_errno=True)
_CLONE_NEWNET = 0x40000000
_numbers = itertools.count()


def ip(*arguments):
    """`ip` with these arguments, to its end."""
    result = subprocess.run(["ip", *arguments], capture_output=True, text=True, timeout=30)
    if result.returncode:
        raise LabError(f"ip {' '.join(arguments)}: {result.stderr.strip()}")


def unique_name():
    """The beginning of the names of one network's namespaces."""
    return f"auralab-{os.getpid()}-{next(_numbers)}"


@contextlib.contextmanager
def within(namespace):
    """The calling thread is in a namespace: sockets and devices it makes stay there. None: nothing
    changes."""
    if namespace is None:
        yield
        return
    with open("/proc/thread-self/ns/net") as home, open(f"/run/netns/{namespace}") as there:
        _enter(there)
        try:
            yield
        finally:
            _enter(home)


def _enter(file):
    if _LIBC.setns(file.fileno(), _CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), f"setns {file.name}")


def connect(namespace, address, seconds=10.0):
    """A TCP connection made from inside a namespace."""
    with within(namespace):
        return socket.create_connection(address, timeout=seconds)


def inside(namespace):
    """What to put before a command so that it runs in a namespace."""
    return ["ip", "netns", "exec", namespace]


class RoutedNetwork:
    """server — router — far: two networks with a router between them.

    The router is a neighbour of the server; the far host is beyond it.
    """

    server_address = "10.211.1.1"
    near_address = "10.211.1.2"
    far_address = "10.211.2.2"

    def __init__(self):
        unique = unique_name()
        self.server, self.router, self.far = (f"{unique}-{x}" for x in "srf")

    def __enter__(self):
        try:
            for name in (self.server, self.router, self.far):
                ip("netns", "add", name)
                ip("-n", name, "link", "set", "lo", "up")
            self._cable(self.server, self.server_address, self.router, self.near_address)
            self._cable(self.router, "10.211.2.1", self.far, self.far_address)
            ip("-n", self.server, "route", "add", "default", "via", self.near_address)
            ip("-n", self.far, "route", "add", "default", "via", "10.211.2.1")
            self.run(self.router, "sysctl", "-qw", "net.ipv4.ip_forward=1")
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        for name in (self.server, self.router, self.far):
            subprocess.run(["ip", "netns", "del", name], capture_output=True, timeout=30)

    def _cable(self, a, a_address, b, b_address):
        ends = ("to-b", "to-a")
        ip("-n", a, "link", "add", ends[0], "type", "veth", "peer", "name", ends[1], "netns", b)
        for name, end, address in ((a, ends[0], a_address), (b, ends[1], b_address)):
            ip("-n", name, "addr", "add", f"{address}/24", "dev", end)
            ip("-n", name, "link", "set", end, "up")

    @staticmethod
    def inside(namespace):
        """What to put before a command so that it runs in a namespace."""
        return inside(namespace)

    def run(self, namespace, *argv, timeout=20):
        """Runs a command to its end in a namespace; returns what it printed."""
        result = subprocess.run([*self.inside(namespace), *argv], capture_output=True, text=True,
                                timeout=timeout, stdin=subprocess.DEVNULL)
        if result.returncode:
            raise LabError(f"{' '.join(argv)}: {result.stderr.strip()}")
        return result.stdout
