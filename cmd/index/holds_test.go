//go:build !windows

package main

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"pyindex/internal/catalog"
	"pyindex/internal/downloads"
	"pyindex/internal/holds"
	"pyindex/internal/packaging"
	"pyindex/internal/packaging/packagingtest"
	"pyindex/internal/policy"
	"pyindex/internal/resolve"
	"pyindex/internal/upstream/upstreamtest"
)

// command runs one command line with --json on the index of a fixture, and reads what it prints into v.
func (x *fixture) command(t *testing.T, v any, args ...string) {
	t.Helper()
	var out, errs bytes.Buffer
	args = append([]string{"--data-dir", x.app.Config.DataDir}, append(args, "--json")...)
	if status := run(t.Context(), args, strings.NewReader(""), &out, &errs); status != statusDone {
		t.Fatalf("index %v = %d: %s", args, status, errs.String())
	}
	if err := json.Unmarshal(out.Bytes(), v); err != nil {
		t.Fatalf("index %v: %v:\n%s", args, err, out.String())
	}
}

// TestHoldsJSON: files of an upstream that are held are exempted, asked for, granted, refused and denied on the command
// line, and the running server serves them accordingly at once.
func TestHoldsJSON(t *testing.T) {
	x := newFixture(t, "http://h.example", false)
	x.people(t)
	from := x.drawing(t)
	have(from)
	from.Change("rocket", func(p *upstreamtest.Project) {
		for _, f := range p.Files {
			f.Uploaded = time.Now()
		}
	})
	ctx, op, month := t.Context(), x.app.Operator, 30*24*time.Hour
	if err := x.app.Index.ChangeRepository(ctx, op, "team", catalog.RepositoryChange{Cooldown: &month}); err != nil {
		t.Fatal(err)
	}
	decision := func(filename string) policy.Decision {
		t.Helper()
		name, _ := packaging.ParseProjectName("rocket")
		files, err := x.app.Reader.FilesOf(ctx, op, "team", name)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range files {
			if f.Filename == filename {
				return f.Decision
			}
		}
		t.Fatalf("%s is not among %v", filename, files)
		return policy.Decision{}
	}
	const wheel, sdist = "rocket-2.0-py3-none-any.whl", "rocket-2.0.tar.gz"
	want := func(filename string, v policy.Verdict, rule policy.Rule) {
		t.Helper()
		if d := decision(filename); d.Verdict != v || d.Rule != rule {
			t.Errorf("%s is %v by %q, want %v by %q", filename, d.Verdict, d.Rule, v, rule)
		}
	}
	want(wheel, policy.Hold, policy.RuleCooldown)

	var e struct {
		ID, Project, Version, Filename, State, Request string
		Files                                          int
	}
	x.command(t, &e, "exempt", "add", "team", "rocket==2", "--file", wheel, "--reason", "needed", "--expires", "30d")
	if e.Files != 1 || e.Version != "2.0" || e.Filename != wheel || e.State != "in force" {
		t.Errorf("index exempt add = %+v", e)
	}
	want(wheel, policy.Serve, "")
	want(sdist, policy.Hold, policy.RuleCooldown)
	x.command(t, &e, "exempt", "remove", e.ID)
	if e.State != "ended" {
		t.Errorf("index exempt remove = %+v", e)
	}
	want(wheel, policy.Hold, policy.RuleCooldown)

	ask := func(file string) holds.Request {
		t.Helper()
		target, err := holds.ParseTarget("rocket", file)
		if err != nil {
			t.Fatal(err)
		}
		q, err := x.app.Holds.Ask(ctx, op, holds.Ask{Repository: "team", Target: target, Reason: "please"})
		if err != nil {
			t.Fatal(err)
		}
		return q
	}
	first, second := ask(wheel), ask(sdist)
	var all []struct {
		ID, State, By, Reason string
		Present               []struct{ State, Rule, Text string }
	}
	x.command(t, &all, "exempt", "requests", "team")
	if len(all) != 2 || all[0].State != "open" || all[0].Reason != "please" {
		t.Errorf("index exempt requests = %+v", all)
	}
	for _, q := range all {
		if len(q.Present) != 1 || q.Present[0].State != "held" || q.Present[0].Rule != "cooldown" {
			t.Errorf("index exempt requests says that %s is now %+v", q.ID, q.Present)
		}
	}
	if got := x.text(t, statusDone, "exempt", "requests", "team"); !strings.Contains(got, "held: cooldown until 20") {
		t.Errorf("index exempt requests does not say why the files are held: %s", got)
	}
	x.command(t, &e, "exempt", "grant", first.ID, "--expires", "1h")
	if e.Request != first.ID || e.Filename != wheel {
		t.Errorf("index exempt grant = %+v", e)
	}
	want(wheel, policy.Serve, "")
	var q struct{ ID, State, Answer string }
	x.command(t, &q, "exempt", "refuse", second.ID, "--answer", "use the wheel")
	if q.ID != second.ID || q.State != "refused" || q.Answer != "use the wheel" {
		t.Errorf("index exempt refuse = %+v", q)
	}

	var r struct{ ID, Kind, Filename, SHA256 string }
	x.app.Downloads.Note(op, downloads.File{
		Repository: "team", Upstream: "faraway", Project: "rocket", Version: "2.0", Filename: wheel, SHA256: "ab",
	})
	if err := x.app.Downloads.Flush(ctx); err != nil {
		t.Fatal(err)
	}
	for _, typo := range []string{"rockett==2.0", "rocket==20"} {
		got := x.text(t, statusDone, "deny", "add", typo, "--reason", "in advance")
		if !strings.Contains(got, "this index knows no such file today") || strings.Contains(got, "downloaded") {
			t.Errorf("index deny add %s says %q", typo, got)
		}
	}
	got := x.text(t, statusDone, "deny", "add", "rocket==2.0.0", "--file", wheel, "--reason", "it steals tokens")
	if strings.Contains(got, "no such file") ||
		!strings.Contains(got, "1 caller downloaded rocket==2.0 already: index project downloads rocket==2.0 shows") {
		t.Errorf("index deny add of a release that was downloaded says %q", got)
	}
	var d struct{ Files, Callers int }
	if x.command(t, &d, "deny", "add", "rocket==2", "--reason", "it steals tokens"); d.Files != 2 || d.Callers != 1 {
		t.Errorf("index deny add = %+v, want 2 files and 1 caller", d)
	}
	want(wheel, policy.Deny, policy.RuleDenylist)
	want(sdist, policy.Deny, policy.RuleDenylist)
	x.command(t, &r, "deny", "lift", "rocket==2.0", "--file", wheel, "--repository", "team", "--reason", "looked at it")
	if r.Kind != "lift" || r.Filename != wheel || len(r.SHA256) != 64 {
		t.Errorf("index deny lift = %+v", r)
	}
	want(wheel, policy.Serve, "") // exempt from the cooldown too
	want(sdist, policy.Deny, policy.RuleDenylist)
	x.command(t, &r, "deny", "remove", r.ID)
	want(wheel, policy.Deny, policy.RuleDenylist)
}

// TestExemptQuarantinedUpstream: files of a project that is in quarantine at its upstream are not exempted, and one of
// them is lifted by an administrator.
func TestExemptQuarantinedUpstream(t *testing.T) {
	x := newFixture(t, "http://h.example", false)
	x.people(t)
	from := x.drawing(t)
	from.Add(packagingtest.Wheel("rocket", "1.0", "x"), packagingtest.Wheel("rocket", "2.0", "x"))
	from.Change("rocket", func(p *upstreamtest.Project) { p.Status = "quarantined" })
	refused := func(text string, args ...string) {
		t.Helper()
		var out, errs bytes.Buffer
		status := run(t.Context(), append([]string{"--data-dir", x.app.Config.DataDir}, args...), strings.NewReader(""),
			&out, &errs)
		if status != statusRefused || !strings.Contains(errs.String(), text) {
			t.Errorf("index %v = %d %q, want a refusal with %q", args, status, errs.String(), text)
		}
	}
	refused("an exemption lifts holds only", "exempt", "add", "team", "rocket", "--reason", "r")
	var r struct{ Kind, SHA256 string }
	x.command(t, &r, "deny", "lift", "rocket==1.0", "--file", "rocket-1.0-py3-none-any.whl", "--repository", "team",
		"--reason", "looked at it")
	name, _ := packaging.ParseProjectName("rocket")
	v, err := x.app.Reader.View(t.Context(), x.app.Operator, "team", name, resolve.Ask{})
	if err != nil {
		t.Fatal(err)
	}
	listed, err := x.app.Reader.Contents(t.Context(), x.app.Operator, v)
	if err != nil {
		t.Fatal(err)
	}
	served := 0
	for _, f := range listed.Files {
		if !f.Held() {
			served++
			if f.SHA256 != r.SHA256 {
				t.Errorf("%s is served, and was not lifted", f.Filename)
			}
		}
	}
	if served != 1 {
		t.Errorf("%d files are served, want the one that was lifted: %+v", served, listed.Files)
	}
	refused("is not denied", "deny", "lift", "rocket==1.0", "--file", "rocket-1.0-py3-none-any.whl",
		"--repository", "team", "--reason", "r")
}
