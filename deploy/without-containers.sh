#!/usr/bin/env bash
# Runs the parts of docker-compose.yml as plain processes on 127.0.0.1, to try them without containers: PostgreSQL, an S3
# server, three replicas, and caddy with the load balancer's configuration. Stop it with Ctrl-C.
#
#   ./deploy/without-containers.sh [PORT]      needs postgresql, caddy and go; PORT is the load balancer's, 8443 by default
set -euo pipefail
cd "$(dirname "$0")/.."
root=$PWD
port=${1:-8443}
cache=${INDEX_TEST_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/index-test}
mkdir -p "$cache/bin" "$cache/log"
retry() { "$@" || "$@"; }
. internal/clienttest/postgres.sh
. internal/clienttest/s3.sh
command -v caddy >/dev/null || { echo "caddy is needed (on Debian: apt-get install caddy)" >&2; exit 1; }

pids=()
finish() {
	[ ${#pids[@]} = 0 ] || kill "${pids[@]}" 2>/dev/null || true
	wait "${pids[@]}" 2>/dev/null || true
	stop_postgres
	stop_s3
	rm -rf "$dir"
}
dir=$(mktemp -d "${TMPDIR:-/tmp}/index-replicas.XXXXXX")
trap finish EXIT
trap 'exit 0' INT TERM

start_postgres
start_s3
[ -z "$postgres_why$s3_why" ] || { echo "$postgres_why $s3_why" >&2; exit 1; }
go build -o "$dir/index" ./cmd/index

export INDEX_DATABASE_URL=$INDEX_TEST_POSTGRES INDEX_STORAGE_URL=$INDEX_TEST_S3 INDEX_BASE_URL=https://localhost:$port
export INDEX_TRUSTED_PROXIES=127.0.0.1/32 INDEX_DRAIN_DELAY=3s INDEX_DATA_DIR=$dir/data
replicas=
for n in 1 2 3; do
	at=127.0.0.1:$(free_port)
	INDEX_DATA_DIR=$dir/data$n "$dir/index" serve --listen "$at" >"$dir/log$n" 2>&1 &
	pids+=($!)
	answers "${at#*:}" || { cat "$dir/log$n" >&2; exit 1; }
	replicas+="$at "
	echo "replica $n: http://$at (process $!)"
done
INDEX_HOST=localhost:$port INDEX_REPLICAS=$replicas XDG_DATA_HOME=$dir/caddy XDG_CONFIG_HOME=$dir/caddy \
	caddy run --config deploy/balancer/Caddyfile --adapter caddyfile >"$dir/balancer" 2>&1 &
pids+=($!)
answers "$port" || { cat "$dir/balancer" >&2; exit 1; }

"$dir/index" user add alice --admin
cat <<END
balancer:  https://localhost:$port, with the authority $dir/caddy/caddy/pki/authorities/local/root.crt
token:     $("$dir/index" token create --user alice)
END
wait "${pids[-1]}" # kill a replica by its process id: clients do not notice
