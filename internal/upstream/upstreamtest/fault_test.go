package upstreamtest_test

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"pyindex/internal/packaging/packagingtest"
	"pyindex/internal/upstream/upstreamtest"
)

// Each fault does what its name says to the requests it is meant for, and nothing after Mend.
func TestFaults(t *testing.T) {
	s := upstreamtest.New(t, upstreamtest.Options{})
	w := packagingtest.Wheel("demo", "1.0", strings.Repeat("x = 1\n", 5000))
	s.Add(w, packagingtest.Wheel("demo", "1.1", "x"), packagingtest.Wheel("other", "1.0", "x"))
	at, file := s.URL()+"demo/", s.FileURL(w.Name)
	good := get(t, at, "Accept: "+accept)
	for _, c := range []struct {
		name  string
		fault upstreamtest.Fault
		at    string
		holds func(a answer) bool
	}{
		{"status", upstreamtest.Fault{Kind: upstreamtest.Status, Status: 429, RetryAfter: "7"}, at, func(a answer) bool {
			return a.StatusCode == 429 && a.Header.Get("Retry-After") == "7"
		}},
		{"401", upstreamtest.Fault{Kind: upstreamtest.Status, Status: 401}, at, func(a answer) bool {
			return a.StatusCode == 401 && a.Header.Get("WWW-Authenticate") != ""
		}},
		{"elsewhere", upstreamtest.Fault{Kind: upstreamtest.Elsewhere, To: "http://192.0.2.1/x"}, at, func(a answer) bool {
			return a.StatusCode == 302 && a.Header.Get("Location") == "http://192.0.2.1/x"
		}},
		{"loop", upstreamtest.Fault{Kind: upstreamtest.Loop}, at, func(a answer) bool {
			return a.Header.Get("Location") == "/simple/demo/"
		}},
		{"error page", upstreamtest.Fault{Kind: upstreamtest.ErrorPage}, at, func(a answer) bool {
			return a.StatusCode == 200 && strings.Contains(string(a.body), "Sign in")
		}},
		{"empty page", upstreamtest.Fault{Kind: upstreamtest.EmptyPage}, at, func(a answer) bool {
			return a.StatusCode == 200 && strings.Contains(string(a.body), `"files":[]`)
		}},
		{"new major", upstreamtest.Fault{Kind: upstreamtest.NewMajor}, at, func(a answer) bool {
			return strings.Contains(string(a.body), `"api-version":"2.0"`)
		}},
		{"truncated page", upstreamtest.Fault{Kind: upstreamtest.Truncated}, at, func(a answer) bool {
			return a.err == io.ErrUnexpectedEOF && len(a.body) < len(good.body)
		}},
		{"truncated file", upstreamtest.Fault{Kind: upstreamtest.Truncated}, file, func(a answer) bool {
			return a.err == io.ErrUnexpectedEOF && len(a.body) < len(w.Bytes)
		}},
		{"other bytes", upstreamtest.Fault{Kind: upstreamtest.OtherBytes}, file, func(a answer) bool {
			return len(a.body) == len(w.Bytes) && digest(a.body) != w.SHA256()
		}},
		{"longer", upstreamtest.Fault{Kind: upstreamtest.Longer}, file, func(a answer) bool {
			return len(a.body) == len(w.Bytes)+1000
		}},
		{"other digest", upstreamtest.Fault{Kind: upstreamtest.OtherDigest}, at, func(a answer) bool {
			return a.StatusCode == 200 && !strings.Contains(string(a.body), w.SHA256())
		}},
		{"gzip", upstreamtest.Fault{Kind: upstreamtest.Gzip}, file, func(a answer) bool {
			return a.Header.Get("Content-Encoding") == "gzip" && digest(a.body) != w.SHA256()
		}},
		{"no validator", upstreamtest.Fault{Kind: upstreamtest.NoValidator}, at, func(a answer) bool {
			return a.StatusCode == 200 && a.Header.Get("ETag") == ""
		}},
		{"other kinds are spared", upstreamtest.Fault{
			Kind: upstreamtest.Status, What: []upstreamtest.What{upstreamtest.Content},
		}, at, func(a answer) bool {
			return a.StatusCode == 200
		}},
		{
			"other projects are spared",
			upstreamtest.Fault{Kind: upstreamtest.Status, Project: "other"},
			at,
			func(a answer) bool { return a.StatusCode == 200 },
		},
	} {
		s.Fail(c.fault)
		if a := get(t, c.at, "Accept: "+accept); a.Response == nil || !c.holds(a) {
			t.Errorf("%s: %+v, %v, body %.200q", c.name, a.Response, a.err, a.body)
		}
		s.Mend()
	}
	if a := get(t, at, "Accept: "+accept); a.StatusCode != 200 || string(a.body) != string(good.body) {
		t.Errorf("after Mend: %d", a.StatusCode)
	}
}

func TestHuge(t *testing.T) {
	s := upstreamtest.New(t, upstreamtest.Options{})
	s.Fail(upstreamtest.Fault{Kind: upstreamtest.Huge})
	res, err := http.Get(s.URL() + "demo/")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if n, err := io.Copy(io.Discard, res.Body); err != nil || n < 95_000_000 || n > 130_000_000 {
		t.Errorf("%d bytes, %v", n, err)
	}
	s.Mend()
	s.Fail(upstreamtest.Fault{Kind: upstreamtest.Bomb})
	if a := get(t, s.URL()+"demo/"); a.Header.Get("Content-Encoding") != "gzip" || len(a.body) > 20_000_000 {
		t.Errorf("a bomb of %d bytes", len(a.body))
	}
}

// Slow answers take their time, and the link has one bandwidth for all.
func TestSlow(t *testing.T) {
	took := func(at string) time.Duration {
		start := time.Now()
		if a := get(t, at); a.err != nil || a.StatusCode != http.StatusOK {
			t.Errorf("%s: %v", at, a.err)
		}
		return time.Since(start)
	}
	s := upstreamtest.New(t, upstreamtest.Options{Latency: 100 * time.Millisecond, Bandwidth: 100_000})
	f := s.AddGenerated("large", "1.0", 50_000)
	if d := took(s.URL() + "large/"); d < 100*time.Millisecond {
		t.Errorf("a page came after %v", d)
	}
	if d := took(s.FileURL(f.Name)); d < 500*time.Millisecond || d > 5*time.Second {
		t.Errorf("50 kB at 100 kB a second took %v", d)
	}
	s.Fail(upstreamtest.Fault{Kind: upstreamtest.Slow, For: 300 * time.Millisecond})
	if d := took(s.URL() + "large/"); d < 400*time.Millisecond {
		t.Errorf("a slow page came after %v", d)
	}
}

// A killed server refuses connections, and lives on at the same address.
func TestKill(t *testing.T) {
	s := upstreamtest.New(t, upstreamtest.Options{})
	f := s.AddGenerated("large", "1.0", 1000)
	at := s.FileURL(f.Name)
	s.Kill()
	if a := get(t, s.URL()); a.err == nil {
		t.Errorf("a killed server answers: %d", a.StatusCode)
	}
	if err := s.Revive(); err != nil {
		t.Fatal(err)
	}
	if a := get(t, at); a.err != nil || a.StatusCode != http.StatusOK {
		t.Errorf("afterwards: %v", a.err)
	}
}

// Another process switches faults on and off.
func TestControl(t *testing.T) {
	s := upstreamtest.New(t, upstreamtest.Options{})
	post := func(what, body string) int {
		res, err := http.Post(s.Base()+"/+control/"+what, "text/plain", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		return res.StatusCode
	}
	if code := post("fail", "status page,list status=500\nslow file for=1ms"); code != http.StatusOK {
		t.Errorf("fail = %d", code)
	}
	if a := get(t, s.URL()); a.StatusCode != http.StatusInternalServerError {
		t.Errorf("the list = %d", a.StatusCode)
	}
	if a := get(t, s.Base()+"/+control/asked"); strings.TrimSpace(string(a.body)) != `{"list":1}` {
		t.Errorf("asked: %s", a.body)
	}
	post("mend", "")
	if a := get(t, s.URL()); a.StatusCode != http.StatusOK {
		t.Errorf("mended: %d", a.StatusCode)
	}
	if post("fail", "nonsense") != http.StatusBadRequest || post("unknown", "") != http.StatusBadRequest {
		t.Error("nonsense is accepted")
	}
}
