#!/usr/bin/env bash
# Builds a Debian package of the daemon: program with the Swift runtime in it, systemd units, settings, manual
# page, completions, documents. It runs on the Debian or Ubuntu release that it was built on, and later ones.
#
#   deploy/package.sh                     builds where needed, and writes package and SHA256SUMS to
#                                         .build/package
#   deploy/package.sh --output DIR        … to this folder
#   deploy/package.sh --package-version V   … with this version, instead of the program's and its commit
#   deploy/package.sh --binary FILE       … of this program, and builds none
#   deploy/package.sh --check             checks the package with lintian: an error is a failure
#
# DEBFULLNAME and DEBEMAIL name its maintainer, as for other tools of Debian.
# The same program and commit make the same package, byte for byte.
set -euo pipefail

name=replicate-webhookd
output=.build/package version='' binary='' check=false
while [ $# -gt 0 ]; do
  case $1 in
    --output | --package-version | --binary)
      [ -n "${2:-}" ] || {
        echo "package.sh: $1 needs a value" >&2
        exit 64
      }
      case $1 in
        --output) output=$2 ;;
        --package-version) version=$2 ;;
        --binary) binary=$2 ;;
      esac
      shift
      ;;
    --check) check=true ;;
    -h | --help)
      sed -n '2,/^set -euo/s/^# \{0,1\}//p' "$0"
      exit 0
      ;;
    *)
      echo "package.sh: unknown argument: $1 (try --help)" >&2
      exit 64
      ;;
  esac
  shift
done
case $version in
  [0-9]* | '') ;;
  *)
    echo "package.sh: --package-version begins with a digit, as Debian's versions do: $version" >&2
    exit 64
    ;;
esac
here=$PWD
case $output in /*) ;; *) [ "$output" = .build/package ] || output=$here/$output ;; esac
case $binary in /* | '') ;; *) binary=$here/$binary ;; esac

cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=deploy/prerequisites.sh
. deploy/prerequisites.sh
command -v dpkg-deb >/dev/null || fail "dpkg-deb is missing: run this on Debian or Ubuntu."

need_packages dpkg-dev python3 xz-utils
if [ -z "$binary" ]; then
  need_swift
  need_build_packages
  name_commit
  note "Building the program. The first build takes some minutes."
  run swift build -c release --static-swift-stdlib --product $name -Xlinker -s
  binary=.build/release/$name
fi
[ -x "$binary" ] || fail "There is no program at $binary."

# The first line of --version: replicate-webhookd 0.1.0 (commit 0123456789ab)
about=$("$binary" --version | head -n 1)
number=$(sed -n "s/^$name \([0-9.]*\) .*/\1/p" <<<"$about")
commit=$(sed -n 's/.* (commit \([a-z0-9-]*\))$/\1/p' <<<"$about")
[ -n "$number" ] && [ -n "$commit" ] || fail "$binary is no $name of this version: $about"
if [ -z "$version" ]; then
  # The number of commits, so that later packages are newer.
  count=$(if [ -e .git ]; then git rev-list --count HEAD 2>/dev/null; fi || true)
  version=$number${count:++$count.${commit//-/.}}
fi
# The time of the commit stands in the package instead of that of the build.
if [ -z "${SOURCE_DATE_EPOCH:-}" ]; then
  SOURCE_DATE_EPOCH=$(if [ -e .git ]; then git log -1 --format=%ct 2>/dev/null; fi || true)
fi
export SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(date +%s)}

umask 022
place=$(mktemp -d "${TMPDIR:-/tmp}/replicate-package.XXXXXX")
trap 'rm -rf "$place"' EXIT
trap 'exit 130' INT TERM
tree=$place/tree
share=$tree/usr/share
documents=$share/doc/$name
note "Packaging $name $version"

install -D -m 0755 "$binary" "$tree/usr/bin/$name"
for unit in deploy/service/*.{service,socket,timer}; do
  target=$tree/lib/systemd/system/$(basename "$unit")
  install -D -m 0644 "$unit" "$target"
  # The same units as those of deploy/install.sh, with the package's path.
  sed -i "s|/usr/local/bin/$name|/usr/bin/$name|g" "$target"
done
install -D -m 0640 deploy/service/$name.env "$tree/etc/$name/env"

mkdir -p "$share/man/man8" "$share/bash-completion/completions" "$share/zsh/vendor-completions" \
  "$share/fish/vendor_completions.d"
"$binary" --experimental-dump-help | python3 deploy/package/manual.py "$number" | gzip -9n \
  >"$share/man/man8/$name.8.gz"
"$binary" --generate-completion-script bash | sed '1{/^#!/d}' \
  >"$share/bash-completion/completions/$name"
"$binary" --generate-completion-script zsh >"$share/zsh/vendor-completions/_$name"
"$binary" --generate-completion-script fish >"$share/fish/vendor_completions.d/$name.fish"

# In the layout of the repository, so that the documents find each other.
mkdir -p "$documents/examples"
install -m 0644 deploy/package/copyright README.md "$documents"
sed -i "s/@YEAR@/$(date -u -d "@$SOURCE_DATE_EPOCH" +%Y)/g" "$documents/copyright"
for folder in docs examples proxy; do
  mkdir -p "$documents/deploy/$folder"
  install -m 0644 deploy/$folder/* "$documents/deploy/$folder"
done
install -m 0644 .env.example "$documents/examples/env.example"
install -m 0644 deploy/service/$name.env "$documents/examples/env"
maintainer="${DEBFULLNAME:-$name} <${DEBEMAIL:-noreply@example.org}>"
printf '%s (%s) unstable; urgency=medium\n\n  * Built from commit %s.\n\n -- %s  %s\n' "$name" "$version" \
  "$commit" "$maintainer" "$(date -R -u -d "@$SOURCE_DATE_EPOCH")" | gzip -9n >"$documents/changelog.gz"

mkdir "$place/debian" "$tree/DEBIAN"
printf 'Source: %s\n\nPackage: %s\nArchitecture: any\n' $name $name >"$place/debian/control"
libraries=$(cd "$place" && dpkg-shlibdeps -O "$tree/usr/bin/$name" | sed -n 's/^shlibs:Depends=//p')
[ -n "$libraries" ] || fail "dpkg-shlibdeps names no libraries."
! grep -q libswift <<<"$(ldd "$binary")" || fail "$binary needs Swift's libraries: build it with
--static-swift-stdlib, as this script does without --binary."

architecture=$(dpkg --print-architecture)
cat >"$tree/DEBIAN/control" <<END
Package: $name
Version: $version
Architecture: $architecture
Maintainer: $maintainer
Installed-Size: $(du -k -s --apparent-size "$tree" | cut -f 1)
Depends: $libraries, adduser, ca-certificates
Section: net
Priority: optional
Description: webhook receiver and job store for Replicate
 A daemon that creates predictions at Replicate, receives and verifies their
 webhooks, polls where webhooks stay away, and brings every job to an end that
 an app can rely on. It stores jobs in SQLite or PostgreSQL, serves them over
 HTTP, and sends their ends to the app.
 .
 What it has acknowledged is on disk. Commit: $commit.
END
printf '/etc/%s/env\n' $name >"$tree/DEBIAN/conffiles"
install -m 0755 deploy/package/{postinst,prerm,postrm} "$tree/DEBIAN"
(cd "$tree" && find usr lib -type f -print0 | LC_ALL=C sort -z | xargs -0 md5sum >DEBIAN/md5sums)

mkdir -p "$output"
package=${name}_${version}_$architecture.deb
run dpkg-deb --root-owner-group -Zxz --build "$tree" "$output/$package"
(cd "$output" && sha256sum -- ${name}_*.deb >SHA256SUMS)
if $check; then
  need_packages lintian
  run lintian --allow-root --fail-on error "$output/$package"
fi
note ""
note "$output/$package"
note "Install it with: sudo apt install $(case $output in /*) ;; *) printf ./ ;; esac)$output/$package"
