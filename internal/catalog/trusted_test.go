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
	"pyindex/internal/audit"
	"pyindex/internal/catalog"
	"pyindex/internal/custody"
	"pyindex/internal/fault"
	"pyindex/internal/ingest"
	"pyindex/internal/packaging/packagingtest"
	"pyindex/internal/publishers"
	"pyindex/internal/storage/blobs"
	"pyindex/internal/storage/db"
	"pyindex/internal/storage/storagetest"
)

// trusting runs a test in a world whose project demo has a trusted publisher, on each available database.
func trusting(t *testing.T, f func(t *testing.T, w *world)) {
	storagetest.EachDatabase(t, func(t *testing.T, fresh func(*testing.T) string) {
		w := newWorld(t, ingest.PrivatePolicy(), catalog.Limits{})
		rows := storagetest.OpenDB(t, fresh(t), db.Options{})
		w.db = rows
		w.Index = assembly.New(rows.Catalog(), w.blobs, assembly.Options{Log: slog.New(slog.DiscardHandler)})
		w.dir, w.keys = access.NewDirectory(rows.Access(), access.DirectoryOptions{}),
			access.NewKeyring(rows.Access(), access.KeyringOptions{})
		w.must(packagingtest.Wheel("demo", "0.1", "x = 0\n"))
		w.publisher("demo")
		f(t, w)
	})
}

const publisherID = "publisher-of-demo"

// publisher attaches a publisher to a project.
func (w *world) publisher(project string) {
	w.t.Helper()
	p, err := w.Project(w.t.Context(), w.admin, "", name(w.t, project))
	if err != nil {
		w.t.Fatal(err)
	}
	err = w.db.Publishers().Update(w.t.Context(), func(tx publishers.Tx) error {
		q, err := tx.PutPublisher(w.t.Context(), publishers.Publisher{
			ID: publisherID, Issuer: "https://issuer.example", Provider: "github", Lookup: "acme/demo",
			Fields: map[string]string{"owner": "acme"}, CreatedAt: time.Now(),
		})
		if err != nil {
			return err
		}
		return tx.Attach(w.t.Context(), publishers.Attached{Publisher: q, ProjectID: p.ID, AddedAt: time.Now()})
	})
	if err != nil {
		w.t.Fatal(err)
	}
}

// minted returns the caller of a token minted for demo.
func (w *world) minted(once bool) access.Caller {
	w.t.Helper()
	ctx, secret := w.t.Context(), access.NewToken()
	p, err := w.Project(ctx, w.admin, "", name(w.t, "demo"))
	if err != nil {
		w.t.Fatal(err)
	}
	t := access.Token{
		ID: access.HashToken(secret)[:32], Kind: access.TokenMinted, Hash: access.HashToken(secret),
		Scope: access.ScopeUpload, Limited: true,
		CreatedAt: time.Now(), ExpiresAt: time.Now().Add(time.Hour), Publisher: "the workflow", SingleUse: once,
	}
	err = w.db.Access().Update(ctx, func(tx access.Tx) error {
		if err := tx.InsertToken(ctx, t); err != nil {
			return err
		}
		return tx.InsertTokenProject(ctx, access.TokenProject{TokenID: t.ID, ProjectID: p.ID, PublisherID: publisherID})
	})
	if err != nil {
		w.t.Fatal(err)
	}
	who, err := w.keys.Identify(ctx, "__token__", secret)
	if err != nil {
		w.t.Fatal(err)
	}
	return who
}

// recorded returns the entries of an action.
func (w *world) recorded(action string, outcome audit.Outcome) (out []audit.Entry) {
	w.t.Helper()
	all, err := w.db.Audit(w.t.Context(), 1000)
	if err != nil {
		w.t.Fatal(err)
	}
	for _, e := range all {
		if e.Action == action && e.Outcome == outcome {
			out = append(out, e)
		}
	}
	return out
}

func (w *world) refused(what string, err error, word string) {
	w.t.Helper()
	if !fault.Is(err, fault.Denied) || !strings.Contains(fault.Message(err), word) {
		w.t.Errorf("%s = %v (%v), want denied with %q", what, err, fault.KindOf(err), word)
	}
}

// TestSingleUse: a refused upload does not use the token, a successful one does, and afterwards every upload is
// refused, identical or not.
func TestSingleUse(t *testing.T) {
	trusting(t, func(t *testing.T, w *world) {
		once := w.minted(true)
		if !once.SingleUse() || w.minted(false).SingleUse() {
			t.Fatal("SingleUse does not match the token's row")
		}
		if got, err := w.upload(once, packagingtest.Wheel("demo", "0.1", "x = 0\n")); err != nil || got.Created {
			t.Errorf("an identical file = %+v, %v, want no change", got, err)
		}
		if _, err := w.upload(once, packagingtest.Wheel("demo", "0.1", "x = 9\n")); !fault.Is(err, fault.Conflict) {
			t.Errorf("other content of a taken name = %v, want conflict", err)
		}
		if _, err := w.upload(once, packagingtest.Wheel("demo", "1.0", "x"),
			func(u *ingest.Upload) { u.Digests.SHA256 = strings.Repeat("0", 64) }); !fault.Is(err, fault.Invalid) {
			t.Errorf("a wrong digest = %v, want invalid", err)
		}
		_, err := w.upload(once, packagingtest.Wheel("other", "1.0", "x"))
		if err == nil {
			t.Error("a single-use token created a project")
		}
		first := packagingtest.Wheel("demo", "1.0", "x = 1\n")
		if got, err := w.upload(once, first); err != nil || !got.Created {
			t.Fatalf("the first upload = %+v, %v", got, err)
		}
		before := w.state()
		for what, f := range map[string]packagingtest.File{
			"a second file": packagingtest.Wheel("demo", "2.0", "x"), "the same file": first,
			"a file there before": packagingtest.Wheel("demo", "0.1", "x = 0\n"),
		} {
			_, err := w.upload(once, f)
			w.refused(what, err, "for one upload")
		}
		w.refused("MayPublish", w.mayPublish(t.Context(), once, "", name(t, "demo")), "for one upload")
		if after := w.state(); after != before {
			t.Errorf("the catalog went from\n%s to\n%s", before, after)
		}
		for _, who := range []access.Caller{w.minted(true), w.minted(false)} {
			if err := w.mayPublish(t.Context(), who, "", name(t, "demo")); err != nil {
				t.Errorf("another token = %v", err)
			}
		}
	})
}

// TestSingleUseRace: of many uploads with one token one succeeds, in any process, and the content of the others is
// removed.
func TestSingleUseRace(t *testing.T) {
	trusting(t, func(t *testing.T, w *world) {
		once, held := w.minted(true), w.keysHeld()
		var won atomic.Int64
		var all sync.WaitGroup
		for i := range 24 {
			all.Go(func() {
				switch _, err := w.upload(once, packagingtest.Wheel("demo", fmt.Sprintf("1.%d", i), "x")); {
				case err == nil:
					won.Add(1)
				default:
					w.refused("an upload too many", err, "for one upload")
				}
			})
		}
		all.Wait()
		if won.Load() != 1 {
			t.Errorf("%d uploads won, want 1", won.Load())
		}
		c, err := w.Contents(t.Context(), w.admin, "", name(t, "demo"))
		if err != nil || len(c.Files) != 2 {
			t.Errorf("there are %d files, %v; want the one of before and one", len(c.Files), err)
		}
		if got := w.keysHeld(); got != held+2 {
			t.Errorf("%d keys are stored, want %d", got, held+2)
		}
	})
}

// TestTrustedOnly: no API token can upload, whatever its rights, but minted tokens and the operator can; off restores
// the default.
func TestTrustedOnly(t *testing.T) {
	trusting(t, func(t *testing.T, w *world) {
		demo := name(t, "demo")
		w.user("alice", access.NewAPIToken{Scope: access.ScopeAdmin})
		if err := w.Grant(t.Context(), w.admin, "", demo, "alice", access.Owner); err != nil {
			t.Fatal(err)
		}
		owner := w.token("alice", access.NewAPIToken{Scope: access.ScopeAdmin})
		bound := w.token("alice", access.NewAPIToken{Scope: access.ScopeUpload, Projects: []string{"demo"}})
		if _, err := w.dir.AddUser(t.Context(), w.admin, access.NewUser{Name: "boss", Admin: true}); err != nil {
			t.Fatal(err)
		}
		boss := w.token("boss", access.NewAPIToken{Scope: access.ScopeAdmin})
		if err := w.SetTrustedOnly(t.Context(), owner, "", demo, true); err != nil {
			t.Fatal(err)
		}
		if p, err := w.Project(t.Context(), w.admin, "", demo); err != nil || !p.TrustedOnly {
			t.Errorf("Project = %+v, %v, want it to say trusted only", p, err)
		}
		before := w.state()
		for what, who := range map[string]access.Caller{
			"the owner": owner, "a bound token": bound, "an administrator": boss,
		} {
			_, err := w.upload(who, packagingtest.Wheel("demo", "1.0", "x"))
			w.refused(what, err, "trusted publishers alone")
			_, err = w.upload(who, packagingtest.Wheel("demo", "0.1", "x = 0\n"))
			w.refused(what+" with the identical file", err, "trusted publishers alone")
			w.refused(what+" asking first", w.mayPublish(t.Context(), who, "", demo), "trusted publishers alone")
		}
		stranger := w.user("mallory", access.NewAPIToken{Scope: access.ScopeUpload})
		_, err := w.upload(stranger, packagingtest.Wheel("demo", "1.0", "x"))
		w.refused("a stranger", err, "may not upload") // and the answer does not reveal the setting
		if after := w.state(); after != before {
			t.Errorf("the catalog went from\n%s to\n%s", before, after)
		}
		for i, who := range []access.Caller{w.minted(false), w.minted(true), w.admin} {
			if _, err := w.upload(who, packagingtest.Wheel("demo", fmt.Sprintf("1.%d", i), "x")); err != nil {
				t.Errorf("upload %d = %v", i, err)
			}
		}
		if p, err := w.Project(t.Context(), w.admin, "", demo); err != nil || !p.TrustedOnly {
			t.Errorf("after uploads: %+v, %v, want the switch as it was", p, err)
		}
		if err := w.SetTrustedOnly(t.Context(), owner, "", demo, false); err != nil {
			t.Fatal(err)
		}
		if _, err := w.upload(owner, packagingtest.Wheel("demo", "2.0", "x")); err != nil {
			t.Errorf("with the switch off = %v", err)
		}
		if n := len(w.recorded("project.trusted-only", audit.Granted)); n != 2 {
			t.Errorf("%d entries of two changes", n)
		}
	})
}

// TestSetTrustedOnlyRefusals: the setting needs an owner, and does not reveal the project to callers who may not see
// it.
func TestSetTrustedOnlyRefusals(t *testing.T) {
	w := newWorld(t, ingest.PrivatePolicy(), catalog.Limits{})
	w.must(packagingtest.Wheel("demo", "0.1", "x = 0\n"), packagingtest.Wheel("other", "0.1", "x = 7\n"))
	w.publisher("demo")
	member := w.user("alice", access.NewAPIToken{Scope: access.ScopeAdmin})
	for _, c := range []struct {
		name    string
		who     access.Caller
		project string
		kind    fault.Kind
	}{
		{"an anonymous caller", access.Guest(false), "demo", fault.Unauthenticated},
		{"the zero caller", access.Caller{}, "demo", fault.Unauthenticated},
		{"a member", member, "demo", fault.Denied},
		{"a token that uploads", w.token("alice", access.NewAPIToken{Scope: access.ScopeUpload}), "demo", fault.Denied},
		{
			"a token bound to another project",
			w.token("alice", access.NewAPIToken{Scope: access.ScopeUpload, Projects: []string{"other"}}), "demo", fault.NotFound,
		},
		{"a minted token", w.minted(false), "demo", fault.Denied},
		{"no such project", w.admin, "nothing", fault.NotFound},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, on := range []bool{true, false} {
				if err := w.SetTrustedOnly(t.Context(), c.who, "", name(t, c.project), on); !fault.Is(err, c.kind) {
					t.Errorf("%s: SetTrustedOnly(%v) = %v (%v), want %v", c.name, on, err, fault.KindOf(err), c.kind)
				}
			}
		})
	}
	if p, err := w.Project(t.Context(), w.admin, "", name(t, "demo")); err != nil || p.TrustedOnly {
		t.Errorf("Project = %+v, %v, want the switch off", p, err)
	}
	if n := len(w.recorded("project.trusted-only", audit.Refused)); n != 6 {
		t.Errorf("%d refusals are recorded, want 6", n)
	}
}

// meddling is a store that calls a function while an upload stores its content: after it was admitted, and before its
// rows are written.
type meddling struct {
	*blobs.Blobs
	once   sync.Once
	meddle func()
}

func (m *meddling) Keep(ctx context.Context, key string, s custody.Stage) error {
	m.once.Do(m.meddle)
	return m.Blobs.Keep(ctx, key, s)
}

// TestDecidedAgain: changes during an upload affect it.
func TestDecidedAgain(t *testing.T) {
	trusting(t, func(t *testing.T, w *world) {
		demo := name(t, "demo")
		alice := w.user("alice", access.NewAPIToken{Scope: access.ScopeUpload})
		if err := w.Grant(t.Context(), w.admin, "", demo, "alice", access.Owner); err != nil {
			t.Fatal(err)
		}
		once, plain := w.minted(true), w.Index
		for _, c := range []struct {
			name   string
			who    access.Caller
			meddle func() error
			word   string
		}{
			{"the token is spent", once, func() error {
				return w.db.Catalog().Update(t.Context(), func(tx catalog.Tx) error {
					_, err := tx.(ingest.Tx).SpendToken(t.Context(), once.TokenID(), time.Now())
					return err
				})
			}, "for one upload"},
			{
				"the switch is turned on", alice,
				func() error { return plain.SetTrustedOnly(t.Context(), w.admin, "", demo, true) }, "trusted publishers alone",
			},
		} {
			m := &meddling{Blobs: w.blobs, meddle: func() {
				if err := c.meddle(); err != nil {
					t.Error(err)
				}
			}}
			held, before := w.keysHeld(), w.state()
			w.Index = assembly.New(w.db.Catalog(), m, assembly.Options{Log: slog.New(slog.DiscardHandler)})
			_, err := w.upload(c.who, packagingtest.Wheel("demo", "1.0", c.name))
			w.refused(c.name, err, c.word)
			if got := w.keysHeld(); got != held || c.who.SingleUse() && w.state() != before {
				t.Errorf("%s: %d keys, want %d; the catalog is\n%s", c.name, got, held, w.state())
			}
		}
	})
}

// TestBesidePublishers: an API token that uploads to a project with publishers gets a warning each time, and one audit
// entry for each token and project; other callers do not.
func TestBesidePublishers(t *testing.T) {
	trusting(t, func(t *testing.T, w *world) {
		w.must(packagingtest.Wheel("free", "0.1", "x = 5\n"))
		if _, err := w.dir.AddUser(t.Context(), w.admin, access.NewUser{Name: "boss", Admin: true}); err != nil {
			t.Fatal(err)
		}
		one, two := w.token("boss", access.NewAPIToken{Scope: access.ScopeUpload}),
			w.token("boss", access.NewAPIToken{Scope: access.ScopeUpload})
		for _, c := range []struct {
			name             string
			who              access.Caller
			project, version string
			warned           bool
			entries          int
		}{
			{"the operator", w.admin, "demo", "1.0", false, 0},
			{"a minted token", w.minted(false), "demo", "1.1", false, 0},
			{"a project without publishers", one, "free", "1.2", false, 0},
			{"a new project", one, "newer", "1.3", false, 0},
			{"an API token", one, "demo", "1.4", true, 1},
			{"the same again", one, "demo", "1.5", true, 1},
			{"the identical file", one, "demo", "1.5", false, 1},
			{"another token", two, "demo", "1.6", true, 2},
		} {
			got, err := w.upload(c.who, packagingtest.Wheel(c.project, c.version, c.version))
			warned := strings.Contains(strings.Join(got.Warnings, "\n"),
				"has trusted publishers, but this upload used an API token")
			if err != nil || warned != c.warned {
				t.Errorf("%s: warnings %q, %v; want warned %v", c.name, got.Warnings, err, c.warned)
			}
			if n := len(w.recorded("token.used-beside-publishers", audit.Granted)); n != c.entries {
				t.Errorf("%s: %d entries, want %d", c.name, n, c.entries)
			}
		}
		e := w.recorded("token.used-beside-publishers", audit.Granted)[1]
		if e.Project != "demo" || e.Version != "1.4" || e.Subject != one.TokenID() || e.Actor.Name != "boss" ||
			!strings.Contains(fmt.Sprint(e.Detail["warning"]), "trusted-only demo on") {
			t.Errorf("the entry is %+v", e)
		}
		if _, err := w.upload(one, packagingtest.Wheel("demo", "1.4", "other content")); err == nil {
			t.Error("other content was taken")
		}
	})
}

// TestBesideRace: many concurrent uploads with one token create one audit entry.
func TestBesideRace(t *testing.T) {
	trusting(t, func(t *testing.T, w *world) {
		alice := w.user("alice", access.NewAPIToken{Scope: access.ScopeUpload})
		if err := w.Grant(t.Context(), w.admin, "", name(t, "demo"), "alice", access.Uploader); err != nil {
			t.Fatal(err)
		}
		var all sync.WaitGroup
		for i := range 16 {
			all.Go(func() {
				if got, err := w.upload(alice, packagingtest.Wheel("demo", fmt.Sprintf("1.%d", i), "x")); err != nil ||
					len(got.Warnings) != 1 {
					t.Errorf("Publish = %v, warnings %q", err, got.Warnings)
				}
			})
		}
		all.Wait()
		if n := len(w.recorded("token.used-beside-publishers", audit.Granted)); n != 1 {
			t.Errorf("%d entries, want 1", n)
		}
	})
}
