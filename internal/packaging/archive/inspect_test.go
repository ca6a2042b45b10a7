package archive_test

import (
	"bytes"
	"strings"
	"testing"

	"pyindex/internal/fault"
	"pyindex/internal/packaging"
	"pyindex/internal/packaging/archive"
)

const wheelName = "foo_bar-1.0-py3-none-any.whl"

// named parses a file name that begins with its project's name.
func named(t testing.TB, file, project string) packaging.Filename {
	t.Helper()
	p, err := packaging.ParseProjectName(project)
	if err != nil {
		t.Fatal(err)
	}
	f, err := packaging.ParseFilename(file, p)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func inspect(t testing.TB, file string, b []byte) (archive.Contents, error) {
	t.Helper()
	return inspectWith(t, file, b, archive.DefaultLimits(), archive.Rules{})
}

func inspectWith(t testing.TB, file string, b []byte, lim archive.Limits,
	rules archive.Rules,
) (archive.Contents, error) {
	t.Helper()
	return archive.Inspect(bytes.NewReader(b), int64(len(b)), named(t, file, "foo-bar"), lim, rules)
}

// refused requires a fault.Invalid whose message begins with the file name and contains want.
func refused(t *testing.T, file string, err error, want string) {
	t.Helper()
	if !fault.Is(err, fault.Invalid) {
		t.Fatalf("Inspect(%s) = %v, want fault.Invalid with %q", file, err, want)
	}
	if msg := fault.Message(err); !strings.HasPrefix(msg, file+": ") || !strings.Contains(msg, want) {
		t.Errorf("Inspect(%s) = %q, want %q in it", file, msg, want)
	}
}
