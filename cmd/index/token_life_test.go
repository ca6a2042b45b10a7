//go:build !windows

package main

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"
)

// A token of the command line lives as long as the settings say, as one of the pages does.
func TestTokenLifeOfCommand(t *testing.T) {
	dir := "--data-dir=" + t.TempDir()
	var out, errs bytes.Buffer
	if status := run(t.Context(), []string{dir, "user", "add", "ann"}, strings.NewReader(""), &out,
		&errs); status != statusDone {
		t.Fatalf("user add = %d, %s", status, errs.String())
	}
	const day = 24 * time.Hour
	for _, tt := range []struct {
		args []string
		want time.Duration // 0 for no expiry
	}{
		{nil, 90 * day},
		{[]string{"--access-token-default-life=7d"}, 7 * day},
		{[]string{"--access-token-default-life=0s"}, 365 * day},
		{[]string{"--access-token-default-life=0s", "--access-token-max-life=30d"}, 30 * day},
		{[]string{"--access-token-default-life=0s", "--access-token-max-life=0s"}, 0},
		{[]string{"--access-token-default-life=7d", "--expires=1d"}, day},
	} {
		out.Reset()
		args := append([]string{dir, "token", "create", "--user=ann", "--json"}, tt.args...)
		if status := run(t.Context(), args, strings.NewReader(""), &out, &errs); status != statusDone {
			t.Fatalf("run(%q) = %d, %s", args, status, errs.String())
		}
		var got struct{ Expires *time.Time }
		if err := json.Unmarshal(out.Bytes(), &got); err != nil {
			t.Fatal(err)
		}
		if got.Expires == nil || tt.want == 0 {
			if got.Expires != nil || tt.want != 0 {
				t.Errorf("run(%q) expires at %v, want %v", args, got.Expires, tt.want)
			}
			continue
		}
		if life := time.Until(*got.Expires); life > tt.want || life < tt.want-time.Minute {
			t.Errorf("run(%q) lives %v, want %v", args, life, tt.want)
		}
	}
}
