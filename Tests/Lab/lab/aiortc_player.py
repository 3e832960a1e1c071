"""aiortc as a plain WHEP player, a program of its own.

    python3 -m lab.aiortc_player http://HOST:PORT/whep/SLUG SOUND.raw

Prints JSON events: `joined` with the answer, `playing`, then `count` four times a second. What it
decodes goes to a file (16 bit, stereo, 48 kHz). A line on standard input: `leave` sends the DELETE
and goes on counting.
"""

import argparse
import asyncio
import fractions
import json
import sys
import urllib.parse
import urllib.request

import numpy as np
from aiortc import RTCPeerConnection, RTCSessionDescription
from aiortc.codecs import opus
from av import AudioFrame

LONGEST = 5_760  # frames of an Opus packet


def say(event, **fields):
    print(json.dumps({"event": event, **fields}), flush=True)


def decode(self, encoded):
    """As aiortc's own, which takes packets of 20 ms only and stops at the first of any other length."""
    sound = np.zeros((1, 2 * LONGEST), np.int16)
    length = opus.lib.opus_decode(
        self.decoder, encoded.data, len(encoded.data),
        opus.ffi.cast("int16_t *", sound.ctypes.data), LONGEST, 0)
    frame = AudioFrame.from_ndarray(sound[:, :2 * length].copy(), format="s16", layout="stereo")
    frame.pts, frame.sample_rate = encoded.timestamp, 48_000
    frame.time_base = fractions.Fraction(1, 48_000)
    return [frame]


def ask(method, url, body=None):
    request = urllib.request.Request(
        url, body.encode() if body else None, {"Content-Type": "application/sdp"}, method=method)
    with urllib.request.urlopen(request, timeout=10) as answer:
        return answer.status, answer.headers, answer.read().decode()


async def play(url, path):
    peer = RTCPeerConnection()
    peer.addTransceiver("audio", direction="recvonly")

    @peer.on("connectionstatechange")
    def changed():
        say("connection", state=peer.connectionState)

    await peer.setLocalDescription(await peer.createOffer())
    status, headers, answer = await asyncio.to_thread(ask, "POST", url, peer.localDescription.sdp)
    say("joined", status=status, location=headers["Location"], answer=answer,
        offer=peer.localDescription.sdp)
    await peer.setRemoteDescription(RTCSessionDescription(answer, "answer"))
    receiver = peer.getReceivers()[0]
    writing = asyncio.create_task(write(receiver.track, path))
    leaving = asyncio.create_task(leave(url, headers["Location"]))
    while True:
        await asyncio.sleep(0.25)
        for report in (await receiver.getStats()).values():
            if report.type == "inbound-rtp":
                say("count", received=report.packetsReceived, lost=report.packetsLost)


async def write(track, path):
    with open(path, "wb") as file:
        while True:
            frame = await track.recv()
            if file.tell() == 0:
                say("playing", samples=frame.samples)
            file.write(bytes(frame.planes[0])[:4 * frame.samples])
            file.flush()


async def leave(url, location):
    await asyncio.to_thread(sys.stdin.readline)
    status, *_ = await asyncio.to_thread(ask, "DELETE", urllib.parse.urljoin(url, location))
    say("left", status=status)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("url")
    parser.add_argument("sound")
    parser.add_argument("--any-packet", action="store_true", help="of whatever length")
    options = parser.parse_args()
    if options.any_packet:
        opus.OpusDecoder.decode = decode
    asyncio.run(play(options.url, options.sound))


if __name__ == "__main__":
    main()
