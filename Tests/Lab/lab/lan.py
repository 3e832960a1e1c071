"""A local network of namespaces: one server, several hosts, and a bridge that nobody lives on."""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

from .namespaces import inside, ip, unique_name
from .processes import LabError, Process


class Lan:
    """`server` and the hosts `h1`, `h2` and so on, each with `eth0` in a namespace of its own."""

    network = "10.212.1"

    def __init__(self, hosts, bad=()):
        """`hosts`: how many. `bad`: the names of those whose wire can be spoilt."""
        self.unique = unique_name()
        self.names = ["server", *(f"h{i + 1}" for i in range(hosts))]
        self.bad = set(bad)
        self._bridge = f"{self.unique}-bridge"
        self._wires = {}
        self._directory = tempfile.TemporaryDirectory(prefix="auralync-lab.")

    @property
    def server_address(self):
        return self.address("server")

    def address(self, name):
        return f"{self.network}.{self.names.index(name) + 1}"

    def namespace(self, name):
        return f"{self.unique}-{name}"

    def inside(self, name):
        """What to put before a command so that it runs on a host."""
        return inside(self.namespace(name))

    def __enter__(self):
        try:
            for namespace in (self._bridge, *map(self.namespace, self.names)):
                ip("netns", "add", namespace)
                ip("-n", namespace, "link", "set", "lo", "up")
            ip("-n", self._bridge, "link", "add", "br0", "type", "bridge")
            ip("-n", self._bridge, "link", "set", "br0", "up")
            for name in self.names:
                self._plug_in(name)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        for wire in self._wires.values():
            wire.end()
        for namespace in (self._bridge, *map(self.namespace, self.names)):
            subprocess.run(["ip", "netns", "del", namespace], capture_output=True, timeout=30)
        self._directory.cleanup()

    def _plug_in(self, name):
        namespace = self.namespace(name)
        if name in self.bad:
            self._wires[name] = self._bad_wire(name)
        else:
            ip("-n", self._bridge, "link", "add", name, "type", "veth", "peer", "name", "eth0",
               "netns", namespace)
        ip("-n", self._bridge, "link", "set", name, "master", "br0", "up")
        ip("-n", namespace, "addr", "add", f"{self.address(name)}/24", "dev", "eth0")
        ip("-n", namespace, "link", "set", "eth0", "up")
        # Browsers look for their own address by the route to the outside.
        ip("-n", namespace, "route", "add", "default", "via", f"{self.network}.254")

    def _bad_wire(self, name):
        wire = Process(
            [sys.executable, "-B", "-m", "lab.wire", self._bridge, name, self.namespace(name),
             "eth0", "--seed", name], Path(self._directory.name) / f"wire-{name}.log",
            stdin=subprocess.PIPE, cwd=Path(__file__).resolve().parents[1])
        wire.until("the wire", lambda: wire.output.endswith("\n"))
        return wire

    def spoil(self, name, **how):
        """From now on a host's wire loses, delays and shuffles; see `lab.wire`. Nothing: clean."""
        wire = self._wires[name]
        known = len(wire.output)
        wire.popen.stdin.write(json.dumps(how).encode() + b"\n")
        wire.popen.stdin.flush()
        wire.until("the change of the wire", lambda: wire.output.endswith("\n")
                   and len(wire.output) > known)

    def vanish(self, name):
        """A host is gone from one moment to the next, as a phone that leaves the house: nobody
        answers for its address any more, and nobody says so."""
        ip("-n", self._bridge, "link", "del", name)

    def throttle(self, name, rate):
        """What goes to a host passes through a narrow place, `rate` as `tc` writes it; what does not
        fit into a fifth of a second is lost."""
        result = subprocess.run(
            [*inside(self._bridge), "tc", "qdisc", "replace", "dev", name, "root", "tbf",
             "rate", rate, "burst", "2kb", "latency", "200ms"],
            capture_output=True, text=True, timeout=30)
        if result.returncode:
            raise LabError(f"tc: {result.stderr.strip()}")
