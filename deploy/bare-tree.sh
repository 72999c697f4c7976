# Sourced by scripts that try things in a bare Debian 12: debootstrap's minimal system in a folder, entered
# with namespaces of its own. Their end removes mounts and processes.

release=bookworm

# Makes the tree in TMPDIR, and names it in $tree. It is removed when the script ends, also after a failure.
# It uses this machine's apt mirror, apt proxy and certificates.
make_bare_tree() {
  [ "$(id -u)" = 0 ] || fail "This needs root, for debootstrap and chroot: sudo $0"
  need_packages debootstrap util-linux
  tree=$(mktemp -d "${TMPDIR:-/tmp}/bare-debian.XXXXXX")
  # apt reads its lists as a user of its own.
  chmod 0755 "$tree"
  # The mount namespaces have ended by then. Nothing beyond this file system is ever removed.
  trap remove_bare_tree EXIT
  trap 'exit 130' INT TERM

  local mirror proxy
  mirror=$(apt-get indextargets --format '$(REPO_URI) $(RELEASE)' 'Created-By: Packages' |
    awk -v release=$release '$2 == release { print $1; exit }')
  proxy=
  eval "$(apt-config shell proxy Acquire::http::Proxy)"
  [ "$proxy" != DIRECT ] || proxy=
  http_proxy=${proxy:-${http_proxy:-}} run debootstrap --variant=minbase $release "$tree" ${mirror:+"$mirror"}
  [ -z "$proxy" ] || printf 'Acquire::http::Proxy "%s";\n' "$proxy" >"$tree/etc/apt/apt.conf.d/01proxy"
  # Certificates that this machine trusts beside Debian's, because it may reach the network through a proxy
  # that needs them.
  if [ -d /usr/local/share/ca-certificates ]; then
    mkdir -p "$tree/usr/local/share"
    cp -r /usr/local/share/ca-certificates "$tree/usr/local/share/"
  fi
}

remove_bare_tree() {
  stop_systemd
  rm -rf --one-file-system "$tree" ${scratch:+"$scratch"}
}

# Finds this machine's Swift: a toolchain that was unpacked into a folder of its own, which a tree has under
# the same path. Sets $toolchain, and $programs, its folder of programs.
find_toolchain() {
  need_swift
  programs=$(dirname "$(readlink -f "$(command -v swift)")")
  toolchain=$(dirname "$(dirname "$programs")")
  [ "$toolchain" != / ] ||
    fail "Swift is installed into /usr here: unpack a toolchain into its own folder, and put that into PATH."
}

# Clones the last commit into the tree, at the path given, with git's replacements for github.com. Adds the
# folders that are to be mounted for them to $folders.
clone_into_tree() {
  local name origin place
  need_packages git
  run git clone --quiet --no-hardlinks . "$tree$1"
  while read -r name origin; do
    place=${name#url.}
    place=${place%.insteadof}
    [ -d "$place" ] || continue
    [[ " ${folders[*]} " == *" $place "* ]] || folders+=("$place")
    git config --file "$tree/etc/gitconfig" --add "$name" "$origin"
  done < <(git config --get-regexp '^url\..*\.insteadof$' || true)
  # They belong to another user than the tree's, which git refuses otherwise.
  git config --file "$tree/etc/gitconfig" --add safe.directory '*'
}

# Runs commands in the tree: in_tree [MOUNT…] -- PATH FOLDER COMMAND…, where the folders MOUNT are there,
# read-only, at their own paths, PATH begins the search path, and the commands run in FOLDER.
in_tree() {
  run unshare --mount --pid --fork --kill-child bash -euo pipefail -c 'inside "$@"' inside "$tree" "$@"
}

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
  local path=${1:+$1:}
  local place=$2
  shift 2
  for command in "$@"; do
    chroot "$tree" /usr/bin/env -i HOME=/root TERM="${TERM:-dumb}" LANG=C.UTF-8 \
      PATH="$path/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin" \
      /bin/sh -ec "cd $place && $command" </dev/null
  done
}
export -f inside

# Starts systemd as the first process of the tree, which must have it, and waits until it has started. Sets
# $init to its process here; stop_systemd ends it. The network is this machine's.
boot_tree() {
  unshare --mount --pid --fork --kill-child --uts --ipc --cgroup bash -euo pipefail -c 'boot "$@"' boot \
    "$tree" </dev/null >"$tree/root/boot.log" 2>&1 &
  booted=$!
  local _
  for _ in $(seq 300); do
    init=$(pgrep -P $booted 2>/dev/null || true)
    if [ -n "$init" ] && in_booted_tree systemctl is-system-running 2>/dev/null |
      grep -Eq '^(running|degraded)$'; then
      return
    fi
    kill -0 $booted 2>/dev/null || break
    sleep 0.2
  done
  cat "$tree/root/boot.log" >&2
  fail "systemd does not start in the tree. It needs root, and cgroups that it can mount."
}

boot() {
  local node
  mount --make-rprivate /
  mount --bind "$1" "$1"
  cd "$1"
  mount -t proc proc proc
  mount -t sysfs -o ro sysfs sys
  if [ "$(stat -f -c %T /sys/fs/cgroup)" = cgroup2fs ]; then
    mount -t cgroup2 cgroup2 sys/fs/cgroup
  else
    mount -t tmpfs -o mode=755 tmpfs sys/fs/cgroup
    mkdir sys/fs/cgroup/systemd
    mount -t cgroup -o none,name=systemd,xattr cgroup sys/fs/cgroup/systemd
  fi
  mount -t tmpfs -o mode=755 tmpfs dev
  for node in null zero full random urandom tty; do cp -a "/dev/$node" "dev/$node"; done
  mkdir dev/pts dev/shm
  mount -t devpts -o newinstance,ptmxmode=0666,mode=620 devpts dev/pts
  mount -t tmpfs tmpfs dev/shm
  ln -s pts/ptmx dev/ptmx
  ln -s /proc/self/fd dev/fd
  mount -t tmpfs -o mode=755 tmpfs run
  # As systemd makes them outside of containers: what it mounts for a service's credentials must propagate.
  mount --make-rshared .
  exec env -i container=chroot PATH=/usr/sbin:/usr/bin:/sbin:/bin \
    chroot . /sbin/init systemd.unit=multi-user.target --log-target=console
}
export -f boot

# Runs a command beside the systemd of boot_tree.
in_booted_tree() {
  nsenter --target "$init" --all --root --wd \
    /usr/bin/env -i HOME=/root TERM="${TERM:-dumb}" LANG=C.UTF-8 \
    PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin "$@" </dev/null
}

stop_systemd() {
  [ -n "${booted:-}" ] || return 0
  kill -KILL "$booted" 2>/dev/null || true
  wait "$booted" 2>/dev/null || true
  booted=
}
