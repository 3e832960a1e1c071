"""aiortc as a WHEP server of somebody else's, a program of its own: a tone for whoever joins.

    python3 -m lab.aiortc_source [--hertz 440] [--certificate FILE] [--token TEXT]

With a certificate, its key in the same file, over https. With a token only for who brings it.

Prints JSON events: `listening` with the port, then `joined` and `left`, once for each player. A player
joins at /whep and leaves by DELETE at what it was told.
"""

import argparse
import asyncio
import fractions
import json
import ssl
import time

import numpy as np
from aiortc import MediaStreamTrack, RTCPeerConnection, RTCSessionDescription
from av import AudioFrame

RATE, FRAMES, LEVEL = 48_000, 960, 0.3


def say(event, **fields):
    print(json.dumps({"event": event, **fields}), flush=True)


class Tone(MediaStreamTrack):
    kind = "audio"

    def __init__(self, hertz):
        super().__init__()
        self.hertz, self.sent, self.began = hertz, 0, time.monotonic()

    async def recv(self):
        await asyncio.sleep(max(0, self.began + self.sent / RATE - time.monotonic()))
        turns = 2 * np.pi * self.hertz * (self.sent + np.arange(FRAMES)) / RATE
        sound = np.repeat(np.round(LEVEL * 32_767 * np.sin(turns)).astype(np.int16), 2)
        frame = AudioFrame.from_ndarray(sound.reshape(1, -1), format="s16", layout="stereo")
        frame.sample_rate, frame.pts = RATE, self.sent
        frame.time_base = fractions.Fraction(1, RATE)
        self.sent += FRAMES
        return frame


class Endpoint:
    def __init__(self, hertz, token):
        self.hertz, self.token, self.players = hertz, token, {}

    async def serve(self, reader, writer):
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode().splitlines()
            method, path, _ = head[0].split()
            fields = {name.lower(): value for name, value in (line.split(": ", 1) for line in head[1:] if ": " in line)}
            body = await reader.readexactly(int(fields.get("content-length", 0)))
            if self.token and fields.get("authorization") != f"Bearer {self.token}":
                status, more, text = "401 Unauthorized", "WWW-Authenticate: Bearer\r\n", "Members only."
            else:
                status, more, text = await self.answer(method, path, body.decode())
            writer.write((f"HTTP/1.1 {status}\r\n{more}Content-Length: {len(text)}\r\n"
                          f"Connection: close\r\n\r\n{text}").encode())
            await writer.drain()
        finally:
            writer.close()

    async def answer(self, method, path, body):
        if method == "POST" and path == "/whep":
            player = RTCPeerConnection()
            await player.setRemoteDescription(RTCSessionDescription(body, "offer"))
            player.addTrack(Tone(self.hertz))
            await player.setLocalDescription(await player.createAnswer())
            place = f"/players/{len(self.players)}"
            self.players[place] = player
            say("joined")
            return ("201 Created", f"Location: {place}\r\nContent-Type: application/sdp\r\n",
                    player.localDescription.sdp)
        if method == "DELETE" and path in self.players:
            await self.players[path].close()
            say("left")
            return "200 OK", "", ""
        return "404 Not Found", "", ""


async def run(hertz, certificate, token):
    context = None
    if certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
    server = await asyncio.start_server(Endpoint(hertz, token).serve, "127.0.0.1", 0, ssl=context)
    say("listening", port=server.sockets[0].getsockname()[1])
    await server.serve_forever()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--hertz", type=float, default=440)
    parser.add_argument("--certificate")
    parser.add_argument("--token")
    asyncio.run(run(**vars(parser.parse_args())))
