//go:build !windows

package main

import (
	"html"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"
)

// TestHealthPage: administrators see the checks of index doctor with the advice, within seconds.
func TestHealthPage(t *testing.T) {
	x := newFixture(t, "https://index.example", true)
	x.people(t)
	if err := os.Chmod(x.app.Config.DataDir, 0o755); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	w := x.visit(t, http.MethodGet, "/admin/health/", "administrator", "")
	if took := time.Since(began); w.Code != http.StatusOK || took > 8*time.Second {
		t.Fatalf("the page is %d after %v", w.Code, took)
	}
	page := html.UnescapeString(w.Body.String())
	for _, want := range []string{
		"1 check failed", "Other users of this machine may read", "chmod go= ",
		"This index has files and was never backed up",
		"index backup FOLDER", "its schema has version", "Journal mode wal", "Holders of the token can read them",
	} {
		if !strings.Contains(page, want) {
			t.Errorf("the page does not show %q", want)
		}
	}
	if t.Failed() {
		t.Log(page)
	}
}
