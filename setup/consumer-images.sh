#!/usr/bin/env bash
# Images of applications whose volumes are snapshotted.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=build-image.sh
. "$(dirname "${BASH_SOURCE[0]}")/build-image.sh"
# shellcheck source-path=SCRIPTDIR source=base-image.sh
. "$(dirname "${BASH_SOURCE[0]}")/base-image.sh"

mariadb_test_image=snap-volume-test/mariadb
postgres_test_image=snap-volume-test/postgres
redis_test_image=snap-volume-test/redis
prometheus_test_image=snap-volume-test/prometheus
samba_test_image=snap-volume-test/samba

build_mariadb_image() {
  build_image "$mariadb_test_image" "$repository/test/images/mariadb"
}

build_postgres_image() {
  build_image "$postgres_test_image" "$repository/test/images/postgres"
}

build_redis_image() {
  build_image "$redis_test_image" "$repository/test/images/redis"
}

build_prometheus_image() {
  build_image "$prometheus_test_image" "$repository/test/images/prometheus"
}

build_samba_image() {
  build_image "$samba_test_image" "$repository/examples/samba"
}

# Leaves the image in $mariadb_image: the official one, or ours where it cannot be pulled.
# Both want MARIADB_ALLOW_EMPTY_ROOT_PASSWORD=1 or bear it, and let root in with `docker exec ... mariadb`.
prepare_mariadb_image() {
  mariadb_image=mariadb:11
  docker image inspect "$mariadb_image" >/dev/null 2>&1 && return
  # Where the base could not be pulled nothing else can.
  if [[ -z $(docker image inspect --format '{{index .Config.Labels "snap-volume.base"}}' "$base_image") ]]; then
    say "pulling $mariadb_image"
    timeout 180 docker pull --quiet "$mariadb_image" >/dev/null 2>&1 && return
  fi
  mariadb_image=$mariadb_test_image
  build_mariadb_image
}
