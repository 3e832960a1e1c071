"""The original client's design: receive into a queue without bound, play from it."""

import argparse
import json
import queue
import socket
import struct
import subprocess
import threading


def read_exactly(connection, count):
    data = b""
    while len(data) < count:
        part = connection.recv(count - len(data))
        if not part:
            raise SystemExit("the server closed")
        data += part
    return data


def read_message(connection):
    return read_exactly(connection, struct.unpack(">I", read_exactly(connection, 4))[0])


def play(chunks, output, announcement):
    rate, channels, chunk = (announcement[k] for k in ("sample_rate", "channels", "chunk_size"))
    player = subprocess.Popen(
        ["pacat", f"--device={output}", "--raw", "--format=float32le", f"--rate={rate}",
         f"--channels={channels}", f"--latency-msec={2000 * chunk // rate}"],
        stdin=subprocess.PIPE)
    while True:
        player.stdin.write(chunks.get())
        player.stdin.flush()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("port", type=int)
    parser.add_argument("--output", required=True)
    options = parser.parse_args()
    connection = socket.create_connection(("127.0.0.1", options.port))
    announcement = json.loads(read_message(connection))
    chunks = queue.Queue()
    threading.Thread(target=play, args=(chunks, options.output, announcement), daemon=True).start()
    print(json.dumps({"event": "connected", **announcement}), flush=True)
    while True:
        chunks.put(read_message(connection))


if __name__ == "__main__":
    main()
