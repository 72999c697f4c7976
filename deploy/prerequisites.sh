# Sourced by the other scripts: finds what they need, and installs what is missing.

# Prints a command the way one would type it, then runs it.
run() {
  local word line=
  for word in "$@"; do
    case $word in
      "" | *[!A-Za-z0-9_./:=,@%+-]*) line+=" '${word//\'/\'\\\'\'}'" ;;
      *) line+=" $word" ;;
    esac
  done
  printf '\n\033[1m$%s\033[0m\n' "$line"
  "$@"
}

say() { printf '%s\n' "$*"; }

fail() {
  printf '%s\n' "$*" >&2
  exit 1
}

# Runs a command as root: directly, or through sudo.
as_root() {
  if [ "$(id -u)" = 0 ]; then
    "$@"
  elif command -v sudo >/dev/null; then
    sudo "$@"
  else
    fail "This needs root: $*
Run it as root, or install sudo, and start this script again."
  fi
}

# Installs the Debian packages that are missing of those named.
need_packages() {
  local missing=()
  local package
  for package in "$@"; do
    dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
  done
  [ ${#missing[@]} = 0 ] && return
  command -v apt-get >/dev/null || fail "Please install these (Debian's names), then start this script again: ${missing[*]}"
  say "Installing what is missing: ${missing[*]}"
  as_root apt-get update -qq
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
}

need_swift() {
  if ! command -v swift >/dev/null && [ -r "$HOME/.local/share/swiftly/env.sh" ]; then
    # shellcheck disable=SC1091
    . "$HOME/.local/share/swiftly/env.sh"
  fi
  command -v swift >/dev/null || fail "Swift is missing. Install version 6.2 or later, then start this script again:
  https://www.swift.org/install/linux/"
}

# The libraries that the daemon is built with.
need_build_packages() {
  need_packages libssl-dev libsqlite3-dev libcurl4-openssl-dev
}
