package catalog_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"pyindex/internal/access"
	"pyindex/internal/audit"
	"pyindex/internal/browse"
	"pyindex/internal/catalog"
	"pyindex/internal/fault"
	"pyindex/internal/ingest"
	"pyindex/internal/packaging/packagingtest"
)

// told formats a history, newest first, as actions with their outcome if it is a refusal.
func told(h browse.History) string {
	var all []string
	for _, e := range h.Entries {
		text := e.Action
		if e.Outcome == audit.Refused {
			text += " refused"
		}
		all = append(all, text)
	}
	return strings.Join(all, ", ")
}

// The reason of a quarantine is for administrators: neither the history of the project nor its search shows it to the
// owner.
func TestHistoryKeepsReasonOfQuarantine(t *testing.T) {
	w := newWorld(t, ingest.PrivatePolicy(), catalog.Limits{})
	ctx, demo := t.Context(), name(t, "demo")
	owner := w.user("owner", access.NewAPIToken{Scope: access.ScopeAdmin})
	if _, err := w.upload(owner, packagingtest.Wheel("demo", "1.0", "x")); err != nil {
		t.Fatal(err)
	}
	owner = w.again(owner)
	if err := w.QuarantineFile(ctx, w.admin, "", demo, "demo-1.0-py3-none-any.whl",
		"Hidden words about owner"); err != nil {
		t.Fatal(err)
	}
	for who, c := range map[string]struct {
		caller access.Caller
		reason any
		found  int
	}{"owner": {owner, nil, 0}, "administrator": {w.admin, "Hidden words about owner", 1}} {
		t.Run(who, func(t *testing.T) {
			h, err := w.History(ctx, c.caller, "", demo, browse.HistoryFilter{Actions: []string{"file.quarantine"}, Limit: 10})
			if err != nil || len(h.Entries) != 1 || h.Entries[0].Filename == "" || h.Entries[0].Detail["reason"] != c.reason {
				t.Errorf("the history for the %s is %+v, %v, want the file and the reason %v", who, h.Entries, err, c.reason)
			}
			h, err = w.History(ctx, c.caller, "", demo, browse.HistoryFilter{Text: "hidden words", Limit: 10})
			if err != nil || len(h.Entries) != c.found {
				t.Errorf("the %s finds %d entries by the reason, %v, want %d", who, len(h.Entries), err, c.found)
			}
		})
	}
}

func TestHistory(t *testing.T) {
	w := newWorld(t, ingest.PrivatePolicy(), catalog.Limits{})
	demo := name(t, "demo")
	all := access.NewAPIToken{Scope: access.ScopeAdmin}
	owner, maintainer, uploader, stranger := w.user("owner", all), w.user("maintainer", all), w.user("uploader", all),
		w.user("stranger", all)
	if _, err := w.upload(owner.At("192.0.2.1", "r1"), packagingtest.Wheel("demo", "1.0", "x")); err != nil {
		t.Fatal(err)
	}
	owner = w.again(owner)
	for user, role := range map[string]access.Role{"maintainer": access.Maintainer, "uploader": access.Uploader} {
		if err := w.Grant(t.Context(), owner, "", demo, user, role); err != nil {
			t.Fatal(err)
		}
	}
	maintainer, uploader = w.again(maintainer), w.again(uploader)
	if err := w.Yank(t.Context(), maintainer.At("192.0.2.2", "r2"), "", demo, "1.0.0", "broken"); err != nil {
		t.Fatal(err)
	}
	if _, err := w.upload(stranger.At("192.0.2.3", "r3"), packagingtest.Wheel("Demo", "6.6", "x")); !fault.Is(err,
		fault.Denied) {
		t.Fatalf("upload by a stranger = %v", err)
	}
	f := browse.HistoryFilter{Limit: 10}
	h, err := w.History(t.Context(), owner, "", demo, f)
	if want := "file.add refused, release.yank, grant.add, grant.add, file.add, project.create"; err != nil ||
		told(h) != want {
		t.Errorf("History() = %s, %v\nwant %s", told(h), err, want)
	}
	for i, want := range map[int]string{0: "", 1: "", 4: "192.0.2.1"} {
		if got := h.Entries[i].Actor.Address; got != want {
			t.Errorf("the owner sees address %q of %s by %s, want %q", got, h.Entries[i].Action, h.Entries[i].Actor.Name, want)
		}
	}
	if h, err := w.History(t.Context(), w.admin, "", demo, f); err != nil || h.Entries[0].Actor.Address != "192.0.2.3" {
		t.Errorf("an administrator sees %+v, %v", h.Entries[0].Actor, err)
	}
	for version, want := range map[string]string{
		"1": "release.yank, file.add", "1.0.0": "release.yank, file.add", "9": "", "not one": "",
	} {
		f := f
		f.Version = version
		if h, err := w.History(t.Context(), maintainer, "", demo, f); err != nil || told(h) != want {
			t.Errorf("History(%s) = %s, %v, want %s", version, told(h), err, want)
		}
	}
	refusals(t, "History", func(who access.Caller, project string) error {
		_, err := w.History(t.Context(), who, "", name(t, project), f)
		return err
	}, map[string]refusal{
		"an uploader": {uploader, "demo", fault.Denied}, "a stranger": {stranger, "demo", fault.Denied},
		"an anonymous caller": {access.Guest(false), "demo", fault.Unauthenticated},
		"the zero caller":     {access.Caller{}, "demo", fault.Unauthenticated},
		"another project":     {owner, "nothing", fault.NotFound},
	})
	for _, limit := range []int{0, -1, audit.MaxEntries + 1} {
		if _, err := w.History(t.Context(), owner, "", demo, browse.HistoryFilter{Limit: limit}); !fault.Is(err,
			fault.Invalid) {
			t.Errorf("History(limit %d) = %v, want invalid", limit, err)
		}
	}
}

// refusal is a caller, a request and the expected refusal.
type refusal struct {
	who     access.Caller
	project string
	want    fault.Kind
}

func refusals(t *testing.T, what string, do func(access.Caller, string) error, all map[string]refusal) {
	t.Helper()
	for who, r := range all {
		if err := do(r.who, r.project); !fault.Is(err, r.want) {
			t.Errorf("%s by %s = %v (%v), want %v", what, who, err, fault.KindOf(err), r.want)
		}
	}
}

// again returns the same person as the caller of a new request.
func (w *world) again(who access.Caller) access.Caller {
	w.t.Helper()
	return w.token(who.Name(), access.NewAPIToken{Scope: access.ScopeAdmin})
}

// Only owners, not maintainers, may read attempts to publish with an identity token.
func TestExchangesAreTheOwners(t *testing.T) {
	w := newWorld(t, ingest.PrivatePolicy(), catalog.Limits{})
	w.must(packagingtest.Wheel("demo", "1.0", "x"))
	maintainer := w.user("maintainer", access.NewAPIToken{Scope: access.ScopeAdmin})
	if err := w.Grant(t.Context(), w.admin, "", name(t, "demo"), "maintainer", access.Maintainer); err != nil {
		t.Fatal(err)
	}
	p, err := w.Project(t.Context(), w.admin, "", name(t, "demo"))
	if err != nil {
		t.Fatal(err)
	}
	err = w.db.Catalog().Update(t.Context(), func(tx catalog.Tx) error {
		return tx.InsertAudit(t.Context(),
			audit.Entry{ID: "x", At: time.Now(), Action: "publisher.exchange", Repository: p.Repository.ID, Project: "demo"})
	})
	if err != nil {
		t.Fatal(err)
	}
	for who, want := range map[string]bool{"maintainer": false, "admin": true} {
		caller := map[string]access.Caller{"maintainer": w.again(maintainer), "admin": w.admin}[who]
		for _, actions := range [][]string{nil, {"publisher.exchange"}} {
			h, err := w.History(t.Context(), caller, "", name(t, "demo"), browse.HistoryFilter{Actions: actions, Limit: 10})
			got := slices.ContainsFunc(h.Entries, func(e audit.Entry) bool { return e.Action == "publisher.exchange" })
			if err != nil || got != want {
				t.Errorf("%s sees the exchange: %v, %v, want %v", who, got, err, want)
			}
		}
	}
}

// The audit log of a deleted project is not shown to the new owner of its name.
func TestHistoryBeginsWithTheProject(t *testing.T) {
	w := newWorld(t, ingest.PrivatePolicy(), catalog.Limits{})
	w.must(packagingtest.Wheel("demo", "1.0", "x"))
	if err := w.DeleteProject(t.Context(), w.admin, "", name(t, "demo")); err != nil {
		t.Fatal(err)
	}
	w.must(packagingtest.Wheel("demo", "2.0", "x"))
	for _, since := range []time.Time{{}, time.Unix(0, 0)} {
		h, err := w.History(t.Context(), w.admin, "", name(t, "demo"), browse.HistoryFilter{Limit: 10, Since: since})
		if err != nil || told(h) != "file.add, project.create" || h.Entries[0].Version != "2.0" {
			t.Errorf("History(since %v) = %s, %v, want the entries of the new project", since, told(h), err)
		}
	}
	if h, err := w.Record(t.Context(), w.admin, browse.HistoryFilter{Project: "Demo", Limit: 10}); err != nil ||
		len(h.Entries) != 5 {
		t.Errorf("Record(demo) = %s, %v, want entries of both projects", told(h), err)
	}
}

func TestRecord(t *testing.T) {
	w := newWorld(t, ingest.PrivatePolicy(), catalog.Limits{})
	member := w.user("member", access.NewAPIToken{Scope: access.ScopeAdmin})
	w.must(packagingtest.Wheel("demo", "1.0", "x"), packagingtest.Wheel("demo", "2.0", "x"),
		packagingtest.Wheel("other", "1.0", "x"))
	refusals(t, "Record", func(who access.Caller, project string) error {
		_, err := w.Record(t.Context(), who, browse.HistoryFilter{Limit: 1, Project: project})
		if walked := w.WalkRecord(t.Context(), who, browse.HistoryFilter{Limit: 1, Project: project},
			func(browse.History) error {
				t.Error("a refused walk gives something")
				return nil
			}); fault.KindOf(walked) != fault.KindOf(err) {
			t.Errorf("WalkRecord = %v, but Record = %v", walked, err)
		}
		return err
	}, map[string]refusal{
		"a member": {member, "demo", fault.Denied}, "an anonymous caller": {access.Guest(true), "demo", fault.Denied},
		"a malformed project name": {w.admin, "a b", fault.Invalid},
	})
	if _, err := w.Record(t.Context(), w.admin, browse.HistoryFilter{Limit: 1, Repository: "nowhere"}); !fault.Is(err,
		fault.NotFound) {
		t.Errorf("Record(nowhere) = %v, want not found", err)
	}
	var walked []audit.Entry
	pages := 0
	err := w.WalkRecord(t.Context(), w.admin,
		browse.HistoryFilter{Limit: 2, Repository: "main", Actions: []string{"file.add"}}, func(h browse.History) error {
			pages++
			walked = append(walked, h.Entries...)
			for _, e := range h.Entries {
				if h.Repositories[e.Repository] != "main" {
					t.Errorf("repository of %s is %q", e.ID, h.Repositories[e.Repository])
				}
			}
			return nil
		})
	if err != nil || pages != 2 || told(browse.History{Entries: walked}) != "file.add, file.add, file.add" {
		t.Errorf("WalkRecord gave %d pages: %s, %v", pages, told(browse.History{Entries: walked}), err)
	}
	stop := fault.New(fault.Unavailable, "enough")
	if err := w.WalkRecord(t.Context(), w.admin, browse.HistoryFilter{Limit: 1},
		func(browse.History) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("WalkRecord ends with %v, want the error of its function", err)
	}
}

// The reason of a refused upload does not repeat the name of the file, which the entry has.
func TestReasonOfRefusedUpload(t *testing.T) {
	w := newWorld(t, ingest.PrivatePolicy(), catalog.Limits{})
	owner := w.user("owner", access.NewAPIToken{Scope: access.ScopeAdmin})
	if _, err := w.upload(owner, packagingtest.Wheel("demo", "1.0", "x")); err != nil {
		t.Fatal(err)
	}
	owner = w.again(owner)
	bad := packagingtest.Wheel("demo", "2.0", "x")
	bad.Bytes = []byte("this is no archive")
	if _, err := w.upload(owner, bad); err == nil || !strings.HasPrefix(fault.Message(err), bad.Name+": ") {
		t.Fatalf("upload = %v, want a refusal that begins with the name", err)
	}
	h, err := w.History(t.Context(), owner, "", name(t, "demo"),
		browse.HistoryFilter{Actions: []string{"file.add"}, Limit: 10})
	if err != nil || len(h.Entries) == 0 {
		t.Fatal(h, err)
	}
	reason, _ := h.Entries[0].Detail["reason"].(string)
	if h.Entries[0].Outcome != audit.Refused || reason == "" || strings.Contains(reason, bad.Name) {
		t.Errorf("the newest entry is %+v, want a refusal without the name in its reason", h.Entries[0])
	}
}
