#!/usr/bin/env bash
# A MariaDB on the volume of a sidecar.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=narrate.sh
. examples/quickstart/narrate.sh
# shellcheck source-path=SCRIPTDIR source=../../setup/consumer-images.sh
. setup/consumer-images.sh

# The number keeps them apart from whatever else there is in the Engine.
prefix=quickstart-$$
sidecar=$prefix-vol
database=$prefix-db
containers_made=

tell_with_docker() {
  headline 'A database in Docker: a snapshot, an accident, and the way back.'
  { prepare_base_image && prepare_mariadb_image; } ||
    fail 'there is no image to build on; examples/quickstart.sh --without-docker needs none'
  containers_made=yes

  step 'Build the image from this repository (a minute the first time).'
  run 'docker build --quiet --force-rm --network host --tag snap-volume .'

  step 'Start the sidecar: it owns the data volume and takes a snapshot of it every day at 3:00 GMT.'
  echo 'By the Docker API it pauses the server for that moment, so that all its files are of one instant.'
  run "docker run -d --name $sidecar --restart unless-stopped \\
    -v $prefix-data:/var/lib/mysql -v $prefix-snapshots:/opt/.snap \\
    -v /var/run/docker.sock:/var/run/docker.sock -e SNAP_QUIESCE=pause \\
    -e SNAP_CRON='0 3 * * *' -e SNAP_MAX=128 snap-volume start mysql:/var/lib/mysql"

  step 'Start a MariaDB server on the same volume. It gets no more: the socket is root on this host.'
  run "docker run -d --name $database --restart unless-stopped -v $prefix-data:/var/lib/mysql \\
    -e MARIADB_ALLOW_EMPTY_ROOT_PASSWORD=1 $mariadb_image"
  wait_for_database

  step 'Write some rows.'
  run "docker exec $database mariadb -e \"
    CREATE DATABASE shop;
    CREATE TABLE shop.fruit (name TEXT, stock INT);
    INSERT INTO shop.fruit VALUES ('apple', 120), ('cherry', 900), ('plum', 75)\""
  local show_rows="docker exec $database mariadb --table shop -e 'SELECT * FROM fruit'" before after
  before=$(run "$show_rows")
  printf '%s\n' "$before"

  step 'Take a snapshot.'
  run "docker exec $sidecar snap-volume snapshot -m 'before the clean-up'"

  step 'Look at it: a snapshot is a directory of plain files. DATA says that the server was paused.'
  run "docker exec $sidecar snap-volume show"
  run "docker exec $sidecar ls -l /opt/.snap/$(newest_snapshot)/mysql/shop"

  step 'The accident: somebody drops the table.'
  run "docker exec $database mariadb shop -e 'DROP TABLE fruit'"
  if run "$show_rows" 2>&1; then fail 'the rows are still there after DROP TABLE'; fi

  step 'Ask what a restore would do; nothing is changed yet.'
  run "docker run --rm --volumes-from $sidecar snap-volume restore latest --dry-run"

  step 'Restore, from a second container. It stops the server and starts it again; what it replaces is kept, as a snapshot too.'
  run "docker run --rm --volumes-from $sidecar snap-volume restore latest --yes"

  step 'Look for the rows.'
  wait_for_database
  after=$(run "$show_rows") || true
  printf '%s\n' "$after"
  [[ $after == "$before" ]] || fail 'the rows did not come back'
}

wait_for_database() {
  echo '(waiting until it answers)'
  local deadline=$((SECONDS + 120)) answer
  # Over TCP: on its socket the official image answers already while it sets itself up.
  until answer=$(docker exec "$database" mariadb-admin --host=127.0.0.1 ping 2>&1); do
    ((SECONDS < deadline)) || fail "$database does not answer after 120 seconds: $answer"
    [[ $(docker inspect --format '{{.State.Running}}' "$database") == true ]] || fail "$database has ended"
    sleep 0.2
  done
}

newest_snapshot() {
  docker exec "$sidecar" ls /opt/.snap | tail -n 1
}

show_container_logs() {
  local container
  [[ -n $containers_made ]] || return 0
  for container in "$sidecar" "$database"; do
    docker container inspect "$container" >/dev/null 2>&1 || continue
    complain "-- docker logs $container ends with:"
    docker logs --tail 10 "$container" >&2 || true
  done
}

remove_containers() {
  [[ -n $containers_made ]] || return 0
  containers_made=
  docker rm --force --volumes "$sidecar" "$database" >/dev/null 2>&1 || true
  docker volume rm --force "$prefix-data" "$prefix-snapshots" >/dev/null 2>&1 || true
}

print_what_next_with_docker() {
  local engine_was_started=$1
  headline 'That was it. The rows came back, and all that was started here is removed again.'
  cat <<NEXT
The image snap-volume stays. Try next:
  docker run --rm snap-volume help      all commands, with examples
  examples/README.md                    the sidecar in Compose, and a host without Docker
Or with data of your own in /srv/data (the socket is root on this host):
  docker run -d --name my-vol --restart unless-stopped -v /srv/data:/data -v /srv/snapshots:/opt/.snap \\
    -v /var/run/docker.sock:/var/run/docker.sock -e SNAP_QUIESCE=pause snap-volume start data:/data
  docker run -d -v /srv/data:/data IMAGE-OF-YOUR-APPLICATION
  docker exec my-vol snap-volume snapshot
NEXT
  [[ -z $engine_was_started ]] ||
    echo 'The Docker Engine is stopped again, because it did not run before: start it first.'
}
