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
# shellcheck source=deploy/bare-tree.sh
. deploy/bare-tree.sh
find_toolchain
make_bare_tree

# The packages that https://www.swift.org/install/linux/tarball/ lists for Debian 12.
documented=(binutils-gold gcc git libcurl4-openssl-dev libedit-dev libicu-dev libncurses-dev libpython3-dev
  libsqlite3-dev libxml2-dev pkg-config tzdata uuid-dev)
folders=("$toolchain")
clone_into_tree /root/replicate-webhookd
install="DEBIAN_FRONTEND=noninteractive \
  apt-get install -y -qq --no-install-recommends ${documented[*]} >/dev/null"
in_tree "${folders[@]}" -- "$programs" /root/replicate-webhookd "apt-get update -qq && $install" \
  "${commands[@]}"
note ""
note "Done: ${commands[*]} in a bare Debian 12."
