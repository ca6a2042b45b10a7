package upstreams

import (
	"slices"
	"testing"

	"pyindex/internal/catalog"
	"pyindex/internal/lockfile"
)

// A pin stands for the file that it names, those with its hashes, all of its version, or the newest that it allows.
func TestWanted(t *testing.T) {
	files := []catalog.File{
		{Filename: "a-1.0.tar.gz", Version: "1.0", SHA256: "aa"},
		{Filename: "a-1.0-py3-none-any.whl", Version: "1.0", SHA256: "ab"},
		{Filename: "a-2.0-py3-none-any.whl", Version: "2.0", SHA256: "ac"},
		{Filename: "a-2.5-py3-none-any.whl", Version: "2.5", SHA256: "ad", Yanked: true},
		{Filename: "a-3.0rc1-py3-none-any.whl", Version: "3.0rc1", SHA256: "ae"},
		{Filename: "a-10.0-py3-none-any.whl", Version: "10.0", SHA256: "af"},
		{Filename: "a-11.0-py3-none-any.whl", Version: "11.0"},
	}
	for _, x := range []struct {
		name string
		pin  lockfile.Pin
		want []string // SHA-256
	}{
		{"file", lockfile.Pin{Version: "1.0", Filename: "a-1.0.tar.gz", SHA256: []string{"aa"}}, []string{"aa"}},
		{"file without a hash", lockfile.Pin{Version: "1.0", Filename: "a-1.0.tar.gz"}, []string{"aa"}},
		{"file with another hash", lockfile.Pin{Version: "1.0", Filename: "a-1.0.tar.gz", SHA256: []string{"bb"}}, nil},
		{"version", lockfile.Pin{Version: "1"}, []string{"aa", "ab"}},
		{"version with hashes", lockfile.Pin{Version: "1.0", SHA256: []string{"ab", "bb"}}, []string{"ab"}},
		{"yanked version", lockfile.Pin{Version: "2.5"}, []string{"ad"}},
		{"absent version", lockfile.Pin{Version: "4"}, nil},
		{"not a version", lockfile.Pin{Version: "?"}, nil},
		{"any version", lockfile.Pin{}, []string{""}},
		{"allowed versions", lockfile.Pin{Specifiers: "<10"}, []string{"ac"}},
		{"no allowed version", lockfile.Pin{Specifiers: ">11"}, nil},
		{"unknown hash", lockfile.Pin{Version: "11.0", SHA256: []string{"bb"}}, []string{""}},
		{"not a specifier", lockfile.Pin{Specifiers: "!!"}, nil},
	} {
		var got []string
		for _, f := range wanted(x.pin, files) {
			got = append(got, f.SHA256)
		}
		if !slices.Equal(got, x.want) {
			t.Errorf("%s: %q, want %q", x.name, got, x.want)
		}
	}
}
