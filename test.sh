#!/usr/bin/env bash
# Checks everything that must pass before a change is merged: format, linters, tests on SQLite and PostgreSQL, with the race
# detector if goroutines share state, and the real clients. CI runs exactly this.
#
#   ./test.sh            what CI runs; the summary lists what this machine lacks
#   ./test.sh --all      the same in depth: every client test on every pair of a database and a store, the race detector on
#                        every package, two builds of a release compared, and all rounds of the tests that repeat something
#                        (INDEX_TEST_ALL=yes, which go test reads too)
#   ./test.sh --quick    no downloads, no clients, no race detector, SQLite only
#   CI=true ./test.sh    a missing tool is a failure
#
# Tools, clients and real distributions are kept in $INDEX_TEST_CACHE (default: index-test in the user's cache folder).
set -euo pipefail
cd "$(dirname "$0")"
root=$PWD

quick=
all=
case "${1:-}" in
'') ;;
--all) all=yes INDEX_TEST_ALL=yes ;;
--quick) quick=yes ;;
*) echo "usage: ./test.sh [--all | --quick]" >&2; exit 2 ;;
esac
export INDEX_TEST_ALL=${INDEX_TEST_ALL:-}

# Nothing here is debugged, and compiling takes a tenth less time without the data for debuggers. Every step has the same
# flags, so that all share what is compiled, also with other clones on this machine.
lean="-trimpath -ldflags=-w -gcflags=all=-dwarf=false"
export GOFLAGS="${GOFLAGS:-} $lean"

# Processes here are short and memory is plenty, so the garbage collector runs a quarter as often: that takes a fifth of the
# processor time from the compiler and a third from golangci-lint. It runs more often in a process that needs 3 GB.
export GOGC=${GOGC:-400} GOMEMLIMIT=${GOMEMLIMIT:-3GiB}

cache=${INDEX_TEST_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/index-test}
clients=$cache/clients
packages=$cache/packages
missing=$cache/missing
mkdir -p "$cache/bin" "$cache/log"
. internal/clienttest/provision.sh
. internal/clienttest/postgres.sh
. internal/clienttest/s3.sh

# Two runs at once would remove each other's environments while creating them.
exec 9>"$cache/lock"
flock -n 9 || { echo "waiting for another run that uses $cache"; flock 9; }

failed=()
summary=()
trap "stop_postgres; stop_s3" EXIT

# check NAME COMMAND...: runs one step, records a failure, and continues, so that one run reports everything.
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

# cannot NAME REASON: records a step that this machine cannot run; it is a failure only in CI.
cannot() {
	summary+=("not run  $1: $2")
	[ "${CI:-}" != true ] || failed+=("$1")
}

formatted() {
	local files
	files=$(git ls-files -co --exclude-standard '*.go' | xargs -r gofmt -l)
	[ -z "$files" ] || { printf 'gofmt would change:\n%s\n' "$files"; return 1; }
}

golangci=2.15.0   # renovate: datasource=go depName=github.com/golangci/golangci-lint/v2
deadcode=0.52.0   # renovate: datasource=go depName=golang.org/x/tools
govulncheck=1.9.0 # renovate: datasource=go depName=golang.org/x/vuln

# installed PACKAGE VERSION: provides $cache/bin/NAME-VERSION, which --quick does not download.
installed() {
	local name=${1##*/}
	[ -x "$cache/bin/$name-$2" ] && return 0
	[ -z "$quick" ] || return 1
	GOBIN=$cache/bin GOFLAGS=$lean retry go install "$1@v$2" >"$cache/log/$name" 2>&1 && mv "$cache/bin/$name" "$cache/bin/$name-$2"
}

# lint: .golangci.yml names the linters with their reasons.
lint() { "$cache/bin/golangci-lint-$golangci" run --timeout 15m; }

# reachable: checks that a program or a test calls each function.
reachable() {
	local dead
	dead=$("$cache/bin/deadcode-$deadcode" -test ./...) || return 1
	[ -z "$dead" ] || { echo "$dead"; return 1; }
}

# vulnerabilities: the database is a service on the network, so its absence is not a failure, not even in CI. Exit status 3 is a
# finding; any other status than 0 means that the database did not respond.
vulnerabilities() {
	local status=0 from=$SECONDS
	echo "== govulncheck"
	"$cache/bin/govulncheck-$govulncheck" ./... >"$cache/log/govulncheck" 2>&1 || status=$?
	case $status in
	0) summary+=("ran      govulncheck ($((SECONDS - from)) s)") ;;
	3)
		cat "$cache/log/govulncheck"
		summary+=("FAILED   govulncheck")
		failed+=(govulncheck)
		;;
	*) summary+=("not run  govulncheck: $(tail -n 1 "$cache/log/govulncheck")") ;;
	esac
}

# tool NAME PACKAGE VERSION COMMAND...: installs a Go program and runs a step with it.
tool() {
	local name=$1 package=$2 version=$3
	shift 3
	if installed "$package" "$version"; then
		"$@"
	elif [ -n "$quick" ]; then
		summary+=("not run  $name: not installed, and --quick downloads nothing")
	else
		cannot "$name" "it could not be installed: $(tail -n 1 "$cache/log/${package##*/}")"
	fi
}

# shared: the packages whose goroutines share state, and all packages below them. They are tested with the race detector, which
# makes tests several times slower; --all tests every package with it.
shared='internal/(access|account|audit|catalog|follow|ingest|legacyupload|lockout|memo|pictures|publishers|server|signon|simpleapi|storage/blobs|tlsserve)|web'

# race: the race detector, except in SQLite itself, which is C translated into Go. SQLite is several times faster without it, and
# our goroutines share no state there. internal/clienttest/binary.go has the same flags, so that both use one build.
race=(-race)
for name in modernc.org/sqlite/lib modernc.org/libc/... modernc.org/memory; do race+=("-gcflags=$name=-race=false"); done

# rows: the tests of internal/storage/db for the state that its goroutines share. The other tests are SQL on both databases.
rows='Outage|Look|Watch|Attend|Counter|Epoch|Connections|Replaced|Begin|Process|Quick|Slow|Winner|Race'

# forms: the tests of web, which has the pages, for handlers that start goroutines or whose body arrives beside them. Its other
# tests make one request after the other, and the parts that those share are in packages of their own.
forms='Upload|Mail|Letter|Password|Invit|SignOn|SignIn|Picture|Search|Costly|Subscri|Session|Lockout|Stale|Once'

# stepwise: a test that runs the real functions one step at a time, in every order. It is long and has no concurrency.
stepwise='^TestDeletionAgainstUpload$'

# long: the packages whose tests take longest. They start first, so that no processor is idle while one of them ends.
long='cmd/index internal/storage/db internal/catalog internal/publishers internal/account internal/legacyupload
internal/simpleapi bench web internal/resolve internal/lockout'

# long_first: puts the lines of standard input that name the packages in $long before the others.
long_first() {
	local packages name
	packages=$(cat)
	for name in $long; do grep -x "pyindex/$name" <<<"$packages" || true; done
	grep -vxF "$(printf 'pyindex/%s\n' $long)" <<<"$packages" || true
}

# run_tests merges several streams of test events into one count. The client tests drive other programs, which the race detector
# cannot observe, so they run without it; the packages of those programs are tested with it, and the replicas are built with it.
# Client tests wait for most of their time, so they run beside the others, one package after the other. The browser test starts
# when the others have ended, because it uses much of a small machine. "go vet" has run before, so no package is vetted again.
run_tests() {
	local packages plain raced=() pages=pyindex/internal/clienttest/browser count=() beside=
	[ "${CI:-}" != true ] || count=(-count=1)
	packages=$(go list ./... | grep -v '^pyindex/internal/clienttest/.' | long_first)
	plain=$packages
	if [ -n "$all" ]; then
		mapfile -t raced <<<"$packages"
		plain=
	elif [ -z "$quick" ]; then
		mapfile -t raced < <(grep -E "^pyindex/($shared)(/|$)" <<<"$packages" | grep -vx pyindex/web)
		plain=$({ echo pyindex/web; grep -vE "^pyindex/($shared)(/|$)" <<<"$packages"; } | long_first)
	fi
	{
		if [ -z "$quick" ]; then
			test_beside >"$cache/log/beside" &
			beside=$!
			go test -json -vet=off "${race[@]}" -timeout 20m "${count[@]}" -skip "$stepwise" "${raced[@]}" || true
			[ -n "$all" ] || go test -json -vet=off "${race[@]}" -timeout 20m "${count[@]}" -run "$rows" pyindex/internal/storage/db || true
			[ -n "$all" ] || go test -json -vet=off "${race[@]}" -timeout 20m "${count[@]}" -run "$forms" pyindex/web || true
			go test -json -vet=off -timeout 20m "${count[@]}" -run "$stepwise" "./$(dirname "$(git grep -l "func ${stepwise:1:-1}(")")" || true
		fi
		# shellcheck disable=SC2086 # one word for each package
		[ -z "$plain" ] || go test -json -vet=off -timeout 20m "${count[@]}" -skip "$stepwise" $plain || true
		if [ -z "$quick" ]; then
			env -u GOGC -u GOMEMLIMIT go test -json -vet=off -count=1 -timeout 20m "$pages" || true
			wait "$beside" || true
			cat "$cache/log/beside"
		fi
	} 9>&- | "$cache/bin/testlog" "$cache/counts" # a server that outlives a failed test must not hold the lock
}

# test_beside: runs the packages below internal/clienttest one after the other, and those of e2e on all pairs. Their servers
# collect garbage as in production.
test_beside() {
	unset GOGC GOMEMLIMIT # it runs in a process of its own
	local packages e2e=pyindex/internal/clienttest/e2e flags=()
	[ -z "$all" ] || flags=("${race[@]}")
	mapfile -t packages < <(go list ./internal/clienttest/... | grep /clienttest/ | grep -vx -e "$e2e" -e "$pages")
	go test -json -vet=off -p 1 "${flags[@]}" -timeout 30m "${count[@]}" "${packages[@]}" || true
	test_clients "$e2e"
}

# test_clients PACKAGE: runs the real clients on each available pair of a database and a store. Clients cannot see the database
# or the store, which have test suites of their own. So on all pairs but the first, clients publish and install once, unless
# --all is given.
test_clients() {
	local pair rows bytes only=.
	for pair in "sqlite folder" "postgres s3" "sqlite s3" "postgres folder"; do
		read -r rows bytes <<<"$pair"
		[ "$rows" = sqlite ] || [ -n "${INDEX_TEST_POSTGRES:-}" ] || continue
		[ "$bytes" = folder ] || [ -n "${INDEX_TEST_S3:-}" ] || continue
		INDEX_TEST_BACKEND="$pair" go test -json -vet=off -count=1 -timeout 30m -run "$only" "$1" || true
		[ -n "$all" ] || only='^(TestPublish|TestUVInstall)$'
	done
}

# programs: builds the program that the client tests drive, once for all of their processes.
programs() {
	export INDEX_TEST_BINARIES=$cache/bin/built
	mkdir -p "$INDEX_TEST_BINARIES"
	go build -o "$INDEX_TEST_BINARIES/index" ./cmd/index && go build "${race[@]}" -o "$INDEX_TEST_BINARIES/index-race" ./cmd/index
}

# prepare: makes the clients and fetches what they install. Both wait for the network, so they run beside the compiler.
prepare() {
	provision
	fetch_packages
}

clients_here() {
	wait "$preparing"
	cat "$cache/log/prepare"
	browser_here
	export INDEX_TEST_CLIENTS=$clients INDEX_TEST_PACKAGES=$packages INDEX_TEST_ARCHIVES=$packages
	[ ! -x "$clients/build/bin/python" ] || export INDEX_TEST_PYTHON=$clients/build/bin/python
	local kind name reason
	while read -r kind name reason; do
		if [ "$kind" = mandatory ]; then cannot "$name" "$reason"; else summary+=("not here $name: $reason"); fi
	done <"$missing"
}

# browser_here: finds the machine's Chromium, and downloads axe-core, which checks the accessibility of pages. Without
# CI=true, the browser tests also take screenshots, which doubles their time.
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
	[ "${CI:-}" = true ] || export INDEX_TEST_SCREENSHOTS=${INDEX_TEST_SCREENSHOTS:-$cache/screenshots}
	[ -z "${INDEX_TEST_SCREENSHOTS:-}" ] || summary+=("screenshots of each page are in $INDEX_TEST_SCREENSHOTS")
}

if [ -z "$quick" ]; then
	prepare >"$cache/log/prepare" 2>&1 &
	preparing=$!
fi
check gofmt formatted
check "go vet" go vet ./...
tool golangci-lint github.com/golangci/golangci-lint/v2/cmd/golangci-lint "$golangci" check golangci-lint lint
tool deadcode golang.org/x/tools/cmd/deadcode "$deadcode" check deadcode reachable
[ -n "$quick" ] || tool govulncheck golang.org/x/vuln/cmd/govulncheck "$govulncheck" vulnerabilities
[ -z "$all" ] || check "two builds of a release" ./release.sh --check
[ -n "$quick" ] || check "the program, also with the race detector" programs
[ -n "$quick" ] || clients_here
if [ -n "$quick" ]; then
	postgres_why="--quick tests SQLite only"
	s3_why="--quick downloads nothing"
	unset INDEX_TEST_POSTGRES INDEX_TEST_S3
else
	start_postgres
	start_s3
fi
if [ -n "$postgres_why" ]; then
	cannot PostgreSQL "$postgres_why"
else
	summary+=("ran      PostgreSQL beside SQLite")
fi
if [ -n "$s3_why" ]; then
	cannot S3 "$s3_why"
else
	summary+=("ran      an S3 server beside the folder")
fi
go build -o "$cache/bin/testlog" ./internal/clienttest/testlog
check tests run_tests

echo "== summary"
printf '%s\n' "${summary[@]}"
cat "$cache/counts"
[ ${#failed[@]} = 0 ]
