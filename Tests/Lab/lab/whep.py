"""WHEP and the rest of HTTP as a program speaks it that is no browser."""

import gzip
import http.client
import json
from dataclasses import dataclass

from . import namespaces


@dataclass
class Answer:
    status: int
    headers: dict  # names in lower case
    text: str

    @property
    def json(self):
        return json.loads(self.text)


class Web:
    """The HTTP side of a running `serve`, asked from inside a namespace (None: from here)."""

    def __init__(self, address, namespace=None):
        self.address, self.namespace = address, namespace

    def ask(self, method, path, body=None, seconds=10.0, **headers):
        """One request on a connection of its own. Of header names `_` is read as `-`; `Host` may
        be another than the address."""
        headers = {name.replace("_", "-"): value for name, value in headers.items()}
        connection = http.client.HTTPConnection(*self.address, timeout=seconds)
        connection.sock = namespaces.connect(self.namespace, self.address, seconds)
        try:
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            fields = {name.lower(): value for name, value in answer.getheaders()}
            content = answer.read()
            if fields.get("content-encoding") == "gzip":
                content = gzip.decompress(content)
            return Answer(answer.status, fields, content.decode())
        finally:
            connection.close()

    def offer(self, path, sdp, **headers):
        return self.ask("POST", path, sdp, Content_Type="application/sdp", **headers)

    @property
    def status(self):
        return self.ask("GET", "/api/status").json

    @property
    def listeners(self):
        return self.status["listeners"]
