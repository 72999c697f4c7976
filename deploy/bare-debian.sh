#!/usr/bin/env bash
# Runs the quickstart in a bare Debian 12: debootstrap's minimal system, the packages that swift.org lists,
# this machine's Swift, and a clean clone of the last commit. So it shows what the scripts forget to install.
# Needs root, and 6 GB in TMPDIR.
#
#   deploy/bare-debian.sh            deploy/quickstart.sh --once
#   deploy/bare-debian.sh --tests    deploy/test.sh after it: about an hour, and 10 GB more
#
# The tree, its mounts and its processes are removed at the end, also after a failure. It uses this machine's
# apt mirror, apt proxy and git replacements for github.com.
set -euo pipefail

commands=("deploy/quickstart.sh --once")
case "${1:-}" in
  "") ;;
  --tests) commands+=("deploy/test.sh") ;;
  -h | --help)
    sed -n '2,/^set -euo/s/^# \{0,1\}//p' "$0"
    exit 0
    ;;
  *)
    echo "bare-debian.sh: unknown argument: $1 (there is --tests)" >&2
    exit 64
    ;;
esac

cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=deploy/prerequisites.sh
. deploy/prerequisites.sh
[ "$(id -u)" = 0 ] || fail "This needs root, for debootstrap and chroot: sudo $0 $*"
need_swift
need_packages debootstrap git util-linux

release=bookworm
# The packages that https://www.swift.org/install/linux/tarball/ lists for Debian 12.
documented=(binutils-gold gcc git libcurl4-openssl-dev libedit-dev libicu-dev libncurses-dev libpython3-dev
  libsqlite3-dev libxml2-dev pkg-config tzdata uuid-dev)

# A toolchain that was unpacked into a folder of its own: the tree has it under the same path.
programs=$(dirname "$(readlink -f "$(command -v swift)")")
toolchain=$(dirname "$(dirname "$programs")")
[ "$toolchain" != / ] ||
  fail "Swift is installed into /usr here: unpack a toolchain into its own folder, and put that into PATH."

tree=$(mktemp -d "${TMPDIR:-/tmp}/bare-debian.XXXXXX")
# apt reads its lists as a user of its own.
chmod 0755 "$tree"
# The mount namespace has ended by then. Nothing beyond this file system is ever removed.
trap 'rm -rf --one-file-system "$tree"' EXIT
trap 'exit 130' INT TERM

mirror=$(apt-get indextargets --format '$(REPO_URI) $(RELEASE)' 'Created-By: Packages' |
  awk -v release=$release '$2 == release { print $1; exit }')
proxy=
eval "$(apt-config shell proxy Acquire::http::Proxy)"
[ "$proxy" != DIRECT ] || proxy=
http_proxy=${proxy:-${http_proxy:-}} run debootstrap --variant=minbase $release "$tree" ${mirror:+"$mirror"}
[ -z "$proxy" ] || printf 'Acquire::http::Proxy "%s";\n' "$proxy" >"$tree/etc/apt/apt.conf.d/01proxy"
# Certificates that this machine trusts beside Debian's, because it may reach the network through a proxy that
# needs them.
if [ -d /usr/local/share/ca-certificates ]; then
  mkdir -p "$tree/usr/local/share"
  cp -r /usr/local/share/ca-certificates "$tree/usr/local/share/"
fi

run git clone --quiet --no-hardlinks . "$tree/root/replicate-webhookd"
# Folders that are mounted into the tree: the toolchain, and git's replacements for github.com.
folders=("$toolchain")
while read -r name origin; do
  place=${name#url.}
  place=${place%.insteadof}
  [ -d "$place" ] || continue
  [[ " ${folders[*]} " == *" $place "* ]] || folders+=("$place")
  git config --file "$tree/etc/gitconfig" --add "$name" "$origin"
done < <(git config --get-regexp '^url\..*\.insteadof$' || true)
# They belong to another user than the tree's, which git refuses otherwise.
git config --file "$tree/etc/gitconfig" --add safe.directory '*'

# Runs in namespaces of its own. Their end removes the mounts and all processes.
inside() {
  local tree=$1 folder
  shift
  mount --make-rprivate /
  mount -t proc proc "$tree/proc"
  mount --rbind /dev "$tree/dev"
  mount -t sysfs -o ro sysfs "$tree/sys"
  while [ "$1" != -- ]; do
    folder=$1
    shift
    mkdir -p "$tree$folder"
    mount --bind "$folder" "$tree$folder"
    mount -o remount,bind,ro "$tree$folder"
  done
  shift
  local path=$1
  shift
  for command in "$@"; do
    chroot "$tree" /usr/bin/env -i HOME=/root TERM="${TERM:-dumb}" LANG=C.UTF-8 \
      PATH="$path:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin" \
      /bin/sh -ec "cd /root/replicate-webhookd && $command" </dev/null
  done
}
export -f inside
install="DEBIAN_FRONTEND=noninteractive \
  apt-get install -y -qq --no-install-recommends ${documented[*]} >/dev/null"
run unshare --mount --pid --fork --kill-child bash -euo pipefail -c 'inside "$@"' inside "$tree" \
  "${folders[@]}" -- "$programs" "apt-get update -qq && $install" "${commands[@]}"
note ""
note "Done: ${commands[*]} in a bare Debian 12."
