package publishers_test

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pyindex/internal/access"
	"pyindex/internal/audit"
	"pyindex/internal/catalog"
	"pyindex/internal/fault"
	"pyindex/internal/packaging"
	"pyindex/internal/publishers"
	"pyindex/internal/publishers/insight"
	"pyindex/internal/workload"
)

// letIn returns what a publisher let in to a project, in full.
func (b *bench) letIn(who access.Caller, project, id string) insight.LetIn {
	b.Helper()
	got, err := b.registry.LetIn(b.Context(), who, insight.LetInRequest{Project: project, Publisher: id, Limit: 100})
	if err != nil {
		b.Fatal(err)
	}
	return got
}

// lines returns one line for each request: its ref, its marks and its files.
func lines(got insight.LetIn) []string {
	var out []string
	for _, e := range got.Requests {
		var parts []string
		for _, m := range e.Unlike {
			parts = append(parts, m.Text)
		}
		for _, f := range e.Files {
			parts = append(parts, f.Filename+" "+string(f.State))
		}
		ref := e.Ref
		if e.Withheld {
			ref = "withheld"
		}
		out = append(out, strings.TrimSpace(cmp.Or(ref, "-")+": "+strings.Join(parts, ", ")))
	}
	return out
}

func (b *bench) wantLines(what string, got insight.LetIn, want ...string) {
	b.Helper()
	if have := lines(got); !slices.Equal(have, want) {
		b.Errorf("%s:\n%s\nwant\n%s", what, strings.Join(have, "\n"), strings.Join(want, "\n"))
	}
}

// at returns claims for a run at a ref, with changes.
func atRef(ref string, over ...any) map[string]any {
	c := map[string]any{
		"ref": ref, "job_workflow_ref": "acme/widgets/.github/workflows/release.yml@" + ref,
		"workflow_ref": "acme/widgets/.github/workflows/release.yml@" + ref,
	}
	for i := 0; i+1 < len(over); i += 2 {
		c[over[i].(string)] = over[i+1]
	}
	return c
}

// released mints for a run and uploads a version with its token, an hour after the last one.
func (b *bench) released(project, version string, claims map[string]any) {
	b.Helper()
	b.clock.Pass(time.Hour)
	m := b.mint(claims)
	b.clock.Pass(time.Second)
	b.publish(m, project, version)
}

// TestLetIn checks the requests, the marks and the files of a publisher, for administrators and owners.
func TestLetIn(t *testing.T) {
	onEach(t, func(t *testing.T, b *bench) {
		alice := b.owner("alice", "demo")
		p := b.add("demo", "environment", "")
		const tag, main = "refs/tags/v1", "refs/heads/main"
		b.released("demo", "1.0", atRef(main, "environment", "release", "actor", "ann"))
		b.released("demo", "1.1", atRef(main, "environment", "release", "actor", "ann"))
		b.released("demo", "1.2", atRef(tag, "environment", "release", "actor", "ann"))
		b.released("demo", "1.3", atRef(tag, "event_name", "workflow_dispatch", "environment", "release", "actor", "ann"))
		b.released("demo", "1.4", atRef(tag, "environment", "other", "runner_environment", "self-hosted", "actor", "ann"))
		b.released("demo", "1.5",
			atRef(tag, "environment", "other", "runner_environment", "self-hosted", "actor", "secret-eve"))
		b.clock.Pass(time.Hour)
		b.mint(atRef(tag, "actor", "ann")) // uploads nothing

		first, demo := b.tokenOf("f-demo-1.0"), b.find("demo")
		b.update(func(tx publishers.Tx) error {
			if err := tx.SetYank(t.Context(), "f-demo-1.1", true, "bad"); err != nil {
				return err
			}
			if err := tx.SetQuarantine(t.Context(), "f-demo-1.2", b.clock.Now(), "worse"); err != nil {
				return err
			}
			return tx.InsertAudit(t.Context(), audit.Entry{
				ID: "gone", At: b.clock.Now().Add(-6*time.Hour - 6*time.Second), Action: "file.add", Outcome: audit.Granted,
				Repository: demo.Repository.ID, Project: "demo", Version: "1.0", Filename: "demo-1.0.tar.gz",
				Actor: audit.Actor{Kind: "publisher", TokenID: first},
			})
		})
		got := b.letIn(b.operator, "demo", p.ID)
		b.wantLines("to an administrator", got,
			"refs/tags/v1:",
			"refs/tags/v1: first time started by the user secret-eve, demo-1.5 available",
			"refs/tags/v1: first time in environment other, first time on self-hosted runners, demo-1.4 available",
			"refs/tags/v1: first time started by hand (workflow_dispatch), demo-1.3 available",
			"refs/tags/v1: first time from a tag, demo-1.2 quarantined",
			"refs/heads/main: demo-1.1 yanked",
			"refs/heads/main: demo-1.0 available, demo-1.0.tar.gz deleted",
		)
		if first := got.Requests[6]; !first.First || got.Requests[5].First || !got.Whole ||
			first.Workload != "acme/widgets" ||
			first.Event != "push" || first.Address != "198.51.100.7" || first.Files[0].Version != "1.0" {
			t.Errorf("the first request is %+v; whole: %v", first, got.Whole)
		}
		// Owners do not see the claims that their rule does not compare, only that they are new.
		b.wantLines("to an owner", b.letIn(alice, "demo", p.ID),
			"refs/tags/v1:",
			"refs/tags/v1: demo-1.5 available",
			"refs/tags/v1: first time in another environment, first time on another kind of runner, demo-1.4 available",
			"refs/tags/v1: first time started by hand (workflow_dispatch), demo-1.3 available",
			"refs/tags/v1: first time from a tag, demo-1.2 quarantined",
			"refs/heads/main: demo-1.1 yanked",
			"refs/heads/main: demo-1.0 available, demo-1.0.tar.gz deleted",
		)
		text, err := json.Marshal(b.letIn(alice, "demo", p.ID))
		if err != nil {
			t.Fatal(err)
		}
		b.shows("to an owner", string(text), false, "secret-eve", "self-hosted", `"other"`, "environment other")
		// The publishing page has the newest mark.
		if x := b.show(alice, "demo").Publishers[0].Unlike; x == nil || len(x.Unlike) != 2 {
			t.Errorf("the page has the mark %+v", x)
		}
	})
}

// TestLetInPages checks that pages list each request once, whether its exchange is recorded or not.
func TestLetInPages(t *testing.T) {
	onEach(t, func(t *testing.T, b *bench) {
		b.project("demo", "")
		p := b.add("demo")
		var want []string
		for i := range 7 {
			b.released("demo", fmt.Sprintf("1.%d", i), atRef("refs/heads/main"))
			if i == 3 { // those before are no longer recorded
				b.clock.Pass(29*24*time.Hour + 20*time.Hour + 30*time.Minute)
			}
			want = append(want, fmt.Sprintf("demo-1.%d", i))
		}
		b.clock.Pass(time.Hour)
		if err := b.registry.Sweep(t.Context()); err != nil {
			t.Fatal(err)
		}
		slices.Reverse(want)
		for _, size := range []int{1, 2, 3, 7, 50} {
			var have []string
			var unrecorded int
			for before := ""; ; {
				got, err := b.registry.LetIn(t.Context(), b.operator,
					insight.LetInRequest{Project: "demo", Publisher: p.ID, Before: before, Limit: size})
				if err != nil {
					t.Fatal(err)
				}
				if len(got.Requests) > size {
					t.Fatalf("a page of %d has %d requests", size, len(got.Requests))
				}
				for _, e := range got.Requests {
					for _, f := range e.Files {
						have = append(have, f.Filename)
					}
					if e.ID == "" {
						unrecorded++
					}
				}
				if before = got.Older; before == "" {
					break
				}
			}
			if !slices.Equal(have, want) || unrecorded != 4 {
				t.Errorf("pages of %d list %v, %d without their exchange, want %v and 4", size, have, unrecorded, want)
			}
		}
		// Nothing may be called the first if earlier runs could be missing.
		b.released("demo", "2.0", atRef("refs/heads/new"))
		got := b.letIn(b.operator, "demo", p.ID)
		if m := got.Requests[0].Unlike; got.Whole || len(m) != 1 ||
			m[0].Text != "first time in the recorded history from branch new" {
			t.Errorf("marks = %v, whole: %v", m, got.Whole)
		}
	})
}

// TestLetInIsForOwners checks that others get the answer for a project that does not exist.
func TestLetInIsForOwners(t *testing.T) {
	b := newBench(t)
	alice := b.owner("alice", "demo")
	mallory := b.owner("mallory", "other")
	p, q := b.add("demo"), b.add("other", "workflow", "other.yml")
	b.released("demo", "1.0", nil)
	ask := func(who access.Caller, project, id string) error {
		_, err := b.registry.LetIn(t.Context(), who, insight.LetInRequest{Project: project, Publisher: id, Limit: 10})
		_, again := b.registry.Through(t.Context(), who, "", project, id, 10)
		if fault.KindOf(err) != fault.KindOf(again) {
			t.Errorf("LetIn() = %v, but Through() = %v", err, again)
		}
		return err
	}
	if err := ask(alice, "demo", p.ID); err != nil {
		t.Errorf("an owner: %v", err)
	}
	for what, err := range map[string]error{
		"another project's owner":           ask(mallory, "demo", p.ID),
		"a publisher of another project":    ask(alice, "demo", q.ID),
		"the other project, by its owner":   ask(mallory, "other", p.ID),
		"no publisher":                      ask(alice, "demo", "nothing"),
		"an empty id":                       ask(alice, "demo", ""),
		"a project that does not exist":     ask(alice, "nothing", p.ID),
		"a minted token of the publisher":   ask(b.identify(b.mint(nil).Token), "demo", p.ID),
		"a publisher's id with a wild card": ask(alice, "demo", "%"),
	} {
		if !fault.Is(err, fault.NotFound) {
			t.Errorf("%s: %v, want %v", what, err, fault.NotFound)
		}
	}
	if err := ask(b.guest, "demo", p.ID); !fault.Is(err, fault.Unauthenticated) {
		t.Errorf("anonymous: %v", err)
	}
	for _, r := range []insight.LetInRequest{
		{Project: "demo", Publisher: p.ID},
		{Project: "demo", Publisher: p.ID, Limit: insight.MaxLetIn + 1},
		{Project: "demo", Publisher: p.ID, Limit: 1, Before: "x"},
		{Project: "!", Publisher: p.ID, Limit: 1},
	} {
		if _, err := b.registry.LetIn(t.Context(), alice, r); !fault.Is(err, fault.Invalid) {
			t.Errorf("LetIn(%+v) = %v, want %v", r, err, fault.Invalid)
		}
	}
	// A former owner sees nothing.
	if err := b.catalogOf().Ungrant(t.Context(), b.operator, "", mustName(t, "demo"), "alice"); err != nil {
		t.Fatal(err)
	}
	if err := ask(b.again("alice"), "demo", p.ID); !fault.Is(err, fault.NotFound) {
		t.Errorf("a former owner: %v", err)
	}
}

// TestLetInIsWithheld checks that owners see nothing of a run whose workload has published nothing to the project.
func TestLetInIsWithheld(t *testing.T) {
	b := newBench(t)
	mallory := b.owner("mallory", "mine")
	p := b.add("mine", "environment", "")
	b.mint(b.job())
	b.clock.Pass(time.Minute)
	b.mint(b.job(map[string]any{"event_name": "workflow_dispatch"}))
	got := b.letIn(mallory, "mine", p.ID)
	b.wantLines("before an upload", got, "withheld:", "withheld:")
	text, _ := json.Marshal(got)
	b.shows("before an upload", string(text), false, "secret-", "778899", "198.51.100.7", "workflow_dispatch", "by hand")
	b.clock.Pass(time.Minute)
	b.publish(b.mint(b.job()), "mine", "1.0")
	b.wantLines("after an upload", b.letIn(mallory, "mine", p.ID),
		"refs/heads/secret-branch: mine-1.0 available",
		"refs/heads/secret-branch: first time started by hand (workflow_dispatch)", "refs/heads/secret-branch:")
	// A recreated project has a history of its own.
	id := b.find("mine").ID
	b.update(func(tx publishers.Tx) error { return tx.DeleteProject(t.Context(), id) })
	b.clock.Pass(time.Minute)
	b.project("mine", mallory.ID())
	q := insight.LetInRequest{Project: "mine", Publisher: p.ID, Limit: 10}
	if _, err := b.registry.LetIn(t.Context(), b.operator, q); !fault.Is(err, fault.NotFound) {
		t.Errorf("the history of the deleted project: %v", err)
	}
}

// TestMarksTellNothingOfWithheldRuns checks that a run is compared only with those that its reader may see: a missing
// mark would confirm a guess about the others.
func TestMarksTellNothingOfWithheldRuns(t *testing.T) {
	s := newSite(t, kind{
		workload.Generic,
		map[string]string{"oneof:sub": "victim\nmallory"},
		map[string]any{"sub": "mallory", "ref": "refs/heads/main"},
	})
	mallory := s.owner("mallory", "mine")
	p := s.trust("mine", nil)
	run := func(version string, claims map[string]any) {
		s.clock.Pass(time.Minute)
		m, err := s.exchange(s.token(claims))
		if err != nil {
			t.Fatal(err)
		}
		if version != "" {
			s.publish(m, "mine", version)
		}
	}
	run("1.0", nil)
	s.guest = access.Guest(false).At("203.0.113.9", "r")
	run("", map[string]any{"sub": "victim", "ref": "refs/heads/secret"})
	s.guest = access.Guest(false).At("198.51.100.7", "r")
	run("1.1", map[string]any{"ref": "refs/heads/secret"}) // a guess
	s.wantLines("the owner", s.letIn(mallory, "mine", p.ID),
		"refs/heads/secret: first time from branch secret, mine-1.1 available", "withheld:",
		"refs/heads/main: mine-1.0 available")
	q := insight.LetInRequest{Project: "mine", Publisher: p.ID, Limit: 1} // the others are on later pages
	got, err := s.registry.LetIn(t.Context(), mallory, q)
	if err != nil {
		t.Fatal(err)
	}
	s.wantLines("the first page", got, "refs/heads/secret: first time from branch secret, mine-1.1 available")
	all := lines(s.letIn(s.operator, "mine", p.ID))
	if len(all) != 3 || strings.Contains(all[0], "branch secret") || !strings.Contains(all[1], "branch secret") {
		t.Errorf("the operator sees\n%s", strings.Join(all, "\n"))
	}
	shown, err := s.registry.ForProject(t.Context(), mallory, "", "mine")
	if err != nil || len(shown.Publishers) != 1 || shown.Publishers[0].Unlike == nil {
		t.Errorf("ForProject() = %+v, %v; want the mark", shown.Publishers, err)
	}
}

// TestLetInNetwork checks that a new network is marked only if the earlier runs came from few.
func TestLetInNetwork(t *testing.T) {
	b := newBench(t)
	b.project("demo", "")
	p := b.add("demo")
	from := func(address string) {
		b.clock.Pass(time.Minute)
		b.guest = access.Guest(false).At(address, "r")
		b.mint(nil)
	}
	for range 4 {
		from("198.51.100.7")
	}
	from("203.0.113.1") // after too few runs
	from("192.0.2.9")   // new
	from("192.0.2.10")  // the same network
	from("203.0.114.1") // the third network was already the exception
	b.wantLines("networks", b.letIn(b.operator, "demo", p.ID), "refs/tags/v1.0:", "refs/tags/v1.0:",
		"refs/tags/v1.0: first time from network 192.0.2.0/24", "refs/tags/v1.0:", "refs/tags/v1.0:", "refs/tags/v1.0:",
		"refs/tags/v1.0:", "refs/tags/v1.0:")
}

// TestLetInAfterTightening checks that a tightened publisher has the history of the looser one.
func TestLetInAfterTightening(t *testing.T) {
	onEach(t, func(t *testing.T, b *bench) {
		alice := b.owner("alice", "demo")
		p := b.add("demo", "environment", "")
		b.released("demo", "1.0", atRef("refs/heads/main"))
		b.released("demo", "1.1", atRef("refs/tags/v1", "environment", "other"))
		q, err := b.registry.Constrain(t.Context(), alice, publishers.ConstrainRequest{
			ID: p.ID, Project: "demo", Fields: map[string]string{"environment": "release"},
		})
		if err != nil {
			t.Fatal(err)
		}
		b.released("demo", "1.2", atRef("refs/tags/v1"))
		want := []string{
			"refs/tags/v1: demo-1.2 available",
			"refs/tags/v1: first time from a tag, first time in environment other, demo-1.1 available",
			"refs/heads/main: demo-1.0 available",
		}
		got := b.letIn(b.operator, "demo", q.ID)
		b.wantLines("the tightened one", got, want...)
		if !got.Whole || len(got.Lineage.IDs) != 2 || !got.Lineage.Attached {
			t.Errorf("lineage %+v, whole: %v", got.Lineage, got.Whole)
		}
		old := b.letIn(b.operator, "demo", p.ID)
		b.wantLines("the replaced one", old, want[1:]...)
		if old.Lineage.Attached || old.Lineage.RemovedAt.IsZero() {
			t.Errorf("the replaced publisher is %+v", old.Lineage)
		}
	})
}

// TestRemoveWith checks who may set aside what came through a publisher, and what is set aside.
func TestRemoveWith(t *testing.T) {
	onEach(t, func(t *testing.T, b *bench) {
		alice := b.owner("alice", "demo")
		mallory := b.user("mallory")
		p, q := b.add("demo"), b.add("demo", "workflow", "other.yml")
		other := map[string]any{"job_workflow_ref": "acme/widgets/.github/workflows/other.yml@refs/tags/v1.0"}
		for _, v := range []string{"1.0", "1.1", "1.2"} {
			b.released("demo", v, nil)
		}
		b.released("demo", "3.0", other)
		remove := func(who access.Caller, r publishers.Removal) (publishers.Removed, error) {
			r.Project = "demo"
			return b.registry.RemoveWith(t.Context(), who, r)
		}
		states := func() string {
			var out []string
			demo := b.find("demo").ID
			b.update(func(tx publishers.Tx) error {
				files, err := tx.AllFiles(t.Context(), demo)
				for _, f := range files {
					state := "-"
					if f.Quarantined() {
						state = "q"
					} else if f.Yanked {
						state = "y"
					}
					out = append(out, f.Version+state)
				}
				return err
			})
			return strings.Join(out, " ")
		}
		for what, err := range map[string]error{
			"a stranger":            errOf(remove(mallory, publishers.Removal{ID: p.ID, Files: catalog.YankFiles})),
			"a stranger, no files":  errOf(remove(mallory, publishers.Removal{ID: p.ID})),
			"an unknown id":         errOf(remove(alice, publishers.Removal{ID: "x", Files: catalog.YankFiles})),
			"an empty id":           errOf(remove(b.operator, publishers.Removal{Files: catalog.QuarantineFiles})),
			"a stranger quarantine": errOf(remove(mallory, publishers.Removal{ID: p.ID, Files: catalog.QuarantineFiles})),
		} {
			if !fault.Is(err, fault.NotFound) {
				t.Errorf("%s: %v, want %v", what, err, fault.NotFound)
			}
		}
		refused := len(b.store.of("publisher.remove"))
		if _, err := remove(alice, publishers.Removal{ID: p.ID, Files: catalog.QuarantineFiles}); !fault.Is(err,
			fault.Denied) {
			t.Errorf("a quarantine by an owner: %v", err)
		}
		if all := b.store.of("publisher.remove"); len(all) != refused+1 || all[refused].Outcome != audit.Refused {
			t.Errorf("the refusal is recorded as %+v", all)
		}
		long := strings.Repeat("x", catalog.MaxReason+1)
		if _, err := remove(alice, publishers.Removal{ID: p.ID, Files: catalog.YankFiles, Reason: long}); !fault.Is(err,
			fault.Invalid) {
			t.Errorf("a long reason: %v", err)
		}
		if got := states(); got != "1.0- 1.1- 1.2- 3.0-" || len(b.letIn(alice, "demo", p.ID).Requests) != 3 {
			t.Fatalf("after refusals the files are %s", got)
		}
		got, err := remove(alice, publishers.Removal{
			ID: p.ID, Files: catalog.YankFiles, Reason: "leaked",
			Which: publishers.Selected([]string{"demo-1.0", "demo-1.2"}, time.Time{}, time.Time{}),
		})
		if err != nil || got.Selected != 2 || got.SetAside != 2 || !slices.Equal(got.Projects, []string{"demo"}) {
			t.Errorf("RemoveWith(yank) = %+v, %v", got, err)
		}
		if got := states(); got != "1.0y 1.1- 1.2y 3.0-" {
			t.Errorf("after yanking, the files are %s", got)
		}
		if _, err := b.exchange(b.token(nil)); err == nil {
			t.Error("the removed publisher still accepts a token")
		}
		// What came through a removed publisher can still be set aside, and doing so twice changes nothing.
		for i, want := range []int{3, 0} {
			got, err = remove(b.operator, publishers.Removal{ID: p.ID, Files: catalog.QuarantineFiles, Reason: "leaked"})
			if err != nil || got.Selected != 3 || got.SetAside != want || len(got.Projects) != 0 {
				t.Errorf("RemoveWith(quarantine) no. %d = %+v, %v", i, got, err)
			}
		}
		if got := states(); got != "1.0q 1.1q 1.2q 3.0-" {
			t.Errorf("after the quarantine, the files are %s", got)
		}
		if y, q := b.store.of("file.yank"), b.store.of("file.quarantine"); len(y) != 2 || len(q) != 3 ||
			q[0].Detail["reason"] != "leaked" || q[0].Detail["publisher_removed"] != p.ID || q[0].Filename == "" {
			t.Errorf("the entries are %+v and %+v", y, q)
		}
		if _, err := remove(alice, publishers.Removal{ID: p.ID}); !fault.Is(err, fault.NotFound) {
			t.Errorf("removing it again: %v", err)
		}
		through, err := b.registry.Through(t.Context(), alice, "", "demo", q.ID, 10)
		if err != nil || len(through.Files) != 1 || through.Files[0].Version != "3.0" || through.More {
			t.Errorf("Through() = %+v, %v", through, err)
		}
	})
}

func errOf[T any](_ T, err error) error { return err }

func mustName(t *testing.T, name string) packaging.ProjectName {
	t.Helper()
	n, err := packaging.ParseProjectName(name)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func (b *bench) update(f func(publishers.Tx) error) {
	b.Helper()
	if err := b.store.Update(b.Context(), f); err != nil {
		b.Fatal(err)
	}
}

// tokenOf returns the id of the token that uploaded a file.
func (b *bench) tokenOf(fileID string) (id string) {
	b.Helper()
	demo := b.find("demo").ID
	b.update(func(tx publishers.Tx) error {
		files, err := tx.AllFiles(b.Context(), demo)
		for _, f := range files {
			if f.ID == fileID {
				id = f.Uploader.TokenID
			}
		}
		return err
	})
	return id
}
