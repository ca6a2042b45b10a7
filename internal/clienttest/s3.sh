# Sourced by test.sh: an object store for one run, stopped by its own process id.

# versitygw speaks S3 over a folder and checks every signature, as a store of production does.
versitygw=1.8.0 # renovate: datasource=go depName=github.com/versity/versitygw

install_s3() {
	[ -x "$cache/bin/versitygw-$versitygw" ] && return 0
	GOBIN=$cache/bin retry go install "github.com/versity/versitygw/cmd/versitygw@v$versitygw" &&
		mv "$cache/bin/versitygw" "$cache/bin/versitygw-$versitygw"
}

# start_s3: exports INDEX_TEST_S3, a gocloud.dev URL to which parameters can be added, and the credentials in the
# variables of AWS; or sets $s3_why to the reason it could not. Each test uses a prefix of its own.
start_s3() {
	local port
	s3_why=
	[ -z "${INDEX_TEST_S3:-}" ] || return 0
	install_s3 >"$cache/log/s3" 2>&1 || { s3_why="the server cannot be built: $(tail -n 1 "$cache/log/s3")"; return 0; }
	s3_dir=$(mktemp -d "${TMPDIR:-/tmp}/index-s3.XXXXXX")
	mkdir -p "$s3_dir/data/index" "$s3_dir/about" # a folder below the root is a bucket
	port=$(free_port)
	export INDEX_TEST_S3_SERVER=$cache/bin/versitygw-$versitygw
	export AWS_ACCESS_KEY_ID=index AWS_SECRET_ACCESS_KEY=only-for-this-test AWS_EC2_METADATA_DISABLED=true
	# Without the lock of test.sh: were that killed, the server would hold it for ever.
	ROOT_ACCESS_KEY=$AWS_ACCESS_KEY_ID ROOT_SECRET_KEY=$AWS_SECRET_ACCESS_KEY "$INDEX_TEST_S3_SERVER" --quiet --keep-alive \
		--port "127.0.0.1:$port" posix --sidecar "$s3_dir/about" "$s3_dir/data" >"$cache/log/s3" 2>&1 9>&- &
	s3_pid=$!
	if ! answers "$port"; then
		s3_why="the server did not start: $(tail -n 1 "$cache/log/s3")"
		return 0
	fi
	export INDEX_TEST_S3="s3://index?endpoint=http://127.0.0.1:$port&region=us-east-1&use_path_style=true"
}

# answers PORT: somebody listens there within ten seconds.
answers() {
	local _
	for _ in {1..100}; do
		(exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null && return 0
		sleep 0.1
	done
	return 1
}

stop_s3() {
	[ -n "${s3_dir:-}" ] || return 0
	[ -z "${s3_pid:-}" ] || { kill "$s3_pid" 2>/dev/null || true; wait "$s3_pid" 2>/dev/null || true; }
	rm -rf "$s3_dir"
	s3_dir=
}
