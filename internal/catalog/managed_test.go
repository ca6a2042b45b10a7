package catalog_test

import (
	"fmt"
	"strings"
	"testing"

	"pyindex/internal/access"
	"pyindex/internal/browse"
	"pyindex/internal/catalog"
	"pyindex/internal/fault"
	"pyindex/internal/ingest"
	"pyindex/internal/packaging/packagingtest"
)

// named formats managed projects as name:role:latest.
func named(all []catalog.ManagedProject) string {
	var out []string
	for _, m := range all {
		out = append(out, fmt.Sprintf("%s:%s:%s", m.Name, m.Role, m.Latest.Version))
	}
	return strings.Join(out, " ")
}

func TestManagedPage(t *testing.T) {
	w := newWorld(t, ingest.PrivatePolicy(), catalog.Limits{})
	w.must(packagingtest.Wheel("aa", "1.0", "x"), packagingtest.Wheel("aa", "2.0rc1", "x"),
		packagingtest.Wheel("ab", "1.0", "x"), packagingtest.Wheel("c", "1.0", "x"), packagingtest.Wheel("d", "1.0", "x"))
	member := w.user("member", access.NewAPIToken{Scope: access.ScopeAdmin})
	for project, role := range map[string]access.Role{"aa": access.Owner, "ab": access.Uploader, "c": access.Reader} {
		if err := w.Grant(t.Context(), w.admin, "", name(t, project), "member", role); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.SetStatus(t.Context(), w.admin, "", name(t, "ab"), catalog.Quarantined, ""); err != nil {
		t.Fatal(err)
	}
	member = w.again(member)
	reads := w.token("member", access.NewAPIToken{Scope: access.ScopeRead})
	for _, row := range []struct {
		who   access.Caller
		page  catalog.Page
		want  string
		total int
	}{
		{member, catalog.Page{Number: 1, Size: 10}, "aa:owner:1.0 ab:uploader:1.0", 2},
		{member, catalog.Page{Number: 2, Size: 1}, "ab:uploader:1.0", 2},
		{member, catalog.Page{Number: 9, Size: 1}, "", 2},
		{member, catalog.Page{Number: 1, Size: 10, Text: "B"}, "ab:uploader:1.0", 1},
		{member, catalog.Page{Number: 1, Size: 10, Text: "c"}, "", 0},
		{member, catalog.Page{Number: 1, Size: 10, Text: "\x00\xff%"}, "", 0},
		{w.admin, catalog.Page{Number: 1, Size: 10, Text: "a"}, "aa:owner:1.0 ab:owner:1.0", 2},
		{w.admin, catalog.Page{Number: 1, Size: 10}, "aa:owner:1.0 ab:owner:1.0 c:owner:1.0 d:owner:1.0", 4},
		{w.admin, catalog.Page{Number: 2, Size: 3}, "d:owner:1.0", 4},
		{w.admin, catalog.Page{Number: 1, Size: 3, Text: "\x00\xff%"}, "", 0},
		{reads, catalog.Page{Number: 1, Size: 10}, "", 0},
		{access.Guest(true), catalog.Page{Number: 1, Size: 10}, "", 0},
	} {
		got, total, err := w.ManagedPage(t.Context(), row.who, "", row.page)
		if err != nil || named(got) != row.want || total != row.total {
			t.Errorf("ManagedPage(%s, %+v) = %q, %d, %v, want %q, %d", row.who.Name(), row.page, named(got), total, err,
				row.want, row.total)
		}
	}
	for _, p := range []catalog.Page{
		{},
		{Number: 1},
		{Number: 0, Size: 1},
		{Number: -1, Size: 1},
		{Number: 1, Size: catalog.MaxPage + 1},
		{Number: 1 << 62, Size: 500},
	} {
		if _, _, err := w.ManagedPage(t.Context(), w.admin, "", p); !fault.Is(err, fault.Invalid) {
			t.Errorf("ManagedPage(%+v) = %v, want invalid", p, err)
		}
	}
	if _, _, err := w.ManagedPage(t.Context(), access.Guest(false), "", catalog.Page{Number: 1, Size: 1}); !fault.Is(err,
		fault.Unauthenticated) {
		t.Errorf("ManagedPage by an anonymous caller = %v", err)
	}
}

func TestManagedReleases(t *testing.T) {
	w := newWorld(t, ingest.PrivatePolicy(), catalog.Limits{})
	w.must(packagingtest.Wheel("demo", "1.9", "x"), packagingtest.Wheel("demo", "1.10", "x"),
		packagingtest.SDist("demo", "1.10", "x"), packagingtest.Wheel("demo", "2.0rc1", "x"))
	demo := name(t, "demo")
	uploader, stranger := w.user("uploader", access.NewAPIToken{Scope: access.ScopeAdmin}),
		w.user("stranger", access.NewAPIToken{Scope: access.ScopeAdmin})
	if err := w.Grant(t.Context(), w.admin, "", demo, "uploader", access.Uploader); err != nil {
		t.Fatal(err)
	}
	uploader = w.again(uploader)
	if err := w.SetStatus(t.Context(), w.admin, "", demo, catalog.Quarantined, ""); err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct {
		page  catalog.Page
		want  string
		total int
	}{
		{catalog.Page{Number: 1, Size: 10}, "2.0rc1/1 1.10/2 1.9/1 ", 3},
		{catalog.Page{Number: 2, Size: 2}, "1.9/1 ", 3},
		{catalog.Page{Number: 3, Size: 2}, "", 3},
		{catalog.Page{Number: 1, Size: 2, Text: "RC"}, "2.0rc1/1 ", 1},
	} {
		m, err := w.ManagedReleases(t.Context(), uploader, "", demo, row.page)
		got := ""
		for _, r := range m.Releases {
			got += fmt.Sprintf("%s/%d ", r.Version, r.Files)
		}
		if err != nil || got != row.want || m.Total != row.total || m.Counts.Files != 4 || m.Role != access.Uploader {
			t.Errorf("ManagedReleases(%+v) = %q of %d, %d files, role %s, %v, want %q of %d", row.page, got, m.Total,
				m.Counts.Files, m.Role, err, row.want, row.total)
		}
	}
	m, err := w.ManagedRelease(t.Context(), w.admin, "", demo, "1.10.0")
	if err != nil || m.Release.Version != "1.10" || len(m.Files) != 2 || m.Files[0].Uploader.Kind != "operator" ||
		m.Role != access.Owner {
		t.Errorf("ManagedRelease(1.10.0) = %+v, %v", m, err)
	}
	refusals(t, "ManagedReleases", func(who access.Caller, project string) error {
		_, err := w.ManagedReleases(t.Context(), who, "", name(t, project), catalog.Page{Number: 1, Size: 1})
		return err
	}, map[string]refusal{
		"a stranger": {stranger, "demo", fault.Denied}, "a missing project": {uploader, "nothing", fault.NotFound},
		"an anonymous caller": {access.Guest(false), "demo", fault.Unauthenticated},
	})
	refusals(t, "ManagedRelease", func(who access.Caller, version string) error {
		_, err := w.ManagedRelease(t.Context(), who, "", demo, version)
		return err
	}, map[string]refusal{
		"an uploader": {uploader, "1.9", fault.Denied}, "a stranger": {stranger, "1.9", fault.Denied},
		"a missing release":   {w.admin, "7", fault.NotFound},
		"a malformed version": {w.admin, "x y", fault.Invalid},
	})
}

// lastAction returns the newest audit entry and its outcome.
func (w *world) lastAction() string {
	w.t.Helper()
	h, err := w.Record(w.t.Context(), w.admin, browse.HistoryFilter{Limit: 1})
	if err != nil {
		w.t.Fatal(err)
	}
	return told(h)
}

func TestFilesOneByOne(t *testing.T) {
	w := newWorld(t, ingest.PrivatePolicy(), catalog.Limits{})
	wheel, sdist := packagingtest.Wheel("demo", "1.0", "x"), packagingtest.SDist("demo", "1.0", "x")
	w.must(wheel, sdist, packagingtest.Wheel("other", "1.0", "x"))
	demo := name(t, "demo")
	maintainer := w.user("maintainer", access.NewAPIToken{Scope: access.ScopeAdmin})
	if err := w.Grant(t.Context(), w.admin, "", demo, "maintainer", access.Maintainer); err != nil {
		t.Fatal(err)
	}
	maintainer = w.again(maintainer)
	yanked := func() (n int) {
		c, err := w.Contents(t.Context(), w.admin, "", demo)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range c.Files {
			if f.Yanked {
				n++
			}
		}
		return n
	}
	if err := w.YankFile(t.Context(), maintainer, "", demo, wheel.Name, "broken"); err != nil || yanked() != 1 ||
		w.lastAction() != "file.yank" {
		t.Errorf("YankFile = %v, %d yanked, recorded as %s", err, yanked(), w.lastAction())
	}
	if err := w.UnyankFile(t.Context(), maintainer, "", demo, wheel.Name); err != nil || yanked() != 0 ||
		w.lastAction() != "file.unyank" {
		t.Errorf("UnyankFile = %v, %d yanked, recorded as %s", err, yanked(), w.lastAction())
	}
	for what, err := range map[string]error{
		"YankFile(of another project)":   w.YankFile(t.Context(), w.admin, "", demo, "other-1.0-py3-none-any.whl", ""),
		"DeleteFile(of another project)": w.DeleteFile(t.Context(), w.admin, "", demo, "other-1.0-py3-none-any.whl"),
		"DeleteFile(nothing)":            w.DeleteFile(t.Context(), w.admin, "", demo, "demo-7.0-py3-none-any.whl"),
	} {
		t.Run(what, func(t *testing.T) {
			if !fault.Is(err, fault.NotFound) {
				t.Errorf("%s = %v, want not found", what, err)
			}
		})
	}
	long := strings.Repeat("x", catalog.MaxReason+1)
	if err := w.YankFile(t.Context(), w.admin, "", demo, wheel.Name, long); !fault.Is(err, fault.Invalid) ||
		fault.FieldOf(err) != "reason" {
		t.Errorf("YankFile(for a long reason) = %v in %q", err, fault.FieldOf(err))
	}
	for what, err := range map[string]error{
		"DeleteFile":    w.DeleteFile(t.Context(), w.admin, "", demo, ""),
		"DeleteRelease": w.DeleteRelease(t.Context(), w.admin, "", demo, ""),
	} {
		t.Run(what, func(t *testing.T) {
			if !fault.Is(err, fault.Invalid) {
				t.Errorf("%s without a name = %v, want fault.Invalid", what, err)
			}
		})
	}
	if err := w.DeleteFile(t.Context(), maintainer, "", demo, wheel.Name); !fault.Is(err, fault.Denied) ||
		w.lastAction() != "file.delete refused" {
		t.Errorf("DeleteFile by a maintainer = %v, recorded as %s", err, w.lastAction())
	}
	before := w.keysHeld()
	if err := w.DeleteFile(t.Context(), w.admin, "", demo, wheel.Name); err != nil || w.lastAction() != "file.delete" {
		t.Errorf("DeleteFile = %v, recorded as %s", err, w.lastAction())
	}
	if w.keysHeld() != before-2 {
		t.Errorf("%d keys are left of %d, want the file and its metadata gone", w.keysHeld(), before)
	}
	if _, err := w.upload(w.admin, wheel); !fault.Is(err, fault.Invalid) {
		t.Errorf("uploading the deleted file again = %v, want invalid", err)
	}
	p, err := w.Project(t.Context(), w.admin, "", demo)
	if err != nil || p.Size != int64(len(sdist.Bytes)) {
		t.Errorf("the project has %d bytes, %v, want %d", p.Size, err, len(sdist.Bytes))
	}
	if err := w.DeleteFile(t.Context(), w.admin, "", demo, sdist.Name); err != nil {
		t.Fatal(err)
	}
	c, err := w.Contents(t.Context(), w.admin, "", demo)
	if err != nil || len(c.Releases) != 0 || c.Project.Size != 0 {
		t.Errorf("after the last file: %+v, %v, want no release", c, err)
	}
}

func TestLimits(t *testing.T) {
	w := newWorld(t, ingest.PrivatePolicy(), catalog.Limits{FileSize: 10 << 20, ProjectSize: 20 << 20})
	small := packagingtest.Wheel("demo", "1.0", "x")
	w.must(small)
	demo := name(t, "demo")
	owner := w.user("owner", access.NewAPIToken{Scope: access.ScopeAdmin})
	if err := w.Grant(t.Context(), w.admin, "", demo, "owner", access.Owner); err != nil {
		t.Fatal(err)
	}
	owner = w.again(owner)
	set := func(l catalog.Limits) {
		t.Helper()
		if err := w.SetLimits(t.Context(), w.admin, "", demo, l); err != nil || w.lastAction() != "project.limits" {
			t.Fatalf("SetLimits = %v, recorded as %s", err, w.lastAction())
		}
	}
	next := packagingtest.Wheel("demo", "2.0", "x")
	set(catalog.Limits{FileSize: int64(len(next.Bytes)) - 1})
	if _, err := w.upload(owner, next); !fault.Is(err, fault.TooLarge) {
		t.Errorf("a file over the project's limit = %v, want too large", err)
	}
	if _, err := w.uploadUnnamed(owner, next); !fault.Is(err, fault.TooLarge) {
		t.Errorf("a file whose project was unknown at Begin = %v, want too large", err)
	}
	set(catalog.Limits{ProjectSize: int64(len(small.Bytes)+len(next.Bytes)) - 1})
	if _, err := w.upload(owner, next); !fault.Is(err, fault.TooLarge) {
		t.Errorf("a file over the project's size = %v, want too large", err)
	}
	big := packagingtest.Wheel("demo", "3.0", strings.Repeat("\x00", 0))
	set(catalog.Limits{FileSize: 1 << 30, ProjectSize: int64(len(small.Bytes) + len(next.Bytes) + len(big.Bytes))})
	if got, err := w.Limits(t.Context(), owner, "", demo); err != nil || got.FileSize != 1<<30 {
		t.Errorf("Limits = %+v, %v", got, err)
	}
	if _, err := w.upload(owner, next); err != nil {
		t.Errorf("a file within the limits = %v", err)
	}
	set(catalog.Limits{})
	if got, err := w.Limits(t.Context(), owner, "", demo); err != nil ||
		got != (catalog.Limits{FileSize: 10 << 20, ProjectSize: 20 << 20}) {
		t.Errorf("Limits = %+v, %v, want the configured limits", got, err)
	}
	if err := w.SetLimits(t.Context(), owner, "", demo, catalog.Limits{FileSize: 1}); !fault.Is(err, fault.Denied) ||
		w.lastAction() != "project.limits refused" {
		t.Errorf("SetLimits by an owner = %v, recorded as %s", err, w.lastAction())
	}
	if err := w.SetLimits(t.Context(), w.admin, "", demo, catalog.Limits{FileSize: -1}); !fault.Is(err, fault.Invalid) {
		t.Errorf("SetLimits(-1) = %v, want invalid", err)
	}
}

// uploadUnnamed uploads to a stage that was opened without the project name.
func (w *world) uploadUnnamed(who access.Caller, f packagingtest.File) (ingest.Receipt, error) {
	w.t.Helper()
	unnamed := f
	unnamed.Project = ""
	return w.upload(who, unnamed)
}

// An owner cannot take a project out of the quarantine that an administrator put it into.
func TestQuarantineIsTheAdministrators(t *testing.T) {
	w := newWorld(t, ingest.PrivatePolicy(), catalog.Limits{})
	w.must(packagingtest.Wheel("demo", "1.0", "x"))
	demo := name(t, "demo")
	owner := w.user("owner", access.NewAPIToken{Scope: access.ScopeAdmin})
	if err := w.Grant(t.Context(), w.admin, "", demo, "owner", access.Owner); err != nil {
		t.Fatal(err)
	}
	owner = w.again(owner)
	status := func(who access.Caller, s catalog.Status, want fault.Kind) {
		t.Helper()
		if err := w.SetStatus(t.Context(), who, "", demo, s, "because"); fault.KindOf(err) != want {
			t.Errorf("SetStatus(%s) by %s = %v, want %v", s, who.Name(), err, want)
		}
	}
	status(owner, catalog.Archived, fault.Internal)
	status(owner, catalog.Quarantined, fault.Denied)
	status(w.admin, catalog.Quarantined, fault.Internal)
	for _, s := range []catalog.Status{catalog.Active, catalog.Archived, catalog.Deprecated, catalog.Quarantined} {
		status(owner, s, fault.Denied)
	}
	status(w.admin, catalog.Active, fault.Internal)
	status(owner, catalog.Deprecated, fault.Internal)
}

func TestLastOwner(t *testing.T) {
	w := newWorld(t, ingest.PrivatePolicy(), catalog.Limits{})
	all := access.NewAPIToken{Scope: access.ScopeAdmin}
	ann, bob, cid := w.user("ann", all), w.user("bob", all), w.user("cid", all)
	if _, err := w.upload(ann, packagingtest.Wheel("demo", "1.0", "x")); err != nil {
		t.Fatal(err)
	}
	demo := name(t, "demo")
	ann = w.again(ann)
	want := func(what string, err error, kind fault.Kind) {
		t.Helper()
		if fault.KindOf(err) != kind {
			t.Errorf("%s = %v (%v), want %v", what, err, fault.KindOf(err), kind)
		}
	}
	want("leaving as the last owner", w.Leave(t.Context(), ann, "", demo), fault.Conflict)
	want("removing oneself as the last owner", w.Ungrant(t.Context(), ann, "", demo, "ann"), fault.Conflict)
	want("becoming a maintainer as the last owner", w.Grant(t.Context(), ann, "", demo, "ann", access.Maintainer),
		fault.Conflict)
	want("adding a maintainer", w.Grant(t.Context(), ann, "", demo, "bob", access.Maintainer), fault.Internal)
	bob = w.again(bob)
	want("leaving as the last owner, beside a maintainer", w.Leave(t.Context(), ann, "", demo), fault.Conflict)
	want("a maintainer removing an owner", w.Ungrant(t.Context(), bob, "", demo, "ann"), fault.Denied)
	want("leaving without a role", w.Leave(t.Context(), cid, "", demo), fault.NotFound)
	want("leaving as the operator", w.Leave(t.Context(), w.admin, "", demo), fault.Denied)
	want("leaving with a token that reads",
		w.Leave(t.Context(), w.token("bob", access.NewAPIToken{Scope: access.ScopeUpload}), "", demo), fault.Denied)
	want("making another owner", w.Grant(t.Context(), ann, "", demo, "bob", access.Owner), fault.Internal)
	if err := w.dir.DisableUser(t.Context(), w.admin, "bob"); err != nil {
		t.Fatal(err)
	}
	want("leaving to an owner whose account is disabled", w.Leave(t.Context(), ann, "", demo), fault.Conflict)
	if err := w.dir.EnableUser(t.Context(), w.admin, "bob"); err != nil {
		t.Fatal(err)
	}
	want("leaving to another owner", w.Leave(t.Context(), ann, "", demo), fault.Internal)
	if got := w.lastAction(); got != "grant.leave" {
		t.Errorf("leaving is recorded as %s", got)
	}
	want("an administrator removing the last owner", w.Ungrant(t.Context(), w.admin, "", demo, "bob"), fault.Internal)
	want("a former owner", w.Grant(t.Context(), w.again(ann), "", demo, "ann", access.Owner), fault.Denied)
}

// If two owners remove each other at the same time, one remains.
func TestOwnersRemovingEachOther(t *testing.T) {
	w := newWorld(t, ingest.PrivatePolicy(), catalog.Limits{})
	all := access.NewAPIToken{Scope: access.ScopeAdmin}
	ann := w.user("ann", all)
	w.user("bob", all)
	if _, err := w.upload(ann, packagingtest.Wheel("demo", "1.0", "x")); err != nil {
		t.Fatal(err)
	}
	demo := name(t, "demo")
	if err := w.Grant(t.Context(), w.admin, "", demo, "bob", access.Owner); err != nil {
		t.Fatal(err)
	}
	ann, bob := w.again(ann), w.token("bob", all)
	errs := make(chan error, 2)
	go func() { errs <- w.Ungrant(t.Context(), ann, "", demo, "bob") }()
	go func() { errs <- w.Ungrant(t.Context(), bob, "", demo, "ann") }()
	a, b := <-errs, <-errs
	left, err := w.Grants(t.Context(), w.admin, "", demo)
	if err != nil || len(left) != 1 || (a == nil) == (b == nil) {
		t.Errorf("two owners removed each other: %v, %v; %d are left, %v; want one", a, b, len(left), err)
	}
}
