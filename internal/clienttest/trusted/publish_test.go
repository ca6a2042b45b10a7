package trusted_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"pyindex/internal/clienttest"
	"pyindex/internal/packaging/packagingtest"
	"pyindex/internal/publishers/idtoken/issuertest"
)

func now() time.Time { return time.Now() }

// TestUV: uv finds the audience, the job's token and the mint by itself, and publishes a project that its pending
// publisher makes.
func TestUV(t *testing.T) {
	j := newJob(t)
	j.trust("acme-greeter", "--pending")
	files := clienttest.Sample(t, "setuptools", "1.0")
	args := []string{"publish", "--trusted-publishing", "always", "--publish-url", j.URL + "/legacy/"}
	clienttest.UV(t).Set(j.env()...).Run(t, "", append(args, files...)...).OK(t)
	for _, f := range files {
		if !j.listed("acme-greeter", filepath.Base(f)) {
			t.Errorf("%s was published and is not listed", filepath.Base(f))
		}
	}
	clienttest.UV(t).Set(j.env()...).Run(t, "", append(args, files...)...).OK(t)
}

// TestUVRefused checks that uv prints the claim that differed for a job without a matching publisher.
func TestUVRefused(t *testing.T) {
	j := newJob(t)
	j.trust("acme-greeter", "--pending")
	j.issuer.SetJob(map[string]any{"environment": "staging"})
	files := clienttest.Sample(t, "setuptools", "1.0")
	args := []string{"publish", "--trusted-publishing", "always", "--publish-url", j.URL + "/legacy/"}
	clienttest.UV(t).Set(j.env()...).Run(t, "", append(args, files...)...).Refused(t, "invalid-publisher", "environment",
		"staging")
	if j.listed("acme-greeter", filepath.Base(files[0])) {
		t.Error("a refused job made the project")
	}
}

// TestAction follows the publish action: audience, the job's token, mint, then twine with the minted token.
func TestAction(t *testing.T) {
	for _, path := range []string{"/_/oidc/mint-token", "/_/oidc/github/mint-token"} {
		t.Run(path, func(t *testing.T) {
			j := newJob(t)
			j.trust("acme-greeter", "--pending")
			status, m := j.mint(path, j.identity(j.audience()))
			if status != http.StatusOK || !m.Success || !strings.HasPrefix(m.Token, "pypi-") {
				t.Fatalf("mint = %d %+v", status, m)
			}
			if left := time.Until(time.Unix(m.Expires, 0)); left < 14*time.Minute || left > 15*time.Minute {
				t.Errorf("the token expires in %v, want 15 minutes", left)
			}
			files := clienttest.Sample(t, "setuptools", "1.0")
			twine := clienttest.Twine(t).Set(append(j.env(), "TWINE_USERNAME=__token__", "TWINE_PASSWORD="+m.Token)...)
			twine.Run(t, "", append([]string{"check", "--strict"}, files...)...).OK(t)
			twine.Run(t, "", append([]string{"upload", "--repository-url", j.URL + "/legacy/"}, files...)...).OK(t)
			if !j.listed("acme-greeter", filepath.Base(files[0])) {
				t.Error("twine published with a minted token, and the file is not listed")
			}
		})
	}
}

// TestByHand: plain requests do, and what was minted ends with its publisher.
func TestByHand(t *testing.T) {
	j := newJob(t)
	j.trust("by-hand", "--pending")
	_, m := j.mint("/_/oidc/mint-token", j.identity(j.audience()))
	if status, body := j.upload(m.Token, packagingtest.Wheel("by-hand", "1.0", "x")); status != http.StatusOK {
		t.Fatalf("the upload: %d %s", status, body)
	}
	if status, _ := j.get(j.HTTP, j.URL+"/simple/by-hand/", m.Token); status != http.StatusOK {
		t.Errorf("a minted token reads its project's page: %d, want 200", status)
	}
	if status, _ := j.get(j.HTTP, j.URL+"/simple/", m.Token); status != http.StatusOK {
		t.Errorf("a minted token reads the list of what it may see: %d, want 200", status)
	}
	if status, _ := j.upload(m.Token, packagingtest.Wheel("else", "1.0", "x")); status == http.StatusOK {
		t.Error("a minted token made a project")
	}
	j.Index("publisher", "remove", j.publisher("by-hand")).OK(t)
	if status, body := j.upload(m.Token, packagingtest.Wheel("by-hand", "1.1", "x")); status == http.StatusOK {
		t.Errorf("a minted token outlived its publisher: %d %s", status, body)
	}
}

// publisher returns the id of a project's one publisher.
func (j *job) publisher(project string) string {
	j.t.Helper()
	out := j.Index("publisher", "list", "--project", project, "--json").OK(j.t).Stdout
	var rows []map[string]any
	if err := json.Unmarshal([]byte(out), &rows); err != nil || len(rows) != 1 {
		j.t.Fatalf("publisher list = %s, %v, want one", out, err)
	}
	id, _ := rows[0]["id"].(string)
	return id
}

// upload sends a file's form, with more fields where extra names some.
func (j *job) upload(token string, f packagingtest.File, extra ...[2]string) (int, []byte) {
	j.t.Helper()
	body, contentType := f.Form(extra...)
	r, err := http.NewRequest("POST", j.URL+"/legacy/", bytes.NewReader(body))
	if err != nil {
		j.t.Fatal(err)
	}
	r.Header.Set("Content-Type", contentType)
	r.SetBasicAuth("__token__", token)
	answer, err := j.HTTP.Do(r)
	if err != nil {
		j.t.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }()
	var text bytes.Buffer
	_, err = text.ReadFrom(answer.Body)
	if err != nil {
		j.t.Fatal(err)
	}
	return answer.StatusCode, text.Bytes()
}

// TestOnce: a token of the job is good for one exchange, also when many try at once, and after a refusal still for one.
func TestOnce(t *testing.T) {
	j := newJob(t)
	audience := j.audience()
	token := j.identity(audience)
	if status, m := j.mint("/_/oidc/mint-token", token); status != http.StatusUnprocessableEntity ||
		m.Errors[0].Code != "invalid-publisher" {
		t.Fatalf("without a publisher: %d %+v", status, m)
	}
	j.trust("once", "--pending")
	granted := make(chan bool)
	const tries = 64
	for range tries {
		go func() {
			status, _, err := j.exchange("/_/oidc/mint-token", token)
			if err != nil {
				t.Error(err)
			}
			granted <- status == http.StatusOK
		}()
	}
	n := 0
	for range tries {
		if <-granted {
			n++
		}
	}
	if n != 1 {
		t.Errorf("%d of %d exchanges of one token were granted, want 1", n, tries)
	}
}

// TestNothingLeaks: neither identity tokens nor minted ones are in the log.
func TestNothingLeaks(t *testing.T) {
	j := newJob(t)
	j.trust("leak", "--pending")
	identity := j.identity(j.audience())
	_, m := j.mint("/_/oidc/mint-token", identity)
	j.upload(m.Token, packagingtest.Wheel("leak", "1.0", "x"))
	j.mint("/_/oidc/mint-token", identity)
	j.mint("/_/oidc/mint-token", j.issuer.Sign(j.issuer.Claims("elsewhere", now(), nil)))
	log := j.Log()
	for name, secret := range map[string]string{
		"identity": identity, "signature": identity[strings.LastIndex(identity, ".")+1:], "minted": m.Token,
		"bearer": issuertest.JobBearer,
	} {
		t.Run(name, func(t *testing.T) {
			if strings.Contains(log, secret) {
				t.Errorf("the log has the %s token:\n%s", name, log)
			}
		})
	}
	if regexp.MustCompile(`eyJ[A-Za-z0-9_-]{20,}`).MatchString(log) {
		t.Errorf("the log has something like a token:\n%s", log)
	}
}
