package web_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"
)

// busy is a project with everything that a publishing page can show at once.
func busy(t *testing.T) *trust {
	x := newTrust(t)
	x.user("alice")
	x.project("main", "widgets", "alice")
	for i := range 8 {
		x.follow("alice", widgetsPublishing, x.github("environment", fmt.Sprintf("environment-%d", i)))
	}
	x.follow("alice", widgetsPublishing, x.github("environment", "", "workflow", "loose.yml", "owner_id", ""))
	for i := range 40 {
		x.clock.Pass(time.Second)
		x.exchange(map[string]any{"environment": fmt.Sprintf("other-%d", i), "actor": strings.Repeat("x", 60)})
	}
	return x
}

// TestPublishingPageIsLight: the page of a busy project stays below 60 kB.
func TestPublishingPageIsLight(t *testing.T) {
	x := busy(t)
	w := x.ask("alice", widgetsPublishing, nil)
	if n := w.Body.Len(); w.Code != http.StatusOK || n > 60_000 {
		t.Errorf("the page has %d bytes", n)
	}
	if n := strings.Count(w.Body.String(), "environment differs"); n != 20 {
		t.Errorf("%d refused exchanges are shown, want 20", n)
	}
}
