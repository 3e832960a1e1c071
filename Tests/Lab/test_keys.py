"""The host's keys and a listener's, on a terminal with a shell that puts nothing back itself."""

import contextlib
import fcntl
import os
import pty
import re
import shlex
import signal
import subprocess
import termios
import time
from pathlib import Path

import pytest

from lab import product
from lab.processes import until
from lab.whep import Web


class Terminal:
    """A shell with job control on a terminal of its own."""

    def __init__(self, env):
        self.master, self.slave = pty.openpty()
        os.set_blocking(self.master, False)
        self._said = ""
        self.shell = subprocess.Popen(
            ["dash", "-i"], stdin=self.slave, stdout=self.slave, stderr=self.slave,
            env={**env, "TERM": "xterm", "PS1": "ready> ", "ENV": ""}, start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0))
        self.until("a prompt", lambda: "ready> " in self.said)
        self.before = self.settings

    def close(self):
        os.close(self.master)  # hangs up on everyone
        self.shell.kill()
        self.shell.wait()
        os.close(self.slave)

    @property
    def settings(self):
        return termios.tcgetattr(self.slave)

    @property
    def said(self):
        with contextlib.suppress(BlockingIOError):
            while some := os.read(self.master, 65536):
                self._said += some.decode(errors="replace")
        return self._said

    @property
    def foreground(self):
        """The id of the job that has the keyboard."""
        return os.tcgetpgrp(self.master)

    def type(self, text):
        os.write(self.master, text.encode())

    def until(self, what, condition, seconds=20):
        try:
            # What is shown is read, or the program would wait for the terminal.
            return until(what, lambda: (self.said, condition())[1], seconds)
        except AssertionError as error:
            raise AssertionError(f"{error}: {self.said[-600:]!r}") from None

    def start(self, *words, more=""):
        self._said = ""
        self.type(" ".join(shlex.quote(str(word)) for word in (product.binary(), *words)) + f"{more}\n")

    def run(self, *options, more=""):
        """Starts `serve` and returns its web side."""
        self.start("serve", "--port", 0, "--http-port", 0, "--source", "tone", *options, more=more)
        port = self.until("its page", lambda: re.search(r"http://[^/ ]+:(\d+)/join", self.said))[1]
        return Web(("127.0.0.1", int(port)))

    def exit_code(self):
        self.until("the shell", lambda: self.foreground == self.shell.pid)
        self._said = ""
        self.type("echo code=$?.\n")
        return int(self.until("its exit code", lambda: re.search(r"code=(\d+)\.", self.said))[1])


@pytest.fixture
def terminal(stage):
    terminal = Terminal(stage.environment)
    yield terminal
    terminal.close()


def is_stopped(pid):
    return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "T"


def test_keys_change_the_mode_and_the_terminal_is_as_it_was(terminal):
    web = terminal.run()

    def press(key, mode, delay_ms=None):
        def has_changed():
            state = web.status["broadcasts"][0]
            return state["mode"] == mode and delay_ms in (None, state["delay_ms"])
        terminal.type(key)
        terminal.until(f"what {key} does", has_changed)

    def takes_keys():
        terminal.until("the keys to be taken", lambda: terminal.settings != terminal.before)
    takes_keys()
    assert terminal.said.count("Keys: f film mode") == 1
    press("f", "film", 250)
    press("+", "film", 300)
    press("=", "film", 350)
    press("-", "film", 300)
    press("l", "live")

    serve = terminal.foreground
    terminal.type("\x1a")
    terminal.until("Ctrl-Z", lambda: is_stopped(serve) and terminal.foreground == terminal.shell.pid)
    assert terminal.settings == terminal.before
    terminal.type("bg\n")
    terminal.until("the background", lambda: not is_stopped(serve))
    terminal.type("echo in the $(echo background)\n")
    terminal.until("the shell's own line", lambda: "in the background" in terminal.said)
    assert web.status["broadcasts"][0]["mode"] == "live"
    assert not is_stopped(serve) and terminal.settings == terminal.before
    terminal.type("fg\n")
    takes_keys()
    press("f", "film", 300)
    terminal.type("\x03")
    assert terminal.exit_code() == 0 and terminal.settings == terminal.before


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_it_and_the_terminal_is_as_it_was(terminal, number):
    terminal.run()
    terminal.until("the keys to be taken", lambda: terminal.settings != terminal.before)
    os.kill(terminal.foreground, number)
    assert terminal.exit_code() == 0 and terminal.settings == terminal.before


def test_a_second_ctrl_c_ends_it_and_the_terminal_is_as_it_was(terminal):
    """While it hangs: the terminal takes no more output, as after Ctrl-S."""
    web = terminal.run()
    terminal.until("the keys to be taken", lambda: terminal.settings != terminal.before)
    serve = terminal.foreground
    termios.tcflow(terminal.slave, termios.TCOOFF)
    terminal.type("f")
    terminal.until("film mode", lambda: web.status["broadcasts"][0]["mode"] == "film")
    os.kill(serve, signal.SIGINT)
    time.sleep(0.2)  # two within 100 ms are one
    assert not is_stopped(serve) and terminal.foreground == serve
    os.kill(serve, signal.SIGINT)
    terminal.until("the end", lambda: terminal.foreground == terminal.shell.pid)
    settings = terminal.settings
    termios.tcflow(terminal.slave, termios.TCOON)
    assert terminal.exit_code() == 130 and settings == terminal.before


def test_keys_move_what_a_listeners_headphone_adds(terminal, stage):
    """Seen at once, remembered for the output, and counted by the next one who plays to it."""
    serve = stage.serve("--source", "tone")
    host, port = serve.web_address()
    kept = Path(stage.environment["HOME"], ".local/state/auralync/headphones")

    def press(key, seen):
        terminal.type(key)
        terminal.until(f"what {key} does", lambda: f"headphone {seen} ms" in last_line())

    def last_line():
        return re.split(r"[\r\n]", terminal.said.rstrip())[-1]
    terminal.start("listen", f"{host}:{port}", "--output", "null")
    terminal.until("the keys to be taken", lambda: terminal.settings != terminal.before)
    assert terminal.said.count("Keys: + where") == 1
    terminal.until("its status", lambda: "delay" in last_line())
    assert "headphone" not in last_line()
    press("-", -10)
    press("+=", 10)
    press("+", 20)
    assert [line.split()[0] for line in kept.read_text().splitlines()] == ["20"]
    # Arrow keys are none of them.
    terminal.type("\x1b[A\x1b[B")
    press("+", 30)
    terminal.type("+" * 60)
    terminal.until("the most", lambda: "headphone 500 ms" in last_line())
    terminal.type("-" * 47)
    terminal.until("less", lambda: "headphone 30 ms" in last_line())
    terminal.type("\x03")
    assert terminal.exit_code() == 0 and terminal.settings == terminal.before
    terminal.start("listen", f"{host}:{port}", "--output", "null")
    terminal.until("what was kept", lambda: "headphone adds 30 ms" in terminal.said)
    terminal.type("\x03")
    assert terminal.exit_code() == 0


def test_without_a_keyboard_there_are_no_keys(terminal):
    terminal.run(more=" </dev/null")
    terminal.until("its status", lambda: "Ctrl-C" in terminal.said or "listener" in terminal.said)
    assert "Keys:" not in terminal.said and terminal.settings == terminal.before
