#!/usr/bin/env bash
# Builds and runs the image of deploy/docker/Dockerfile, until its health check succeeds. Without a container
# engine it runs the Dockerfile's steps in a bare Debian 12 instead, which needs root.
#
#   deploy/docker/try.sh                  both stages
#   deploy/docker/try.sh --package FILE   the second stage, with this package
#   deploy/docker/try.sh --no-engine      the steps in a bare Debian, even where there is an engine
set -euo pipefail

package='' engine=true
while [ $# -gt 0 ]; do
  case $1 in
    --package)
      [ -f "${2:-}" ] || {
        echo "try.sh: --package takes a file" >&2
        exit 64
      }
      package=$(readlink -f "$2")
      engine=false
      shift
      ;;
    --no-engine) engine=false ;;
    -h | --help)
      sed -n '2,/^set -euo/s/^# \{0,1\}//p' "$0"
      exit 0
      ;;
    *)
      echo "try.sh: unknown argument: $1 (try --help)" >&2
      exit 64
      ;;
  esac
  shift
done

cd "$(dirname "${BASH_SOURCE[0]}")/../.."
# shellcheck source=deploy/prerequisites.sh
. deploy/prerequisites.sh
# shellcheck source=deploy/bare-tree.sh
. deploy/bare-tree.sh
dockerfile=deploy/docker/Dockerfile
# Any secret will do: nothing is signed here.
secret=whsec_$(head -c 24 /dev/urandom | base64)

with_engine() {
  local container _
  name_commit
  run docker build -f $dockerfile --build-arg BUILD_COMMIT="$BUILD_COMMIT" -t replicate-webhookd .
  container=$(docker run --detach --env REPLICATE_WEBHOOK_SECRET="$secret" replicate-webhookd)
  # shellcheck disable=SC2064
  trap "docker rm --force $container >/dev/null" EXIT
  for _ in $(seq 90); do
    [ "$(docker inspect --format '{{.State.Health.Status}}' "$container")" = healthy ] && break
    sleep 1
  done
  run docker inspect --format '{{.Config.User}} {{.State.Health.Status}}' "$container"
  [ "$(docker inspect --format '{{.State.Health.Status}}' "$container")" = healthy ]
}

# Reads the steps of a stage into $words and $values.
read_steps() {
  words=() values=()
  local word value
  while IFS= read -r -d '' word && IFS= read -r -d '' value; do
    words+=("$word")
    values+=("$value")
  done < <(python3 deploy/docker/steps.py $dockerfile "$1")
  [ ${#words[@]} -gt 1 ] || fail "$dockerfile has no stage $1."
}

# The first stage: a Debian with the Swift of this machine stands for the image of Swift.
first_stage() {
  local position place=/ documented folders
  read_steps build
  make_bare_tree
  find_toolchain
  folders=("$toolchain")
  # What that image has beside Swift: https://github.com/swiftlang/swift-docker
  documented="binutils-gold gcc git libcurl4-openssl-dev libedit-dev libicu-dev libncurses-dev libpython3-dev
    libsqlite3-dev libxml2-dev pkg-config tzdata uuid-dev"
  in_tree -- "" / "apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
      $(echo $documented) >/dev/null"
  for position in "${!words[@]}"; do
    case ${words[position]} in
      FROM | ARG) ;;
      WORKDIR) place=${values[position]} ;;
      COPY)
        [ "${values[position]}" = ". ." ] || fail "An unknown COPY: ${values[position]}"
        clone_into_tree "$place"
        ;;
      RUN) in_tree "${folders[@]}" -- "$programs" "$place" "${values[position]}" ;;
      *) fail "$dockerfile: no step for ${words[position]} in the first stage" ;;
    esac
  done
  scratch=$(mktemp -d "${TMPDIR:-/tmp}/replicate-image.XXXXXX")
  cp "$tree"/package/*.deb "$scratch"
  rm -rf --one-file-system "$tree"
  package=$(echo "$scratch"/*.deb)
}

second_stage() {
  local position place=/ user='' entry='' command='' health='' environment=()
  read_steps final
  make_bare_tree
  mkdir "$tree/package"
  cp "$package" "$tree/package"
  for position in "${!words[@]}"; do
    case ${words[position]} in
      FROM)
        [ "${values[position]}" = debian:bookworm-slim ] || fail "The tree is no ${values[position]}."
        ;;
      RUN) in_tree -- "" / "${values[position]}" ;;
      ENV) read -ra environment <<<"${values[position]}" ;;
      USER) user=${values[position]} ;;
      WORKDIR) place=${values[position]} ;;
      ENTRYPOINT) entry=${values[position]} ;;
      CMD) command=${values[position]} ;;
      HEALTHCHECK) health=${values[position]} ;;
      VOLUME | EXPOSE) ;;
      *) fail "$dockerfile: no step for ${words[position]} in the second stage" ;;
    esac
  done
  rm -r "$tree/package"
  [[ $user =~ ^[1-9][0-9]*:[1-9][0-9]*$ ]] || fail "The image must not run as root: USER is $user"

  # As an engine does: as that user, in that folder, with that environment; health checks until one succeeds.
  # The network is this machine's, so that ports other than the image's are taken.
  local settings="${environment[*]} REPLICATE_WEBHOOK_SECRET=$secret WEBHOOK_LISTEN=127.0.0.1:18080"
  settings+=" API_LISTEN=127.0.0.1:18081"
  local as="setpriv --reuid=${user%:*} --regid=${user#*:} --clear-groups env $settings"
  in_tree -- "" "$place" "
    $as $entry --version
    ! $as $health
    $as $entry $command &
    for _ in \$(seq 50); do
      if $as $health 2>/dev/null; then healthy=yes; break; fi
      sleep 0.2
    done
    [ \"\$healthy\" = yes ]
    stat -c '%U %a %n' $place $place/replicate-webhookd.db
    [ \"\$(stat -c %u $place/replicate-webhookd.db)\" = ${user%:*} ]
    kill \$!
    wait \$!"
}

if $engine && command -v docker >/dev/null && docker info >/dev/null 2>&1; then
  with_engine
  note ""
  note "Done: the image is built, and a container of it is healthy."
  exit
fi
note "No container engine is used: the steps of $dockerfile run in a bare Debian 12."
need_packages python3
[ -n "$package" ] || first_stage
second_stage
note ""
note "Done: the steps of $dockerfile work in a bare Debian 12. No image was built."
