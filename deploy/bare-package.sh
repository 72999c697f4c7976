#!/usr/bin/env bash
# Tries the package as a new user would, in a bare Debian 12 without Swift, under systemd: installs it,
# receives a delivery, makes a backup, runs two more daemons, upgrades, goes back, removes, purges. Then it
# runs the steps of the Dockerfile with the same package. Takes six minutes beside the build. Needs root, and
# 2 GB in TMPDIR.
#
#   deploy/bare-package.sh
#   deploy/bare-package.sh --binary FILE   packages this program, and builds none
#
# deploy/package/steps.sh has the steps. The tree, its mounts and its processes are removed at the end.
set -euo pipefail

options=(--check)
case "${1:-}" in
  "") ;;
  --binary)
    [ -x "${2:-}" ] || {
      echo "bare-package.sh: --binary takes a program" >&2
      exit 64
    }
    options+=(--binary "$(readlink -f "$2")")
    ;;
  -h | --help)
    sed -n '2,/^set -euo/s/^# \{0,1\}//p' "$0"
    exit 0
    ;;
  *)
    echo "bare-package.sh: unknown argument: $1 (there is --binary)" >&2
    exit 64
    ;;
esac

cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=deploy/prerequisites.sh
. deploy/prerequisites.sh
# shellcheck source=deploy/bare-tree.sh
. deploy/bare-tree.sh
make_bare_tree
scratch=$(mktemp -d "${TMPDIR:-/tmp}/replicate-packages.XXXXXX")

run deploy/package.sh "${options[@]}" --output "$scratch/first"
first=$(echo "$scratch"/first/*.deb)
# An upgrade to the same program: what is tested is the package.
later=$(dpkg-deb --field "$first" Version).1
run deploy/package.sh --binary "$(dpkg-deb --fsys-tarfile "$first" | tar -xO ./usr/bin/replicate-webhookd \
  >"$scratch/program" && chmod 0755 "$scratch/program" && echo "$scratch/program")" \
  --package-version "$later" --output "$scratch/later"
(cd "$scratch/first" && run sha256sum --check SHA256SUMS)
install -D -m 0644 "$first" "$tree/root/first.deb"
install -m 0644 "$scratch"/later/*.deb "$tree/root/later.deb"
install -m 0755 deploy/package/steps.sh "$tree/root/steps.sh"

in_tree -- "" /root "apt-get update -qq
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
    systemd systemd-sysv dbus man-db >/dev/null 2>&1"
boot_tree
note ""
note "systemd $(in_booted_tree systemctl --version | sed -n '1s/.*(\(.*\))/\1/p') runs in the tree."
run in_booted_tree /root/steps.sh || fail "The journal of the daemons:
$(in_booted_tree journalctl --no-pager -n 60 -u 'replicate-webhookd*')"
stop_systemd

run deploy/docker/try.sh --package "$first"
note ""
note "Done: the package and the steps of the Dockerfile work in a bare Debian 12 without Swift."
