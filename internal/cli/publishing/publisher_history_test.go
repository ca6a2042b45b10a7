package publishing_test

import (
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"pyindex/internal/audit"
	"pyindex/internal/catalog"
	"pyindex/internal/cli/clitest"
	"pyindex/internal/packaging"
	"pyindex/internal/publishers"
	"pyindex/internal/storage/db"
)

// letIn stores an accepted exchange of a publisher and a file of its token, as a job leaves them.
func letIn(t *testing.T, dir, publisher, version, ref string, age time.Duration) {
	t.Helper()
	d, err := db.Open(t.Context(), "sqlite://"+filepath.Join(dir, "index.db"), db.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	at, ctx := time.Now().Add(-age), t.Context()
	claims := map[string]any{
		"iss": "https://issuer.example", "repository": "acme/source", "ref": ref, "event_name": "push", "run_id": "77",
		"job_workflow_ref": "acme/source/.github/workflows/release.yml@" + ref,
	}
	err = d.Publishers().Update(ctx, func(tx publishers.Tx) error {
		repo, err := tx.RepositoryByName(ctx, catalog.MainRepository)
		if err != nil {
			return err
		}
		name, err := packaging.ParseProjectName("widgets")
		if err != nil {
			return err
		}
		p, err := tx.ProjectByName(ctx, repo.ID, name)
		if err != nil {
			return err
		}
		p.CreatedAt = at.Add(-time.Hour)
		err = tx.InsertAudit(ctx, audit.Entry{
			ID: "x-" + version, At: at, Action: "publisher.exchange", Outcome: audit.Granted, Repository: repo.ID,
			Project: "widgets", Subject: "t-" + version,
			Actor:  audit.Actor{Kind: "publisher", ID: publisher, Address: "198.51.100.7"},
			Detail: map[string]any{"claims": claims, "provider": "github", "issuer": "https://issuer.example"},
		})
		if err != nil {
			return err
		}
		r := catalog.Release{ID: "r-" + version, ProjectID: p.ID, Version: version, Key: version, CreatedAt: at}
		if err := tx.InsertRelease(ctx, r); err != nil {
			return err
		}
		file := "widgets-" + version + "-py3-none-any.whl"
		return tx.InsertFile(ctx, catalog.File{
			ID: "f-" + version, RepositoryID: repo.ID, ProjectID: p.ID, ReleaseID: r.ID, Filename: file, NameKey: file,
			Version: version, Kind: packaging.Wheel, SHA256: strings.Repeat("ab", 32), UploadedAt: at,
			Uploader: catalog.Uploader{Kind: "publisher", Name: "w", TokenID: "t-" + version, Claims: claims},
		}, packaging.Metadata{})
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestPublisherHistory lists what a publisher let in, and removes it together with its files.
func TestPublisherHistory(t *testing.T) {
	const issuer = "https://issuer.example"
	dir := t.TempDir()
	run := func(status int, args ...string) (out, errs string) {
		t.Helper()
		return clitest.Run(t, status,
			append([]string{"--data-dir", dir, "--oidc-issuers", "kind=github,issuer=" + issuer}, args...)...)
	}
	run(0, "upload", clitest.Wheel(t, "widgets"))
	run(0, "upload", clitest.Wheel(t, "gadgets"))
	id := ""
	for _, project := range []string{"widgets", "gadgets"} {
		id, _ = run(0, "publisher", "add", "github", "--issuer", issuer, "--project", project, "--owner", "acme",
			"--repository", "source", "--workflow", "release.yml", "--owner-id", "31337")
	}
	id = strings.TrimSpace(id)
	if out, errs := run(0, "publisher", "history", id); out != "" || !strings.Contains(errs, "no request is recorded") {
		t.Errorf("an empty history is %q and %q", out, errs)
	}
	letIn(t, dir, id, "2.0", "refs/heads/main", -time.Second)
	letIn(t, dir, id, "2.1", "refs/tags/v2.1", -2*time.Second)
	for _, args := range [][]string{{id}, {id, "--project", "Widgets"}, {id, "--last", "1"}} {
		out, _ := run(0, append([]string{"publisher", "history"}, args...)...)
		for _, want := range []string{
			"widgets  acme/source at refs/tags/v2.1, started by push, run 77 from 198.51.100.7\n",
			"  unlike before: first time from a tag\n",
			"  available    widgets-2.1-py3-none-any.whl  sha256 " + strings.Repeat("ab", 32) + "\n",
		} {
			if !strings.Contains(out, want) {
				t.Errorf("%v: the history does not say %q:\n%s", args, want, out)
			}
		}
		if all := strings.Contains(out, "widgets-2.0"); all == (len(args) == 3 && args[1] == "--last") {
			t.Errorf("%v lists the older request: %v", args, all)
		}
	}
	var rows []struct {
		Project  string
		Complete bool                    `json:"complete_history"`
		Unlike   []struct{ Text string } `json:"unlike_before"`
		Files    []struct{ State string }
	}
	out, _ := run(0, "publisher", "history", id, "--json")
	if err := json.Unmarshal([]byte(out), &rows); err != nil || len(rows) != 2 || rows[0].Project != "widgets" ||
		len(rows[0].Unlike) != 1 || !rows[0].Complete || rows[0].Files[0].State != "available" {
		t.Errorf("--json: %+v, %v\n%s", rows, err, out)
	}
	for what, args := range map[string][]string{
		"an unknown id":           {"history", "nothing"},
		"another project":         {"history", id, "--project", "other"},
		"too many":                {"history", id, "--last", "1001"},
		"none":                    {"history", id, "--last", "0"},
		"a list of an unknown id": {"remove", "nothing", "--list"},
		"a reason for nothing":    {"remove", id, "--reason", "x"},
		"a period for nothing":    {"remove", id, "--since", "1d"},
		"files of an unknown id":  {"remove", "nothing", "--yank"},
	} {
		if _, errs := run(1, append([]string{"publisher"}, args...)...); strings.TrimSpace(errs) == "" {
			t.Errorf("%s: nothing is said", what)
		}
	}
	out, _ = run(0, "publisher", "remove", id, "--list")
	if !strings.Contains(out, "widgets-2.0-py3-none-any.whl") || !strings.Contains(out, "available") {
		t.Errorf("--list printed\n%s", out)
	}
	out, _ = run(0, "publisher", "remove", id, "--project", "widgets", "--quarantine", "--reason", "leaked")
	if out != "put into quarantine: 2 of 2 files that came through it\n" {
		t.Errorf("--quarantine printed %q", out)
	}
	if out, _ = run(0, "publisher", "list"); !strings.Contains(out, "gadgets") || strings.Contains(out, "widgets ") {
		t.Errorf("the publishers are\n%s", out)
	}
	out, _ = run(0, "publisher", "remove", id, "--quarantine", "--json")
	if !strings.Contains(out, `"selected": 2`) || !strings.Contains(out, `"set_aside": 0`) ||
		!strings.Contains(out, `"gadgets"`) {
		t.Errorf("a second quarantine printed %s", out)
	}
	out, _ = run(0, "publisher", "history", id)
	if !strings.Contains(out, "  quarantined  widgets-2.0-py3-none-any.whl") {
		t.Errorf("the history of the removed publisher is\n%s", out)
	}
	run(1, "publisher", "remove", id)
}
