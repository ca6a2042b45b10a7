package version

import (
	"bytes"
	"runtime"
	"runtime/debug"
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

// The commit is the one that the go command recorded.
func TestCommit(t *testing.T) {
	p := describe(&debug.BuildInfo{
		Main: debug.Module{Version: "v0.0.0-20261129121810-49dcba9a4fdf+dirty"},
		Settings: []debug.BuildSetting{
			{Key: "vcs.revision", Value: "49dcba9a4fdf18691424a51b7653b34f6421d2d0"}, {Key: "vcs.modified", Value: "true"},
		},
	})
	want := "index v0.0.0-20261129121810-49dcba9a4fdf+dirty 49dcba9a4fdf18691424a51b7653b34f6421d2d0 "
	if got := p.String(); !strings.HasPrefix(got, want) || !p.Modified {
		t.Errorf("describe() = %q, want %q and the platform", got, want)
	}
	if got := describe(nil).String(); !strings.HasPrefix(got, "index (devel) go") {
		t.Errorf("describe(nil) = %q", got)
	}
}

func TestDevelopmentVersion(t *testing.T) {
	if got := Read().Version; got == "" {
		t.Error(`Read().Version = "", want (devel) or what the go command recorded`)
	}
}
