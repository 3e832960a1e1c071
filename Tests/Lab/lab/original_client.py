"""A client of the original protocol, written from its description alone.

On connect the server sends a 4-byte big-endian length and that many bytes of JSON; then messages of
4-byte big-endian length and interleaved little-endian float32. The client sends nothing.

    python3 -m lab.original_client HOST:PORT

prints one JSON line for every chunk: when it came and its first sample.
"""

import argparse
import array
import json
import selectors
import socket
import struct
import sys
import time
from dataclasses import dataclass


class Closed(Exception):
    """The server closed the connection."""


@dataclass
class Chunk:
    """One message of sound."""

    arrived: float  # time.monotonic() when its last byte was read
    data: bytes

    @property
    def samples(self):
        """Interleaved float32 values."""
        values = array.array("f")
        values.frombytes(self.data)
        if sys.byteorder == "big":
            values.byteswap()
        return values


class OriginalClient:
    """One connection. `receive_buffer` bounds what the kernel holds for us, in bytes."""

    def __init__(self, address, timeout=5.0, receive_buffer=None, source=None):
        host, port = address
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self.socket = socket.socket(family, socket.SOCK_STREAM)
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.settimeout(timeout)
        if source:
            self.socket.bind((source, 0))
        self.socket.connect((host, port))
        self.announcement_bytes = b""
        self.announcement = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def read_exactly(self, count):
        parts, missing = [], count
        while missing:
            part = self.socket.recv(min(missing, 1 << 20))
            if not part:
                raise Closed(f"{count - missing} of {count} bytes came")
            parts.append(part)
            missing -= len(part)
        return b"".join(parts)

    def read_message(self):
        (length,) = struct.unpack(">I", self.read_exactly(4))
        return self.read_exactly(length)

    def read_announcement(self):
        """Reads the first message; its bytes stay in `announcement_bytes`."""
        self.announcement_bytes = self.read_message()
        self.announcement = json.loads(self.announcement_bytes.decode("utf-8"))
        return self.announcement

    def read_chunk(self):
        data = self.read_message()
        return Chunk(time.monotonic(), data)

    def read_chunks(self, seconds=None, frames=None):
        """Chunks for a time, or until that many frames have come, or until the server closes."""
        frame_bytes = 4 * self.announcement["channels"]
        end = time.monotonic() + seconds if seconds else None
        chunks, got = [], 0
        while (end is None or time.monotonic() < end) and (frames is None or got < frames):
            try:
                chunks.append(self.read_chunk())
            except (Closed, ConnectionResetError):
                break
            got += len(chunks[-1].data) // frame_bytes
        return chunks

    def read_to_end(self, seconds=10.0):
        """Counts the bytes until the server closes; None when it does not within `seconds`."""
        self.socket.settimeout(seconds)
        total, end = 0, time.monotonic() + seconds
        while time.monotonic() < end:
            try:
                part = self.socket.recv(1 << 16)
            except ConnectionResetError:
                return total
            except TimeoutError:
                return None
            if not part:
                return total
            total += len(part)
        return None

    def finish_sending(self):
        self.socket.shutdown(socket.SHUT_WR)

    def reset(self):
        """Leaves without goodbye: the server gets a reset."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()


def read_many(clients, seconds):
    """Reads several announced clients side by side; returns one list of chunks per client.

    A client that is closed meanwhile ends its list with None.
    """
    selector = selectors.DefaultSelector()
    buffers = [bytearray() for _ in clients]
    chunks = [[] for _ in clients]
    for i, client in enumerate(clients):
        selector.register(client.socket, selectors.EVENT_READ, i)
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0 and selector.get_map():
        for key, _ in selector.select(left):
            i = key.data
            try:
                part = key.fileobj.recv(1 << 16)
            except ConnectionResetError:
                part = b""
            if not part:
                selector.unregister(key.fileobj)
                chunks[i].append(None)
                continue
            buffers[i] += part
            _cut(buffers[i], chunks[i])
    selector.close()
    return chunks


def _cut(buffer, chunks):
    """Moves the complete messages of a buffer into a list."""
    now = time.monotonic()
    while len(buffer) >= 4:
        (length,) = struct.unpack_from(">I", buffer)
        if len(buffer) < 4 + length:
            return
        chunks.append(Chunk(now, bytes(buffer[4:4 + length])))
        del buffer[:4 + length]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("address")
    parser.add_argument("--receive-buffer", type=int, help="bytes the kernel may hold for us")
    options = parser.parse_args()
    host, port = options.address.rsplit(":", 1)
    with OriginalClient((host.strip("[]"), int(port)), timeout=30,
                        receive_buffer=options.receive_buffer) as client:
        print(json.dumps({"event": "announced", **client.read_announcement()}), flush=True)
        try:
            while True:
                chunk = client.read_chunk()
                print(json.dumps({"event": "chunk", "at": chunk.arrived, "first": chunk.samples[0],
                                  "bytes": len(chunk.data)}), flush=True)
        except (Closed, ConnectionResetError) as error:
            print(json.dumps({"event": "closed", "reason": str(error)}), flush=True)


if __name__ == "__main__":
    main()
