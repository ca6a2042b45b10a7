#!/usr/bin/env bash
# Builds a release: static programs, a bill of materials and checksums, in release/.
#
#   ./release.sh            the checked-out commit; it needs a tag vX.Y.Z and no uncommitted changes
#   ./release.sh --check    only builds the program for this machine twice and compares; works on any commit
#
# Each program is built twice, in folders with different names, the second time without a build cache. If the two builds differ by
# a byte, there is no release, because others could not reproduce it.
set -euo pipefail
cd "$(dirname "$0")"

cyclonedx=1.10.0 # renovate: datasource=go depName=github.com/CycloneDX/cyclonedx-gomod
targets="linux/amd64 linux/arm64 darwin/arm64 windows/amd64"

case "${1:-}" in
'')
	version=$(git describe --tags --exact-match --match 'v[0-9]*' 2>/dev/null) || { echo "release.sh: this commit has no tag vX.Y.Z" >&2; exit 1; }
	[ -z "$(git status --porcelain)" ] || { echo "release.sh: there are uncommitted changes" >&2; exit 1; }
	;;
--check)
	version=v0.0.0-check
	targets=$(go env GOOS)/$(go env GOARCH)
	;;
*)
	echo "usage: ./release.sh [--check]" >&2
	exit 2
	;;
esac

work=$(mktemp -d)
trap 'chmod -R u+w "$work"; rm -rf "$work"' EXIT

# build SOURCE OUT: builds the program for each target. Only the version comes from git (the tag), so that an archive of the
# source builds the same program. The linker leaves out the data of debuggers (-s -w), so the compiler does not make it: that
# takes a sixth of its time. Stack traces and profiles do not need it. The compiler optimizes for the profile of warm pages, which
# docs/performance.md explains.
build() {
	local target
	for target in $targets; do
		(cd "$1" && CGO_ENABLED=0 GOOS=${target%/*} GOARCH=${target#*/} GOFLAGS= go build -trimpath -buildvcs=false -gcflags=all=-dwarf=false \
			-pgo=cmd/index/warm.pprof -ldflags "-s -w -X pyindex/internal/version.Version=$version" -o "$2/$(program "$target")" ./cmd/index)
	done
}

# program TARGET: prints the file name of the program.
program() {
	local name=index-$version-${1/\//-}
	case "$1" in windows/*) name=$name.exe ;; esac
	echo "$name"
}

for n in first second; do
	mkdir -p "$work/$n" "$work/$n-out"
	git archive HEAD | tar -x -C "$work/$n"
done
build "$work/first" "$work/first-out"
GOCACHE=$work/cache build "$work/second" "$work/second-out"
for target in $targets; do
	cmp "$work/first-out/$(program "$target")" "$work/second-out/$(program "$target")"
done
echo "two builds of $version are identical, for: $targets"
[ "${1:-}" != --check ] || exit 0

# The bill of materials lists the modules in the program, as Go recorded them there.
for target in $targets; do
	name=$(program "$target")
	GOFLAGS= go run "github.com/CycloneDX/cyclonedx-gomod/cmd/cyclonedx-gomod@v$cyclonedx" bin -json -std -noserial -notimestamp -version "$version" \
		-output "$work/first-out/$name.cdx.json" "$work/first-out/$name"
done
(cd "$work/first-out" && sha256sum -- * >SHA256SUMS)
rm -rf release
mv "$work/first-out" release
ls -l release
