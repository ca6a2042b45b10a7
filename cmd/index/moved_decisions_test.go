//go:build !windows

package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"pyindex/internal/app"
	"pyindex/internal/audit"
	"pyindex/internal/downloads"
	"pyindex/internal/holds"
	"pyindex/internal/packaging"
	"pyindex/internal/storage/postgrestest"
)

// somewhere is a place of an index, as flags.
type somewhere struct{ dir, database string }

func (p somewhere) flags() []string {
	return []string{
		"--data-dir", p.dir, "--database-url", p.database, "--storage-url", "file://" + filepath.Join(p.dir, "content"),
	}
}

// file writes the place as a configuration file.
func (p somewhere) file(t *testing.T) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "new.toml")
	text := fmt.Sprintf("data_dir = %q\n[database]\nurl = %q\n[storage]\nurl = %q\n", p.dir, p.database,
		"file://"+filepath.Join(p.dir, "content"))
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// place returns a new place on each kind of database.
func place(t *testing.T, database string) somewhere {
	t.Helper()
	p := somewhere{dir: t.TempDir()}
	p.database = "sqlite:" + filepath.Join(p.dir, "index.db")
	if database == "postgres" {
		postgrestest.Skip(t)
		p.database = postgrestest.Schema(t)
	}
	return p
}

// open opens the index at a place.
func (p somewhere) open(t *testing.T) *app.App {
	t.Helper()
	c := new(commands)
	k, err := newParser(c, os.Stdout, os.Stderr)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := k.Parse(append([]string{"user", "list"}, p.flags()...)); err != nil {
		t.Fatal(err)
	}
	a, err := app.Open(t.Context(), &c.Config, slog.New(slog.DiscardHandler), nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.Close() })
	return a
}

// command runs a command line on the index at a place.
func (p somewhere) command(t *testing.T, args ...string) {
	t.Helper()
	var out bytes.Buffer
	if status := run(t.Context(), append(args, p.flags()...), strings.NewReader(""), &out, &out); status != statusDone {
		t.Fatalf("index %v = %d: %s", args, status, out.String())
	}
}

// decide makes one decision of each kind about the files of withUnserved, imports a feed, and downloads a file.
func (x *fixture) decide(t *testing.T, all []unservedFile) {
	t.Helper()
	ctx, op := t.Context(), x.app.Operator
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	target := func(project, file string) holds.Target {
		t.Helper()
		out, err := holds.ParseTarget(project, file)
		must(err)
		return out
	}
	held, denied, own := all[0], all[1], all[2]
	_, err := x.app.Holds.Ask(ctx, op, holds.Ask{
		Repository: "main", Target: target(held.file.Project, held.file.Name), Reason: "please",
	})
	must(err)
	q, err := x.app.Holds.Ask(ctx, op, holds.Ask{
		Repository: "main", Target: target(held.file.Project+"==2.0", ""), Reason: "again",
	})
	must(err)
	_, err = x.app.Holds.Refuse(ctx, op, q.ID, "no")
	must(err)
	exempt := holds.NewExemption{
		Repository: "main", Target: target(held.file.Project+"==2.0", ""), Reason: "r", For: 48 * time.Hour,
	}
	e, err := x.app.Holds.Exempt(ctx, op, exempt)
	must(err)
	_, err = x.app.Holds.EndExemption(ctx, op, e.ID)
	must(err)
	_, err = x.app.Holds.Exempt(ctx, op, exempt)
	must(err)
	_, err = x.app.Holds.Lift(ctx, op, holds.NewLift{
		Repository: "main", Target: target(denied.file.Project, denied.file.Name), Reason: "looked at it",
	})
	must(err)
	name, err := packaging.ParseProjectName(own.file.Project)
	must(err)
	_, err = x.app.Holds.Pin(ctx, op, holds.NewPin{
		Project: name, Filename: own.servedBefore.Name, SHA256: strings.Repeat("a", 64), Reason: "r",
	})
	must(err)
	_, err = x.app.Holds.Deny(ctx, op, holds.NewDenial{SHA256: strings.Repeat("b", 64), Reason: "known to be bad"})
	must(err)
	must(x.app.DB.Holds().Update(ctx, func(tx holds.Tx) error {
		return tx.PutReturn(ctx, holds.Return{
			Upstream: "faraway", Project: "comet", At: time.Now().UTC().Truncate(time.Microsecond), Reason: "r",
			By: audit.Actor{Kind: "operator", Name: "op"},
		})
	}))
	feed := filepath.Join(t.TempDir(), "feed.json")
	must(os.WriteFile(feed, fmt.Appendf(nil, `{"id":"MAL-2026-1","modified":"2026-01-02T00:00:00Z","summary":"bad",`+
		`"affected":[{"package":{"ecosystem":"PyPI","name":%q},"versions":["1.0"]}]}`, denied.file.Project), 0o600))
	x.text(t, statusDone, "feed", "import", feed)
	if w := x.ask("GET", "/packages/"+x.file.SHA256+"/"+demoFile, "read"); w.Code != http.StatusOK {
		t.Fatalf("the download = %d", w.Code)
	}
	must(x.app.Downloads.Flush(ctx))
}

// decisionsOf returns everything that was decided about the files of withUnserved, as text.
func decisionsOf(t *testing.T, a *app.App, all []unservedFile) string {
	t.Helper()
	ctx, op := t.Context(), a.Operator
	var out struct {
		Files      map[string][]holds.File
		Exemptions []holds.Exemption
		Exempt     []holds.Content
		Requests   []holds.Request
		Rulings    []holds.Ruling
		Returns    []holds.Return
		Feeds      []string
		Records    map[string]any
		Readers    []downloads.Reader
	}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	at, err := a.DB.Catalog().Stamp(ctx)
	must(err)
	out.Files, out.Records = map[string][]holds.File{}, map[string]any{}
	for _, f := range all {
		name, err := packaging.ParseProjectName(f.file.Project)
		must(err)
		for _, repository := range []string{"main", "team"} {
			out.Files[repository+" "+f.file.Project], err = a.Reader.FilesOf(ctx, op, repository, name)
			must(err)
		}
		about, _, err := a.Advisories.About(ctx, at, name)
		must(err)
		if about != nil {
			out.Records[f.file.Project] = about.All()
		}
	}
	for _, repository := range []string{"main", "team"} {
		some, err := a.Holds.Exemptions(ctx, op, repository)
		must(err)
		out.Exemptions = append(out.Exemptions, some...)
		asked, err := a.Holds.Requests(ctx, op, repository)
		must(err)
		out.Requests = append(out.Requests, asked...)
	}
	for _, e := range out.Exemptions {
		some, err := a.Holds.ExemptionFiles(ctx, op, e.ID)
		must(err)
		out.Exempt = append(out.Exempt, some...)
	}
	out.Rulings, err = a.Holds.Rulings(ctx, op, holds.KindDenial, holds.KindPin, holds.KindLift)
	must(err)
	out.Returns, err = a.Holds.Returns(ctx, op)
	must(err)
	feeds, err := a.Advisories.Status(ctx, op)
	must(err)
	for _, f := range feeds {
		out.Feeds = append(out.Feeds, fmt.Sprintf("%s %d %d %d %s %s %s %s", f.Name, f.Revision, f.Records, f.Malicious,
			f.From, f.Newest.UTC(), f.ImportedAt.UTC(), f.CheckedAt.UTC()))
	}
	out.Readers, err = a.Downloads.Readers(ctx, op, downloads.Filter{})
	must(err)
	text, err := json.MarshalIndent(out, "", " ")
	must(err)
	return string(text)
}

// decidedAll are parts of decisionsOf after decide, so that no test compares nothing with nothing.
var decidedAll = []string{
	`"Rule": "denylist"`, `"Rule": "digest"`, `"Rule": "advisory"`, `"Rule": ""`, `"Kind": "lift"`, `"Kind": "pin"`,
	`"Kind": "deny"`, `"State": "refused"`, `"State": "open"`, `"Reason": "known to be bad"`, `"Project": "comet"`,
	`"local 1 1 1 `, `"summary": "bad"`, `"Count": 1`,
}

// TestDecisionsMove: after a move to another database and back, each file is decided as before, and everything that
// people decided, feeds state and callers downloaded is there.
func TestDecisionsMove(t *testing.T) {
	for _, database := range []string{"sqlite", "postgres"} {
		t.Run(database, func(t *testing.T) {
			there, back := place(t, database), place(t, "sqlite")
			x := newFixture(t, "http://h.example", false)
			x.people(t)
			all := x.withUnserved(t)
			x.decide(t, all)
			want := decisionsOf(t, x.app, all)
			for _, part := range decidedAll {
				if !strings.Contains(want, part) {
					t.Errorf("before the move, the decisions lack %s:\n%s", part, want)
				}
			}
			x.text(t, statusDone, "migrate", "--to", there.file(t))
			if diff := cmp.Diff(want, decisionsOf(t, there.open(t), all)); diff != "" {
				t.Errorf("after the move: %s", diff)
			}
			there.command(t, "migrate", "--to", back.file(t))
			if diff := cmp.Diff(want, decisionsOf(t, back.open(t), all)); diff != "" {
				t.Errorf("after the move back: %s", diff)
			}
		})
	}
}

// TestDecisionsRestored: the same after a backup was restored into another database.
func TestDecisionsRestored(t *testing.T) {
	for _, database := range []string{"sqlite", "postgres"} {
		t.Run(database, func(t *testing.T) {
			there, back := place(t, database), place(t, "sqlite")
			x := newFixture(t, "http://h.example", false)
			x.people(t)
			all := x.withUnserved(t)
			x.decide(t, all)
			want, dir, second := decisionsOf(t, x.app, all), t.TempDir(), t.TempDir()
			x.text(t, statusDone, "backup", dir)
			there.command(t, "restore", dir, "--keep-tokens")
			if diff := cmp.Diff(want, decisionsOf(t, there.open(t), all)); diff != "" {
				t.Errorf("after the restoration: %s", diff)
			}
			there.command(t, "restore", "finish", "--accept-gap")
			there.command(t, "backup", second)
			back.command(t, "restore", second, "--keep-tokens")
			if diff := cmp.Diff(want, decisionsOf(t, back.open(t), all)); diff != "" {
				t.Errorf("after the restoration of its backup: %s", diff)
			}
		})
	}
}
