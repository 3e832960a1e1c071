"""docs/api.md is true: every example of it is run, and what it shows is what comes."""

import re
import subprocess

import pytest

from lab.processes import until
from lab.product import REPOSITORY
from lab.whep import Web

DOCUMENT = (REPOSITORY / "docs/api.md").read_text()
PATHS = ["/", "/join", "/qr.svg", "/qr.png", "/whep/main", "/whep/main/ID", "/api/status",
         "/api/events", "/api/clock/main", "/api/mode", "/metrics", "/healthz"]
SHOWN = "http://192.0.2.2:8080"
LOCAL = "http://127.0.0.1:8080"
NUMBER = r"-?\d+(?:\.\d+)?(?:e[+-]?\d+)?"
# What stands for something else in an expected answer.
PLACEHOLDERS = {"…": ".*?", "<number>": NUMBER, "<id>": r"(?P<id>[\w-]{1,64})"}


class CannotRun(AssertionError):
    """An example that is not in the form this test understands."""


def examples(document):
    """The files and the examples of a document, in order: (name, content) or (command, answer)."""
    for kind, content in re.findall(r"^```([^\n]*)\n(.*?)^```$", document, re.M | re.S):
        if re.fullmatch(r"[\w-]+\.\w+", kind):
            yield kind, content
            continue
        command, _, answer = content.partition("\n")
        if kind != "console" or not command.startswith("$ curl ") or not (SHOWN in command or LOCAL in command):
            raise CannotRun(f"{kind!r}: {command}")
        yield command.removeprefix("$ "), answer


def pattern(answer):
    parts = re.split(f"({'|'.join(PLACEHOLDERS)})", answer.strip())
    return re.compile("".join(PLACEHOLDERS.get(part, re.escape(part)) for part in parts), re.S)


def test_every_path_has_an_example():
    asked = {re.search(f"(?:{re.escape(SHOWN)}|{re.escape(LOCAL)})" + r"(/\S*)", command)[1]
             for command, _ in examples(DOCUMENT) if command.startswith("curl ")}
    assert set(PATHS) <= asked


@pytest.mark.parametrize("wrong", [
    "```\n$ curl -s http://192.0.2.2:8080/\n```\n", "```console\n$ wget http://192.0.2.2:8080/\n```\n",
    "```console\n$ curl http://192.0.2.9/\n```\n"])
def test_what_cannot_be_run_is_told(wrong):
    with pytest.raises(CannotRun):
        list(examples(wrong))


def test_a_wrong_answer_is_seen():
    assert pattern('{"a":<number>,…}').fullmatch('{"a":-1.5e3,"b":[]}')
    assert not pattern('{"a":<number>}').fullmatch('{"a":null}')
    assert not pattern("ok").fullmatch("ok, more")


def test_every_example_is_true(stage):
    serve = stage.serve("--source", "tone", "--name", "Film night")
    host, port = serve.web_address()
    until("the sound", lambda: Web((host, port)).ask("GET", "/api/clock/main").status == 200)
    names = []
    for command, answer in examples(DOCUMENT):
        if not command.startswith("curl "):
            (stage.directory / command).write_text(answer.replace("\n", "\r\n"))
            continue
        command = command.replace(SHOWN, f"http://{host}:{port}")
        command = command.replace(LOCAL, f"http://127.0.0.1:{port}")
        if names:
            command = command.replace("/ID", f"/{names[-1]}")
        result = subprocess.run(["bash", "-c", command], cwd=stage.directory, capture_output=True,
                                text=True, timeout=30)
        # 28: as long as it was to take.
        assert result.returncode == 0 or (result.returncode == 28 and "--max-time" in command), command
        told = re.sub(r"\n\n+", "\n", result.stdout.replace("\r", "")).strip()
        wanted = re.sub(r"\n\n+", "\n", answer).strip()
        found = pattern(wanted).fullmatch(told)
        assert found, f"{command}\nshown:\n{wanted}\ncame:\n{told}"
        names += [found["id"]] if "id" in found.re.groupindex else []
