#!/bin/bash
# Run by deploy/bare-package.sh in a bare Debian under systemd, with the packages first.deb and later.deb
# beside it: what an operator does, each step with its check.
set -euo pipefail
cd /root
name=replicate-webhookd
export DEBIAN_FRONTEND=noninteractive

step() { printf '\n== %s\n' "$*"; }
expect() { "$@" || { printf 'failed: %s\n' "$*" >&2 && exit 1; }; }
absent() { [ ! -e "$1" ] || { printf 'failed: %s is there\n' "$1" >&2 && exit 1; }; }
add() {
  apt-get install -y -qq --no-install-recommends --allow-downgrades "$1" >apt.log 2>&1 ||
    { cat apt.log && exit 1; }
}
# Whether the daemon with these settings is ready, within 10 seconds.
ready() {
  local _
  for _ in $(seq 50); do
    if $name health --env-file "$1"; then return; fi 2>/dev/null
    sleep 0.2
  done
  return 1
}
# The states of the jobs of the daemon with these settings.
states() { $name jobs --env-file "$1" --json | grep -o '"state":"[a-z]*"' | cut -d '"' -f 4; }
main_pid() { systemctl show --value --property MainPID "$1"; }
# Settings with the ports $1 and $2, a secret, and the database of the app $3.
settings() {
  local secret
  secret=whsec_$(head -c 24 /dev/urandom | base64)
  sed -e "s|^REPLICATE_WEBHOOK_SECRET=.*|REPLICATE_WEBHOOK_SECRET=$secret|" \
    -e "s|/$name/$name.db|/$name${3:+-$3}/$name.db|" \
    -e "s|^WEBHOOK_LISTEN=.*|WEBHOOK_LISTEN=127.0.0.1:$1|" -e "s|^API_LISTEN=.*|API_LISTEN=127.0.0.1:$2|" \
    /etc/$name/env
}
env=/etc/$name/env

step "this Debian has no Swift, and nothing of the daemon"
expect [ -z "$(command -v swift || true)" ]
absent /usr/bin/$name

step "install"
add ./first.deb
grep -A 1 '^replicate-webhookd is installed' apt.log
expect [ "$(stat -c '%U:%G %a' $env)" = "root:$name 640" ]
expect [ "$(stat -c '%U:%G %a' /etc/$name)" = "root:$name 750" ]
expect [ "$(systemctl is-active $name)" = inactive ]
$name --version
expect grep -q '(commit [0-9a-f]' <<<"$($name --version)"
expect [ "$(man -w $name)" = /usr/share/man/man8/$name.8.gz ]
expect [ -z "$(man --warnings -l /usr/share/man/man8/$name.8.gz 2>&1 >/dev/null)" ]
for file in bash-completion/completions/$name zsh/vendor-completions/_$name \
  fish/vendor_completions.d/$name.fish doc/$name/README.md doc/$name/examples/env.example; do
  expect [ -s /usr/share/$file ]
done
expect grep -q replicate <<<"$(bash -c ". /usr/share/bash-completion/completions/$name && complete -p $name")"

step "without settings the start fails, with a line that says why"
expect [ "$(systemctl start $name 2>/dev/null && echo started)" = "" ]
expect grep -q REPLICATE_WEBHOOK_SECRET <<<"$(journalctl -u $name --no-pager)"
systemctl reset-failed $name

step "settings, and a start"
settings 18080 18081 >new && cat new >$env && rm new
expect runuser -u $name -- $name check --env-file $env
systemctl enable -q --now $name
ready $env
expect [ "$(systemctl is-active $name)" = active ]

step "a delivery"
$name send --scenario happy --env-file $env
expect [ "$(states $env)" = succeeded ]
expect [ "$(stat -c '%U %a' /var/lib/$name/$name.db)" = "$name 600" ]

step "a backup, by the timer's service"
systemctl enable -q --now $name-backup.timer
systemctl start $name-backup
copy=/var/lib/$name/backups/backup-$(date +%u).db
stat -c '%U:%G %a %s bytes %n' "$copy"
expect [ "$(stat -c '%U %a' "$copy")" = "$name 600" ]
systemctl list-timers --no-pager --no-legend | grep -o "$name-backup.timer"

step "two more daemons, each for its app: shop and blog"
for app in shop:18082:18083 blog:18084:18085; do
  IFS=: read -r app webhooks api <<<"$app"
  install -d -m 0755 /etc/$name/$app
  settings "$webhooks" "$api" "$app" >new && install -m 0640 -g $name new /etc/$name/$app/env && rm new
  systemctl enable -q --now $name@$app $name-backup@$app.timer
  ready /etc/$name/$app/env
done
$name send --scenario failed --env-file /etc/$name/shop/env
expect [ "$(states /etc/$name/shop/env)" = failed ]
expect [ -z "$(states /etc/$name/blog/env)" ]
expect [ "$(states $env)" = succeeded ]
shop=$(main_pid $name@shop)
expect [ "$(ls "/proc/$shop/root/etc/$name")" = shop ]
expect [ "$(stat -c %u "/proc/$shop")" != "$(stat -c %u "/proc/$(main_pid $name@blog)")" ]
expect [ "$(stat -c %a /var/lib/private)" = 700 ]
systemctl start $name-backup@shop
expect [ -s "/var/lib/$name-shop/backups/backup-$(date +%u).db" ]

step "secrets as credentials of systemd"
sed -n 's/^REPLICATE_WEBHOOK_SECRET=//p' $env >secret
sed -n 's/^REPLICATE_WEBHOOK_SECRET=//p' /etc/$name/shop/env >secret-of-shop
install -D -m 0600 secret /etc/credstore/replicate_webhook_secret
install -m 0600 secret-of-shop /etc/credstore/$name@shop.replicate_webhook_secret
sed -i 's/^REPLICATE_WEBHOOK_SECRET=.*/REPLICATE_WEBHOOK_SECRET=/' $env /etc/$name/shop/env
systemctl restart $name $name@shop
ready $env
ready /etc/$name/shop/env
REPLICATE_WEBHOOK_SECRET=$(cat secret) $name send --scenario happy --env-file $env
REPLICATE_WEBHOOK_SECRET=$(cat secret-of-shop) $name send --scenario happy --env-file /etc/$name/shop/env
expect [ "$(states $env | wc -l)" = 2 ]

step "a socket of systemd: a delivery waits while no daemon runs"
mkdir -p /etc/systemd/system/$name.socket.d
printf '[Socket]\nListenStream=\nListenStream=127.0.0.1:18080\n' >/etc/systemd/system/$name.socket.d/port.conf
sed -i 's|^WEBHOOK_LISTEN=.*|WEBHOOK_LISTEN=systemd:webhooks|' $env
systemctl daemon-reload
systemctl stop $name
systemctl enable -q --now $name.socket
# The connection starts the daemon, which answers it.
REPLICATE_WEBHOOK_SECRET=$(cat secret) $name send http://127.0.0.1:18080/webhooks/replicate
ready $env
expect [ "$(states $env | wc -l)" = 3 ]

step "upgrade: settings and jobs stay, and the daemons run the new program"
before="$(main_pid $name) $(main_pid $name@shop)"
cp $env settings-before
add ./later.deb
ready $env
ready /etc/$name/shop/env
expect cmp $env settings-before
expect [ "$(states $env | wc -l)" = 3 ]
for process in $before; do expect [ ! -e "/proc/$process" ]; done
dpkg-query -W $name

step "the way back: the older package, with the same jobs"
add ./first.deb
ready $env
expect [ "$(states $env | wc -l)" = 3 ]
dpkg-query -W $name

step "a backup replaces a lost database"
systemctl stop $name.socket $name
rm /var/lib/$name/$name.db*
runuser -u $name -- cp "$copy" /var/lib/$name/$name.db
systemctl start $name
ready $env
expect [ "$(states $env)" = succeeded ]

step "remove: the program goes, what is yours stays"
apt-get remove -y -qq $name >/dev/null 2>&1
absent /usr/bin/$name
expect [ -s $env ]
expect [ -s /var/lib/$name/$name.db ]
expect [ -z "$(readlink /proc/[0-9]*/exe | grep "$name" || true)" ]

step "install again: the same daemons, after their start"
add ./first.deb
systemctl start $name.socket
systemctl start $name $name@shop
ready $env
expect [ "$(states $env)" = succeeded ]
expect [ "$(systemctl is-enabled $name)" = enabled ]

step "purge: nothing stays but the user, and drop-ins of the operator's own"
apt-get purge -y -qq $name >/dev/null 2>&1
for path in /usr/bin/$name /etc/$name /var/lib/$name /var/lib/$name-shop /var/lib/private/$name-shop \
  /lib/systemd/system/$name.service /usr/share/doc/$name; do
  absent "$path"
done
expect [ -z "$(find /etc/systemd /lib/systemd /usr -name "*$name*" ! -name '*.d')" ]
expect [ -n "$(getent passwd $name)" ]
printf '\nAll steps are done.\n'
