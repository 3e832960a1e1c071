"""Every option that a command's --help shows is tried: one accepted value, and refused ones."""

import json
import re
import subprocess
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]

# What each setting takes and what it does not. A range that --help shows is tried at its ends too.
SETTINGS = {
    "source": (["system", "tone:440", "stdin", "device:x", "file:x.wav", "output", "app:x"],
               ["tone:5", "x"]),
    "also-play": (["ear"], []),
    "mode": (["film", "live"], ["auto"]),
    "stdin-format": (["f32le:44100:1"], ["mp3", "s16le:1"]),
    "backend": (["auto", "pipewire", "pulse"], ["alsa"]),
    "preset": (["smooth", "low-latency", "stable"], ["fast"]),
    "sample-rate": (["48000"], ["x"]),
    "channels": (["1"], ["x"]),
    "chunk-size": (["256"], ["x"]),
    "port": (["5556"], ["x"]),
    "queue-size": (["10"], ["x"]),
    "max-clients": (["0"], ["x"]),
    "listen-backlog": (["128"], ["x"]),
    "name": (["Film night"], ["x" * 61]),
    "http-port": (["8081"], ["x"]),
    "bitrate": (["96"], ["x"]),
    "max-listeners": (["5"], ["x"]),
    "allow-origin": (["*", "https://example.org"], ["example.org"]),
    "allow-host": (["film.example"], ["192.0.2.1"]),
    "bind": (["127.0.0.1", "::1"], ["localhost"]),
    "address": (["192.0.2.1", "2001:db8::1", "film.local"], ["192.0.2.1:80", "http://bar"]),
    "mpv-socket": (["/tmp/mpv"], ["x" * 108]),
    "output": (["ear", "null"], []),
    "volume": (["80"], ["x"]),
    "balance": (["-30"], ["x"]),
    "record": (["a.opus", "a.wav"], ["a.mp3"]),
    "offset": (["auto", "-20", "500"], ["501", "x"]),
    "buffer": (["auto", "200"], ["-1", "5001"]),
    "delay": (["auto", "120", "auto:500"], ["0", "5001", "auto:x"]),
    "min-delay": (["20"], ["x"]),
    "max-delay": (["500"], ["x"]),
    "protocol": (["auto", "whep", "original"], ["webrtc"]),
    "codec": (["opus", "pcm"], ["l24"]),
    "token": (["a-b.c"], ["a b"]),
    "log-format": (["text", "json"], ["xml"]),
    "status-every": (["10"], ["x"]),
}

# Options that are no settings with a value; each is tried by a test below.
OTHERS = {"config", "public", "no-public", "mono", "no-mono", "overwrite", "no-overwrite", "stats",
          "no-stats", "calibrate", "default-output", "no-default-output", "json", "version", "help"}

# Options of the commands that have no settings, with a value that is refused; flags have none.
TOOLS = {
    "bench": {"listeners": "0", "join-rate": "0", "duration": "0.5", "protocol": "carrier-pigeon",
              "count-only": None,
              "yes-i-own-this-network": None},
    "doctor": {"listeners": "0"},
}


@pytest.fixture(scope="module")
def auralync():
    """The release build; the launcher makes it where it is not there yet."""
    launcher = [str(REPOSITORY / "auralync"), "--version"]
    subprocess.run(launcher, check=True, stdout=subprocess.DEVNULL)
    return str(REPOSITORY / ".build/release/auralync")


@pytest.fixture
def run(auralync, tmp_path):
    """Runs the program without anybody's own configuration."""

    def run(*arguments, **environment):
        env = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), **environment}
        return subprocess.run([auralync, *arguments], env=env, cwd=tmp_path, text=True,
                              capture_output=True, timeout=30, stdin=subprocess.DEVNULL)

    return run


def settings_of(result):
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout)


def refused(result):
    """Checks that a wrong command line ends as it should, and returns the one line."""
    assert result.returncode == 64
    assert result.stdout == ""
    assert result.stderr.startswith("auralync: ") and result.stderr.endswith(".\n")
    assert result.stderr.count("\n") == 1
    return result.stderr


def commands(run):
    """The names below SUBCOMMANDS in the program's own help."""
    text = run("--help").stdout.split("SUBCOMMANDS:")[1]
    names = re.findall(r"^  ([a-z]+)(?: \(default\))?\s{2,}\S", text, re.M)
    assert "config" in names
    return names


def options(text):
    """Every option in a help text: its name, whether it takes a value, and its paragraph."""
    found = {}
    for paragraph in re.split(r"\n(?=  -|[A-Z\n])", text):
        head = re.match(r"\s*((?:-\w, )?--[a-z-]+(?:/--[a-z-]+)*)( <[^>]+>)?", paragraph)
        for name in re.findall(r"--([a-z-]+)", head[1]) if head else []:
            found[name] = (bool(head[2]), " ".join(paragraph.split()))
    return found


def test_every_option_of_every_command_is_tried_here(run):
    for command in commands(run):
        result = run(command, "--help")
        assert result.returncode == 0 and result.stderr == ""
        shown = options(result.stdout)
        assert "help" in shown
        tools = TOOLS.get(command, {})
        unknown = set(shown) - set(SETTINGS) - OTHERS - set(tools)
        assert not unknown, f"{command} has options without a test: {unknown}"
        for name, (takes_value, _) in shown.items():
            wanted = bool(tools[name]) if name in tools else name in SETTINGS or name == "config"
            assert takes_value == wanted, name


def test_config_has_every_option(run):
    shown = options(run("config", "--help").stdout)
    assert set(shown) == set(SETTINGS) | OTHERS - {"calibrate"}  # done once, never set


@pytest.mark.parametrize("name", SETTINGS)
def test_setting(run, name):
    accepted, wrong = SETTINGS[name]
    paragraph = options(run("config", "--help").stdout)[name][1]
    ends = re.search(r"\((-?\d+)–(\d+); default", paragraph)
    if ends:
        low, high = int(ends[1]), int(ends[2])
        accepted = [*accepted, str(low), str(high)]
        wrong = [*wrong, str(low - 1), str(high + 1)]
    for value in accepted:
        entry = settings_of(run("config", "--json", f"--{name}", value))[name]
        shown = entry["value"]
        # A secret is accepted, and not shown.
        expected = "(hidden)" if name == "token" else value
        assert (",".join(shown) if isinstance(shown, list) else str(shown)) == expected
        assert entry["origin"] == f"--{name}"
        variable = "AURALYNC_" + name.upper().replace("-", "_")
        entry = settings_of(run("config", "--json", **{variable: value}))[name]
        assert entry == {"value": shown, "origin": variable}
    for value in wrong:
        line = refused(run("config", f"--{name}={value}"))
        assert line.startswith(f"auralync: --{name} must be ")
        if ends:
            assert f"{low}–{high}" in line


@pytest.mark.parametrize("name", ["public", "mono", "overwrite", "default-output", "stats"])
def test_flags(run, name):
    for option, value in [(f"--{name}", True), (f"--no-{name}", False)]:
        entry = settings_of(run("config", "--json", option))[name]
        assert entry == {"value": value, "origin": f"--{name}"}


def test_a_default_needs_a_device(run):
    assert "--source output" in refused(run("serve", "--source", "tone", "--default-output"))


def test_config_and_json(run, tmp_path):
    (tmp_path / "a.toml").write_text("# mine\npreset = 'low-latency'\nvolume = 7\n")
    settings = settings_of(run("config", "--json", "--config", "a.toml", "--port", "7"))
    assert settings["volume"] == {"value": 7, "origin": "a.toml:3"}
    assert settings["chunk-size"] == {"value": 512, "origin": "preset low-latency from a.toml:2"}
    assert settings["port"] == {"value": 7, "origin": "--port"}
    assert settings["channels"] == {"value": 2, "origin": "default"}
    table = run("config", "--config", "a.toml").stdout
    assert re.search(r"^volume +7 +a\.toml:3$", table, re.M)


def test_version_and_help(run):
    version = run("--version")
    assert re.fullmatch(r"\d+\.\d+\.\d+\n", version.stdout) and version.returncode == 0
    for arguments in [["--help"], ["-h"], []]:
        result = run(*arguments)
        assert result.returncode == 0 and "SUBCOMMANDS:" in result.stdout
    refused(run("config", "--no-such-option"))
    refused(run("no-such-command"))


@pytest.mark.parametrize("command, name, value", [
    (command, name, value) for command, tried in TOOLS.items() for name, value in tried.items()
    if value])
def test_tools_refuse_what_makes_no_sense(run, command, name, value):
    arguments = ["http://127.0.0.1:9/whep/main"] if command == "bench" else []
    assert f"--{name}" in refused(run(command, *arguments, f"--{name}", value))


def test_bench_keeps_to_this_computer(run):
    result = run("bench", "http://192.0.2.77:8080/whep/main")
    assert result.returncode == 1 and "--yes-i-own-this-network" in result.stderr
    assert run("bench", "ftp://x").returncode == 64


def test_bench_hears_a_crowd(run, auralync, tmp_path):
    env = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path)}
    serve = subprocess.Popen(
        [auralync, "serve", "--source", "tone", "--port", "0", "--http-port", "0", "--log-format",
         "json"], env=env, stdout=subprocess.PIPE, text=True)
    try:
        serving = json.loads(serve.stdout.readline())
        page = f"127.0.0.1:{serving['http_port']}"
        url = f"http://{page}/whep/main"
        result = run("bench", page, "--listeners", "12", "--join-rate", "50", "--duration", "1",
                     "--count-only", "--json", "--yes-i-own-this-network")
        report = settings_of(result)
        assert report["asked"] == report["joined"] == 12
        assert report["received"] > 0
        assert 0 < report["joins_per_second"] < 200  # 50 were asked for, and 12 are few to tell by
        assert report["baseline_ms"]["count"] > 0
        text = run("bench", url, "--listeners", "2", "--duration", "1").stdout
        assert re.search(r"^the machine's own +median", text, re.M)
        assert re.search(r"^joining +[0-9.]+ a second; median", text, re.M)
        original = settings_of(run(
            "bench", f"127.0.0.1:{serving['port']}", "--protocol", "original", "--listeners", "5",
            "--duration", "1", "--json"))
        assert original["joined"] == original["stayed"] == 5
        assert original["received"] > 0 and original["gap_ms"]["count"] > 0
        assert re.search(r"^listeners +2 asked, 2 joined", text, re.M)
    finally:
        serve.terminate()
        serve.communicate(timeout=10)


def test_doctor(run):
    report = settings_of(run("doctor", "--json", "--listeners", "100000"))
    assert isinstance(report["links"], list)
    sending = report["sending"]
    # Any computer encrypts more than a thousand packets a second; half of the cores' time counts.
    assert sending["packets_per_core"] > 1000 and sending["cores"] in range(1, 5)
    half = sending["packets_per_core"] * sending["cores"] // 2
    assert abs(sending["smooth"] - half // 100) <= 1
    assert abs(sending["low-latency"] - sending["stable"] // 4) <= 1
    for shortfall in report["shortfalls"]:
        assert shortfall["sentence"].endswith(".")
    result = run("doctor", "--listeners", "1")
    assert result.returncode == 0
    # Each setting, as the system has it, whether it is enough or not.
    for name, path in (("neighbours", "ipv4/neigh/default/gc_thresh3"), ("unresolved_bytes", "ipv4/neigh/default/unres_qlen_bytes"),
                       ("send_buffer", "core/wmem_max"), ("receive_buffer", "core/rmem_max")):
        value = int(Path("/proc/sys/net", path).read_text())
        assert report["settings"][name] == value and f" {value} " in result.stdout, (name, result.stdout)
    assert f" {report['settings']['open_files']} files" in result.stdout
    assert report["settings"]["real_time"] in (True, False) and "in real time." in result.stdout
