package ui

import (
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"pyindex/internal/access"
)

func TestLocal(t *testing.T) {
	for next, want := range map[string]bool{
		"/": true, "/project/demo/": true, "/search/?q=a&page=2": true, "/a//b": true,
		"": false, "//evil.example/": false, `/\evil.example`: false, "https://evil.example/": false,
		"javascript:alert(1)": false,
		"evil":                false, "/\t/evil.example": false, "/\n": false, "///evil.example": false,
		`\\evil.example`: false, "/%": false,
	} {
		if got := Local(next); got != want {
			t.Errorf("local(%q) = %v, want %v", next, got, want)
		}
	}
}

func TestWords(t *testing.T) {
	now := time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)
	for d, want := range map[time.Duration]string{
		0: "just now", 59 * time.Second: "just now", time.Minute: "1 minute ago", 3 * time.Hour: "3 hours ago",
		47 * time.Hour: "47 hours ago",
		72 * time.Hour: "3 days ago", 100 * 24 * time.Hour: "on 18 August 2026", -30 * time.Second: "in a moment",
		-2 * time.Hour:   "in 2 hours",
		89 * time.Second: "1 minute ago", 90 * time.Second: "2 minutes ago",
		59*time.Minute + 29*time.Second: "59 minutes ago",
		59*time.Minute + 30*time.Second: "1 hour ago", 47*time.Hour + 29*time.Minute: "47 hours ago",
		47*time.Hour + 30*time.Minute: "2 days ago", -(7*24*time.Hour - time.Second): "in 7 days",
		-(24*time.Hour - time.Second): "in 24 hours", -(time.Hour - time.Second): "in 1 hour",
		59*24*time.Hour + 11*time.Hour: "59 days ago", 59*24*time.Hour + 13*time.Hour: "on 27 September 2026",
	} {
		if got := ago(now, now.Add(-d)); got != want {
			t.Errorf("ago(%v) = %q, want %q", d, got, want)
		}
	}
	for n, want := range map[int64]string{
		0:         "0 bytes",
		1:         "1 byte",
		1023:      "1,023 bytes",
		1024:      "1.0 KiB",
		10_180:    "9.9 KiB",
		10_200:    "10 KiB",
		1_048_200: "1.0 MiB",
		1_234_567: "1.2 MiB",
		2 << 30:   "2.0 GiB",
		5 << 40:   "5.0 TiB",
	} {
		if got := size(n); got != want {
			t.Errorf("size(%d) = %q, want %q", n, got, want)
		}
	}
	for n, want := range map[int]string{
		0:       "0",
		999:     "999",
		1000:    "1,000",
		1234567: "1,234,567",
		-1234:   "-1,234",
		-123:    "-123",
	} {
		if got := Count(n); got != want {
			t.Errorf("count(%d) = %q, want %q", n, got, want)
		}
	}
	if got := Cut(5, "größer"); got != "größ…" {
		t.Errorf("cut = %q", got)
	}
	if got := stamp(now, "<b>"); !strings.Contains(string(got), "&lt;b&gt;</time>") {
		t.Errorf("stamp = %q", got)
	}
}

func TestPages(t *testing.T) {
	r := httptest.NewRequest("GET", "/x/?q=a%26b&page=3", nil)
	p := Paginate(r, PageNumber(r), 101, 20)
	if p.Previous != "?page=2&q=a%26b" || p.Next != "?page=4&q=a%26b" || p.Last != 6 || p.Page != 3 {
		t.Errorf("pages = %+v", p)
	}
	for q, want := range map[string]int{
		"page=0":                    1,
		"page=-1":                   1,
		"page=x":                    1,
		"page=99999999999999999999": 1,
		"":                          1,
		"page=7":                    7,
	} {
		if got := PageNumber(httptest.NewRequest("GET", "/x/?"+q, nil)); got != want {
			t.Errorf("page(%s) = %d, want %d", q, got, want)
		}
	}
}

// Pages that take a right away tell for how long a replica without the database may still accept it.
func TestRevocationDelay(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "", time.Minute: " A replica that cannot reach the database may still accept it for up to 60 seconds.",
	} {
		if got := (&Kit{Options: Options{Believed: d}}).RevocationDelay(); got != want {
			t.Errorf("RevocationDelay() with %v = %q, want %q", d, got, want)
		}
	}
}

// A page that does not say what role its reader has shows no more than everybody may see.
func TestFrameWithoutRoleShowsNothingOfOwners(t *testing.T) {
	for role, want := range map[access.Role][2]bool{
		access.NoRole: {false, false}, access.Uploader: {false, false}, access.Maintainer: {true, false},
		access.Owner: {true, true},
	} {
		f := Frame{Mine: role}
		if got := [2]bool{f.Maintains(), f.Owns()}; got != want {
			t.Errorf("a frame with %v maintains and owns = %v, want %v", role, got, want)
		}
	}
}

// The name of a setting breaks after dots and underscores only, and stays text.
func TestBreakable(t *testing.T) {
	for name, want := range map[string]string{
		"hsts": "hsts", "trusted_proxies": "trusted_<wbr>proxies",
		"limits.file_size": "limits.<wbr>file_<wbr>size", "<b>.x&": "&lt;b&gt;.<wbr>x&amp;",
	} {
		if got := breakable(name); string(got) != want {
			t.Errorf("breakable(%q) = %q, want %q", name, got, want)
		}
	}
}
