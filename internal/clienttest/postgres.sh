# Sourced by test.sh: a throw-away PostgreSQL for one run, stopped by its own process id.

# postgres_bin: the folder of the newest server on this machine. Debian keeps servers off the PATH.
postgres_bin() {
	local dir
	dir=$(find /usr/lib/postgresql/*/bin -name initdb 2>/dev/null | sort -V | tail -n 1)
	[ -n "$dir" ] || dir=$(command -v initdb || true)
	[ -z "$dir" ] || dirname "$dir"
}

# The server refuses to run as root, so root lends it the packaged account.
as_postgres() {
	if [ "$(id -u)" = 0 ]; then runuser -u postgres -- "$@"; else "$@"; fi
}

# free_port: one nobody listens on now; the server says so if somebody takes it before it does.
free_port() {
	local port
	for _ in {1..100}; do
		port=$((20000 + RANDOM % 10000))
		(exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null || { echo "$port"; return; }
	done
}

# start_postgres: exports INDEX_TEST_POSTGRES, or sets $postgres_why to the reason it could not.
start_postgres() {
	local bin port
	postgres_why=
	[ -z "${INDEX_TEST_POSTGRES:-}" ] || return 0
	bin=$(postgres_bin)
	[ -n "$bin" ] || { postgres_why="no PostgreSQL server on this machine"; return 0; }
	if [ "$(id -u)" = 0 ] && ! id postgres >/dev/null 2>&1; then
		postgres_why="running as root and there is no postgres user to run the server"
		return 0
	fi
	postgres_dir=$(mktemp -d /tmp/index-postgres.XXXXXX)
	[ "$(id -u)" != 0 ] || chown postgres "$postgres_dir"
	port=$(free_port)
	# Without the lock of test.sh: were that killed, the server would hold it for ever.
	if ! run_postgres "$bin" "$port" >"$cache/log/postgres" 2>&1 9>&-; then
		postgres_why="the server did not start: $(tail -n 1 "$cache/log/postgres")"
		return 0
	fi
	export INDEX_TEST_POSTGRES="postgres://index@127.0.0.1:$port/postgres?sslmode=disable"
}

# No durability: the cluster is thrown away, and syncing would make the tests measure the disk.
run_postgres() {
	local data=$postgres_dir/data
	cd /tmp
	as_postgres "$1/initdb" -D "$data" -U index --auth=trust --no-sync -E UTF8 --locale=C &&
		as_postgres "$1/pg_ctl" -D "$data" -l "$postgres_dir/log" -w -t 60 start -o "-p $2 -k $postgres_dir \
-c listen_addresses=127.0.0.1 -c fsync=off -c synchronous_commit=off -c full_page_writes=off -c max_connections=300"
	local failed=$?
	cd "$root"
	return $failed
}

stop_postgres() {
	[ -n "${postgres_dir:-}" ] || return 0
	local pid
	pid=$(head -n 1 "$postgres_dir/data/postmaster.pid" 2>/dev/null || true)
	if [ -n "$pid" ]; then
		kill -INT "$pid" 2>/dev/null || true
		while kill -0 "$pid" 2>/dev/null; do sleep 0.1; done
	fi
	rm -rf "$postgres_dir"
	postgres_dir=
}
