package terminal

import (
	"strings"
	"testing"
	"time"
)

// TestProgress: elsewhere than on a terminal, a step writes its name, and then a line every five seconds.
func TestProgress(t *testing.T) {
	var out strings.Builder
	p := NewProgress(&out, false)
	now := time.Unix(1000, 0)
	p.now = func() time.Time { return now }
	p.Step("copying content", "file", 40)
	for range 20 {
		now = now.Add(time.Second)
		p.Add(1, 1<<20)
	}
	p.Say("one file is missing")
	p.Done()
	p.Add(1, 1)
	want := `copying content
copying content: 5 of 40 files, 5.0 MiB (1.0 MiB/s)
copying content: 10 of 40 files, 10.0 MiB (1.0 MiB/s), about 30s left
copying content: 15 of 40 files, 15.0 MiB (1.0 MiB/s), about 25s left
copying content: 20 of 40 files, 20.0 MiB (1.0 MiB/s), about 20s left
one file is missing
`
	if out.String() != want {
		t.Errorf("the progress is\n%s\nwant\n%s", out.String(), want)
	}
}

// TestProgressOnATerminal: the line is redrawn, and removed before other lines.
func TestProgressOnATerminal(t *testing.T) {
	var out strings.Builder
	p := NewProgress(&out, false)
	now := time.Unix(1000, 0)
	p.now, p.redraws, p.every = func() time.Time { return now }, true, redrawEvery
	p.Step("reading", "file", 0)
	now = now.Add(time.Second)
	p.Add(12, 0)
	p.Say("hello")
	p.Done()
	want := "\rreading: 0 files\rreading: 12 files\r" + strings.Repeat(" ", 17) + "\rhello\n"
	if out.String() != want {
		t.Errorf("the progress is %q, want %q", out.String(), want)
	}
}

// TestQuietProgress: with --json, nothing is shown.
func TestQuietProgress(t *testing.T) {
	p := NewProgress(&strings.Builder{}, true)
	p.Step("reading", "file", 0)
	p.Add(1, 1)
	p.Say("hello")
	p.Done()
}
