package main

import (
	"bytes"
	"strings"
	"testing"
)

func TestLog(t *testing.T) {
	tests := []struct {
		name, stream, counts string
		shows, hides         []string
	}{
		{
			name: "a pass is quiet",
			stream: `{"Action":"run","Package":"p","Test":"A"}
{"Action":"output","Package":"p","Test":"A","Output":"chatter\n"}
{"Action":"pass","Package":"p","Test":"A"}
{"Action":"output","Package":"p","Output":"ok  \tp\t0.1s\n"}
{"Action":"pass","Package":"p"}`,
			counts: "1 passed, 0 failed, 0 skipped", shows: []string{"ok  \tp"}, hides: []string{"chatter"},
		},
		{
			name: "a failure shows what it wrote and counts once",
			stream: `{"Action":"output","Package":"p","Test":"A","Output":"=== RUN   A\n"}
{"Action":"output","Package":"p","Test":"A","Output":"    a_test.go:1: got 2\n"}
{"Action":"fail","Package":"p","Test":"A"}
{"Action":"output","Package":"p","Output":"FAIL\tp\t0.1s\n"}
{"Action":"fail","Package":"p"}`,
			counts: "0 passed, 1 failed, 0 skipped", shows: []string{"got 2", "FAIL\tp", "failed: p A"},
			hides: []string{"=== RUN"},
		},
		{
			name: "a skip shows its reason",
			stream: `{"Action":"output","Package":"p","Test":"A","Output":"    a_test.go:1: no server\n"}
{"Action":"skip","Package":"p","Test":"A"}`,
			counts: "0 passed, 0 failed, 1 skipped", shows: []string{"no server"},
		},
		{
			name: "a package that does not build is a failure",
			stream: `{"ImportPath":"p","Action":"build-output","Output":"p.go:1: undefined: x\n"}
{"ImportPath":"p","Action":"build-fail"}
{"Action":"output","Package":"p","Output":"FAIL\tp [build failed]\n"}
{"Action":"fail","Package":"p"}`,
			counts: "0 passed, 1 failed, 0 skipped", shows: []string{"undefined: x", "build failed", "failed: p\n"},
		},
		{
			name: "a panic shows the test that was running",
			stream: `{"Action":"output","Package":"p","Test":"A","Output":"panic: no\n"}
{"Action":"fail","Package":"p"}`,
			counts: "0 passed, 1 failed, 0 skipped", shows: []string{"panic: no"},
		},
		{
			name: "a line that is no event is kept", stream: "go: no such tool", counts: "0 passed, 0 failed, 0 skipped",
			shows: []string{"no such tool"},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var out bytes.Buffer
			l := newLog(&out)
			if err := read(strings.NewReader(tt.stream), l); err != nil {
				t.Fatalf("read(stream) = %v, want no error", err)
			}
			l.list()
			if got := l.counts(); got != tt.counts {
				t.Errorf("counts() = %q, want %q", got, tt.counts)
			}
			for _, s := range tt.shows {
				if !strings.Contains(out.String(), s) {
					t.Errorf("log of %s lacks %q:\n%s", tt.name, s, out.String())
				}
			}
			for _, s := range tt.hides {
				if strings.Contains(out.String(), s) {
					t.Errorf("log of %s shows %q:\n%s", tt.name, s, out.String())
				}
			}
		})
	}
}
