package trusted_test

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"pyindex/internal/packaging"
	"pyindex/internal/upstream"
	asking "pyindex/internal/upstream/client"
	"pyindex/internal/upstream/page"
)

// TestIndexAsUpstream: one Index reads another with the identity that the platform gives it: page, list, files and
// metadata, and nothing without a reader.
func TestIndexAsUpstream(t *testing.T) {
	j, files := stocked(t)
	identity := filepath.Join(t.TempDir(), "identity")
	replace := func() {
		t.Helper()
		if err := os.WriteFile(identity, []byte(j.identity(j.audience())+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		at := time.Now().Add(time.Duration(len(j.Log())) * time.Millisecond) // another time than before
		if err := os.Chtimes(identity, at, at); err != nil {
			t.Fatal(err)
		}
	}
	u := upstream.Upstream{
		Name:              "other",
		URL:               j.URL + "/simple/",
		Kind:              upstream.Private,
		Probe:             "acme-greeter",
		AllowPrivate:      true,
		CAFile:            j.CA,
		IdentityAudience:  j.audience(),
		IdentityTokenFile: identity,
	}.WithDefaults()
	name, err := packaging.ParseProjectName("acme-greeter")
	if err != nil {
		t.Fatal(err)
	}
	c := asking.New(asking.Options{Version: "1.0", Instance: "tester"})
	replace()
	_, err = c.Page(t.Context(), u, name, upstream.Validators{})
	if f, ok := errors.AsType[*upstream.Failure](err); !ok || f.Kind != upstream.Refused {
		t.Errorf("without a reader: %v, want a refusal", err)
	}

	j.letRead("--project", "acme-greeter")
	replace()
	r, err := c.Page(t.Context(), u, name, upstream.Validators{})
	if err != nil {
		t.Fatal(err)
	}
	p, err := page.Parse(r.Body, r.ContentType, r.URL, name, page.DefaultBounds())
	if err != nil || len(p.Files) != len(files) {
		t.Fatalf("the page: %+v, %v", p, err)
	}
	for _, f := range p.Files {
		b, err := c.Open(t.Context(), u, f.URL, f.Size)
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(b)
		b.Close()
		if sum := sha256.Sum256(content); err != nil || hex.EncodeToString(sum[:]) != f.SHA256 {
			t.Errorf("%s: %v, or other bytes", f.Filename, err)
		}
	}
	again, err := c.Page(t.Context(), u, name, r.Validators)
	if err != nil || !again.NotModified {
		t.Errorf("again: %v, not modified: %v", err, again.NotModified)
	}
	other, _ := packaging.ParseProjectName("acme-missing")
	_, err = c.Page(t.Context(), u, other, upstream.Validators{})
	if f, ok := errors.AsType[*upstream.Failure](err); !ok || f.Kind != upstream.Absent {
		t.Errorf("a project that is not there: %v", err)
	}

	report := c.Check(t.Context(), u, packaging.ProjectName{})
	for _, f := range report.Findings {
		t.Logf("%-20s %-7s %s", f.Subject, f.Result, f.Detail)
		if strings.Contains(f.Detail, "pypi-idx_") {
			t.Errorf("%s contains a token", f.Subject)
		}
	}
	if !report.Usable {
		t.Errorf("not usable: %+v", report)
	}

	// Another process, such as a second replica with the same file, is refused until the platform writes a new one.
	second := asking.New(asking.Options{Version: "1.0", Instance: "second"})
	_, err = second.Page(t.Context(), u, name, upstream.Validators{})
	if f, ok := errors.AsType[*upstream.Failure](err); !ok || f.Kind != upstream.Refused {
		t.Errorf("the same identity token again: %v, want a refusal", err)
	}
	replace()
	if _, err := second.Page(t.Context(), u, name, upstream.Validators{}); err != nil {
		t.Errorf("a new identity token: %v", err)
	}
}
