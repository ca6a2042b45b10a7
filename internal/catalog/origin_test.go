package catalog_test

import (
	"context"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"pyindex/internal/access"
	"pyindex/internal/assembly"
	"pyindex/internal/catalog"
	"pyindex/internal/fault"
	"pyindex/internal/storage/postgrestest"
	"pyindex/internal/storage/storagetest"
	"pyindex/internal/upstream"
)

// The upstreams of these tests.
var (
	public  = upstream.Upstream{Name: "public", Kind: upstream.Public}
	second  = upstream.Upstream{Name: "second", Kind: upstream.Public}
	listing = upstream.Upstream{
		Name: "listing", Kind: upstream.Public, Names: upstream.ListedOnly, Allow: []string{"wheel-*"},
	}
	company = upstream.Upstream{Name: "company", Kind: upstream.Private}
)

// settings are their stored settings. A repository draws on one public upstream that is asked for any name.
var settings = map[string]string{
	"public": `{}`, "second": `{"names": "listed", "allow": ["requests", "raced*"]}`,
	"listing": `{"names": "listed", "allow": ["wheel-*"]}`, "company": `{"kind": "private", "probe": "tools"}`,
}

// drawing creates a repository with bases, each upstream of which is added first.
func (i *incident) drawing(name string, bases ...string) catalog.Repository {
	i.t.Helper()
	ctx := i.t.Context()
	if name != catalog.MainRepository {
		i.must(i.AddRepository(ctx, i.boss, catalog.NewRepository{Name: name, Members: access.Uploader}))
	}
	i.setBases(name, bases...)
	r, err := i.Repository(ctx, i.boss, name)
	i.must(err)
	return r
}

func (i *incident) setBases(name string, bases ...string) {
	i.t.Helper()
	var all []catalog.Base
	for _, s := range bases {
		b := catalog.ParseBase(s)
		all = append(all, b)
		if b.Upstream != "" {
			i.execute(`INSERT INTO upstreams (name, settings, declared, revision, created_at) VALUES ('` + b.Upstream +
				`', '` + settings[b.Upstream] + `', FALSE, 1, 0) ON CONFLICT DO NOTHING`)
		}
	}
	i.must(i.SetBases(i.t.Context(), i.boss, name, all))
}

func (i *incident) execute(statement string) {
	i.t.Helper()
	if path, ok := strings.CutPrefix(i.url, "sqlite:"); ok {
		i.must(postgrestest.Execute("sqlite", path+"?_pragma=busy_timeout(5000)", statement))
		return
	}
	i.must(postgrestest.Execute("pgx", i.url, statement))
}

// origin asks one of the replicas whose a name is for the readers of a repository.
func (i *incident) origin(x *assembly.Index, r catalog.Repository, n string) catalog.Ownership {
	i.t.Helper()
	ctx := i.t.Context()
	at, err := i.rows.Catalog().Stamp(ctx)
	i.must(err)
	through, err := x.Chain(ctx, at, r)
	i.must(err)
	var chain []string
	for _, s := range through {
		if s.Upstream == "" {
			chain = append(chain, s.Repository.ID)
		}
	}
	o, err := x.OriginOf(ctx, at, chain, name(i.t, n))
	i.must(err)
	return o
}

// whose is the summary of an ownership that tests compare.
func whose(o catalog.Ownership) string {
	s := string(o.Origin)
	if o.Upstream != "" {
		s += " " + o.Upstream
	}
	if o.Private {
		s += " private"
	}
	if o.Reserved {
		s += " reserved"
	}
	return s
}

func (i *incident) wantOrigin(what string, r catalog.Repository, n, want string) {
	i.t.Helper()
	for replica, x := range map[string]*assembly.Index{"the first replica": i.Index, "the second": i.other} {
		if got := whose(i.origin(x, r, n)); got != want {
			i.t.Errorf("%s: on %s, %s is %q in %s, want %q", what, replica, n, got, r.Name, want)
		}
	}
}

func (i *incident) claim(r catalog.Repository, n string, u upstream.Upstream) string {
	i.t.Helper()
	o, err := i.ClaimUpstream(i.t.Context(), r.ID, name(i.t, n), u)
	i.must(err)
	return whose(o)
}

// TestClaimUpstream: the first upstream that has a name owns it, for each repository by itself, and without moving the
// serial.
func TestClaimUpstream(t *testing.T) {
	storagetest.EachDatabase(t, func(t *testing.T, fresh func(*testing.T) string) {
		i := newIncident(t, fresh(t))
		main := i.drawing("main", "upstream:public", "upstream:second", "upstream:listing")
		team := i.drawing("team", "upstream:second", "upstream:public")
		i.wantOrigin("before any request", main, "requests", "")
		before, err := i.rows.Catalog().Stamp(t.Context())
		i.must(err)
		for _, c := range []struct {
			what string
			r    catalog.Repository
			u    upstream.Upstream
			want string
		}{
			{"the first", main, public, "upstream public"},
			{"the first again", main, public, "upstream public"},
			{"another of the same repository", main, second, "upstream public"},
			{"another repository", team, second, "upstream second"},
		} {
			if got := i.claim(c.r, "requests", c.u); got != c.want {
				t.Errorf("a claim by %s is %q, want %q", c.what, got, c.want)
			}
		}
		if after, err := i.rows.Catalog().Stamp(t.Context()); err != nil || after != before {
			t.Errorf("claims moved the stamp from %v to %v, %v", before, after, err)
		}
		if got := whose(i.origin(i.Index, main, "requests")); got != "upstream public" {
			t.Errorf("the replica that claimed the name says %q", got)
		}
		if got := i.claim(main, "wheel-a", public); got != "upstream public" {
			t.Errorf("a claim of an unlisted name is %q", got)
		}
		if got := i.claim(main, "wheel-a", listing); got != "upstream listing" {
			t.Errorf("a claim by the upstream whose configuration lists the name is %q", got)
		}
		if got := i.claim(main, "wheel-a", public); got != "upstream listing" {
			t.Errorf("a later claim by one that does not list it is %q", got)
		}
		i.setBases("main", "upstream:second")
		if got := i.claim(main, "requests", second); got != "upstream second" {
			t.Errorf("a claim when the remembered upstream is no base any longer is %q", got)
		}
		n, err := i.ClaimUpstream(t.Context(), "no such repository", name(t, "requests"), public)
		if !fault.Is(err, fault.NotFound) {
			t.Errorf("a claim for an unknown repository = %+v, %v, want not found", n, err)
		}
	})
}

// TestPrivateUpstreamOwnsName: a name that a private upstream has is asked of no public one, in any repository, also
// after a public one had it first and after the private one is no base any longer.
func TestPrivateUpstreamOwnsName(t *testing.T) {
	storagetest.EachDatabase(t, func(t *testing.T, fresh func(*testing.T) string) {
		i := newIncident(t, fresh(t))
		main, team := i.drawing("main", "upstream:public"), i.drawing("team", "upstream:public", "upstream:company")
		i.claim(main, "tools", public)
		i.claim(team, "tools", public)
		i.wantOrigin("before the private one", team, "tools", "upstream public")
		if got := i.claim(team, "tools", company); got != "upstream company private" {
			t.Errorf("a claim by the private upstream is %q", got)
		}
		i.wantOrigin("after the private one", team, "tools", "upstream company private")
		i.wantOrigin("after the private one", main, "tools", "upstream company private")
		for _, r := range []catalog.Repository{main, team} {
			if got := i.claim(r, "tools", public); got != "upstream company private" {
				t.Errorf("a claim by the public upstream, in %s, is then %q", r.Name, got)
			}
		}
		i.setBases("team", "upstream:public")
		if got := i.claim(team, "tools", public); got != "upstream company private" {
			t.Errorf("a claim by the public upstream, when the private one is gone, is %q", got)
		}
		if got := i.claim(main, "fresh", company); got != "upstream company private" {
			t.Errorf("the first claim of a name, by the private upstream, is %q", got)
		}
		i.wantOrigin("for another repository", team, "fresh", "upstream company private")
	})
}

// TestUploadedNameIsOwnEverywhere: from the commit of the first upload on, a name is own for every repository and on
// every replica, in every spelling, and a claim that began before it is told so.
func TestUploadedNameIsOwnEverywhere(t *testing.T) {
	storagetest.EachDatabase(t, func(t *testing.T, fresh func(*testing.T) string) {
		i := newIncident(t, fresh(t))
		main, team := i.drawing("main", "upstream:public"), i.drawing("team", "upstream:public")
		for _, r := range []catalog.Repository{main, team} {
			i.wantOrigin("before", r, "Acme.Tool", "")
		}
		i.must(i.deliver(i.boss, name(t, "acme-tool"), "1.0", nil))
		for _, r := range []catalog.Repository{main, team} {
			for _, spelling := range []string{"acme-tool", "Acme.Tool", "ACME__tool"} {
				i.wantOrigin("after the upload", r, spelling, "own")
			}
			if got := i.claim(r, "acme_tool", public); got != "own" {
				t.Errorf("a claim after the upload, in %s, is %q", r.Name, got)
			}
		}
		i.wantOrigin("a name that looks like it", main, "acme-tools", "")
	})
}

// TestReservationsOwnNames: names of a reserved prefix are own before anything is uploaded, and stop to be when the
// last reservation ends, without any change.
func TestReservationsOwnNames(t *testing.T) {
	storagetest.EachDatabase(t, func(t *testing.T, fresh func(*testing.T) string) {
		i := newIncident(t, fresh(t))
		main, now := i.drawing("main", "upstream:public"), time.Now().UTC().Truncate(time.Microsecond)
		put := func(pattern string, prefix bool, subject string, ends time.Time) {
			i.must(i.rows.Catalog().Update(t.Context(), func(tx catalog.Tx) error {
				if err := tx.PutReservation(t.Context(), catalog.Reservation{
					Pattern: pattern, Prefix: prefix, RepositoryID: main.ID, Why: catalog.ReservedByPending, Subject: subject,
					Since: now, EndsAt: ends,
				}); err != nil {
					return err
				}
				_, err := tx.NextSerial(t.Context())
				return err
			}))
		}
		put("acme", true, "", time.Time{})
		put("soon", false, "a", now.Add(time.Hour))
		put("soon", false, "b", now.Add(2*time.Hour))
		for n, want := range map[string]string{
			"acme": "own reserved", "Acme_Core": "own reserved", "acme-core-x": "own reserved", "acmecorp": "",
			"acm": "", "x-acme": "", "soon": "own reserved", "soon-er": "",
		} {
			i.wantOrigin("reserved", main, n, want)
		}
		if o := i.origin(i.Index, main, "soon"); !o.Until.Equal(now.Add(2 * time.Hour)) {
			t.Errorf("the reservation ends at %v, want the later of two, %v", o.Until, now.Add(2*time.Hour))
		}
		if o := i.origin(i.Index, main, "acme"); !o.Until.IsZero() {
			t.Errorf("the reservation without an end ends at %v", o.Until)
		}
		if got := i.claim(main, "acme-core", public); got != "own reserved" {
			t.Errorf("a claim of a reserved name is %q", got)
		}
		i.late.Store(int64(2*time.Hour + time.Minute))
		i.wantOrigin("after its end", main, "soon", "")
		i.wantOrigin("after two hours", main, "acme-core", "own reserved")
		if got := i.claim(main, "soon", public); got != "upstream public" {
			t.Errorf("a claim when the reservation has ended is %q", got)
		}
		put("soon", false, "c", now.Add(24*time.Hour))
		i.wantOrigin("reserved again", main, "soon", "own reserved")
	})
}

// TestClaimsRace: of many claims by two upstreams on two replicas, all are told the same owner.
func TestClaimsRace(t *testing.T) {
	storagetest.EachDatabase(t, func(t *testing.T, fresh func(*testing.T) string) {
		i := newIncident(t, fresh(t))
		main := i.drawing("main", "upstream:public", "upstream:second")
		for round := range 10 {
			n := name(t, "raced"+strconv.Itoa(round))
			var all sync.WaitGroup
			told := make([]string, 8)
			for c := range told {
				x, u := i.Index, public
				if c%2 == 1 {
					x, u = i.other, second
				}
				all.Go(func() {
					o, err := x.ClaimUpstream(context.WithoutCancel(t.Context()), main.ID, n, u)
					if err != nil {
						t.Error(err)
					}
					told[c] = whose(o)
				})
			}
			all.Wait()
			for _, s := range told[1:] {
				if s != told[0] || s == "" {
					t.Errorf("claims of %s that raced were told %q", n, told)
					break
				}
			}
		}
	})
}

// TestSeenNamesFollowDecisions: a repository lists the names that upstreams answered for it and that may be read from
// them, also if an administrator freed a name that was own.
func TestSeenNamesFollowDecisions(t *testing.T) {
	storagetest.EachDatabase(t, func(t *testing.T, fresh func(*testing.T) string) {
		i := newIncident(t, fresh(t))
		main := i.drawing("main", "upstream:public")
		team := i.drawing("team", "upstream:public")
		for _, r := range []catalog.Repository{main, team} {
			for _, n := range []string{"flask", "requests"} {
				i.claim(r, n, public)
			}
		}
		for _, step := range []struct {
			decided catalog.Origin // about requests, in main
			main    string
			team    string
		}{
			{"", "flask requests", "flask requests"},
			{catalog.Own, "flask", "flask"},
			{catalog.Foreign, "flask requests", "flask"},
			{catalog.Both, "flask requests", "flask"},
			{catalog.Own, "flask", "flask"},
		} {
			if step.decided != "" {
				i.must(i.decide("main", "requests", step.decided, ""))
			}
			for r, want := range map[catalog.Repository]string{main: step.main, team: step.team} {
				seen, err := i.SeenNames(t.Context(), r.ID)
				i.must(err)
				var got []string
				for _, n := range seen {
					got = append(got, n.String())
				}
				if strings.Join(got, " ") != want {
					t.Errorf("after the decision %q, %s has seen %q, want %q", step.decided, r.Name, got, want)
				}
			}
		}
	})
}
