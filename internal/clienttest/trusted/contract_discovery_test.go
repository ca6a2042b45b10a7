package trusted_test

import (
	"bytes"
	"encoding/json"
	"io"
	"mime"
	"net/http"
	"net/url"
	"time"
)

const (
	typeDiscovery = "application/vnd.pypi.pytp.v1+json" // PEP 807
	typeProblem   = "application/problem+json"          // RFC 9457
)

// discovered is the answer of discovery, or of its refusal.
type discovered struct {
	Audience string   `json:"audience-endpoint"`
	Mint     string   `json:"token-mint-endpoint"`
	Features []string `json:"features"`
	Status   int      `json:"status"`
	Title    string   `json:"title"`
	Detail   string   `json:"detail"`
}

// discover asks where trusted publishing goes on for an upload path; accept "" is none.
func (w *workflow) discover(path, accept string) (status int, kind string, d discovered) {
	w.t.Helper()
	r, err := http.NewRequest("GET", w.URL+"/.well-known/pytp?discover="+url.QueryEscape(path), nil)
	if err != nil {
		w.t.Fatal(err)
	}
	if accept != "" {
		r.Header.Set("Accept", accept)
	}
	answer, err := w.HTTP.Do(r)
	if err != nil {
		w.t.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	if err := json.Unmarshal(body, &d); err != nil {
		w.t.Fatalf("discovery of %q = %d %s, %v", path, answer.StatusCode, body, err)
	}
	kind, _, _ = mime.ParseMediaType(answer.Header.Get("Content-Type"))
	return answer.StatusCode, kind, d
}

// undiscovered wants a problem.
func (w *workflow) undiscovered(path, accept string, want int) {
	w.t.Helper()
	status, kind, d := w.discover(path, accept)
	if status != want || kind != typeProblem || d.Status != want || d.Title == "" || d.Detail == "" || d.Mint != "" {
		w.t.Errorf("discovery of %q as %q = %d %s %+v, want the problem %d", path, accept, status, kind, d, want)
	}
}

var discoveryDemands = []demand{
	{"112-discovery names both endpoints on the same host", func(w *workflow) {
		status, kind, d := w.discover("/legacy/", typeDiscovery)
		if status != http.StatusOK || kind != typeDiscovery {
			w.t.Fatalf("discovery = %d %s, want 200 %s", status, kind, typeDiscovery)
		}
		if d.Audience != w.URL+"/_/oidc/audience" || d.Mint != w.URL+mintPath {
			w.t.Errorf("discovery names %s and %s, want them on %s", d.Audience, d.Mint, w.URL)
		}
	}},
	{"113-an unknown path is a problem", func(w *workflow) {
		for _, path := range []string{
			"/nowhere/", "", "/", "/simple/", "/legacy/x", "/LEGACY/", "https://evil.example/legacy/", "//legacy/",
			"%2Flegacy%2F", "/legacy/\n",
		} {
			w.undiscovered(path, typeDiscovery, http.StatusNotFound)
		}
	}},
	{"114-another Accept is not acceptable, none is", func(w *workflow) {
		for _, accept := range []string{
			"text/html", "application/json", "application/vnd.pypi.pytp.v2+json", typeDiscovery + ";q=0",
		} {
			w.undiscovered("/legacy/", accept, http.StatusNotAcceptable)
		}
		for _, accept := range []string{"", "*/*", typeDiscovery} {
			if status, kind, _ := w.discover("/legacy/", accept); status != http.StatusOK || kind != typeDiscovery {
				w.t.Errorf("discovery as %q = %d %s, want 200", accept, status, kind)
			}
		}
	}},
	{"115-the audience, a token, and when it expires", func(w *workflow) {
		project := w.pending("a")
		_, _, d := w.discover("/legacy/", typeDiscovery)
		status, body := w.get(w.HTTP, d.Audience, "")
		var answer map[string]string
		if err := json.Unmarshal(body, &answer); err != nil || status != http.StatusOK || len(answer) != 1 ||
			answer["audience"] == "" {
			w.t.Fatalf("the audience: %d %s, %v", status, body, err)
		}
		asked := now().Truncate(time.Second)
		m := w.asPEP807(d.Mint, map[string]any{"token": w.token(over{"aud": answer["audience"]})})
		if left := time.Unix(m.Expires, 0).Sub(asked); left < 900*time.Second || left > 21600*time.Second {
			w.t.Errorf("the token expires in %v, want between 15 minutes and 6 hours", left)
		}
		w.uploads(m.Token, project, "1.0", http.StatusOK, "")
	}},
	{"116-a token for one upload is for one", func(w *workflow) {
		project := w.pending("a")
		_, _, d := w.discover("/legacy/", typeDiscovery)
		if len(d.Features) != 2 || d.Features[1] != "single-use-token" {
			w.t.Fatalf("the features: %v, want single-use-token among them", d.Features)
		}
		m := w.asPEP807(d.Mint, map[string]any{"token": w.token(nil), "features": []string{"single-use-token"}})
		w.uploads(m.Token, project, "1.0", http.StatusOK, "")
		w.uploads(m.Token, project, "1.1", http.StatusForbidden, "for one upload")
		if w.listed(project, "-1.1-") {
			w.t.Error("the second upload was refused and is listed")
		}
	}},
	{"117-the addresses of today's clients", func(w *workflow) {
		project := w.pending("a")
		m := w.granted("today's", w.issuer.Sign(w.said(over{"aud": w.audience()})))
		w.uploads(m.Token, project, "1.0", http.StatusOK, "")
		w.uploads(m.Token, project, "1.1", http.StatusOK, "")
	}},
}

// asPEP807 exchanges a token as a client does that came by discovery.
func (w *workflow) asPEP807(endpoint string, request map[string]any) minted {
	w.t.Helper()
	body, err := json.Marshal(request)
	if err != nil {
		w.t.Fatal(err)
	}
	r, err := http.NewRequest("POST", endpoint, bytes.NewReader(body))
	if err != nil {
		w.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Accept", typeDiscovery)
	status, m := w.answer(r)
	if status != http.StatusOK || m.Token == "" {
		w.t.Fatalf("mint = %d %+v, want 200", status, m.Errors)
	}
	return m
}
