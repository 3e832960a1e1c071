"""The launcher: with the real program, and with a pretended Swift and Debian to see what it does."""

import os
import re
import shutil
import stat
import subprocess
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]

# Everything of the system that the launcher may use; the rest is pretended below.
TOOLS = ("bash", "cat", "chmod", "comm", "dirname", "env", "find", "flock", "grep", "mkdir",
         "readlink", "rm", "sed", "sort", "stat", "tr")

SWIFT = """#!/usr/bin/env bash
case "$*" in
  --version) echo "Swift version ${FAKE_VERSION:-6.3.1} (swift-RELEASE)" ;;
  "build --version") ;;
  *)
    echo "$*" >>"$FAKE_LOG"
    echo "compiling"
    [[ -z ${FAKE_FAILURE:-} ]] || exit 1
    mkdir -p "$3/.build/release"
    printf '#!/usr/bin/env bash\\nprintf "%%s\\\\n" "$PWD" "$@"\\nexit 7\\n' \\
      >"$3/.build/release/auralync"
    chmod +x "$3/.build/release/auralync" ;;
esac
"""

# `installed` lists packages; apt-get adds to it what it is asked to install.
DPKG_QUERY = """#!/usr/bin/env bash
while read -r name; do echo "installed $name other (= 1), another"; done <"$FAKE_INSTALLED"
"""
APT_GET = """#!/usr/bin/env bash
echo "apt-get $*" >>"$FAKE_LOG"
for word in "$@"; do [[ $word == -* ]] || echo "$word" >>"$FAKE_INSTALLED"; done
"""


class House:
    """A copy of the launcher in a folder of its own, with a pretended system around it."""

    def __init__(self, folder):
        self.root = folder / "a house"
        self.tools = folder / "bin"
        self.calls = folder / "calls"
        self.installed = folder / "installed"
        self.elsewhere = folder / "else where"
        for path in (self.root / "script/lib", self.root / "Sources/A", self.tools,
                     self.elsewhere, self.root / "SystemLibraries/C"):
            path.mkdir(parents=True)
        shutil.copy(REPOSITORY / "auralync", self.root)
        shutil.copy(REPOSITORY / "script/lib/packages.sh", self.root / "script/lib")
        (self.root / "Package.swift").write_text("// manifest\n")
        (self.root / "Sources/A/a.swift").write_text("let a = 1\n")
        (self.root / "Sources/A/b.swift").write_text("let b = 1\n")
        for tool in TOOLS:
            (self.tools / tool).symlink_to(shutil.which(tool, path="/usr/bin:/bin"))
        self.pretend("swift", SWIFT)
        self.pretend("apt-get", APT_GET)
        self.pretend("apt-cache", "#!/usr/bin/env bash\n")
        self.pretend("dpkg-query", DPKG_QUERY)
        self.pretend("id", "#!/usr/bin/env bash\necho ${FAKE_USER:-0}\n")
        self.calls.touch()
        self.install(*self.packages("build_packages"))

    def packages(self, array):
        script = f'source "{REPOSITORY}/script/lib/packages.sh"; echo "${{{array}[*]}}"'
        return subprocess.run(["bash", "-c", script], capture_output=True, text=True,
                              check=True).stdout.split()

    def install(self, *names):
        self.installed.write_text("".join(f"{name}\n" for name in names))

    def pretend(self, name, script):
        path = self.tools / name
        path.write_text(script)
        path.chmod(path.stat().st_mode | stat.S_IXUSR)

    def run(self, *arguments, launcher=None, **environment):
        env = {"PATH": str(self.tools), "HOME": str(self.elsewhere), "FAKE_LOG": str(self.calls),
               "FAKE_INSTALLED": str(self.installed), **environment}
        return subprocess.run([str(launcher or self.root / "auralync"), *arguments], env=env,
                              cwd=self.elsewhere, text=True, capture_output=True, timeout=60,
                              stdin=subprocess.DEVNULL)

    def builds(self):
        return self.log().count("build --package-path")

    def log(self):
        return self.calls.read_text()


@pytest.fixture
def house(tmp_path):
    return House(tmp_path)


def test_first_run_builds_and_hands_over(house):
    result = house.run("listen", "a b", "", "--x=*")
    assert result.stdout.splitlines() == [str(house.elsewhere), "listen", "a b", "", "--x=*"]
    assert result.returncode == 7
    assert "compiling" in result.stderr
    assert house.log() == (f"build --package-path {house.root} -c release --product auralync\n")


def test_later_runs_start_at_once(house):
    house.run()
    result = house.run("again")
    assert result.stderr == ""
    assert result.stdout.splitlines() == [str(house.elsewhere), "again"]
    assert house.builds() == 1


@pytest.mark.parametrize("change", ["edit", "add", "remove", "manifest", "library", "compiler"])
def test_changes_build_again(house, change):
    house.run()
    source = house.root / "Sources/A/a.swift"
    if change == "edit":
        source.write_text("let a = 2\n")
    elif change == "add":
        (house.root / "Sources/A/c.swift").write_text("")
    elif change == "remove":
        source.unlink()
    elif change == "manifest":
        (house.root / "Package.swift").write_text("// another manifest\n")
    elif change == "library":
        (house.root / "SystemLibraries/C/shim.h").write_text("int x;\n")
    else:
        house.pretend("swift", SWIFT + "# newer\n")
    house.run()
    assert house.builds() == 2
    house.run()
    assert house.builds() == 2


def test_through_a_symlink(house):
    link = house.elsewhere / "linked launcher"
    link.symlink_to(os.path.relpath(house.root / "auralync", house.elsewhere))
    result = house.run("x", launcher=link)
    assert result.returncode == 7
    assert result.stdout.splitlines() == [str(house.elsewhere), "x"]


def test_a_moved_house_builds_again(house):
    house.run()
    cache = house.root / ".build/x86_64/release/ModuleCache"
    cache.mkdir(parents=True)
    moved = house.root.with_name("moved")
    house.root.rename(moved)
    assert house.run(launcher=moved / "auralync").returncode == 7
    assert house.builds() == 2
    assert not (moved / ".build/x86_64/release/ModuleCache").exists()


def test_packages_are_those_of_the_manifest(house):
    manifest = (REPOSITORY / "Package.swift").read_text()
    assert set(re.findall(r'debian: "(\S+)"', manifest)) == set(house.packages("library_packages"))
    assert set(re.findall(r'pkgConfig: "(\S+)"', manifest)) == set(house.packages("libraries"))


def one_line(result, status=1):
    assert result.returncode == status
    assert result.stdout == ""
    assert result.stderr.startswith("auralync: ")
    assert result.stderr.count("\n") == 1, result.stderr
    return result.stderr


def test_no_swift(house):
    (house.tools / "swift").unlink()
    line = one_line(house.run())
    assert "Swift 6.2 or newer is needed" in line and "https://www.swift.org/install" in line
    assert house.log() == ""


@pytest.mark.parametrize("version, is_enough", [("5.10", False), ("6.1.3", False), ("6.2", True),
                                               ("6.10.1", True), ("7.0", True)])
def test_swift_version(house, version, is_enough):
    result = house.run(FAKE_VERSION=version)
    assert (house.builds() == 1) == is_enough
    if not is_enough:
        line = one_line(result)
        assert "Swift 6.2 or newer is needed" in line and version.rsplit(".", 1)[0] in line


def test_what_was_built_runs_without_swift(house):
    house.run()
    (house.tools / "swift").unlink()
    assert house.run().returncode == 7


def test_a_failed_build_is_said_and_tried_again(house):
    result = house.run(FAKE_FAILURE="1")
    assert result.returncode == 1 and result.stdout == ""
    assert result.stderr.splitlines()[-1].startswith("auralync: the build failed.")
    assert house.run().returncode == 7


def test_root_installs_what_is_missing_and_says_so(house):
    house.install(*[name for name in house.packages("build_packages") if name != "libpulse-dev"])
    result = house.run()
    assert result.returncode == 7
    assert "installing Debian packages to build AuraLync: libpulse-dev\n" in result.stderr
    assert "apt-get -q install -y --no-install-recommends libpulse-dev\n" in house.log()


def test_others_are_told_the_command(house):
    house.install(*[name for name in house.packages("build_packages")
                    if name not in ("libpulse-dev", "git")])
    line = one_line(house.run(FAKE_USER="1000"))
    assert line.endswith("apt-get install --no-install-recommends git libpulse-dev\n")
    assert house.log() == ""


def test_not_debian_is_told_the_libraries(house):
    (house.tools / "apt-get").unlink()
    line = one_line(house.run())
    assert "libpipewire-0.3" in line and "samplerate" in line


def private_server_was_installed(house):
    return "install -y --no-install-recommends pipewire pipewire-bin" in house.log()


@pytest.fixture
def no_sound_server():
    script = f'source "{REPOSITORY}/script/lib/packages.sh"; has_sound_server'
    if subprocess.run(["env", "-i", shutil.which("bash"), "-c", script]).returncode == 0:
        pytest.skip("a sound server of this computer is in the usual place")


@pytest.mark.parametrize("arguments, wanted", [
    (["serve"], True), (["serve", "--", "mpv", "--source", "stdin"], True),
    (["serve", "--source", "system"], True), (["serve", "--source", "tone"], False),
    (["serve", "--source=stdin"], False), (["serve", "--help"], False),
    (["listen", "host"], False), (["config"], False), ([], False)])
def test_private_server_only_where_serve_needs_one(house, no_sound_server, arguments, wanted):
    assert house.run(*arguments).returncode == 7
    assert private_server_was_installed(house) == wanted


def test_no_private_server_beside_another(house, no_sound_server):
    assert house.run("serve", PULSE_SERVER="unix:/x").returncode == 7
    assert not private_server_was_installed(house)


def test_private_server_is_no_must(house, no_sound_server):
    house.run()
    result = house.run("serve", FAKE_USER="1000")
    assert result.returncode == 7
    assert "apt-get install --no-install-recommends pipewire" in result.stderr


def real(*arguments, launcher=REPOSITORY / "auralync", cwd="/", **environment):
    env = {key: value for key, value in os.environ.items() if not key.startswith("AURALYNC_")}
    return subprocess.run([str(launcher), *arguments], env={**env, **environment}, cwd=cwd,
                          text=True, capture_output=True, timeout=1200, stdin=subprocess.DEVNULL)


@pytest.fixture(scope="module")
def built():
    assert real("--version").returncode == 0


def test_real_from_anywhere(built, tmp_path):
    link = tmp_path / "a link"
    link.symlink_to(REPOSITORY / "auralync")
    folder = tmp_path / "a folder"
    folder.mkdir()
    (folder / "my.toml").write_text("volume = 3\n")
    result = real("config", "--config", "my.toml", launcher=link, cwd=folder,
                  XDG_CONFIG_HOME=str(tmp_path))
    assert result.returncode == 0 and result.stderr == ""
    assert "my.toml:1" in result.stdout


def test_real_unknown_key(built, tmp_path):
    file = tmp_path / "auralync/config.toml"
    file.parent.mkdir()
    file.write_text("\nchunk_size = 64\n")
    line = one_line(real("config", XDG_CONFIG_HOME=str(tmp_path)), status=64)
    assert line == f'auralync: {file}:2: unknown key "chunk_size". Did you mean "chunk-size"?\n'


def test_real_ends_quietly_when_nobody_reads(built, tmp_path):
    script = '"$1" config | true; echo ${PIPESTATUS[0]}'
    result = subprocess.run(["bash", "-c", script, "bash", str(REPOSITORY / "auralync")],
                            capture_output=True, text=True, timeout=60, cwd=tmp_path)
    assert (result.stdout, result.stderr) == ("0\n", "")
