package web_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"pyindex/internal/catalog"
	"pyindex/internal/packaging/packagingtest"
)

// page returns the HTML of a page that must be there.
func (x *shop) page(user, path string) string {
	x.Helper()
	w := x.get(user, path)
	if w.Code != http.StatusOK {
		x.Fatalf("GET %s as %s = %d, want 200: %s", path, user, w.Code, w.Body)
	}
	return w.Body.String()
}

// shows checks that a page contains each text, and lacks each that begins with "-".
func (x *shop) shows(user, path string, texts ...string) {
	x.Helper()
	got := x.page(user, path)
	for _, text := range texts {
		lacking, is := strings.CutPrefix(text, "-")
		if is && strings.Contains(got, lacking) {
			x.Errorf("GET %s as %s shows %q", path, user, lacking)
		} else if !is && !strings.Contains(got, text) {
			x.Errorf("GET %s as %s does not show %q:\n%s", path, user, text, got)
		}
	}
}

// Two wheels with the same member names but other code are not the same.
func TestDiffPage(t *testing.T) {
	x := newShop(t, catalog.Limits{}, nil)
	x.put("main",
		packagingtest.Wheel("code", "1.0", "safe", "Classifier: Kept", "Classifier: Dropped", "Requires-Dist: six>=1,<2",
			"Description-Content-Type: text/plain", "", "first\nsecond\nthird"),
		packagingtest.Wheel("code", "1.1", "other", "Classifier: Kept", "Classifier: Gained", `Requires-Dist: Six <2, >=1`,
			"Description-Content-Type: text/plain", "", "first\n2nd\nthird"),
		packagingtest.Wheel("code", "1.2", "other", "Description-Content-Type: text/plain", "", "x"))
	x.shows("reader", "/project/code/1.1/diff/", "<code>code.py</code>", "changed: ", "<code>Dropped</code>",
		"<code>Gained</code>", "-<code>Kept</code>", "-<code>six", "second</li>", "2nd</li>",
		`<select id="f-against" name="against"`, `<option value="1.0" selected>`, `<option value="1.2">`,
		`-<option value="1.1"`)
	x.shows("reader", "/project/code/1.1/diff/?against=1.2", `<option value="1.2" selected>`, "-<code>code.py</code>")
}

// A page about a release with much metadata stays small.
func TestDiffPageIsBounded(t *testing.T) {
	x := newShop(t, catalog.Limits{}, nil)
	long := make([]string, 0, 2_000)
	for n := range 2_000 {
		long = append(long, fmt.Sprintf("Classifier: Number :: %d %s", n, strings.Repeat("x", 500)))
	}
	x.put("main", packagingtest.Wheel("big", "1.0", "x", "Summary: small"),
		packagingtest.Wheel("big", "1.1", "x",
			append(long, "Summary: "+strings.Repeat("s", 1<<20), "", strings.Repeat("line\nother\n", 100_000))...))
	if got := len(x.page("reader", "/project/big/1.1/diff/")); got > 400_000 {
		t.Errorf("the comparison with 3 MB of metadata has %d bytes", got)
	}
}
