"""Many clients of the original protocol in one process, as one reader that keeps up.

    python3 -m lab.crowd HOST:PORT --clients 1000 --seconds 10

Prints one JSON line when all are connected and one at the end. Every byte of every client is read;
the framing of every message is checked, its sound is not looked at.
"""

import argparse
import json
import resource
import select
import socket
import struct
import sys
import time


class Listener:
    """One client: where it stands in the stream of messages."""

    def __init__(self, address):
        self.socket = socket.create_connection(address, timeout=10)
        length = struct.unpack(">I", self._exactly(4))[0]
        self.announcement = json.loads(self._exactly(length))
        if "error" in self.announcement:
            raise SystemExit(f"crowd: refused: {self.announcement['error']}")
        self.socket.setblocking(False)
        self.chunk_bytes = 4 * self.announcement["channels"] * self.announcement["chunk_size"]
        self.prefix = struct.pack(">I", self.chunk_bytes)
        self.bytes = 0
        self.offset = 0  # within the current message, its length included
        self.is_open = True
        self.fault = None

    def _exactly(self, count):
        data = b""
        while len(data) < count:
            part = self.socket.recv(count - len(data))
            if not part:
                raise ConnectionError("closed during the announcement")
            data += part
        return data

    def take(self, view, count):
        """Walks over bytes that came, checking the length in front of every message."""
        message = 4 + self.chunk_bytes
        position, self.bytes = 0, self.bytes + count
        while position < count:
            if self.offset < 4:
                n = min(4 - self.offset, count - position)
                if view[position:position + n] != self.prefix[self.offset:self.offset + n]:
                    self.fault = "a message has the wrong length"
            else:
                n = min(message - self.offset, count - position)
            position += n
            self.offset = (self.offset + n) % message


class Crowd:
    """Some listeners, read by epoll."""

    def __init__(self, address, count):
        _allow_files(count + 64)
        self.epoll = select.epoll()
        self.listeners = {}
        self.buffer = bytearray(1 << 18)
        self.view = memoryview(self.buffer)
        for _ in range(count):
            listener = Listener(address)
            self.listeners[listener.socket.fileno()] = listener
            self.epoll.register(listener.socket, select.EPOLLIN)
            self.read(0)  # those who came first must not wait for those who come last

    def read(self, timeout):
        for descriptor, _ in self.epoll.poll(timeout):
            listener = self.listeners[descriptor]
            try:
                count = listener.socket.recv_into(self.buffer)
            except BlockingIOError:
                continue
            except ConnectionResetError:
                count = 0
            if count == 0:
                self.epoll.unregister(descriptor)
                listener.is_open = False
            else:
                listener.take(self.view, count)

    def read_for(self, seconds):
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            self.read(left)

    def report(self):
        listeners = self.listeners.values()
        announcement = next(iter(listeners)).announcement
        return {
            "clients": len(listeners),
            "open": sum(x.is_open for x in listeners),
            "faults": sorted({x.fault for x in listeners if x.fault}),
            "least_bytes": min(x.bytes for x in listeners),
            "most_bytes": max(x.bytes for x in listeners),
            "announcement": announcement,
        }


def _allow_files(count):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < count:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(count, hard), hard))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("address")
    parser.add_argument("--clients", type=int, default=1000)
    parser.add_argument("--seconds", type=float, default=10)
    options = parser.parse_args()
    host, port = options.address.rsplit(":", 1)
    crowd = Crowd((host.strip("[]"), int(port)), options.clients)
    for listener in crowd.listeners.values():
        listener.bytes = 0
    print(json.dumps({"connected": len(crowd.listeners)}), flush=True)
    begin = time.monotonic()
    crowd.read_for(options.seconds)
    print(json.dumps({**crowd.report(), "seconds": time.monotonic() - begin}), flush=True)


if __name__ == "__main__":
    sys.exit(main())
