package publishers_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"pyindex/internal/access"
	"pyindex/internal/assembly"
	"pyindex/internal/catalog"
	"pyindex/internal/custody"
	"pyindex/internal/fault"
	"pyindex/internal/ingest"
	"pyindex/internal/packaging"
	"pyindex/internal/packaging/packagingtest"
	"pyindex/internal/publishers"
	"pyindex/internal/publishers/exchange"
	"pyindex/internal/storage/blobs"
)

// wide is a request to trust the ordinary job for the names of a repository.
func (b *bench) wide(names string, creates bool, over ...string) publishers.AddRequest {
	r := b.request("", over...)
	r.Wide, r.Names, r.Creates = true, names, creates
	return r
}

func (b *bench) addWide(names string, creates bool, over ...string) publishers.Added {
	b.Helper()
	return b.addRequest(b.operator, b.wide(names, creates, over...))
}

// keeping calls kept after the content of a file is stored, and before its row is written.
type keeping struct {
	custody.Blobs
	kept func()
}

func (k *keeping) Keep(ctx context.Context, key string, s custody.Stage) error {
	err := k.Blobs.Keep(ctx, key, s)
	if k.kept != nil {
		k.kept()
	}
	return err
}

// receiver is an index that takes uploads, over the rows of a bench.
type receiver struct {
	*assembly.Index
	b     *bench
	blobs *keeping
}

func (b *bench) receiver(change ...func(*assembly.Options)) *receiver {
	b.Helper()
	bytes, err := blobs.Open(b.Context(), "file://"+b.TempDir(), blobs.Options{})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = bytes.Close() })
	o := assembly.Options{Now: b.clock.Now, Log: slog.New(slog.DiscardHandler)}
	for _, f := range change {
		f(&o)
	}
	k := &keeping{Blobs: bytes}
	return &receiver{assembly.New(b.db.Catalog(), k, o), b, k}
}

// send uploads a wheel, as a client that sends the name first; meanwhile happens before its row is written.
func (x *receiver) send(who access.Caller, repository, project, version string, meanwhile func()) error {
	x.b.Helper()
	ctx := x.b.Context()
	name, err := packaging.ParseProjectName(project)
	if err != nil {
		x.b.Fatal(err)
	}
	if err := x.MayUpload(ctx, who, repository); err != nil {
		return err
	}
	f := packagingtest.Wheel(project, version, project+version)
	in, err := x.Begin(ctx, who, repository, name)
	if err != nil {
		return err
	}
	defer func() { _ = in.Discard() }()
	if _, err := in.Write(f.Bytes); err != nil {
		return err
	}
	if meanwhile != nil {
		x.blobs.kept = meanwhile
		defer func() { x.blobs.kept = nil }()
	}
	_, err = x.Publish(ctx, in, ingest.Upload{
		Filename: f.Name, Kind: packaging.Kind(f.Kind), Digests: ingest.Digests{SHA256: f.SHA256()},
		Form: packaging.Metadata{MetadataVersion: "2.1", Name: f.Project, Version: f.Version},
	})
	return err
}

func (x *receiver) must(err error) {
	x.b.Helper()
	if err != nil {
		x.b.Fatal(err)
	}
}

// refused wants an error of a kind with a word, and no project or file that it left.
func (x *receiver) refused(what string, err error, kind fault.Kind, word string) {
	x.b.Helper()
	if !fault.Is(err, kind) || !strings.Contains(fmt.Sprint(err), word) {
		x.b.Errorf("%s = %v (%v), want %v with %q", what, err, fault.KindOf(err), kind, word)
	}
}

func (x *receiver) exists(repository, project string) bool {
	x.b.Helper()
	name, err := packaging.ParseProjectName(project)
	if err != nil {
		x.b.Fatal(err)
	}
	_, err = x.Project(x.b.Context(), x.b.operator, repository, name)
	if err != nil && !fault.Is(err, fault.NotFound) {
		x.b.Fatal(err)
	}
	return err == nil
}

// TestRepositoryPublisher: one rule publishes to every project under its prefix, existing or new, and to nothing else.
func TestRepositoryPublisher(t *testing.T) {
	onEach(t, func(t *testing.T, b *bench) {
		x := b.receiver()
		x.must(x.AddRepository(t.Context(), b.operator, catalog.NewRepository{Name: "team"}))
		alice := b.user("alice")
		b.project("acme", "")
		b.project("acme-owned", alice.ID())
		b.project("acmecorp", "")
		b.project("other", "")
		a := b.addWide("Acme_*", true)
		if a.Names != "acme" || a.Repository != "main" || !a.Creates || a.Project != "" || a.OwnerID != "4242" ||
			!strings.Contains(a.String(), "acme-* in repository main") {
			t.Errorf("Add = %+v, %s", a, a)
		}
		m := b.mint(nil)
		if diff := cmp.Diff([]string{"main/acme"}, m.Names); diff != "" || len(m.Projects)+len(m.Repositories) > 0 {
			t.Errorf("Exchange = %+v", m)
		}
		who := b.identify(m.Token)
		for _, project := range []string{"acme", "acme-owned", "acme-new", "ACME.New.Thing", "acme.data"} {
			x.must(x.send(who, "", project, "1.0", nil))
		}
		for _, c := range []struct{ repository, project string }{
			{"", "acmecorp"},
			{"", "acmecorp-x"},
			{"", "acme1"},
			{"", "other"},
			{"", "my-acme"},
			{"", "acm"},
			{"team", "acme"},
			{"team", "acme-new"},
		} {
			err := x.send(who, c.repository, c.project, "1.0", nil)
			if !fault.Is(err, fault.Denied) && !fault.Is(err, fault.NotFound) {
				t.Errorf("upload of %s to %q = %v, want a refusal", c.project, c.repository, err)
			}
		}
		for _, p := range []string{"acmecorp-x", "acme1", "my-acme", "acm"} {
			if x.exists("", p) {
				t.Errorf("a refused upload created %s", p)
			}
		}
		if x.exists("team", "acme") || x.exists("team", "acme-new") {
			t.Error("the token created a project in another repository")
		}
		var created []string
		for _, e := range b.store.of("publisher.exchange") {
			created = append(created, e.Project+" "+fmt.Sprint(e.Detail[exchange.DetailNames]))
		}
		if diff := cmp.Diff([]string{" acme-*"}, created); diff != "" {
			t.Errorf("entries of the exchange differ: %s", diff)
		}
	})
}

// TestRepositoryTokenRights: a token of names has the rights of any minted token in what it covers, and none elsewhere.
func TestRepositoryTokenRights(t *testing.T) {
	b := newBench(t)
	x := b.receiver()
	x.must(x.AddRepository(t.Context(), b.operator, catalog.NewRepository{Name: "team"}))
	for _, p := range []string{"acme", "acme-a", "acmecorp"} {
		b.project(p, "")
	}
	b.addWide("acme", true)
	who := b.identify(b.mint(nil).Token)
	in := func(repository, project string) access.Object {
		name, err := packaging.ParseProjectName(project)
		x.must(err)
		r, err := x.Repository(t.Context(), b.operator, repository)
		x.must(err)
		return catalog.Project{ID: "id of " + project, Repository: r, Name: name}.Object()
	}
	for _, c := range []struct {
		what string
		role access.Role
		o    access.Object
		want bool
	}{
		{"upload to what is covered", access.Uploader, in("", "acme-a"), true},
		{"read it, for --check-url", access.Reader, in("", "acme"), true},
		{"yank in it", access.Maintainer, in("", "acme-a"), false},
		{"own it", access.Owner, in("", "acme-a"), false},
		{"upload to another name", access.Uploader, in("", "acmecorp"), false},
		{"read another name", access.Reader, in("", "acmecorp"), false},
		{"upload to the name in another repository", access.Uploader, in("team", "acme"), false},
		{"read the name in another repository", access.Reader, in("team", "acme"), false},
		{"upload to the whole repository", access.Uploader, access.Object{RepositoryID: in("", "acme").RepositoryID}, false},
		{"read the whole repository", access.Reader, access.Object{RepositoryID: in("", "acme").RepositoryID}, false},
		{
			"the name without a repository", access.Uploader,
			access.Object{ProjectID: "x", Project: in("", "acme").Project},
			false,
		},
		{"nothing at all", access.Uploader, access.Object{}, false},
	} {
		if got := who.May(c.role, c.o); got != c.want {
			t.Errorf("%s: May = %v, want %v", c.what, got, c.want)
		}
	}
	if who.Admin() || who.Manages() || who.MayCreate(in("", "acme")) {
		t.Error("a minted token manages, or creates without a rule")
	}
	if _, ok := who.NameRule(access.Object{}, in("", "acme").Project); ok {
		t.Error("a rule holds without a repository")
	}
	l, err := x.Listing(t.Context(), who, "")
	var names []string
	for _, p := range l.Projects() {
		names = append(names, p.Name.String())
	}
	if diff := cmp.Diff([]string{"acme", "acme-a"}, names); err != nil || diff != "" {
		t.Errorf("Listing = %v, %v", names, err)
	}
	if _, err := x.Repository(t.Context(), who, "team"); !fault.Is(err, fault.NotFound) {
		t.Errorf("Repository(another) = %v, want not found", err)
	}
	// Nothing of a personal token changes.
	alice := b.user("alice")
	if _, ok := alice.NameRule(in("", "acme"), in("", "acme").Project); ok || alice.NamesIn(in("", "acme").RepositoryID) {
		t.Error("a person has a rule of names")
	}
}

// TestRepositoryPublisherReadToken: a publisher of a repository lets nobody read.
func TestRepositoryPublisherReadToken(t *testing.T) {
	b := newBench(t)
	b.project("acme", "")
	b.addWide("acme", true)
	_, err := b.exchangeRead(b.token(nil))
	refuse(t, err, exchange.CodePublisher, "lets")
}

// TestCreateRight: without the right to create, only existing projects are published to.
func TestCreateRight(t *testing.T) {
	b := newBench(t)
	x := b.receiver()
	b.project("acme-old", "")
	b.addWide("acme", false)
	who := b.identify(b.mint(nil).Token)
	x.must(x.send(who, "", "acme-old", "1.0", nil))
	err := x.send(who, "", "acme-new", "1.0", nil)
	x.refused("upload to a new project", err, fault.Denied, "there is no project acme-new")
	x.refused("upload to a new project", err, fault.Denied, "let the publisher of acme-* create projects")
	if x.exists("", "acme-new") {
		t.Error("a refused upload created its project")
	}
	// Another rule of the same token may create, below its own prefix.
	b.addWide("acme-labs", true)
	who = b.identify(b.mint(nil).Token)
	x.must(x.send(who, "", "acme-labs-x", "1.0", nil))
	err = x.send(who, "", "acme-new", "1.0", nil)
	x.refused("outside of the rule that creates", err, fault.Denied, "there is no project")
}

// owners returns the names of the people with a role in a project.
func (x *receiver) owners(project string) (out []string) {
	x.b.Helper()
	name, err := packaging.ParseProjectName(project)
	x.must(err)
	all, err := x.Grants(x.b.Context(), x.b.operator, "", name)
	x.must(err)
	for _, g := range all {
		out = append(out, fmt.Sprintf("%s:%v", g.User, g.Role))
	}
	return out
}

// TestOwnerOfCreated: a new project belongs to the user that the rule names, or to administrators.
func TestOwnerOfCreated(t *testing.T) {
	b := newBench(t)
	x := b.receiver()
	alice := b.user("alice")
	req := b.wide("acme", true)
	req.User = "alice"
	a := b.addRequest(b.operator, req)
	if a.Owner != "alice" {
		t.Errorf("Add = %+v, want the owner alice", a)
	}
	b.addWide("beta", true)
	who := b.identify(b.mint(nil).Token)
	x.must(x.send(who, "", "acme-new", "1.0", nil))
	x.must(x.send(who, "", "beta-new", "1.0", nil))
	if diff := cmp.Diff([]string{"alice:owner"}, x.owners("acme-new")); diff != "" {
		t.Errorf("owners of acme-new: %s", diff)
	}
	if got := x.owners("beta-new"); len(got) > 0 {
		t.Errorf("owners of beta-new = %v, want none", got)
	}
	d := access.NewDirectory(b.db.Access(), access.DirectoryOptions{Now: b.clock.Now})
	x.must(d.DisableUser(t.Context(), b.operator, "alice"))
	x.refused("upload for a disabled owner", x.send(who, "", "acme-later", "1.0", nil), fault.Denied, "no active account")
	x.must(x.send(who, "", "acme-new", "1.1", nil)) // the project exists
	x.must(d.EnableUser(t.Context(), b.operator, "alice"))
	x.must(x.send(who, "", "acme-later", "1.0", nil))
	_ = alice
}

// TestNamePolicyOfCreated: the rules for new names hold for a publisher of a repository too.
func TestNamePolicyOfCreated(t *testing.T) {
	b := newBench(t)
	x := b.receiver(func(o *assembly.Options) {
		o.Policy.NamePolicy = catalog.NamePolicy{SimilarNames: true, ReservedNames: true}
	})
	alice := b.user("alice")
	b.project("acme-one", "")
	gone := b.project("acme-gone", alice.ID())
	_ = gone
	name, _ := packaging.ParseProjectName("acme-gone")
	x.must(x.DeleteProject(t.Context(), b.operator, "", name))
	for _, owner := range []string{"", "alice"} {
		req := b.wide("acme", true)
		req.User = owner
		a := b.addRequest(b.operator, req)
		b.addWide("json", true)
		who := b.identify(b.mint(nil).Token)
		x.refused("a name that looks like another", x.send(who, "", "acme-0ne", "1.0", nil), fault.Conflict, "too similar")
		x.refused("a module of the standard library", x.send(who, "", "json", "1.0", nil), fault.Invalid, "standard library")
		x.refused("a deleted name", x.send(who, "", "acme-gone", "1.0", nil), fault.Denied, "was deleted")
		x.refused("a name like a deleted one", x.send(who, "", "acme-g0ne", "1.0", nil), fault.Conflict, "was deleted")
		x.must(b.registry.Remove(t.Context(), b.operator, a.ID))
	}
	b.clock.Pass(catalog.KeepName + time.Hour)
	b.addWide("acme", true)
	who := b.identify(b.mint(nil).Token)
	x.must(x.send(who, "", "acme-gone", "1.0", nil))
}

// TestTokenCreatesAFew: one token creates at most 20 projects; the next token of the publisher creates more.
func TestTokenCreatesAFew(t *testing.T) {
	onEach(t, func(t *testing.T, b *bench) {
		x := b.receiver()
		b.addWide("acme", true)
		who := b.identify(b.mint(nil).Token)
		for i := range 20 {
			x.must(x.send(who, "", fmt.Sprintf("acme-%d", i), "1.0", nil))
		}
		x.refused("the 21st", x.send(who, "", "acme-more", "1.0", nil), fault.Denied, "creates at most 20 projects")
		if x.exists("", "acme-more") {
			t.Error("the refused upload created its project")
		}
		x.must(x.send(who, "", "acme-1", "1.1", nil)) // it exists
		b.clock.Pass(time.Second)
		x.must(x.send(b.identify(b.mint(nil).Token), "", "acme-more", "1.0", nil))
	})
}

// TestStatesOfCovered: what stops any publisher stops that of a repository.
func TestStatesOfCovered(t *testing.T) {
	b := newBench(t)
	x := b.receiver()
	for _, p := range []string{"acme-archived", "acme-quarantined", "acme-strict"} {
		b.project(p, "")
	}
	archived, _ := packaging.ParseProjectName("acme-archived")
	quarantined, _ := packaging.ParseProjectName("acme-quarantined")
	strict, _ := packaging.ParseProjectName("acme-strict")
	x.must(x.SetStatus(t.Context(), b.operator, "", archived, catalog.Archived, ""))
	x.must(x.SetStatus(t.Context(), b.operator, "", quarantined, catalog.Quarantined, "look"))
	x.must(x.SetTrustedOnly(t.Context(), b.operator, "", strict, true))
	b.addWide("acme", true)
	who := b.identify(b.mint(nil).Token)
	x.refused("an archived project", x.send(who, "", "acme-archived", "1.0", nil), fault.Denied, "archived")
	x.refused("a quarantined project", x.send(who, "", "acme-quarantined", "1.0", nil), fault.Denied, "quarantined")
	x.must(x.send(who, "", "acme-strict", "1.0", nil)) // for trusted publishers only
}

// TestSingleUseOfNames: a token for one upload is good for one upload, also to two names.
func TestSingleUseOfNames(t *testing.T) {
	b := newBench(t)
	x := b.receiver()
	b.addWide("acme", true)
	m, err := b.registry.Exchange(t.Context(), b.guest, b.token(nil), once)
	x.must(err)
	who := b.identify(m.Token)
	x.must(x.send(who, "", "acme-a", "1.0", nil))
	x.refused("a second upload", x.send(who, "", "acme-b", "1.0", nil), fault.Denied, "one upload")
	if x.exists("", "acme-b") {
		t.Error("a spent token created a project")
	}
}

// TestEndsWhileUploading: whatever ends the rule ends the upload that is under way, at its commit.
func TestEndsWhileUploading(t *testing.T) {
	onEach(t, func(t *testing.T, b *bench) {
		x := b.receiver()
		b.project("acme-old", "")
		other := b.replicas()[1] // the rule ends in another process
		n := 0
		for what, end := range map[string]func(a publishers.Added) error{
			"removed by its id": func(a publishers.Added) error { return other.Remove(t.Context(), b.operator, a.ID) },
			"removed from the repository": func(a publishers.Added) error {
				return other.RemoveFromRepository(t.Context(), b.operator, a.ID, "main", "acme-*")
			},
			"removed and added again": func(a publishers.Added) error {
				if err := other.Remove(t.Context(), b.operator, a.ID); err != nil {
					return err
				}
				_, err := other.Add(t.Context(), b.operator, b.wide("acme", true, "environment", ""))
				return err
			},
			"narrowed to an environment": func(a publishers.Added) error {
				_, err := other.Constrain(t.Context(), b.operator, publishers.ConstrainRequest{
					ID: a.ID, Names: "acme", Fields: map[string]string{"environment": "release"},
				})
				return err
			},
			"narrowed to other names": func(a publishers.Added) error {
				if _, err := other.Add(t.Context(), b.operator, b.wide("acme-data", true, "environment", "")); err != nil {
					return err
				}
				return other.RemoveFromRepository(t.Context(), b.operator, a.ID, "", "acme")
			},
		} {
			for _, project := range []string{"acme-old", "acme-new"} {
				n++
				a := b.addWide("acme", true, "environment", "")
				who := b.identify(b.mint(nil).Token)
				version := fmt.Sprintf("1.%d", n)
				err := x.send(who, "", project, version, func() { x.must(end(a)) })
				x.refused(what+" while uploading to "+project, err, fault.Denied, "may not upload to project "+project)
				if _, err := b.keyring().Identify(t.Context(), "", access.Secret("")); err == nil {
					t.Fatal("an empty token is accepted")
				}
				err = x.send(who, "", project, version, nil)
				x.refused(what+", then uploading to "+project, err, fault.Denied, "may not upload to project "+project)
				if x.exists("", "acme-new") {
					t.Errorf("%s: an upload that was refused created its project", what)
				}
				for _, l := range b.all() {
					x.must(b.registry.Remove(t.Context(), b.operator, l))
				}
			}
		}
	})
}

// all returns the ids of all publishers.
func (b *bench) all() (ids []string) {
	b.Helper()
	list, err := b.registry.List(b.Context(), b.operator, "")
	if err != nil {
		b.Fatal(err)
	}
	for _, l := range list {
		ids = append(ids, l.ID)
	}
	slices.Sort(ids)
	return slices.Compact(ids)
}

// TestAddWideRefuses: only administrators, and only what can be meant.
func TestAddWideRefuses(t *testing.T) {
	b := newBench(t)
	x := b.receiver()
	alice := b.user("alice")
	b.project("acme-a", alice.ID())
	x.must(x.Grant(t.Context(), b.operator, "", packaging.ProjectName{}, "alice", access.Owner)) // of the repository
	alice = b.again("alice")
	b.addWide("acme", true)
	minted := b.identify(b.mint(nil).Token)
	d := access.NewDirectory(b.db.Access(), access.DirectoryOptions{Now: b.clock.Now})
	_, err := d.AddUser(t.Context(), b.operator, access.NewUser{Name: "bob"})
	x.must(err)
	x.must(d.DisableUser(t.Context(), b.operator, "bob"))
	change := func(f func(*publishers.AddRequest)) publishers.AddRequest {
		r := b.wide("beta", true)
		f(&r)
		return r
	}
	same := func(*publishers.AddRequest) {}
	for _, c := range []struct {
		name string
		who  access.Caller
		req  publishers.AddRequest
		kind fault.Kind
		word string
	}{
		{"nobody", b.guest, change(same), fault.Unauthenticated, "token is needed"},
		{"an owner of the repository", alice, change(same), fault.Denied, "only an administrator"},
		{"a minted token", minted, change(same), fault.Denied, "only an administrator"},
		{
			"a repository that is not there", b.operator, change(func(r *publishers.AddRequest) { r.Repository = "x" }),
			fault.NotFound, "no repository",
		},
		{
			"an owner, a repository that is not there", alice, change(func(r *publishers.AddRequest) { r.Repository = "x" }),
			fault.Denied, "only an administrator",
		},
		{"no names", b.operator, change(func(r *publishers.AddRequest) { r.Names = "" }), fault.Invalid, "prefix"},
		{"all names", b.operator, change(func(r *publishers.AddRequest) { r.Names = "*" }), fault.Invalid, "prefix"},
		{"a bare star", b.operator, change(func(r *publishers.AddRequest) { r.Names = "beta*" }), fault.Invalid, "beta*"},
		{"other letters", b.operator, change(func(r *publishers.AddRequest) { r.Names = "bеta" }), fault.Invalid, "ASCII"},
		{"a path", b.operator, change(func(r *publishers.AddRequest) { r.Names = "../beta" }), fault.Invalid, "prefix"},
		{"a project", b.operator, change(func(r *publishers.AddRequest) { r.Project = "acme-a" }), fault.Invalid, "either"},
		{"pending too", b.operator, change(func(r *publishers.AddRequest) { r.Pending = true }), fault.Invalid, "either"},
		{
			"an owner without creating", b.operator,
			change(func(r *publishers.AddRequest) { r.Creates, r.User = false, "alice" }), fault.Invalid, "create projects",
		},
		{
			"an owner nobody knows", b.operator, change(func(r *publishers.AddRequest) { r.User = "carol" }), fault.Invalid,
			"no active user",
		},
		{
			"a disabled owner", b.operator, change(func(r *publishers.AddRequest) { r.User = "bob" }), fault.Invalid,
			"no active user",
		},
		{"the same again", b.operator, b.wide("acme-*", false), fault.Conflict, "already registered"},
		{"the same, not pinned", b.operator, b.wide("acme", true, "owner_id", ""), fault.Conflict, "already registered"},
		{"a field that cannot be", b.operator, b.wide("beta", true, "workflow", "x/y.yml"), fault.Invalid, "workflow"},
	} {
		t.Run(c.name, func(t *testing.T) {
			before := len(b.store.of("publisher.add"))
			a, err := b.registry.Add(t.Context(), c.who, c.req)
			if !fault.Is(err, c.kind) || !strings.Contains(err.Error(), c.word) {
				t.Errorf("%s: Add = %+v, %v (%v); want %v with %q", c.name, a, err, fault.KindOf(err), c.kind, c.word)
			}
			if after := len(b.store.of("publisher.add")); after != before {
				t.Errorf("%s: something was added", c.name)
			}
		})
	}
}

// TestRemoveWideRefuses: an owner of a covered project sees the publisher, and cannot remove or change it.
func TestRemoveWideRefuses(t *testing.T) {
	b := newBench(t)
	alice, bob := b.user("alice"), b.user("bob")
	b.project("acme-a", alice.ID())
	b.project("other", bob.ID())
	alice, bob = b.again("alice"), b.again("bob")
	a := b.addWide("acme", true)
	narrower := publishers.ConstrainRequest{ID: a.ID, Names: "acme", Fields: map[string]string{"ref": "refs/tags/v*"}}
	ofProject := publishers.ConstrainRequest{ID: a.ID, Project: "acme-a", Fields: map[string]string{"ref": "refs/tags/v*"}}
	constrain := func(who access.Caller, r publishers.ConstrainRequest) error {
		_, err := b.registry.Constrain(t.Context(), who, r)
		return err
	}
	for _, c := range []struct {
		what string
		err  error
		kind fault.Kind
	}{
		{"Remove by nobody", b.registry.Remove(t.Context(), b.guest, a.ID), fault.Unauthenticated},
		{"Remove by an owner", b.registry.Remove(t.Context(), alice, a.ID), fault.NotFound},
		{"Remove by another", b.registry.Remove(t.Context(), bob, a.ID), fault.NotFound},
		{"RemoveFrom by an owner", b.registry.RemoveFrom(t.Context(), alice, a.ID, "", "acme-a"), fault.Denied},
		{"RemoveFrom by another", b.registry.RemoveFrom(t.Context(), bob, a.ID, "", "acme-a"), fault.NotFound},
		{"RemoveFrom by another, own project", b.registry.RemoveFrom(t.Context(), bob, a.ID, "", "other"), fault.NotFound},
		{"RemoveFrom by an administrator", b.registry.RemoveFrom(t.Context(), b.operator, a.ID, "", "acme-a"), fault.Denied},
		{
			"RemoveFromRepository by an owner", b.registry.RemoveFromRepository(t.Context(), alice, a.ID, "", "acme"),
			fault.Denied,
		},
		{
			"RemoveFromRepository by nobody", b.registry.RemoveFromRepository(t.Context(), b.guest, a.ID, "", "acme"),
			fault.Unauthenticated,
		},
		{
			"RemoveFromRepository of other names", b.registry.RemoveFromRepository(t.Context(), b.operator, a.ID, "", "acme-a"),
			fault.NotFound,
		},
		{
			"RemoveFromRepository of no names", b.registry.RemoveFromRepository(t.Context(), b.operator, a.ID, "", ""),
			fault.Invalid,
		},
		{
			"RemoveFromRepository of no publisher", b.registry.RemoveFromRepository(t.Context(), b.operator, "", "", "acme"),
			fault.NotFound,
		},
		{
			"RemoveFromRepository elsewhere", b.registry.RemoveFromRepository(t.Context(), b.operator, a.ID, "x", "acme"),
			fault.NotFound,
		},
		{"Constrain by an owner", constrain(alice, narrower), fault.Denied},
		{"Constrain by an owner, of the project", constrain(alice, ofProject), fault.NotFound},
		{"Constrain by nobody", constrain(b.guest, narrower), fault.Unauthenticated},
	} {
		if !fault.Is(c.err, c.kind) {
			t.Errorf("%s = %v (%v), want %v", c.what, c.err, fault.KindOf(c.err), c.kind)
		}
	}
	if list, err := b.registry.List(t.Context(), b.operator, ""); err != nil || len(list) != 1 || list[0].ID != a.ID {
		t.Errorf("List = %+v, %v: a refusal changed something", list, err)
	}
	if got := len(b.store.of("publisher.remove")); got != 0 {
		t.Errorf("%d removals are recorded", got)
	}
}

// TestListWide: owners see what covers their projects; administrators see everything; the longest prefix comes first.
func TestListWide(t *testing.T) {
	b := newBench(t)
	alice, bob := b.user("alice"), b.user("bob")
	b.project("acme-data-x", alice.ID())
	b.project("other", bob.ID())
	alice, bob = b.again("alice"), b.again("bob")
	own := b.add("acme-data-x", "workflow", "own.yml")
	wide := b.addWide("acme", false)
	narrow := b.addWide("acme-data", true)
	beta := b.addWide("beta", true, "workflow", "beta.yml")
	for _, c := range []struct {
		name    string
		who     access.Caller
		project string
		want    []string
	}{
		{"the owner, the project", alice, "acme-data-x", []string{own.ID + " ", narrow.ID + " acme-data", wide.ID + " acme"}},
		{"the owner, everything", alice, "", []string{own.ID + " ", narrow.ID + " acme-data", wide.ID + " acme"}},
		{"another owner", bob, "", nil},
		{"another owner, own project", bob, "other", nil},
		{"an administrator, a name that is not there", b.operator, "acme-later", []string{wide.ID + " acme"}},
		{
			"an administrator", b.operator, "",
			[]string{own.ID + " ", narrow.ID + " acme-data", wide.ID + " acme", beta.ID + " beta"},
		},
	} {
		list, err := b.registry.List(t.Context(), c.who, c.project)
		var got []string
		for _, l := range list {
			got = append(got, l.ID+" "+l.Names)
		}
		if diff := cmp.Diff(c.want, got); err != nil || diff != "" {
			t.Errorf("List for %s: %v, %s", c.name, err, diff)
		}
	}
	if _, err := b.registry.List(t.Context(), bob, "acme-data-x"); !fault.Is(err, fault.NotFound) {
		t.Errorf("List of a project of another = %v, want not found", err)
	}
	if _, err := b.registry.List(t.Context(), alice, "acme-later"); !fault.Is(err, fault.NotFound) {
		t.Errorf("List of a name that is not there = %v, want not found", err)
	}
	if narrow.ID != wide.ID {
		t.Errorf("the same workload has two publishers: %s and %s", narrow.ID, wide.ID)
	}
}

// TestRemoveOneOfSeveral: a publisher with several places loses one of them, and its tokens that one.
func TestRemoveOneOfSeveral(t *testing.T) {
	b := newBench(t)
	x := b.receiver()
	b.project("solo", "")
	a := b.addWide("acme", true)
	b.addWide("beta", true)
	b.add("solo")
	who := b.identify(b.mint(nil).Token)
	x.must(b.registry.RemoveFromRepository(t.Context(), b.operator, a.ID, "", "acme"))
	x.refused("removed names", x.send(who, "", "acme-x", "1.0", nil), fault.Denied, "may not upload")
	x.must(x.send(who, "", "beta-x", "1.0", nil))
	x.must(x.send(who, "", "solo", "1.0", nil))
	x.must(b.registry.RemoveFrom(t.Context(), b.operator, a.ID, "", "solo"))
	x.must(x.send(who, "", "beta-x", "1.1", nil))
	x.must(b.registry.Remove(t.Context(), b.operator, a.ID))
	x.refused("everything removed", x.send(who, "", "beta-x", "1.2", nil), fault.Denied, "may not upload")
	_, err := b.exchange(b.token(nil))
	refuse(t, err, exchange.CodePublisher, "trusts")
	if e := b.store.of("publisher.remove"); len(e) != 3 || e[0].Detail["names"] != "acme-*" || e[0].Project != "" ||
		e[0].Repository == "" {
		t.Errorf("entries of removals: %+v", e)
	}
}

// TestDeletedProjectKeepsRule: the rule is the repository's: it covers the name after the project is deleted too.
func TestDeletedProjectKeepsRule(t *testing.T) {
	b := newBench(t)
	x := b.receiver()
	b.project("acme-x", "")
	b.add("acme-x")
	b.addWide("acme", false)
	name, _ := packaging.ParseProjectName("acme-x")
	x.must(x.DeleteProject(t.Context(), b.operator, "", name))
	if m := b.mint(nil); len(m.Projects) != 0 || len(m.Names) != 1 {
		t.Errorf("Exchange = %+v, want the names alone", m)
	}
}

// TestWidePins: the first token pins a rule of names, and another account is refused from then on.
func TestWidePins(t *testing.T) {
	b := newBench(t)
	x := b.receiver()
	b.addWide("acme", true, "owner_id", "")
	who := b.identify(b.mint(nil).Token)
	x.must(x.send(who, "", "acme-x", "1.0", nil))
	_, err := b.exchange(b.token(map[string]any{"repository_owner_id": "666"}))
	refuse(t, err, exchange.CodePublisher, "repository_owner_id")
	if e := b.store.of("publisher.pin"); len(e) != 1 || e[0].Detail["names"] != "acme-*" {
		t.Errorf("entries of pins: %+v", e)
	}
	// A pinned copy takes the place of an unpinned one, also with other names.
	b.addWide("beta", true, "owner_id", "", "workflow", "b.yml")
	b.addWide("beta", true, "workflow", "b.yml")
	list, err := b.registry.List(t.Context(), b.operator, "beta-x")
	if err != nil || len(list) != 1 || list[0].OwnerID != "4242" {
		t.Errorf("List = %+v, %v, want the pinned one alone", list, err)
	}
	// An unpinned rule of other names joins the pinned one when a token pins it.
	b.addWide("gamma", false, "owner_id", "", "workflow", "b.yml")
	at := map[string]any{"job_workflow_ref": path("b.yml@refs/tags/v1.0")}
	b.mint(at)
	if m := b.mint(at); !slices.Equal(m.Names, []string{"main/beta", "main/gamma"}) {
		t.Errorf("Exchange = %+v", m)
	}
	list, err = b.registry.List(t.Context(), b.operator, "gamma-x")
	if err != nil || len(list) != 1 || list[0].OwnerID != "4242" || list[0].Creates {
		t.Errorf("List = %+v, %v, want a pinned one", list, err)
	}
}

// TestNearestOfNames: a refusal that came near a rule of names is recorded in its repository, with its names.
func TestNearestOfNames(t *testing.T) {
	b := newBench(t)
	b.project("acme-x", "")
	b.add("acme-x", "environment", "release")
	b.addWide("acme", true, "environment", "release")
	_, err := b.exchange(b.token(map[string]any{"environment": "staging"}))
	refuse(t, err, exchange.CodePublisher, "environment")
	var got []string
	for _, e := range b.store.of("publisher.exchange") {
		got = append(got, fmt.Sprintf("%q %v", e.Project, e.Detail[exchange.DetailNames]))
	}
	if diff := cmp.Diff([]string{`"acme-x" <nil>`, `"" acme-*`}, got); diff != "" {
		t.Errorf("entries differ: %s", diff)
	}
	all, err := b.registry.Exchanges(t.Context(), b.operator, "acme-x", 10)
	if err != nil || len(all) != 2 || all[0].Project != "acme-x" || all[1].Names != "acme-*" {
		t.Errorf("Exchanges = %+v, %v, want that of the project first, then that of the names", all, err)
	}
	for _, name := range []string{"acme-later", "acmecorp", "other"} {
		all, err := b.registry.Exchanges(t.Context(), b.operator, name, 10)
		if want := map[bool]int{true: 1}[name == "acme-later"]; len(all) != want || want > 0 && err != nil {
			t.Errorf("Exchanges(%s) = %+v, %v, want %d", name, all, err, want)
		}
	}
}

// TestExchangesOfNamesForOwners: owners of a covered project do not see the exchanges of the whole repository.
func TestExchangesOfNamesForOwners(t *testing.T) {
	b := newBench(t)
	alice := b.user("alice")
	b.project("acme-x", alice.ID())
	alice = b.again("alice")
	b.addWide("acme", true)
	b.mint(nil)
	if all, err := b.registry.Exchanges(t.Context(), alice, "acme-x", 10); err != nil || len(all) != 0 {
		t.Errorf("Exchanges for an owner = %+v, %v, want none", all, err)
	}
	p, err := b.registry.ForProject(t.Context(), alice, "", "acme-x")
	if err != nil || len(p.Publishers) != 0 || len(p.Wide) != 1 || p.Wide[0].Names != "acme" || len(p.Exchanges) != 0 {
		t.Errorf("ForProject = %+v, %v", p, err)
	}
}

// TestCopiedRuleOfNamesTellsNothing checks that the owner of a covered project who gives it the repository's rule, or a
// looser one, sees only the runs whose token published to the project.
func TestCopiedRuleOfNamesTellsNothing(t *testing.T) {
	for what, over := range map[string][]string{"the same": nil, "a looser one": {"environment", ""}} {
		t.Run(what, func(t *testing.T) {
			b := newBench(t)
			alice := b.owner("alice", "acme-one")
			b.project("acme-two", "")
			b.addWide("acme", true)
			id := b.add("acme-one", over...).ID
			b.released("acme-one", "1.0", atRef("refs/heads/main"))
			b.released("acme-two", "1.0", atRef("refs/heads/secret"))
			b.released("acme-one", "1.1", atRef("refs/heads/main"))
			got := b.letIn(alice, "acme-one", id)
			b.wantLines("its history", got, "refs/heads/main: acme-one-1.1 available", "withheld:",
				"refs/heads/main: acme-one-1.0 available")
			all, err := b.registry.Exchanges(t.Context(), alice, "acme-one", 10)
			if err != nil || len(all) != 3 || all[0].Withheld || !all[1].Withheld || all[1].Claims != nil || all[2].Withheld {
				t.Errorf("Exchanges() = %+v, %v; want the second withheld", all, err)
			}
			text, err := json.Marshal([]any{got, all, b.reads(alice, "acme-one")})
			if err != nil || strings.Contains(string(text), "refs/heads/secret") {
				t.Errorf("the owner reads the branch of another project's run: %s, %v", text, err)
			}
			b.wantLines("for the operator", b.letIn(b.operator, "acme-one", id), "refs/heads/main: acme-one-1.1 available",
				"refs/heads/secret: first time from branch secret", "refs/heads/main: acme-one-1.0 available")
		})
	}
}

// TestAddWideRace: of many at once, one adds and one removes; a rule is there as often as it is counted.
func TestAddWideRace(t *testing.T) {
	onEach(t, func(t *testing.T, b *bench) {
		both := b.replicas()
		race := func(f func(i int) error) (won int64) {
			var n atomic.Int64
			var all sync.WaitGroup
			for i := range 12 {
				all.Go(func() {
					err := f(i)
					if err == nil {
						n.Add(1)
					} else if fault.KindOf(err) == fault.Internal {
						t.Errorf("in a race: %v", err)
					}
				})
			}
			all.Wait()
			return n.Load()
		}
		add := func(i int) error {
			_, err := both[i%2].Add(t.Context(), b.operator, b.wide("acme", true))
			return err
		}
		if won := race(add); won != 1 {
			t.Fatalf("%d of the same rule were added", won)
		}
		id := b.all()[0]
		if won := race(func(i int) error { return both[i%2].Remove(t.Context(), b.operator, id) }); won != 1 {
			t.Errorf("%d removals of one rule", won)
		}
		// Adding and removing, to a project and to names, at once: nothing breaks, and what is left is counted.
		b.project("solo", "")
		var added, removed atomic.Int64
		race(func(i int) error {
			var err error
			if i%3 == 0 {
				_, err = both[i%2].Add(t.Context(), b.operator, b.request("solo"))
				return err
			}
			a, err := both[i%2].Add(t.Context(), b.operator, b.wide(fmt.Sprintf("acme-%d", i%4), true))
			if err == nil {
				added.Add(1)
				if err := both[(i+1)%2].RemoveFromRepository(t.Context(), b.operator, a.ID, "", a.Names); err == nil {
					removed.Add(1)
				} else if fault.KindOf(err) == fault.Internal {
					t.Errorf("removing: %v", err)
				}
			}
			return err
		})
		list, err := b.registry.List(t.Context(), b.operator, "")
		left := int64(0)
		for _, l := range list {
			if l.Names != "" {
				left++
			}
		}
		if err != nil || left != added.Load()-removed.Load() {
			t.Errorf("%d rules are left, of %d added and %d removed (%v)", left, added.Load(), removed.Load(), err)
		}
	})
}

// TestCreateRace: of many uploads of one new project at once, one creates it and all succeed or may be repeated.
func TestCreateRace(t *testing.T) {
	onEach(t, func(t *testing.T, b *bench) {
		x := b.receiver()
		b.addWide("acme", true)
		who := b.identify(b.mint(nil).Token)
		var all sync.WaitGroup
		errs := make([]error, 8)
		for i := range errs {
			all.Go(func() {
				for range 3 {
					errs[i] = x.send(who, "", "acme-new", fmt.Sprintf("1.%d", i), nil)
					if !fault.Is(errs[i], fault.Conflict) {
						return
					}
				}
			})
		}
		all.Wait()
		if err := errors.Join(errs...); err != nil {
			t.Error(err)
		}
		name, _ := packaging.ParseProjectName("acme-new")
		c, err := x.Contents(t.Context(), b.operator, "", name)
		if err != nil || len(c.Files) != len(errs) {
			t.Errorf("%d files are listed, want %d (%v)", len(c.Files), len(errs), err)
		}
	})
}

// TestLetInByNames checks that a publisher that covers a project from its repository has a history there, whose files
// the project's owner can yank, and that neither of them removes the publisher.
func TestLetInByNames(t *testing.T) {
	onEach(t, func(t *testing.T, b *bench) {
		x := b.receiver()
		alice := b.owner("alice", "acme-owned")
		bob := b.owner("bob", "acme-other")
		id := b.addWide("acme", false).ID
		x.must(x.send(b.identify(b.mint(nil).Token), "", "acme-owned", "1.0", nil))
		got := b.letIn(alice, "acme-owned", id)
		if !got.Lineage.Attached || !got.Lineage.Wide || len(got.Requests) != 1 || len(got.Requests[0].Files) != 1 {
			t.Fatalf("LetIn() = %+v", got)
		}
		if other := b.letIn(bob, "acme-other", id); len(other.Requests) != 0 {
			t.Errorf("LetIn(acme-other) = %+v, want nothing", other.Requests)
		}
		b.wantHeld("the operator", b.operator, id, "acme-other", "acme-owned")
		b.wantHeld("an owner", alice, id, "acme-owned")
		b.wantHeld("another user", b.owner("carol", "acmecorp"), id)
		q := publishers.Removal{ID: id, Project: "acme-owned", Files: catalog.YankFiles, Reason: "taken over"}
		if _, err := b.registry.RemoveWith(t.Context(), bob, q); !fault.Is(err, fault.NotFound) {
			t.Errorf("RemoveWith() of another owner = %v, want %v", err, fault.NotFound)
		}
		done, err := b.registry.RemoveWith(t.Context(), alice, q)
		if err != nil || done.SetAside != 1 || len(done.Projects) != 0 {
			t.Errorf("RemoveWith() = %+v, %v; want one file, and the publisher kept", done, err)
		}
		for _, who := range []access.Caller{alice, b.operator} {
			_, err := b.registry.RemoveWith(t.Context(), who, publishers.Removal{ID: id, Project: "acme-owned"})
			if !fault.Is(err, fault.NotFound) && !fault.Is(err, fault.Denied) {
				t.Errorf("RemoveWith() without files = %v, want a refusal", err)
			}
		}
		_, err = b.registry.RemoveWith(t.Context(), b.operator, publishers.Removal{ID: id, Files: catalog.QuarantineFiles})
		if !fault.Is(err, fault.Invalid) || !strings.Contains(err.Error(), "index lockout publisher") {
			t.Errorf("RemoveWith() of all files = %v, want the command for it", err)
		}
		b.mint(nil) // it is still there
		if _, err := b.registry.RemoveWith(t.Context(), b.operator, publishers.Removal{ID: id}); err != nil {
			t.Errorf("RemoveWith() = %v", err)
		}
		_, err = b.exchange(b.token(nil))
		refuse(t, err, exchange.CodePublisher, "no project here trusts")
	})
}

// wantHeld checks which projects a caller is told that a publisher has: none is fault.NotFound.
func (b *bench) wantHeld(what string, who access.Caller, id string, want ...string) {
	b.Helper()
	held, err := b.registry.Projects(b.Context(), who, id)
	var names []string
	for _, h := range held {
		names = append(names, h.Project.Name.String())
	}
	if diff := cmp.Diff(want, names); diff != "" || fault.Is(err, fault.NotFound) != (len(want) == 0) {
		b.Errorf("Projects() for %s = %v, %v, want %v", what, names, err, want)
	}
}
