package trusted_test

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"pyindex/internal/clienttest"
	"pyindex/internal/packaging/packagingtest"
	"pyindex/internal/publishers/idtoken/issuertest"
)

// testKeys is the cases about an issuer's keys. Their order matters: after a made-up key id the issuer is left alone
// for a while.
func testKeys(t *testing.T) {
	b := newBench(t, "",
		func(i *issuertest.Issuer, _ *clienttest.Options) { i.Fail(issuertest.Discovery, issuertest.Down) })
	b.each(t, []demand{
		{"074-token and expires, with cold keys", func(w *workflow) {
			w.pending("a")
			if c := w.issuer.Counts(); c.Keys != 0 {
				w.t.Fatalf("the keys were had before: %+v", c)
			}
			w.issuer.Fail(issuertest.Discovery, nil)
			w.answersAClient(mintPath)
		}},
		{"083-new keys without a restart", func(w *workflow) {
			w.pending("a")
			w.granted("old key", w.token(nil))
			w.issuer.Rotate(false)
			w.granted("new key", w.token(nil))
		}},
		{"080-made-up key ids cost the issuer one fetch", testMadeUpKeys},
		{"084-known keys of an issuer that is down", testDownIssuer},
	})
}

// testMadeUpKeys counts what strangers with made-up key ids cost an issuer. The cool-down is half a minute.
func testMadeUpKeys(w *workflow) {
	w.pending("a")
	w.granted("to have the keys", w.token(nil))
	before, start := w.issuer.Counts(), now()
	for n := range 100 {
		w.refused("made up", w.issuer.SignAs(w.issuer.Header(map[string]any{"kid": fmt.Sprint("made-up-", n)}), w.said(nil)),
			"invalid-token", "kid")
	}
	after, most := w.issuer.Counts(), 1+int(time.Since(start)/(30*time.Second))
	if keys, found := after.Keys-before.Keys, after.Discovery-before.Discovery; keys < 1 || keys > most || found > most {
		w.t.Errorf(
			"100 made-up key ids cost %d fetches of the keys and %d of the discovery document, want one, and at most %d", keys,
			found, most,
		)
	}
	w.granted("a known key meanwhile", w.token(nil))
}

func testDownIssuer(w *workflow) {
	w.pending("a")
	w.issuer.Fail(issuertest.Keys, issuertest.Down)
	w.issuer.Fail(issuertest.Discovery, issuertest.Down)
	w.granted("a known key", w.token(nil))
	w.refused("another", w.issuer.SignAs(w.issuer.Header(map[string]any{"kid": "another"}), w.said(nil)), "invalid-token",
		"kid")
	w.granted("a known key again", w.token(nil))
}

// testElsewhere is the cases that need a server with other settings.
func testElsewhere(t *testing.T) {
	newBench(t, "", func(_ *issuertest.Issuer, o *clienttest.Options) {
		o.Args = []string{"--base-url", "https://127.0.0.1/team"}
	}).
		each(t, []demand{{"072-an index below a path answers at the host's root", testBelowPath}})
	newBench(t, "[limits]\nmint_rate = 2\n",
		func(i *issuertest.Issuer, _ *clienttest.Options) { i.Fail(issuertest.Discovery, issuertest.Down) }).
		each(t, []demand{{"075-also 503 and 429 are JSON with errors", testFailures}})
	newBench(t, "[oidc]\ntoken_lifetime = \"2h\"\n").each(t, []demand{
		{"103-a longer life as configured, never over six hours", testLifetime},
		{"130-the action from end to end at host and port", testAction},
	})
}

func testBelowPath(w *workflow) {
	project := w.pending("a")
	m := w.granted("at the root", w.token(nil))
	root := w.URL
	defer func() { w.URL = root }()
	w.URL += "/team"
	w.granted("below the path", w.token(nil))
	w.uploads(m.Token, project, "1.0", http.StatusOK, "")
}

// testFailures: clients index the list of errors without looking at the status.
func testFailures(w *workflow) {
	w.pending("a")
	status, m := w.mint(mintPath, w.token(nil))
	w.failed("an issuer that is down", status, m, http.StatusServiceUnavailable, "unavailable", "try again")
	for range 20 {
		if status, m = w.mint(mintPath, w.token(nil)); status == http.StatusTooManyRequests {
			break
		}
	}
	w.failed("too often", status, m, http.StatusTooManyRequests, "rate-limited", "too many")
}

func testLifetime(w *workflow) {
	project := w.pending("a")
	m := w.granted("two hours", w.token(nil))
	if left := time.Until(time.Unix(m.Expires, 0)); left < 110*time.Minute || left > 2*time.Hour {
		w.t.Errorf("the token expires in %v, want two hours", left)
	}
	w.uploads(m.Token, project, "1.0", http.StatusOK, "")
	for lifetime, fits := range map[string]bool{"6h": true, "6h1s": false, "24h": false} {
		cmd := exec.Command(clienttest.Binary(w.t, false), "user", "list", "--data-dir", w.t.TempDir(),
			"--oidc-token-lifetime", lifetime)
		cmd.Env = []string{"PATH=/usr/bin:/bin"}
		out, err := cmd.CombinedOutput()
		if (err == nil) != fits || !fits && !strings.Contains(string(out), "--oidc-token-lifetime") {
			w.t.Errorf("a lifetime of %s: %v, %s, want it to be taken: %v", lifetime, err, out, fits)
		}
	}
}

// testAction goes the way of the publish action with what a job has: the audience, the runner's own request for its
// token, the exchange, and twine.
func testAction(w *workflow) {
	project := w.pending("a")
	job := w.said(nil)
	delete(job, "aud")
	w.issuer.SetJob(job)
	identity := w.runnersToken(w.audience())
	f := packagingtest.Wheel(project, "1.0", "x")
	path := filepath.Join(w.t.TempDir(), f.Name)
	if err := os.WriteFile(path, f.Bytes, 0o600); err != nil {
		w.t.Fatal(err)
	}
	m := w.granted("the job", identity)
	twine := clienttest.Twine(w.t).Set(append(w.env(), "TWINE_USERNAME=__token__", "TWINE_PASSWORD="+m.Token)...)
	twine.Run(w.t, "", "upload", "--repository-url", w.URL+"/legacy/", path).OK(w.t)
	if !w.listed(project, f.Name) {
		w.t.Errorf("%s was published and is not listed", f.Name)
	}
}

// runnersToken asks for the job's token as an action does.
func (w *workflow) runnersToken(aud string) string {
	w.t.Helper()
	r, err := http.NewRequest("GET", w.issuer.TokenURL()+"&audience="+url.QueryEscape(aud), nil)
	if err != nil {
		w.t.Fatal(err)
	}
	r.Header.Set("Authorization", "bearer "+issuertest.JobBearer)
	pool := x509.NewCertPool()
	pem, err := os.ReadFile(w.bundle)
	if err != nil || !pool.AppendCertsFromPEM(pem) {
		w.t.Fatalf("reading %s: %v", w.bundle, err)
	}
	runner := &http.Client{
		Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}}, Timeout: 30 * time.Second,
	}
	defer runner.CloseIdleConnections()
	answer, err := runner.Do(r)
	if err != nil {
		w.t.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }()
	var got struct{ Value string }
	if err := json.NewDecoder(answer.Body).Decode(&got); err != nil || got.Value == "" {
		w.t.Fatalf("the runner's token: %d, %v", answer.StatusCode, err)
	}
	return got.Value
}
