# shellcheck shell=bash
# shellcheck disable=SC2034  # what stands here is used by those who source it
# Debian packages: which we need for what, which are missing, how they get here.
# Sourced by the launcher and by script/test. Everything is said on standard error.

# The C libraries of Package.swift, by their pkg-config names and by their Debian packages.
libraries=(libpipewire-0.3 libpulse sndfile samplerate soxr openssl opus ogg libqrencode libpng zlib)
library_packages=(
  libpipewire-0.3-dev libpulse-dev libsndfile1-dev libsamplerate0-dev libsoxr-dev libssl-dev
  libopus-dev libogg-dev libqrencode-dev libpng-dev zlib1g-dev
)

# To build: the C libraries' headers and what finds them; what Swift links and fetches with (and
# C++, for a dependency's sake).
build_packages=(
  "${library_packages[@]}" pkg-config g++ binutils git ca-certificates
)

# What the Swift toolchain itself runs on. Only asked for when it does not run.
toolchain_packages=(libcurl4 libxml2 libsqlite3-0 libncurses6 libuuid1 zlib1g)

# To run: the private sound server of `serve`, for computers that have none at all.
private_server_packages=(pipewire pipewire-bin pipewire-pulse wireplumber)

# To test: both sound servers and their tools, the laboratory's arithmetic, another SRTP; browsers
# and another WebRTC as listeners, and what drives them; what a desktop and a camera see; what fetches
# a checker that Debian has not; another's Opus files, to compare ours with; and a film, a screen
# without a monitor and a player, to see whether the picture waits.
test_packages=(
  "${private_server_packages[@]}" pulseaudio pulseaudio-utils
  python3 python3-numpy python3-scipy python3-pytest iproute2 procps shellcheck libsrtp2-dev
  chromium firefox-esr python3-websocket python3-aiortc python3-cryptography
  dbus-daemon dbus-bin zbar-tools python3-pip curl opus-tools ffmpeg xvfb mpv
)

# To measure lip-sync: more players.
player_packages=(
  vlc-bin vlc-plugin-base vlc-plugin-video-output
  gstreamer1.0-plugins-base-apps gstreamer1.0-plugins-good gstreamer1.0-pulseaudio gstreamer1.0-x
)

# To measure beside others.
peer_packages=(snapserver snapclient)

say() { printf 'auralync: %s\n' "$*" >&2; }

fail() {
  say "$*"
  exit 1
}

is_debian() { command -v apt-get >/dev/null && command -v dpkg-query >/dev/null; }

# Prints those of its arguments that are not installed. A package that another one provides under
# its name (as pkgconf does for pkg-config) counts as installed.
missing_packages() {
  local known
  known=$(dpkg-query -W -f='${db:Status-Status} ${Package} ${Provides}\n' |
    sed -n 's/^installed //p' | sed 's/([^)]*)//g; s/[, ][, ]*/\n/g' | sort -u)
  comm -23 <(printf '%s\n' "$@" | sort -u) <(printf '%s\n' "$known") | tr '\n' ' ' | sed 's/ $//'
}

# Installs those of its arguments that are missing, or says how and returns 1.
# $1: what they are for, as it is said to people.
install_missing() {
  local purpose=$1 missing become=()
  shift
  missing=$(missing_packages "$@")
  [[ -z $missing ]] && return 0
  local packages
  read -r -a packages <<<"$missing"
  local command="apt-get install --no-install-recommends ${packages[*]}"
  if [[ $(id -u) != 0 ]]; then
    if [[ ! -t 0 || ! -t 2 ]] || ! command -v sudo >/dev/null; then
      say "Debian packages are missing $purpose. Install them as root: $command"
      return 1
    fi
    local answer
    read -r -p "auralync: install the Debian packages $missing $purpose with sudo? [y/N] " answer
    if [[ $answer != [yY]* ]]; then
      say "nothing was installed. Install them as root: $command"
      return 1
    fi
    become=(sudo)
  fi
  say "installing Debian packages $purpose: $missing"
  if is_known_to_apt "${packages[@]}"; then
    apt_get "${become[@]}" install -y --no-install-recommends "${packages[@]}" && return 0
  fi
  # No package lists yet, or old ones that name versions long gone.
  apt_get "${become[@]}" update &&
    apt_get "${become[@]}" install -y --no-install-recommends "${packages[@]}" && return 0
  say "the packages could not be installed. Look above for the reason, then: $command"
  return 1
}

# Whether the package lists here have all of its arguments.
is_known_to_apt() {
  local package
  for package in "$@"; do apt-cache show "$package" >/dev/null 2>&1 || return 1; done
}

# apt-get without questions, all it says on standard error. A leading `sudo` is passed on.
apt_get() {
  local become=()
  if [[ $1 == sudo ]]; then
    become=(sudo)
    shift
  fi
  "${become[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -q "$@" </dev/null >&2
}

# Whether a sound server is there, ours or somebody else's on this computer: then we install none.
has_sound_server() {
  [[ -n ${PULSE_SERVER:-} ]] && return 0
  local socket
  for socket in "${PIPEWIRE_RUNTIME_DIR:-/nonexistent}"/pipewire-0 \
    "${XDG_RUNTIME_DIR:-/nonexistent}"/{pipewire-0,pulse/native} \
    /run/user/*/{pipewire-0,pulse/native} /run/pulse/native /tmp/pulse-*/native; do
    [[ -S $socket ]] && return 0
  done
  return 1
}

# Stops with a sentence unless a Swift is here that can build us.
require_swift() {
  local get='Get it from https://www.swift.org/install and run this again.'
  command -v swift >/dev/null ||
    fail "Swift 6.2 or newer is needed, and no swift is on the PATH. $get"
  local version
  version=$(swift --version 2>/dev/null | sed -n 's/.*Swift version \([0-9]*\.[0-9]*\).*/\1/p')
  [[ -n $version ]] || fail "the swift at $(command -v swift) does not run: see swift --version. $get"
  local major=${version%%.*} minor=${version#*.}
  ((major > 6 || (major == 6 && minor >= 2))) ||
    fail "Swift 6.2 or newer is needed, and this is $version. $get"
}
