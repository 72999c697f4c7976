# Sourced by the other scripts: finds their prerequisites, and installs what is missing.

# Prints a command the way one would type it, then runs it.
run() {
  local word line= shown=("$@")
  # A function of these scripts, which stands for sudo unless this is root.
  if [ "$1" = as_root ]; then
    shown=("${@:2}")
    [ "$(id -u)" = 0 ] || shown=(sudo "${shown[@]}")
  fi
  for word in "${shown[@]}"; do
    case $word in
      "" | *[!A-Za-z0-9_./:=,@%+-]*) line+=" '${word//\'/\'\\\'\'}'" ;;
      *) line+=" $word" ;;
    esac
  done
  printf '\n\033[1m$%s\033[0m\n' "$line"
  "$@"
}

note() { printf '%s\n' "$*"; }

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
  command -v apt-get >/dev/null ||
    fail "Install these packages (Debian's names), then start this script again: ${missing[*]}"
  note "Installing what is missing: ${missing[*]}"
  as_root apt-get update -qq
  as_root env DEBIAN_FRONTEND=noninteractive \
    apt-get -o DPkg::Lock::Timeout=300 install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
}

need_swift() {
  if ! command -v swift >/dev/null && [ -r "$HOME/.local/share/swiftly/env.sh" ]; then
    # shellcheck disable=SC1091
    . "$HOME/.local/share/swiftly/env.sh"
  fi
  command -v swift >/dev/null ||
    fail "Swift is missing. Install version 6.2 or later, then start this script again:
  https://www.swift.org/install/linux/"
  need_swift_libraries
}

# A toolchain is unpacked, not installed: libraries that it is linked against may be missing. The loader names
# their files.
need_swift_libraries() {
  local programs missing
  programs=$(dirname "$(readlink -f "$(command -v swift)")")
  missing=$(ldd "$programs"/{swift-driver,swift-frontend,swift-build,swift-format,clang,lldb} 2>/dev/null |
    sed -n 's/^[[:space:]]*\([^ ]*\) => not found$/\1/p' | sort -u)
  [ -n "$missing" ] || return 0
  local library packages=() unknown=()
  for library in $missing; do
    case $library in
      libncurses*.so.6 | libtinfo*.so.6 | libform*.so.6 | libpanel*.so.6) packages+=(libncurses6) ;;
      libedit.so.2) packages+=(libedit2) ;;
      libxml2.so.2) packages+=(libxml2) ;;
      libpython3.*.so.*) packages+=("${library%.so.*}") ;;
      libcurl.so.4) packages+=(libcurl4) ;;
      libsqlite3.so.0) packages+=(libsqlite3-0) ;;
      libuuid.so.1) packages+=(libuuid1) ;;
      libz.so.1) packages+=(zlib1g) ;;
      *) unknown+=("$library") ;;
    esac
  done
  [ ${#unknown[@]} = 0 ] || fail "The Swift toolchain in $programs lacks libraries: ${unknown[*]}
Install what https://www.swift.org/install/linux/ lists for this system, then start this script again."
  need_packages "${packages[@]}"
}

# PostgreSQL and PgBouncer, whose servers the tests start themselves: none of the package's own is made.
# https://manpages.debian.org/bookworm/postgresql-common/pg_createcluster.1.en.html#INITIAL_CONFIGURATION
need_postgresql() {
  local configuration=/etc/postgresql-common/createcluster.conf
  if ! compgen -G '/usr/lib/postgresql/*/bin/postgres' >/dev/null && ! command -v postgres >/dev/null; then
    need_packages postgresql-common
    [ ! -f "$configuration" ] ||
      as_root sed -i 's/^#*create_main_cluster *=.*/create_main_cluster = false/' "$configuration"
    need_packages postgresql
  fi
  command -v pgbouncer >/dev/null || [ -x /usr/sbin/pgbouncer ] || need_packages pgbouncer
}

# The libraries that the daemon is built with. Static linking needs libstdc++.a too, which g++ depends on in
# the version that fits the system.
need_build_packages() {
  need_packages libssl-dev libsqlite3-dev libcurl4-openssl-dev libpq-dev zlib1g-dev g++
}

# Names the commit for a build, so that --version shows it: with -dirty where files have changed. Without a
# repository it is what the environment names.
name_commit() {
  if [ -z "${BUILD_COMMIT:-}" ] && [ -e .git ]; then
    BUILD_COMMIT=$(git rev-parse --short=12 HEAD 2>/dev/null || true)
    [ -z "$BUILD_COMMIT" ] || git diff --quiet HEAD -- 2>/dev/null || BUILD_COMMIT+=-dirty
  fi
  export BUILD_COMMIT=${BUILD_COMMIT:-}
}
