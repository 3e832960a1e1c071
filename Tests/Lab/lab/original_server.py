"""A server of the original protocol, written from its description alone, well- or ill-behaved.

    python3 -m lab.original_server --content FILE.f32 --format 44100:2:1024

sends the announcement and then the file's chunks in real time, over and over for ever. It prints
one JSON line per event: {"event": "listening", "port": …}, "connected", "left".
"""

import argparse
import itertools
import json
import socket
import struct
import sys
import time

SSH_GREETING = b"SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u3\r\n"
HTTP_ANSWER = (b"HTTP/1.1 400 Bad Request\r\nContent-Type: text/html\r\nConnection: close\r\n\r\n"
               b"<html><body><h1>400 Bad Request</h1></body></html>\r\n")
WHOLE_ANNOUNCEMENT = '{"sample_rate": %d, "channels": %d, "chunk_size": %d}'

# What is sent instead of the announcement, and whether the connection is then kept open.
ANSWERS = {
    "full": '{"error": "Server full"}',
    "error": '{"error": "Maintenance until noon"}',
    "not-json": "Hello, who is there?",
    "empty-json": "{}",
    "list-json": "[44100, 2, 1024]",
    "text-rate": '{"sample_rate": "fast", "channels": 2, "chunk_size": 1024}',
    "negative-rate": '{"sample_rate": -44100, "channels": 2, "chunk_size": 1024}',
    "huge-rate": '{"sample_rate": 4410000000, "channels": 2, "chunk_size": 1024}',
    "no-channels": '{"sample_rate": 44100, "channels": 0, "chunk_size": 1024}',
    "many-channels": '{"sample_rate": 44100, "channels": 64000, "chunk_size": 1024}',
    "huge-chunk": '{"sample_rate": 44100, "channels": 2, "chunk_size": 1000000000}',
    "deep-json": "[" * 500 + "]" * 500,
}
RAW_ANSWERS = {
    "http": HTTP_ANSWER,
    "ssh": SSH_GREETING,
    "absurd-length": struct.pack(">I", 0xFFFF_FFF0) + b"x" * 65536,
    "zero-length": struct.pack(">I", 0) + bytes(4096),
    "closes-at-once": b"",
}


def say(event, **fields):
    print(json.dumps({"event": event, "at": time.monotonic(), **fields}), flush=True)


def framed(body):
    return struct.pack(">I", len(body)) + body


class OriginalServer:
    """Listens, and sends to one client after the other what the options say."""

    def __init__(self, options):
        self.options = options
        rate, channels, chunk = (int(x) for x in options.format.split(":"))
        self.rate, self.channels, self.chunk_frames = rate, channels, chunk
        self.announcement = (WHOLE_ANNOUNCEMENT % (rate, channels, chunk)).encode()
        self.content = self._load(options.content) if options.content else None
        family = socket.AF_INET6 if ":" in options.bind else socket.AF_INET
        self.listener = socket.socket(family, socket.SOCK_STREAM)
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.listener.bind((options.bind, options.port))
        self.listener.listen(10)
        say("listening", port=self.listener.getsockname()[1])

    def _load(self, path):
        with open(path, "rb") as file:
            data = file.read()
        size = 4 * self.channels * self.chunk_frames
        return [data[i:i + size] for i in range(0, len(data) - size + 1, size)]

    def run(self):
        for _ in itertools.count() if self.options.clients == 0 else range(self.options.clients):
            client, address = self.listener.accept()
            say("connected", address=address[0])
            try:
                # Refused where the client has gone already.
                client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self.serve(client)
                say("left", reason="closed by us")
            except OSError as error:
                say("left", reason=str(error))
            finally:
                client.close()

    def serve(self, client):
        answer = self.options.answer
        if answer == "silence":
            self._hold(client)
        elif answer == "endless":
            self._send_endlessly(client)
        elif answer in RAW_ANSWERS:
            client.sendall(RAW_ANSWERS[answer])
            self._leave(client)
        elif answer in ANSWERS:
            client.sendall(framed(ANSWERS[answer].encode()))
            self._leave(client)
        else:
            self._send(client, framed(self.announcement))
            if answer == "silent-stream":
                self._hold(client)
            elif answer == "wrong-chunk":
                client.sendall(framed(bytes(4 * self.channels * self.chunk_frames - 4)))
                self._hold(client)
            elif answer == "absurd-chunk":
                client.sendall(struct.pack(">I", 0x7FFF_FFFF) + bytes(1 << 20))
                self._hold(client)
            else:
                self._stream(client)

    def _leave(self, client):
        """Says goodbye after the last byte and waits for the other side to go."""
        client.shutdown(socket.SHUT_WR)
        self._hold(client, 2)

    def _hold(self, client, seconds=3600):
        client.settimeout(seconds)
        try:
            while client.recv(4096):
                pass
        except TimeoutError:
            pass

    def _send_endlessly(self, client):
        """A first message of plausible length that goes on for ever, a byte now and then."""
        client.sendall(struct.pack(">I", 1024))
        while True:
            client.sendall(b" ")
            time.sleep(0.05)

    def _send(self, client, data):
        if self.options.split:
            for i in range(0, len(data), self.options.split):
                client.sendall(data[i:i + self.options.split])
        else:
            client.sendall(data)

    def _stream(self, client):
        """Chunks in real time; after a freeze what is due goes at once, as after a bad moment of
        the network."""
        options = self.options
        begin = time.monotonic()
        duration = self.chunk_frames / self.rate
        for number, body in enumerate(itertools.cycle(self.content)):
            elapsed = time.monotonic() - begin
            if options.close_after and elapsed > options.close_after:
                return
            # A chunk is complete when its last frame has been played.
            time.sleep(max(0.0, begin + (number + 1) * duration - time.monotonic()))
            self._send(client, framed(body))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--bind", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--format", default="44100:2:1024", help="rate:channels:chunk")
    parser.add_argument("--content", help="interleaved little-endian float32 in that format")
    parser.add_argument("--answer", default="stream", choices=[
        "stream", "silence", "endless", "silent-stream", "wrong-chunk", "absurd-chunk",
        *ANSWERS, *RAW_ANSWERS])
    parser.add_argument("--split", type=int, default=0, help="bytes of one send call")
    parser.add_argument("--close-after", type=float, default=0, help="seconds")
    parser.add_argument("--clients", type=int, default=0, help="end after so many; 0: never")
    OriginalServer(parser.parse_args()).run()


if __name__ == "__main__":
    sys.exit(main())
