"""The original server's design: a capture thread, a queue, one thread of blocking sends."""

import argparse
import json
import queue
import socket
import struct
import subprocess
import threading

PRESETS = {"smooth": (1024, 50), "low-latency": (512, 20), "stable": (2048, 100)}
RATE, CHANNELS = 44_100, 2


class Server:
    def __init__(self, options):
        self.chunk, queue_size = PRESETS[options.preset]
        self.chunks = queue.Queue(queue_size)
        self.clients = []
        self.lock = threading.Lock()
        self.device = options.device
        self.listener = socket.create_server((options.bind, options.port), backlog=10)
        print(json.dumps({"event": "listening", "port": self.listener.getsockname()[1]}), flush=True)

    def run(self):
        for work in (self.capture, self.broadcast):
            threading.Thread(target=work, daemon=True).start()
        announcement = json.dumps(
            {"sample_rate": RATE, "channels": CHANNELS, "chunk_size": self.chunk}).encode()
        while True:
            client, _ = self.listener.accept()
            client.sendall(struct.pack(">I", len(announcement)) + announcement)
            with self.lock:
                self.clients.append(client)

    def capture(self):
        latency = 2000 * self.chunk // RATE
        recorder = subprocess.Popen(
            ["parec", f"--device={self.device}", "--raw", "--format=float32le", f"--rate={RATE}",
             f"--channels={CHANNELS}", f"--latency-msec={latency}"], stdout=subprocess.PIPE)
        size = 4 * CHANNELS * self.chunk
        while data := recorder.stdout.read(size):
            try:
                self.chunks.put_nowait(data)
            except queue.Full:
                pass

    def broadcast(self):
        while True:
            data = self.chunks.get()
            message = struct.pack(">I", len(data)) + data
            with self.lock:
                clients = list(self.clients)
            for client in clients:
                try:
                    client.sendall(message)
                except OSError:
                    with self.lock:
                        self.clients.remove(client)
                    client.close()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--device", default="program.monitor")
    parser.add_argument("--preset", default="smooth", choices=PRESETS)
    parser.add_argument("--bind", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0)
    Server(parser.parse_args()).run()


if __name__ == "__main__":
    main()
