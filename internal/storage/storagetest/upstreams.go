package storagetest

import (
	"testing"
	"time"

	"pyindex/internal/access"
	"pyindex/internal/audit"
	"pyindex/internal/catalog"
	"pyindex/internal/fault"
	"pyindex/internal/publishers"
	"pyindex/internal/upstream"
)

// Upstreams is the suite of the rows of upstreams and of the bases of repositories, and of the services over them.
func Upstreams(t *testing.T, open Opener) {
	for name, check := range map[string]func(*world){
		"rows":         checkUpstreamRows,
		"registry":     checkRegistry,
		"origin":       checkMovedOrigin,
		"bases":        checkBases,
		"circles":      checkCircles,
		"second":       checkSecondPublic,
		"declared":     checkDeclared,
		"no longer":    checkUndeclared,
		"all or none":  checkDeclaredWrong,
		"main":         checkDeclaredMain,
		"repositories": checkRepositorySettings,
	} {
		t.Run(name, func(t *testing.T) { check(newWorld(t, open)) })
	}
}

var operator = access.Operator("test")

// anUpstream returns a valid upstream with a value in every field.
func anUpstream(name string) upstream.Upstream {
	u := upstream.Default()
	u.Name, u.URL, u.Kind, u.Probe = name, "https://"+name+".example/simple/", upstream.Private, "acme-core"
	u.Names, u.Allow, u.Deny = upstream.ListedOnly, []string{"acme-*", "re:a{1,2}"}, []string{"b"}
	u.ArtifactBase, u.TrustTimes, u.AllowPrivate = "https://files.example/", false, true
	u.Username, u.PasswordFile = "u", "/p"
	u.CAFile, u.ClientCert, u.ClientKey, u.Proxy = "/ca", "/cert", "/key", "http://p:hush@proxy.example:3128"
	u.TTL, u.NegativeTTL, u.StaleWhileRevalidate, u.StaleIfError = time.Minute, time.Second, 0, 48*time.Hour
	return u
}

func checkUpstreamRows(w *world) {
	one, two := anUpstream("one"), upstream.Default()
	one.Revision, one.CreatedAt, one.Declared = 7, at, true
	two.Name, two.URL, two.Revision, two.CreatedAt = "a-two", "https://two.example/", 1<<50, at
	two.TokenFile = "/t"
	w.must(w.a.Upstreams.Update(w.ctx, func(tx upstream.Tx) error {
		w.must(tx.InsertUpstream(w.ctx, one))
		w.must(tx.InsertUpstream(w.ctx, two))
		w.want("InsertUpstream(again)", tx.InsertUpstream(w.ctx, one), fault.Conflict)
		w.want("UpdateUpstream(none)", tx.UpdateUpstream(w.ctx, anUpstream("none")), fault.NotFound)
		two.IdentityAudience, two.IdentityTokenFile, two.TokenFile = "index.example", "/i", ""
		w.must(tx.UpdateUpstream(w.ctx, two))
		return nil
	}))
	read := func() (all []upstream.Upstream) {
		w.must(w.b.Upstreams.View(w.ctx, func(tx upstream.Tx) (err error) {
			all, err = tx.Upstreams(w.ctx)
			return err
		}))
		return all
	}
	w.same("Upstreams()", read(), []upstream.Upstream{two, one})
	w.must(w.a.Upstreams.Update(w.ctx, func(tx upstream.Tx) error { return tx.DeleteUpstream(w.ctx, "one") }))
	w.same("Upstreams() after DeleteUpstream", read(), []upstream.Upstream{two})
}

func (w *world) registry() *upstream.Registry {
	return upstream.NewRegistry(w.a.Upstreams, upstream.Options{})
}

func (w *world) index() *catalog.Index { return catalog.New(w.a.Catalog, nil, catalog.Options{}) }

// actions returns the actions of the audit log about upstreams and repositories, newest first.
func (w *world) actions() (out []string) {
	w.update(func(tx publishers.Tx) error {
		all, err := tx.Entries(w.ctx, audit.Filter{Limit: 100})
		for _, e := range all {
			out = append(out, e.Action+" "+e.Subject)
		}
		return err
	})
	return out
}

// checkRegistry checks that every change needs an administrator, moves the serial, is recorded and seen at once.
func checkRegistry(w *world) {
	r, before := w.registry(), w.serial(w.a)
	u := anUpstream("one")
	w.want("Add() by an anonymous caller", r.Add(w.ctx, access.Caller{}, u), fault.Denied)
	w.same("serial after a refusal", w.serial(w.a), before)
	w.must(r.Add(w.ctx, operator, u))
	w.want("Add() again", r.Add(w.ctx, operator, u), fault.Conflict)
	bad := u
	bad.Name, bad.URL = "two", "https://two.example/simple"
	err := r.Add(w.ctx, operator, bad)
	w.want("Add() without a slash", err, fault.Invalid)
	w.same("the field of the error", fault.FieldOf(err), "url")
	if w.serial(w.a) <= before {
		w.Error("Add() does not move the serial")
	}

	stamp, err := w.a.Upstreams.Stamp(w.ctx)
	w.must(err)
	got, err := r.Get(w.ctx, stamp, "one")
	w.must(err)
	first := got.Revision
	_, err = r.Get(w.ctx, stamp, "two")
	w.want("Get(none)", err, fault.NotFound)

	_, err = r.Set(w.ctx, access.Caller{}, "one", func(*upstream.Upstream) error { return nil })
	w.want("Set() by an anonymous caller", err, fault.Denied)
	_, err = r.Set(w.ctx, operator, "none", func(*upstream.Upstream) error { return nil })
	w.want("Set(none)", err, fault.NotFound)
	_, err = r.Set(w.ctx, operator, "one", func(u *upstream.Upstream) error { u.TTL = 0; return nil })
	w.want("Set(invalid)", err, fault.Invalid)
	changed, err := r.Set(w.ctx, operator, "one", func(u *upstream.Upstream) error {
		u.Name, u.TTL = "other", time.Hour
		return nil
	})
	w.must(err)
	w.same("Set()", []any{changed.Name, changed.TTL, changed.Dropped, changed.Revision},
		[]any{"one", time.Hour, false, first})
	changed, err = r.Set(w.ctx, operator, "one", func(u *upstream.Upstream) error { u.URL += "more/"; return nil })
	w.must(err)
	if changed.Revision <= first || changed.Dropped {
		w.Errorf("Set(another path) = revision %d after %d, dropped %v", changed.Revision, first, changed.Dropped)
	}
	other := upstream.NewRegistry(w.b.Upstreams, upstream.Options{}) // another process
	stamp, err = w.b.Upstreams.Stamp(w.ctx)
	w.must(err)
	got, err = other.Get(w.ctx, stamp, "one")
	w.must(err)
	w.same("Get() by another process", got.URL, changed.URL)

	w.want("Remove() by an anonymous caller", r.Remove(w.ctx, access.Caller{}, "one"), fault.Denied)
	w.must(r.Remove(w.ctx, operator, "one"))
	w.want("Remove(none)", r.Remove(w.ctx, operator, "one"), fault.NotFound)
	w.must(r.Add(w.ctx, operator, u))
	list, err := r.List(w.ctx, operator)
	w.must(err)
	if len(list) != 1 || list[0].Revision <= changed.Revision {
		w.Errorf("List() = %+v: a new upstream of the old name has a revision of before", list)
	}
	_, err = r.List(w.ctx, access.Caller{})
	w.want("List() by an anonymous caller", err, fault.Denied)
	w.same("the audit log", w.actions(), []string{
		"upstream.add one", "upstream.remove one", "upstream.remove one", "upstream.change one", "upstream.change one",
		"upstream.change one", "upstream.add one", "upstream.add one",
	})
}

// checkMovedOrigin checks that a credential is not sent to another server because the URL has changed.
func checkMovedOrigin(w *world) {
	r := w.registry()
	w.must(r.Add(w.ctx, operator, anUpstream("one")))
	move := func(to string, more func(*upstream.Upstream)) upstream.Changed {
		c, err := r.Set(w.ctx, operator, "one", func(u *upstream.Upstream) error {
			u.URL = to
			if more != nil {
				more(u)
			}
			return nil
		})
		w.must(err)
		return c
	}
	c := move("https://ONE.example/other/", nil)
	w.same("the same origin: credential", []any{c.Dropped, c.Credential() != ""}, []any{false, true})
	c = move("https://one.example:8443/other/", nil)
	w.same("another port: credential", []any{c.Dropped, c.Credential(), c.ClientCert, c.CAFile},
		[]any{true, "", "", "/ca"})
	c = move("https://evil.example/", func(u *upstream.Upstream) { u.TokenFile = "/new" })
	w.same("another origin with its own credential", []any{c.Dropped, c.TokenFile}, []any{false, "/new"})
	c = move("http://evil.example/", nil)
	w.same("another scheme: credential", []any{c.Dropped, c.Credential()}, []any{true, ""})
	c = move("https://last.example/", nil)
	w.same("without a credential", c.Dropped, false)
}

func (w *world) publicUpstream(name string, allow ...string) {
	w.Helper()
	u := upstream.Default()
	u.Name, u.URL = name, "https://"+name+".example/simple/"
	if len(allow) > 0 {
		u.Names, u.Allow = upstream.ListedOnly, allow
	}
	w.must(w.registry().Add(w.ctx, operator, u))
}

func bases(names ...string) (out []catalog.Base) {
	for _, n := range names {
		out = append(out, catalog.ParseBase(n))
	}
	return out
}

func (w *world) addRepository(name string, of ...string) {
	w.Helper()
	w.must(w.index().AddRepository(w.ctx, operator, catalog.NewRepository{Name: name, Bases: bases(of...)}))
}

// checkBases checks that bases keep their order, exist, and stand in the way of removal.
func checkBases(w *world) {
	x := w.index()
	w.publicUpstream("public")
	w.addRepository("team", "main", "upstream:public")
	all, err := x.Bases(w.ctx, operator)
	w.must(err)
	w.same("Bases()", all, map[string][]catalog.Base{
		"team": {{RepositoryID: w.main.ID, Repository: "main"}, {Upstream: "public"}},
	})
	_, err = x.Bases(w.ctx, access.Caller{})
	w.want("Bases() by an anonymous caller", err, fault.Denied)
	for _, b := range []string{"none", "upstream:none", "public", "upstream:", "team"} {
		w.want("SetBases("+b+")", x.SetBases(w.ctx, operator, "team", bases(b)), fault.Invalid)
	}
	w.want("SetBases(twice)", x.SetBases(w.ctx, operator, "team", bases("main", "main")), fault.Invalid)
	w.want("SetBases() by an anonymous caller", x.SetBases(w.ctx, access.Caller{}, "team", nil), fault.Unauthenticated)
	again, err := x.Bases(w.ctx, operator)
	w.must(err)
	w.same("Bases() after refusals", again, all)
	w.want("Remove(a base)", w.registry().Remove(w.ctx, operator, "public"), fault.Conflict)
	w.must(x.SetBases(w.ctx, operator, "team", bases("upstream:public")))
	w.must(x.SetBases(w.ctx, operator, "main", bases("team")))
	w.want("RemoveRepository(a base)", x.RemoveRepository(w.ctx, operator, "team"), fault.Conflict)
	w.must(x.SetBases(w.ctx, operator, "main", nil))
	w.must(x.RemoveRepository(w.ctx, operator, "team"))
	w.must(w.registry().Remove(w.ctx, operator, "public"))
}

// checkCircles checks that a base never leads back to its repository.
func checkCircles(w *world) {
	x := w.index()
	w.addRepository("a", "main")
	w.addRepository("b", "a")
	w.addRepository("c", "b", "a")
	for _, pair := range [][2]string{{"a", "a"}, {"main", "c"}, {"a", "c"}, {"main", "a"}, {"b", "c"}} {
		w.want("SetBases("+pair[0]+", "+pair[1]+")", x.SetBases(w.ctx, operator, pair[0], bases(pair[1])), fault.Invalid)
	}
	w.must(x.SetBases(w.ctx, operator, "b", bases("main")))
	w.must(x.SetBases(w.ctx, operator, "a", bases("b")))
	w.want("SetBases(main, a)", x.SetBases(w.ctx, operator, "main", bases("a")), fault.Invalid)
}

// checkSecondPublic checks that a repository reads from one public upstream for any name, however it reaches them.
func checkSecondPublic(w *world) {
	x, r := w.index(), w.registry()
	w.publicUpstream("public")
	w.publicUpstream("second")
	w.publicUpstream("cu126", "torch*")
	w.must(r.Add(w.ctx, operator,
		func() upstream.Upstream { u := anUpstream("old"); u.Names, u.Allow = "any", nil; return u }()))
	w.must(x.SetBases(w.ctx, operator, "main", bases("upstream:old", "upstream:public", "upstream:cu126")))
	w.want("SetBases(two)", x.SetBases(w.ctx, operator, "main", bases("upstream:public", "upstream:second")),
		fault.Invalid)
	w.addRepository("team", "main", "upstream:cu126")
	w.want("SetBases(a second beside a base)", x.SetBases(w.ctx, operator, "team", bases("main", "upstream:second")),
		fault.Invalid)
	w.must(x.SetBases(w.ctx, operator, "team", bases("main", "upstream:public")))
	w.addRepository("lone", "upstream:second")
	w.want("SetBases(a base with a second)", x.SetBases(w.ctx, operator, "team", bases("main", "lone")), fault.Invalid)
	w.must(x.SetBases(w.ctx, operator, "main", nil))
	w.must(x.SetBases(w.ctx, operator, "team", bases("main", "upstream:second")))
	w.want("SetBases(main), below team", x.SetBases(w.ctx, operator, "main", bases("upstream:public")), fault.Invalid)
	w.must(x.SetBases(w.ctx, operator, "main", bases("upstream:cu126")))
	edit := func(what string, f func(*upstream.Upstream)) {
		_, err := r.Set(w.ctx, operator, "cu126", func(u *upstream.Upstream) error { f(u); return nil })
		w.want("Set("+what+")", err, fault.Invalid)
	}
	edit("any", func(u *upstream.Upstream) { u.Names, u.Allow = upstream.AnyName, nil })
	edit("no list", func(u *upstream.Upstream) { u.Allow = nil })
	w.must(x.SetBases(w.ctx, operator, "main", bases("upstream:old")))
	_, err := r.Set(w.ctx, operator, "old", func(u *upstream.Upstream) error { u.Kind = upstream.Public; return nil })
	w.want("Set(public)", err, fault.Invalid)
}

func (w *world) declare(d catalog.Declared) []string {
	w.Helper()
	said, err := w.index().Declare(w.ctx, operator, d)
	w.must(err)
	return said
}

func (w *world) named(name string) (r catalog.Repository) {
	w.view(func(tx catalog.Tx) (err error) {
		r, err = tx.RepositoryByName(w.ctx, name)
		return err
	})
	return r
}

func ptr[T any](v T) *T { return &v }

func declared() catalog.Declared {
	u := upstream.Default()
	u.Name, u.URL = "public", "https://public.example/simple/"
	return catalog.Declared{
		Upstreams: []upstream.Upstream{u, anUpstream("old")},
		Repositories: []catalog.DeclaredRepository{
			{Name: "team", RepositoryChange: catalog.RepositoryChange{
				Bases: ptr(bases("upstream:old", "main", "upstream:public")), UpstreamReaders: ptr(catalog.RepositoryReader),
				RequireHashes: ptr(false), AnonymousFetch: ptr(true), Members: ptr(access.Reader), Public: ptr(true),
			}},
		},
	}
}

// checkDeclared checks that the configuration is written once, changes what it says alone, and cannot be changed
// otherwise.
func checkDeclared(w *world) {
	w.same("Declare(nothing)", len(w.declare(catalog.Declared{})), 0)
	before := w.serial(w.a)
	w.same("Declare()", len(w.declare(declared())), 3)
	got := w.named("team")
	w.same("team", []any{
		got.Declared, got.UpstreamReaders, got.RequireHashes, got.AnonymousFetch, got.Members, got.Public,
	},
		[]any{true, "repository", false, true, access.Reader, true})
	if w.serial(w.a) <= before {
		w.Error("Declare() does not move the serial")
	}
	before = w.serial(w.a)
	w.same("Declare() again", len(w.declare(declared())), 0)
	w.same("serial after the same again", w.serial(w.a), before)

	x, r := w.index(), w.registry()
	for what, err := range map[string]error{
		"Remove":           r.Remove(w.ctx, operator, "old"),
		"SetBases":         x.SetBases(w.ctx, operator, "team", nil),
		"SetRepository":    x.SetRepository(w.ctx, operator, "team", access.NoRole, false),
		"RemoveRepository": x.RemoveRepository(w.ctx, operator, "team"),
	} {
		w.want(what+"(declared)", err, fault.Conflict)
	}
	_, err := r.Set(w.ctx, operator, "old", func(u *upstream.Upstream) error { u.TTL = time.Hour; return nil })
	w.want("Set(declared)", err, fault.Conflict)

	d := declared()
	d.Upstreams[0].URL = "https://other.example/simple/"
	d.Repositories[0].Bases, d.Repositories[0].Public = ptr(bases("main")), nil
	w.same("Declare(changed)", len(w.declare(d)), 2)
	got = w.named("team")
	all, err := x.Bases(w.ctx, operator)
	w.must(err)
	w.same("team after the change", []any{got.Public, len(all["team"])}, []any{true, 1})
}

// checkUndeclared checks that what is no longer in the configuration remains and becomes ordinary.
func checkUndeclared(w *world) {
	w.declare(declared())
	w.same("Declare(nothing)", len(w.declare(catalog.Declared{})), 3)
	w.same("Declare(nothing) again", len(w.declare(catalog.Declared{})), 0)
	x, r := w.index(), w.registry()
	all, err := x.Bases(w.ctx, operator)
	w.must(err)
	w.same("bases of team", len(all["team"]), 3)
	w.must(x.SetBases(w.ctx, operator, "team", nil))
	w.must(r.Remove(w.ctx, operator, "old"))
	w.must(x.RemoveRepository(w.ctx, operator, "team"))
	w.same("declared again", len(w.declare(declared())), 3) // public is still there
}

// checkDeclaredWrong checks that a configuration that contradicts itself or the rows changes nothing.
func checkDeclaredWrong(w *world) {
	x := w.index()
	for what, spoil := range map[string]func(*catalog.Declared){
		"a second public upstream": func(d *catalog.Declared) {
			second := d.Upstreams[0]
			second.Name = "second"
			d.Upstreams = append(d.Upstreams, second)
			d.Repositories[0].Bases = ptr(bases("upstream:public", "upstream:second"))
		},
		"a circle": func(d *catalog.Declared) {
			d.Repositories = append(d.Repositories, catalog.DeclaredRepository{
				Name: "main", RepositoryChange: catalog.RepositoryChange{Bases: ptr(bases("team"))},
			})
		},
		"no such upstream":   func(d *catalog.Declared) { d.Upstreams = nil },
		"no such repository": func(d *catalog.Declared) { d.Repositories[0].Bases = ptr(bases("nowhere")) },
	} {
		d := declared()
		spoil(&d)
		_, err := x.Declare(w.ctx, operator, d)
		w.want("Declare("+what+")", err, fault.Invalid)
	}
	_, err := x.Declare(w.ctx, access.Caller{}, declared())
	w.want("Declare() by an anonymous caller", err, fault.Denied)
	list, err := w.registry().List(w.ctx, operator)
	w.must(err)
	w.same("upstreams after refusals", len(list), 0)

	w.declare(declared()) // turns around which repository draws on which
	d := declared()
	d.Repositories[0].Bases = ptr([]catalog.Base{})
	d.Repositories = append(d.Repositories, catalog.DeclaredRepository{
		Name: "main", RepositoryChange: catalog.RepositoryChange{Bases: ptr(bases("team"))},
	})
	w.declare(d)
	_, err = x.Declare(w.ctx, operator, declared()) // main remains, with its bases
	w.want("Declare(a circle with a repository that is no longer declared)", err, fault.Invalid)
}

// checkDeclaredMain checks that the upstream of one setting becomes a base of main, beside its others.
func checkDeclaredMain(w *world) {
	u := upstream.Default()
	u.Name, u.URL = "default", "https://public.example/simple/"
	d := catalog.Declared{Upstreams: []upstream.Upstream{u}, Main: "default"}
	w.addRepository("team")
	w.must(w.index().SetBases(w.ctx, operator, "main", bases("team")))
	w.same("Declare()", len(w.declare(d)), 2)
	w.same("Declare() again", len(w.declare(d)), 0)
	read := func() string {
		all, err := w.index().Bases(w.ctx, operator)
		w.must(err)
		text := ""
		for _, b := range all["main"] {
			text += " " + b.String()
		}
		return text
	}
	w.same("bases of main", read(), " team upstream:default")
	d.Repositories = []catalog.DeclaredRepository{
		{Name: "main", RepositoryChange: catalog.RepositoryChange{Bases: ptr(bases())}},
	}
	w.declare(d)
	w.same("declared bases of main", read(), " upstream:default")
	w.same("Declare() the same", len(w.declare(d)), 0)
}

// checkRepositorySettings checks that a change keeps what it does not mention.
func checkRepositorySettings(w *world) {
	x := w.index()
	w.must(x.AddRepository(w.ctx, operator, catalog.NewRepository{
		Name: "team", Public: true, Reading: catalog.RepositoryChange{AnonymousFetch: ptr(true), RequireHashes: ptr(false)},
	}))
	w.must(x.ChangeRepository(w.ctx, operator, "team",
		catalog.RepositoryChange{UpstreamReaders: ptr(catalog.RepositoryReader)}))
	w.must(x.SetRepository(w.ctx, operator, "team", access.Uploader, false))
	got := w.named("team")
	w.same("team", []any{got.Members, got.Public, got.RequireHashes, got.UpstreamReaders, got.AnonymousFetch},
		[]any{access.Uploader, false, false, catalog.RepositoryReader, true})
	w.want("ChangeRepository(upstream_readers)",
		x.ChangeRepository(w.ctx, operator, "team", catalog.RepositoryChange{UpstreamReaders: ptr("all")}), fault.Invalid)
	w.want("ChangeRepository(members)",
		x.ChangeRepository(w.ctx, operator, "team", catalog.RepositoryChange{Members: ptr(access.Owner)}), fault.Invalid)
	fresh := w.named("main")
	w.same("the defaults", []any{fresh.RequireHashes, fresh.UpstreamReaders, fresh.AnonymousFetch, fresh.Declared},
		[]any{true, catalog.AnyReader, false, false})
}
