"""Programs the laboratory starts, and waiting for what they do."""

import contextlib
import ctypes
import os
import signal
import subprocess
import time
from pathlib import Path

_LIBC = ctypes.CDLL(None)
_PR_SET_PDEATHSIG = 1


class LabError(AssertionError):
    """What was waited for did not happen; the message says what, and what the program said."""


def until(what, condition, seconds=30.0, broken=None):
    """Polls `condition` until it returns something true, and returns that.

    `broken` returns a reason when waiting on is of no use.
    """
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        reason = broken() if broken else None
        if reason:
            if value := condition():  # it happened between the two questions
                return value
            raise LabError(f"{what}: {reason}")
        if time.monotonic() > deadline:
            raise LabError(f"{what}: not within {seconds:g} s")
        time.sleep(0.01)


def waited_for_processor():
    """Seconds in which somebody waited for a core, since the system began; None when untold.

    Here for one that others had, or for one that the computer below a virtual one had given to another.
    """
    try:
        line = Path("/proc/pressure/cpu").read_text().splitlines()[0]
    except OSError:
        return None
    return int(line.rsplit("total=", 1)[1]) / 1e6 + stolen_from_processors()


def stolen_from_processors():
    """Seconds for which the computer below gave a core of ours to others while we wanted it, a core's on average."""
    ticks = int(Path("/proc/stat").read_text().split(None, 10)[8])
    return ticks / os.sysconf("SC_CLK_TCK") / os.cpu_count()


# The part of a stretch of time in which somebody waits for a core from which on holes in the sound
# tell of the machine. When little else ran it was 0.04 to 0.07.
TOO_BUSY = 0.25
# The part that is stolen from each core from which on no sound can be played in time: 0.01 as a rule.
TOO_STOLEN = 0.1


# The part in which somebody waits for a core from which on nothing that has to be in time can be judged at all.
STARVED = 0.6


class Busyness:
    """How busy the machine is from now on."""

    def __init__(self):
        self._began, self._waited = time.monotonic(), waited_for_processor()
        self._stolen = stolen_from_processors()

    @property
    def share(self):
        """The part of the time in which somebody waited for a core; 0 when the kernel tells not."""
        waited = waited_for_processor()
        if waited is None or self._waited is None:
            return 0.0
        return min(1.0, (waited - self._waited) / (time.monotonic() - self._began))

    @property
    def stolen(self):
        """That part of it which no program of this machine can have a hand in."""
        # Counted in hundredths: of a shorter time they say nothing.
        return min(1.0, (stolen_from_processors() - self._stolen) / max(1.0, time.monotonic() - self._began))


def until_calm(patience):
    """Waits until nobody waits for a core any more; for so many seconds at most."""
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        busyness = Busyness()
        time.sleep(2)
        if busyness.share < TOO_BUSY / 2:
            return


def _die_with_parent():
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


class Process:
    """One started program: its log, its signals, its processor time, its end.

    Output goes to files, so that a program that says much never waits for us.
    """

    def __init__(self, argv, log, env=None, stdin=subprocess.DEVNULL, cwd=None, pass_fds=()):
        self.name = Path(argv[0]).name
        self.log_path = Path(log)
        self.error_path = self.log_path.with_suffix(".err")
        with open(self.log_path, "ab") as out, open(self.error_path, "ab") as err:
            self.started = time.monotonic()
            self.popen = subprocess.Popen(
                [str(a) for a in argv], env=env, stdin=stdin, stdout=out, stderr=err, cwd=cwd, pass_fds=pass_fds,
                start_new_session=True, preexec_fn=_die_with_parent)
        self.pid = self.popen.pid

    @property
    def output(self):
        return self.log_path.read_text(errors="replace")

    @property
    def errors(self):
        return self.error_path.read_text(errors="replace")

    @property
    def is_running(self):
        return self.popen.poll() is None

    @property
    def exit_code(self):
        return self.popen.poll()

    def death(self):
        """Why waiting for this program is of no use, or None."""
        if self.is_running:
            return None
        return f"{self.name} ended with {self.exit_code}: {self.tail()}"

    def tail(self, lines=6):
        text = (self.output + "\n" + self.errors).strip().splitlines()
        return " | ".join(text[-lines:]) or "it said nothing"

    def until(self, what, condition, seconds=30.0):
        """As `until`, ending early when the program ends."""
        try:
            return until(what, condition, seconds, self.death)
        except LabError as error:
            raise LabError(f"{error} ({self.tail()})") from None

    def send(self, number):
        self.popen.send_signal(number)

    def freeze(self, seconds):
        """Stops the whole program for a while, as a busy or sleeping machine would."""
        self.send(signal.SIGSTOP)
        time.sleep(seconds)
        self.send(signal.SIGCONT)

    def interrupt(self, number=signal.SIGINT, seconds=10.0):
        """Asks for the end and waits for it; returns (exit code, seconds it took)."""
        begin = time.monotonic()
        self.send(number)
        return self.wait(seconds), time.monotonic() - begin

    def wait(self, seconds=10.0):
        try:
            return self.popen.wait(seconds)
        except subprocess.TimeoutExpired:
            raise LabError(f"{self.name} did not end within {seconds:g} s ({self.tail()})") from None

    def kill(self):
        """Ends the program at once."""
        if self.is_running:
            self.send(signal.SIGKILL)
        self.wait()

    def end(self, seconds=3.0):
        """Ends the program, with force when asking does not help."""
        if self.is_running:
            self.send(signal.SIGCONT)
            self.send(signal.SIGTERM)
            try:
                self.popen.wait(seconds)
            except subprocess.TimeoutExpired:
                self.kill()
        self._end_children()
        if self.popen.stdin:
            self.popen.stdin.close()

    def _end_children(self):
        """Ends what it left behind in its process group, as a shell leaves a pipeline."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)

    @property
    def processor_seconds(self):
        """User and system time of its living threads so far, as the scheduler counted it in
        nanoseconds; /proc/PID/stat has ticks of 10 ms."""
        total = 0
        for task in Path(f"/proc/{self.pid}/task").iterdir():
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):
                total += int((task / "schedstat").read_text().split()[0])
        return total / 1e9

    def group_seconds(self):
        """Processor seconds so far of all that live in its process group, in ticks of 10 ms."""
        total = 0
        for entry in Path("/proc").glob("[0-9]*/stat"):
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):
                fields = entry.read_text().rpartition(")")[2].split()
                if int(fields[2]) == self.pid:
                    total += int(fields[11]) + int(fields[12])
        return total / os.sysconf("SC_CLK_TCK")

    @property
    def resident_bytes(self):
        for line in Path(f"/proc/{self.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) * 1024
        return 0


@contextlib.contextmanager
def started(*processes):
    """Ends programs on the way out, the last started first."""
    try:
        yield processes[0] if len(processes) == 1 else processes
    finally:
        for process in reversed(processes):
            process.end()


def processes_using(runtime_directory):
    """Ids of the processes whose environment names a runtime directory."""
    wanted = f"XDG_RUNTIME_DIR={runtime_directory}".encode()
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            if wanted in (entry / "environ").read_bytes().split(b"\0"):
                found.append(int(entry.name))
        except OSError:
            continue
    return found
