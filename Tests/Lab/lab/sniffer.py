"""Every RTP packet that leaves a host, as the wire has it."""

import collections
import hashlib
import socket
import struct
import threading

from . import namespaces

_OUTGOING = 4


class Stream:
    """One listener's packets."""

    def __init__(self):
        self.seen = {}  # number → digest of the bytes
        self.types = collections.Counter()  # payload types, of first copies
        self.repeats = 0
        self.conflicts = 0  # a number seen with other bytes

    @property
    def first_copies(self):
        return sum(self.types.values())

    def take(self, packet):
        kind, number = packet[1] & 0x7F, struct.unpack_from(">H", packet, 2)[0]
        digest = hashlib.blake2b(packet, digest_size=8).digest()
        known = self.seen.get(number)
        if known is None:
            self.seen[number] = digest
            self.types[kind] += 1
        elif known == digest:
            self.repeats += 1
        else:
            self.conflicts += 1


class Sniffer:
    """Reads along at one device until its `with` block ends. For less than 65,536 packets a stream:
    a number that comes round again would look like a conflict."""

    def __init__(self, namespace, device="eth0"):
        with namespaces.within(namespace):
            self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(3))
        self._socket.setsockopt(socket.SOL_SOCKET, 33, 1 << 23)  # SO_RCVBUFFORCE
        self._socket.bind((device, 3))
        self._socket.settimeout(0.1)
        self.streams = collections.defaultdict(Stream)  # by (address, SSRC)
        self.largest = 0  # bytes of the largest UDP datagram
        self._is_open = True
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._is_open = False
        self._thread.join()
        self._socket.close()

    def mark(self):
        """From now on everything is counted anew, but not what a number's bytes were."""
        for stream in list(self.streams.values()):
            stream.types, stream.repeats = collections.Counter(), 0

    def streams_to(self, address):
        """{SSRC: stream} of one host."""
        return {ssrc: stream for (to, ssrc), stream in list(self.streams.items()) if to == address}

    def _run(self):
        while self._is_open:
            try:
                packet, (_, protocol, kind, *_) = self._socket.recvfrom(65_536)
            except TimeoutError:
                continue
            if kind == _OUTGOING and protocol == 0x0800 and packet[9] == 17:
                self._take(packet)

    def _take(self, packet):
        """An IPv4 packet with UDP in it."""
        begin = 4 * (packet[0] & 0x0F)
        length = struct.unpack_from(">H", packet, begin + 4)[0]
        payload = packet[begin + 8:begin + length]
        self.largest = max(self.largest, len(payload))
        if len(payload) < 12 or not 128 <= payload[0] <= 191 or 192 <= payload[1] <= 223:
            return
        address = socket.inet_ntoa(packet[16:20])
        self.streams[address, struct.unpack_from(">I", payload, 8)[0]].take(payload)
