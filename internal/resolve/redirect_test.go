package resolve_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"pyindex/internal/downloads"
	"pyindex/internal/holds"
	"pyindex/internal/packaging/packagingtest"
	"pyindex/internal/policy"
	"pyindex/internal/storage/storagetest"
)

// TestRedirectsAreDecided: a client is redirected to the store for a file of this index only if it is served, and never
// for a file of an upstream, which may be held or denied a moment later. What is served is recorded, once, and nothing
// else is.
func TestRedirectsAreDecided(t *testing.T) {
	dir := t.TempDir()
	w := newRulingOn(t, dir, "sqlite:"+dir+"/index.db", storagetest.Bucket(t), "--storage-delivery", "redirect")
	ours, denied := packagingtest.Wheel("ours", "1.0", "ours"), packagingtest.Wheel("ours", "2.0", "theirs")
	w.publish("", ours)
	w.publish("", denied)
	old, fresh := w.theirsAt("foreign", "1.0", 90*day), w.theirsAt("foreign", "2.0", day)
	w.cooldown("main", 3*day)
	w.decide("ours", holds.Standing{Denials: []policy.Denial{{Version: "2.0", Reason: "r"}}})
	at := func(f packagingtest.File) string { return "/packages/" + f.SHA256() + "/" + f.Name }
	foreign := func(f packagingtest.File) string { return w.addresses("", "foreign", f)["file"] }
	type want struct {
		status   int
		location bool
		rule     string // in X-Index-Hold
		recorded int
	}
	for _, c := range []struct {
		what, method, path string
		header             []string
		want               want
	}{
		{"served", http.MethodGet, at(ours), nil, want{http.StatusFound, true, "", 1}},
		{"served, again", http.MethodGet, at(ours), nil, want{http.StatusFound, true, "", 1}},
		{"its beginning", http.MethodGet, at(ours), []string{"Range", "bytes=0-9"}, want{http.StatusFound, true, "", 1}},
		{"a later part", http.MethodGet, at(ours), []string{"Range", "bytes=9-"}, want{http.StatusFound, true, "", 0}},
		{"served, HEAD", http.MethodHead, at(ours), nil, want{http.StatusOK, false, "", 0}},
		{
			"served, unchanged", http.MethodGet, at(ours),
			[]string{"If-None-Match", `"` + ours.SHA256() + `"`},
			want{http.StatusNotModified, false, "", 0},
		},
		{"denied", http.MethodGet, at(denied), nil, want{http.StatusForbidden, false, "denylist", 0}},
		{"denied, HEAD", http.MethodHead, at(denied), nil, want{http.StatusForbidden, false, "denylist", 0}},
		{
			"denied, a part", http.MethodGet, at(denied),
			[]string{"Range", "bytes=0-9"},
			want{http.StatusForbidden, false, "denylist", 0},
		},
		{
			"denied, unchanged", http.MethodGet, at(denied),
			[]string{"If-None-Match", `"` + denied.SHA256() + `"`},
			want{http.StatusForbidden, false, "denylist", 0},
		},
		{"held", http.MethodGet, foreign(fresh), nil, want{http.StatusForbidden, false, "cooldown", 0}},
		{"held, HEAD", http.MethodHead, foreign(fresh), nil, want{http.StatusForbidden, false, "cooldown", 0}},
		{"of an upstream", http.MethodGet, foreign(old), nil, want{http.StatusOK, false, "", 1}},
		{"of an upstream, stored", http.MethodGet, foreign(old), nil, want{http.StatusOK, false, "", 1}},
	} {
		before := w.recorded()
		out := w.call(0, w.admin, c.method, c.path, nil, c.header...)
		h := out.Header()
		got := want{
			out.Code, h.Get("Location") != "", strings.SplitN(h.Get("X-Index-Hold"), ";", 2)[0], w.recorded() - before,
		}
		if got != c.want {
			t.Errorf("%s: %+v, want %+v: %s", c.what, got, c.want, out.Body)
		}
		if got.location {
			to, err := url.Parse(h.Get("Location"))
			w.must(err)
			if !strings.Contains(to.Path, ours.SHA256()) || len(to.RawQuery) == 0 {
				t.Errorf("%s: it redirects to %s", c.what, to.Redacted())
			}
		}
	}
}

// recorded returns the number of downloads in the record.
func (w *ruling) recorded() (n int) {
	w.t.Helper()
	a := w.replicas[0]
	all, err := a.Downloads.Readers(w.t.Context(), a.Operator, downloads.Filter{})
	w.must(err)
	for _, r := range all {
		n += int(r.Count)
	}
	return n
}
