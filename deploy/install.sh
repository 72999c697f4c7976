#!/usr/bin/env bash
# Installs the daemon on this machine: binary, user, settings, systemd unit.
#
#   deploy/install.sh               builds where needed, installs, and starts once a secret or a token is set
#   deploy/install.sh --uninstall   stops and removes everything except the settings and the database
set -euo pipefail

name=replicate-webhookd
bin=/usr/local/bin/$name
units=/etc/systemd/system
settings=/etc/$name/env

cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=deploy/prerequisites.sh
. deploy/prerequisites.sh

# Without systemd, for example in a container, the files are still put in place.
systemd_runs() { [ -d /run/systemd/system ]; }

uninstall_all() {
  ! dpkg-query -W -f '${Status}' $name 2>/dev/null | grep -q 'ok installed' ||
    fail "The package $name is installed: remove it first, with: sudo apt remove $name. Its data stays."
  local unit files=("$bin")
  for unit in deploy/service/*.{service,socket,timer}; do files+=("$units/$(basename "$unit")"); done
  if systemd_runs; then
    as_root systemctl disable --now $name.service $name.socket $name-backup.timer 2>/dev/null || true
    as_root systemctl stop "$name@*.service" "$name-backup@*.timer" || true
  fi
  run as_root rm -f "${files[@]}"
  if systemd_runs; then run as_root systemctl daemon-reload; fi
  note ""
  note "Kept: $settings and /var/lib/$name. Remove them, and the user $name, if you do not need them:"
  note "  rm -r /etc/$name /var/lib/$name && userdel $name"
}

install_all() {
  ! dpkg-query -W -f '${Status}' $name 2>/dev/null | grep -q 'ok installed' ||
    fail "The package $name is installed: remove it first, with: sudo apt remove $name. Its data stays."
  need_packages libssl3 libsqlite3-0 libcurl4 libpq5 zlib1g ca-certificates
  local built=.build/release/$name
  # A binary that is as new as its sources may have been built elsewhere. Then this machine needs no Swift.
  if [ ! -x "$built" ] || [ -n "$(find Sources Package.swift -newer "$built" -print -quit)" ]; then
    need_swift
    need_build_packages
    name_commit
    run swift build -c release --static-swift-stdlib --product $name -Xlinker -s
  fi
  run "$built" --version || fail "This program does not run here: a library that it needs is missing."
  getent passwd $name >/dev/null ||
    run as_root useradd --system --user-group --home-dir /var/lib/$name --no-create-home \
      --shell /usr/sbin/nologin $name
  run as_root install -m 0755 "$built" "$bin"
  run as_root install -d -m 0750 -o root -g $name /etc/$name
  if [ ! -e "$settings" ]; then
    run as_root install -m 0640 -o root -g $name deploy/service/$name.env "$settings"
  fi
  run as_root install -m 0644 deploy/service/*.{service,socket,timer} $units
  start
}

# Whether the settings hold a secret, or a token with which it is fetched, or the unit loads one of them. Only
# root and the service may read the settings.
is_configured() {
  as_root grep -Eq '^(REPLICATE_WEBHOOK_SECRET|REPLICATE_API_TOKEN)(_FILE)?=[^[:space:]]' "$settings" &&
    return
  local credential
  for credential in replicate_webhook_secret replicate_api_token; do
    as_root test -e "/etc/credstore/$credential" && return
  done
  return 1
}

start() {
  if ! systemd_runs; then
    note ""
    note "Installed. systemd does not run here; start it yourself: $bin serve --env-file $settings"
    return
  fi
  run as_root systemctl daemon-reload
  if ! is_configured; then
    note ""
    note "Installed. Put REPLICATE_API_TOKEN and PUBLIC_URL into $settings,"
    note "or only REPLICATE_WEBHOOK_SECRET, then:"
    note "  sudo systemctl enable --now $name"
    return
  fi
  run as_root systemctl enable $name
  run as_root systemctl restart $name
  note ""
  note "Running. Its log: journalctl -u $name -f"
}

case "${1:-}" in
  "") install_all ;;
  --uninstall) uninstall_all ;;
  -h | --help) sed -n '2,/^set -euo/s/^# \{0,1\}//p' "$0" ;;
  *)
    echo "install.sh: unknown argument: $1 (there is --uninstall)" >&2
    exit 64
    ;;
esac
