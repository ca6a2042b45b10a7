package version

import (
	"bytes"
	"runtime"
	"strings"
	"testing"

	"pyindex/internal/terminal"
)

func TestReleaseVersion(t *testing.T) {
	Version = "v1.2.3"
	t.Cleanup(func() { Version = "" })
	var out bytes.Buffer
	if err := new(Command).Run(&terminal.Session{Out: &out}); err != nil {
		t.Fatal(err)
	}
	if got := out.String(); !strings.HasPrefix(got, "index v1.2.3 ") ||
		!strings.HasSuffix(got, runtime.Version()+" "+runtime.GOOS+"/"+runtime.GOARCH+"\n") {
		t.Errorf("index version = %q, want the tag, Go and the platform", got)
	}
}

func TestDevelopmentVersion(t *testing.T) {
	if got := Read().Version; got == "" {
		t.Error(`Read().Version = "", want (devel) or what the go command recorded`)
	}
}
