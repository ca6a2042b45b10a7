#!/usr/bin/env bash
# All that must hold before a change is in: format, vet, staticcheck, tests on SQLite and PostgreSQL, with the race detector
# where goroutines share state, and the real clients. CI runs exactly this.
#
#   ./test.sh            what CI runs; what the machine lacks is told at the end
#   ./test.sh --all      the same, with every client test on every pair of a database and a store, and the race detector on
#                        every package
#   ./test.sh --quick    no downloads: format, vet and the tests that need no client
#   CI=true ./test.sh    a missing tool is a failure
#
# Clients and real distributions are kept in $INDEX_TEST_CACHE (default: index-test in the user's cache folder).
set -euo pipefail
cd "$(dirname "$0")"
root=$PWD

quick=
all=
case "${1:-}" in
'') ;;
--all) all=yes ;;
--quick) quick=yes ;;
*) echo "usage: ./test.sh [--all | --quick]" >&2; exit 2 ;;
esac

cache=${INDEX_TEST_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/index-test}
clients=$cache/clients
packages=$cache/packages
missing=$cache/missing
mkdir -p "$cache/bin" "$cache/log"
. internal/clienttest/provision.sh
. internal/clienttest/postgres.sh
. internal/clienttest/s3.sh

# Two runs would tear down each other's environments while making them.
exec 9>"$cache/lock"
flock -n 9 || { echo "waiting for another run that uses $cache"; flock 9; }

failed=()
summary=()
trap "stop_postgres; stop_s3" EXIT

# check NAME COMMAND...: runs one step, remembers a failure, and goes on, so that one run tells everything.
check() {
	local name=$1 from=$SECONDS
	shift
	echo "== $name"
	if "$@"; then
		summary+=("ran      $name ($((SECONDS - from)) s)")
	else
		summary+=("FAILED   $name")
		failed+=("$name")
	fi
}

# cannot NAME REASON: a step this machine cannot run; only CI insists.
cannot() {
	summary+=("not run  $1: $2")
	[ "${CI:-}" != true ] || failed+=("$1")
}

formatted() {
	local files
	files=$(git ls-files -co --exclude-standard '*.go' | xargs -r gofmt -l)
	[ -z "$files" ] || { printf 'gofmt would change:\n%s\n' "$files"; return 1; }
}

install_staticcheck() {
	[ -x "$cache/bin/staticcheck-0.8.2" ] && return 0
	GOBIN=$cache/bin retry go install honnef.co/go/tools/cmd/staticcheck@v0.8.2 &&
		mv "$cache/bin/staticcheck" "$cache/bin/staticcheck-0.8.2"
}

# shared: the packages in which goroutines share state. They are tested with the race detector, which makes tests several times
# slower; --all tests every package with it. The longest come first, so that no core waits for one at the end.
shared="internal/publishers internal/legacyupload internal/account internal/catalog web
internal/access internal/audit internal/lockout internal/memo internal/publishers/idtoken internal/server
internal/signon internal/simpleapi internal/simpleapi/ready internal/storage/blobs"

# rows: the tests of internal/storage/db about what its goroutines share. The rest of it is SQL on both databases, which the
# detector makes ten times slower.
rows='Outage|Look|Watch|Attend|Counter|Epoch|Connections|Replaced|Begin|Process|Quick|Slow|Winner|Race'

# stepwise runs the real functions one step at a time, in every order: there is nothing to race, and much to run.
stepwise='^TestDeletionAgainstUpload$'

# Streams of test events, one count. The client tests drive other programs, which the race detector cannot see into, so they
# run without it; the packages those programs call have been raced before, and the replicas are built with it. The browser
# comes last and alone, because it takes all of a small machine.
run_tests() {
	local plain raced=() e2e=pyindex/internal/clienttest/e2e pages=pyindex/internal/clienttest/browser count=() name
	[ "${CI:-}" != true ] || count=(-count=1)
	for name in $shared; do raced+=("pyindex/$name"); done
	plain=$(go list ./... | grep -vx -e "$e2e" -e "$pages" $(printf -- '-e %s ' "${raced[@]}"))
	if [ -n "$all" ]; then
		# shellcheck disable=SC2206 # one word a package
		raced+=($plain)
		plain=
	fi
	{
		go test -json -race -timeout 20m "${count[@]}" -skip "$stepwise" "${raced[@]}" || true
		[ -n "$all" ] || go test -json -race -timeout 20m "${count[@]}" -run "$rows" pyindex/internal/storage/db || true
		# shellcheck disable=SC2086 # one word a package
		[ -z "$plain" ] || go test -json -timeout 20m "${count[@]}" $plain || true
		go test -json -timeout 20m "${count[@]}" -run "$stepwise" pyindex/internal/catalog || true
		[ -n "$quick" ] || test_clients "$e2e"
		[ -n "$quick" ] || go test -json -count=1 -timeout 20m "$pages" || true
	} 9>&- | "$cache/bin/testlog" "$cache/counts" # a server that outlives a broken test must not hold the lock
}

# test_clients PACKAGE: the real clients against each pair of a database and a store that is here. Clients cannot see
# the stores, whose own suites run on all of them, so the two mixed pairs publish and install once unless --all is given.
test_clients() {
	local pair rows bytes only
	for pair in "sqlite folder" "postgres s3" "sqlite s3" "postgres folder"; do
		read -r rows bytes <<<"$pair"
		[ "$rows" = sqlite ] || [ -n "${INDEX_TEST_POSTGRES:-}" ] || continue
		[ "$bytes" = folder ] || [ -n "${INDEX_TEST_S3:-}" ] || continue
		only=.
		case "$pair" in "sqlite s3" | "postgres folder") [ -n "$all" ] || only='^(TestPublish|TestUVInstall)$' ;; esac
		INDEX_TEST_BACKEND="$pair" go test -json -count=1 -timeout 30m -run "$only" "$1" || true
	done
}

clients_here() {
	provision
	fetch_packages
	browser_here
	export INDEX_TEST_CLIENTS=$clients INDEX_TEST_PACKAGES=$packages INDEX_TEST_ARCHIVES=$packages
	[ ! -x "$clients/build/bin/python" ] || export INDEX_TEST_PYTHON=$clients/build/bin/python
	local kind name reason
	while read -r kind name reason; do
		if [ "$kind" = mandatory ]; then cannot "$name" "$reason"; else summary+=("not here $name: $reason"); fi
	done <"$missing"
}

# browser_here: Chromium is the machine's own; axe-core, which checks that pages are accessible, is fetched.
browser_here() {
	local name found=
	for name in chromium chromium-browser google-chrome; do
		! command -v "$name" >/dev/null || found=yes
	done
	[ -n "$found" ] || cannot browser "no chromium (on Debian: apt-get install chromium)"
	if fetch_axe; then
		export INDEX_TEST_AXE=$cache/axe-$axe/package/axe.min.js
	else
		cannot axe "$(tail -n 1 "$cache/log/axe")"
	fi
	export INDEX_TEST_SCREENSHOTS=${INDEX_TEST_SCREENSHOTS:-$cache/screenshots}
	summary+=("pictures of each page are in $INDEX_TEST_SCREENSHOTS")
}

check gofmt formatted
check "go vet" go vet ./...
if install_staticcheck; then
	check staticcheck "$cache/bin/staticcheck-0.8.2" ./...
else
	cannot staticcheck "it could not be installed"
fi
[ -n "$quick" ] || clients_here
start_postgres
if [ -n "$postgres_why" ]; then
	cannot PostgreSQL "$postgres_why"
else
	summary+=("ran      PostgreSQL beside SQLite")
fi
if [ -n "$quick" ]; then
	s3_why="--quick downloads nothing"
else
	start_s3
fi
if [ -n "$s3_why" ]; then
	cannot S3 "$s3_why"
else
	summary+=("ran      an S3 server beside the folder; the clients on each pair with SQLite and PostgreSQL")
fi
go build -o "$cache/bin/testlog" ./internal/clienttest/testlog
check tests run_tests

echo "== summary"
printf '%s\n' "${summary[@]}"
cat "$cache/counts"
[ ${#failed[@]} = 0 ]
