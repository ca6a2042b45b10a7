package catalog_test

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"pyindex/internal/access"
	"pyindex/internal/assembly"
	"pyindex/internal/catalog"
	"pyindex/internal/fault"
	"pyindex/internal/ingest"
	"pyindex/internal/packaging"
	"pyindex/internal/publishers"
	"pyindex/internal/storage/db"
	"pyindex/internal/storage/storagetest"
	"pyindex/internal/workload"
)

// names is a list of public names, and the versions of one upstream.
type names struct {
	listed   map[string]bool
	unlisted bool // an upstream has no list
	versions []string
	broken   error
	asked    atomic.Int32
}

func (n *names) Listed(_ context.Context, name packaging.ProjectName) (by string, listed, known bool) {
	if n.listed[name.String()] {
		return "public", true, true
	}
	return "", false, !n.unlisted
}

func (n *names) UpstreamVersions(context.Context, catalog.Repository, packaging.ProjectName) ([]string, error) {
	n.asked.Add(1)
	return n.versions, n.broken
}

// comparing is an incident whose replicas compare new names with a list.
func comparing(t *testing.T, url string) (*incident, *names) {
	t.Helper()
	i, n := newIncident(t, url), &names{listed: map[string]bool{}}
	clock := func() time.Time { return time.Now().Add(time.Duration(i.late.Load())) }
	policy := ingest.Policy{NamePolicy: catalog.NamePolicy{Public: n}}
	second := storagetest.OpenDB(t, url, db.Options{})
	of := func(s catalog.Store) *assembly.Index {
		return assembly.New(s, i.blobs,
			assembly.Options{Now: clock, Log: slog.New(slog.DiscardHandler), Policy: policy, Versions: n})
	}
	i.Index, i.other = of(i.rows.Catalog()), of(second.Catalog())
	i.registry = publishers.New(second.Publishers(), workload.All,
		publishers.Options{Now: clock, Policy: policy.NamePolicy})
	return i, n
}

// uploader returns a user who creates projects in main, by a token.
func (i *incident) uploader(user string) access.Caller {
	i.t.Helper()
	ctx := i.t.Context()
	_, err := i.dir.AddUser(ctx, i.boss, access.NewUser{Name: user})
	i.must(err)
	_, secret, err := i.dir.CreateToken(ctx, i.boss, access.NewAPIToken{User: user, Scope: access.ScopeAdmin})
	i.must(err)
	who, err := i.keys.Identify(ctx, "__token__", secret)
	i.must(err)
	return who
}

func (i *incident) decide(repo, n string, o catalog.Origin, versions string) error {
	return i.other.SetOrigin(i.t.Context(), i.boss, catalog.NewRuling{
		Repository: repo, Name: name(i.t, n), Origin: o, Versions: versions, Reason: "because",
	})
}

// TestOwnNameOutlivesItsProject: a name remains own after all its releases, its project and its repository are deleted,
// for every repository, and also for one that draws on public upstreams alone.
func TestOwnNameOutlivesItsProject(t *testing.T) {
	storagetest.EachDatabase(t, func(t *testing.T, fresh func(*testing.T) string) {
		i, _ := comparing(t, fresh(t))
		ctx := t.Context()
		main, open := i.drawing("main", "upstream:public"), i.drawing("open", "upstream:public")
		team := i.drawing("team")
		i.must(i.deliver(i.boss, name(t, "acme-a"), "1.0", nil))
		check := func(what, n string) {
			t.Helper()
			for _, r := range []catalog.Repository{main, open} {
				i.wantOrigin(what, r, n, "own")
				if got := i.claim(r, n, public); got != "own" {
					t.Errorf("%s: a claim of %s in %s is %q, want own", what, n, r.Name, got)
				}
			}
		}
		i.must(i.other.DeleteRelease(ctx, i.boss, "", name(t, "acme-a"), "1.0"))
		check("all releases deleted", "acme_A")
		i.must(i.other.DeleteProject(ctx, i.boss, "", name(t, "acme-a")))
		check("the project deleted", "Acme.A")
		i.must(i.other.ReleaseName(ctx, i.boss, "", name(t, "acme-a")))
		check("the name released to all users", "acme-a")
		i.must(i.rows.Catalog().Update(ctx, func(tx catalog.Tx) error {
			_, err := catalog.Create(ctx, tx, catalog.NewProject{
				ID: "p", Repository: team, Name: name(t, "acme-b"), EntryID: "e", At: time.Now(),
			})
			return err
		}))
		i.must(i.other.DeleteProject(ctx, i.boss, "team", name(t, "acme-b")))
		_, err := i.other.Reserve(ctx, i.boss, catalog.NewReservation{
			Repository: "team", Pattern: "team-*", Reason: "r",
		})
		i.must(err)
		i.must(i.other.RemoveRepository(ctx, i.boss, "team"))
		check("the repository removed", "acme-b")
		i.wantOrigin("a reservation of a removed repository", open, "team-x", "own reserved")
		i.must(i.other.Unreserve(ctx, i.boss, "main", "team"))
		i.wantOrigin("and when main gives it up", open, "team-x", "")
	})
}

// TestUploadOfPublicName: nobody but an administrator, with a reason, takes a name that an upstream answered for or
// lists, by an upload, a pending publisher or a reservation; in any spelling.
func TestUploadOfPublicName(t *testing.T) {
	storagetest.EachDatabase(t, func(t *testing.T, fresh func(*testing.T) string) {
		i, list := comparing(t, fresh(t))
		ctx := t.Context()
		main := i.drawing("main", "upstream:public")
		list.listed["listed-name"] = true
		i.claim(main, "answered", public)
		ann := i.uploader("ann")
		pending := func(who access.Caller, n string, even bool, reason string) error {
			_, err := i.registry.Add(ctx, who, publishers.AddRequest{
				Provider: "github", Project: n, Pending: true, EvenIfPublic: even, Reason: reason,
				Fields: map[string]string{"owner": "acme", "repository": "x", "workflow": "w.yml"},
			})
			return err
		}
		for _, n := range []string{"answered", "Listed.Name", "listed_name"} {
			for who, c := range map[string]access.Caller{"a user": ann, "the operator": i.boss} {
				err := i.deliver(c, name(t, n), "99.0", nil)
				if !fault.Is(err, fault.Denied) || !strings.Contains(err.Error(), "index origin set main") {
					t.Errorf("an upload of %s by %s = %v (%v), want denied with the command", n, who, err, fault.KindOf(err))
				}
				if err := pending(c, n, false, ""); !fault.Is(err, fault.Conflict) {
					t.Errorf("a pending publisher for %s by %s = %v, want a conflict", n, who, err)
				}
			}
			if err := pending(ann, n, true, "mine"); !fault.Is(err, fault.Denied) {
				t.Errorf("a pending publisher for %s even if public, by a user = %v, want denied", n, err)
			}
			if err := pending(i.boss, n, true, " "); !fault.Is(err, fault.Invalid) {
				t.Errorf("a pending publisher for %s even if public, without a reason = %v, want invalid", n, err)
			}
			_, err := i.other.Reserve(ctx, i.boss, catalog.NewReservation{Pattern: n, Reason: "r"})
			if !fault.Is(err, fault.Conflict) {
				t.Errorf("a reservation of %s = %v, want a conflict", n, err)
			}
		}
		i.wantOrigin("after the refusals", main, "answered", "upstream public")
		i.wantOrigin("after the refusals", main, "listed-name", "")
		i.must(i.decide("", "answered", catalog.Own, ""))
		i.must(i.deliver(ann, name(t, "answered"), "1.0", nil))
		i.must(pending(i.boss, "listed-name", true, "ours"))
		i.wantOrigin("a pending publisher of an administrator", main, "listed-name", "own reserved")
		i.must(i.deliver(ann, name(t, "listed-name"), "1.0", nil))
		i.wantOrigin("in the end", main, "answered", "own")
		i.wantOrigin("in the end", main, "listed-name", "own reserved")
		list.unlisted = true
		i.must(i.deliver(ann, name(t, "not-compared"), "1.0", nil))
	})
}

// TestPendingPublisherReservesItsName: while a pending publisher waits and for 90 days after, no upstream is asked
// about its name. A name that appears on a list meanwhile is not created.
func TestPendingPublisherReservesItsName(t *testing.T) {
	storagetest.EachDatabase(t, func(t *testing.T, fresh func(*testing.T) string) {
		i, list := comparing(t, fresh(t))
		ctx := t.Context()
		main := i.drawing("main", "upstream:public")
		ann := i.uploader("ann")
		add := func(n string) publishers.Added {
			a, err := i.registry.Add(ctx, ann, publishers.AddRequest{
				Provider: "github", Project: n, Pending: true,
				Fields: map[string]string{"owner": "acme", "repository": "x", "workflow": "w.yml"},
			})
			i.must(err)
			return a
		}
		i.wantOrigin("before", main, "coming", "")
		add("coming")
		removed := add("removed")
		i.wantOrigin("waiting", main, "Coming", "own reserved")
		i.must(i.registry.RemovePending(ctx, ann, removed.ID))
		if got := i.claim(main, "coming", public); got != "own reserved" {
			t.Errorf("a claim of the name of a pending publisher is %q", got)
		}
		list.listed["coming"] = true
		if err := i.deliver(i.uploader("bob"), name(t, "coming"), "1.0", nil); !fault.Is(err, fault.Denied) {
			t.Errorf("an upload of a name that became public = %v, want denied", err)
		}
		const day = 24 * time.Hour
		for _, c := range []struct {
			after          time.Duration
			coming, remove string
		}{
			{publishers.DefaultPendingLifetime + time.Hour, "own reserved", "own reserved"}, // expired
			{90*day - time.Hour, "own reserved", "own reserved"},
			{90*day + time.Hour, "own reserved", ""},
			{publishers.DefaultPendingLifetime + 90*day - time.Hour, "own reserved", ""},
			{publishers.DefaultPendingLifetime + 90*day + time.Hour, "", ""},
		} {
			i.late.Store(int64(c.after))
			i.must(i.registry.Sweep(ctx))
			i.wantOrigin(fmt.Sprint("after ", c.after), main, "coming", c.coming)
			i.wantOrigin(fmt.Sprint("after ", c.after), main, "removed", c.remove)
		}
		if got := i.claim(main, "coming", public); got != "upstream public" {
			t.Errorf("a claim when the reservation has ended is %q", got)
		}
	})
}

// TestFirstUploadAndFirstReadRace: of an upload on one replica and a claim on the other, the first commit wins, and the
// other side is refused.
func TestFirstUploadAndFirstReadRace(t *testing.T) {
	storagetest.EachDatabase(t, func(t *testing.T, fresh func(*testing.T) string) {
		i, _ := comparing(t, fresh(t))
		main := i.drawing("main", "upstream:public")
		uploads, claims := 0, 0
		for round := range 12 {
			n := name(t, fmt.Sprintf("raced%d", round))
			begin := make(chan struct{})
			var both sync.WaitGroup
			var uploaded error
			var owner catalog.Ownership
			both.Go(func() {
				<-begin
				uploaded = i.deliver(i.boss, n, "1.0", nil)
			})
			both.Go(func() {
				<-begin
				time.Sleep(time.Duration(round) * time.Millisecond)
				var err error
				if owner, err = i.other.ClaimUpstream(context.WithoutCancel(t.Context()), main.ID, n, public); err != nil {
					t.Error(err)
				}
			})
			close(begin)
			both.Wait()
			switch {
			case uploaded == nil && owner.Origin == catalog.Own:
				uploads++
			case fault.Is(uploaded, fault.Denied) && owner.Origin == catalog.Foreign:
				claims++
			default:
				t.Errorf("%s: the upload ended with %v, and the claim with %q: want one winner", n, uploaded, whose(owner))
			}
			want := map[bool]string{true: "own", false: "upstream public"}[uploaded == nil]
			i.wantOrigin("after the race", main, n.String(), want)
		}
		if uploads+claims != 12 {
			t.Errorf("%d uploads and %d claims won 12 races", uploads, claims)
		}
	})
}

// TestNameTurnsOwn: from the commit that makes an upstream's name own, no replica says anything else, also if it kept
// the earlier answer; and only the repository for which an administrator frees a name reads it from an upstream again.
func TestNameTurnsOwn(t *testing.T) {
	storagetest.EachDatabase(t, func(t *testing.T, fresh func(*testing.T) string) {
		i, _ := comparing(t, fresh(t))
		ctx := t.Context()
		main, team := i.drawing("main", "upstream:public"), i.drawing("team", "main", "upstream:public")
		i.claim(main, "tool", public)
		i.claim(team, "tool", public)
		i.wantOrigin("before", main, "tool", "upstream public")
		i.wantOrigin("before", team, "tool", "upstream public")
		i.must(i.decide("main", "tool", catalog.Own, ""))
		i.wantOrigin("decided", main, "tool", "own")
		i.wantOrigin("decided", team, "tool", "own")
		i.must(i.deliver(i.boss, name(t, "tool"), "1.0", nil))
		for _, repo := range []string{"main", "team"} {
			if err := i.decide(repo, "tool", catalog.Foreign, ""); !fault.Is(err, fault.Conflict) {
				t.Errorf("freeing a name in %s while main has its files = %v, want a conflict", repo, err)
			}
		}
		i.must(i.other.DeleteProject(ctx, i.boss, "", name(t, "tool")))
		i.must(i.decide("team", "tool", catalog.Foreign, ""))
		i.wantOrigin("freed for the other repository", main, "tool", "own")
		i.wantOrigin("freed", team, "tool", "upstream public")
		i.must(i.deliver(i.boss, name(t, "tool"), "2.0", nil))
		i.wantOrigin("uploaded again to main", team, "tool", "upstream public")
		stranger := i.uploader("stranger")
		for _, who := range []access.Caller{stranger, {}} {
			err := i.other.SetOrigin(ctx, who, catalog.NewRuling{
				Name: name(t, "tool"), Origin: catalog.Foreign, Reason: "r",
			})
			if !fault.Is(err, fault.Denied) {
				t.Errorf("freeing a name by %q = %v, want denied", who.Name(), err)
			}
		}
		for what, n := range map[string]catalog.NewRuling{
			"no reason":        {Origin: catalog.Own, Reason: " "},
			"no origin":        {Reason: "r"},
			"adopted":          {Origin: catalog.Adopted, Reason: "r"},
			"versions of own":  {Origin: catalog.Own, Versions: ">1", Reason: "r"},
			"no versions":      {Origin: catalog.Both, Versions: "newer", Reason: "r"},
			"an endless tale":  {Origin: catalog.Both, Reason: strings.Repeat("x", catalog.MaxReason+1)},
			"an unknown place": {Repository: "nowhere", Origin: catalog.Both, Reason: "r"},
		} {
			n.Name = name(t, "tool")
			err := i.SetOrigin(ctx, i.boss, n)
			if !fault.Is(err, fault.Invalid) && !fault.Is(err, fault.NotFound) {
				t.Errorf("a decision with %s = %v, want a refusal", what, err)
			}
		}
	})
}

// TestBothTakesLocalVersions: a name of origin both takes local versions, or those that the administrator allows, and
// none that the upstream has, in whatever spelling. Nobody else's uploads ask the upstream.
func TestBothTakesLocalVersions(t *testing.T) {
	storagetest.EachDatabase(t, func(t *testing.T, fresh func(*testing.T) string) {
		i, list := comparing(t, fresh(t))
		main, team := i.drawing("main", "upstream:public"), i.drawing("team", "upstream:public")
		list.versions = []string{"1.0", "v1.1.0", "2.0+acme.1", "not a version"}
		i.claim(main, "numbers", public)
		i.claim(team, "numbers", public)
		i.must(i.decide("", "numbers", catalog.Both, ""))
		i.wantOrigin("decided", main, "numbers", "both public")
		upload := func(version string, want fault.Kind) {
			t.Helper()
			err := i.deliver(i.boss, name(t, "numbers"), version, nil)
			if (want == 0) != (err == nil) || want != 0 && !fault.Is(err, want) {
				t.Errorf("an upload of %s = %v (%v), want %v", version, err, fault.KindOf(err), want)
			}
		}
		upload("3.0", fault.Denied)
		upload("1.0", fault.Denied)
		upload("2.0+acme.1", fault.Conflict)
		upload("2.0+acme.2", 0)
		i.wantOrigin("uploaded", main, "numbers", "both public")
		i.wantOrigin("in another repository", team, "numbers", "upstream public")
		list.broken = fault.New(fault.Unavailable, "no answer")
		upload("2.0+acme.3", fault.Unavailable)
		list.broken = nil
		i.must(i.decide("", "numbers", catalog.Both, ">=1,<4"))
		upload("4.0", fault.Denied)
		upload("1.0.0", fault.Conflict)
		upload("1.1", fault.Conflict)
		upload("3.0", 0)
		asked := list.asked.Load()
		i.must(i.deliver(i.boss, name(t, "other"), "1.0", nil))
		if list.asked.Load() != asked {
			t.Error("an upload of another name asked for the versions of an upstream")
		}
		i.must(i.other.DeleteProject(t.Context(), i.boss, "", name(t, "numbers")))
		i.wantOrigin("deleted", main, "numbers", "both public")
		i.wantOrigin("deleted", team, "numbers", "upstream public")
		i.must(i.decide("", "numbers", catalog.Foreign, ""))
		upload("3.1+acme.1", fault.Denied)
		i.must(i.decide("", "numbers", catalog.Own, ""))
		i.wantOrigin("own in the end", team, "numbers", "own")
		upload("9.0", 0)
	})
}

// TestReservedForAnotherRepository: users create names of a reserved prefix in the repository that reserved it, and
// administrators anywhere.
func TestReservedForAnotherRepository(t *testing.T) {
	i, _ := comparing(t, storagetest.SQLite(t))
	ctx := t.Context()
	i.drawing("team")
	reserve := func(repo string) error {
		_, err := i.Reserve(ctx, i.boss, catalog.NewReservation{Repository: repo, Pattern: "Acme_*", Reason: "ours"})
		return err
	}
	i.must(reserve("team"))
	if err := reserve("team"); !fault.Is(err, fault.Conflict) {
		t.Errorf("a second reservation = %v, want a conflict", err)
	}
	ann := i.uploader("ann")
	if err := i.deliver(ann, name(t, "acme-x"), "1.0", nil); !fault.Is(err, fault.Denied) {
		t.Errorf("an upload to main of a name that is reserved for team = %v, want denied", err)
	}
	i.must(i.deliver(ann, name(t, "acmecorp"), "1.0", nil))
	i.must(i.deliver(i.boss, name(t, "acme-x"), "1.0", nil))
	i.must(reserve("main"))
	i.must(i.deliver(ann, name(t, "acme-y"), "1.0", nil))
	_, err := i.Reserve(ctx, ann, catalog.NewReservation{Pattern: "mine", Reason: "r"})
	if !fault.Is(err, fault.Denied) {
		t.Errorf("a reservation by a user = %v, want denied", err)
	}
	if _, err := i.Reservations(ctx, ann); !fault.Is(err, fault.Denied) {
		t.Errorf("the list of reservations for a user = %v, want denied", err)
	}
	if all, err := i.Reservations(ctx, i.boss); err != nil || len(all) != 2 || all[0].Repository == "" {
		t.Errorf("Reservations() = %+v, %v, want two", all, err)
	}
}

// TestCollisions: own names that an upstream lists are shown, with the repository that has them, without claiming or
// asking for any.
func TestCollisions(t *testing.T) {
	i, list := comparing(t, storagetest.SQLite(t))
	ctx := t.Context()
	i.drawing("main", "upstream:public")
	i.drawing("team", "main")
	i.drawing("hidden")
	for _, n := range []string{"both-a", "gone", "mine"} {
		i.must(i.deliver(i.boss, name(t, n), "1.0", nil))
	}
	i.must(i.other.DeleteProject(ctx, i.boss, "", name(t, "gone")))
	i.must(i.decide("team", "both-a", catalog.Both, ""))
	list.listed["both-a"], list.listed["gone"] = true, true
	list.unlisted = true
	got, known, err := i.Collisions(ctx, i.boss, "team")
	want := []catalog.Collision{
		{Name: name(t, "both-a"), Upstream: "public", Repository: "main", Ruling: catalog.Both},
		{Name: name(t, "gone"), Upstream: "public"},
	}
	if err != nil || known || fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("Collisions(team) = %v, %v, %v; want %v, unknown", got, known, err, want)
	}
	if got, _, err := i.Collisions(ctx, i.boss, "hidden"); err != nil || len(got) != 1 {
		t.Errorf("Collisions(hidden) = %v, %v, want only the name without a project", got, err)
	}
	if _, _, err := i.Collisions(ctx, i.uploader("ann"), ""); !fault.Is(err, fault.Denied) {
		t.Errorf("Collisions() for a user = %v, want denied", err)
	}
	o, err := i.Origin(ctx, i.boss, "team", name(t, "both-a"))
	if err != nil || o.Origin != catalog.Both || o.Ruling.Why != "because" || len(o.Projects) != 1 ||
		o.Compared.By != "public" {
		t.Errorf("Origin(both-a) = %+v, %v", o, err)
	}
	if _, err := i.Origin(ctx, i.uploader("bob"), "", name(t, "mine")); !fault.Is(err, fault.Denied) {
		t.Errorf("Origin() for a user = %v, want denied", err)
	}
}
