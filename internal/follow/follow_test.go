package follow_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"pyindex/internal/access"
	"pyindex/internal/account"
	"pyindex/internal/account/outbox"
	"pyindex/internal/account/signin"
	"pyindex/internal/assembly"
	"pyindex/internal/catalog"
	"pyindex/internal/fault"
	"pyindex/internal/follow"
	"pyindex/internal/ingest"
	"pyindex/internal/packaging"
	"pyindex/internal/packaging/packagingtest"
	"pyindex/internal/storage/blobs"
	"pyindex/internal/storage/db"
	"pyindex/internal/storage/storagetest"
	"pyindex/internal/transfer"
	"pyindex/internal/transfer/transfertest"
)

// club is an index with a project that everyone with an account may read, and one in the repository inner for members.
type club struct {
	*testing.T
	*assembly.Index
	followers, other *follow.Followers // two processes
	dir              *access.Directory
	keys             *access.Keyring
	accounts         *account.Accounts
	importer         *transfer.Importer
	boss             access.Caller
	now              time.Time
	pause            time.Duration // before each release

	mu   sync.Mutex
	sent []string
	err  error
}

func newClub(t *testing.T, url string) *club {
	t.Helper()
	c := &club{T: t, boss: access.Operator("test"), now: time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC)}
	c.pause = time.Hour // the next letter may go
	clock := func() time.Time { return c.now }
	rows, second := storagetest.OpenDB(t, url, db.Options{Now: clock}), storagetest.OpenDB(t, url, db.Options{Now: clock})
	bytes, err := blobs.Open(t.Context(), "file://"+t.TempDir(), blobs.Options{})
	c.must(err)
	t.Cleanup(func() { _ = bytes.Close() })
	c.Index = assembly.New(rows.Catalog(), bytes, assembly.Options{Now: clock, Log: slog.New(slog.DiscardHandler)})
	c.followers = follow.New(c.Index.Index, rows.Follow(), clock)
	c.other = follow.New(c.Index.Index, second.Follow(), clock)
	c.dir = access.NewDirectory(rows.Access(), access.DirectoryOptions{Now: clock})
	c.accounts = account.New(rows.Accounts(), signin.New(rows.SignIn(), outbox.New(rows.Outbox(), outbox.Options{}),
		signin.Options{Now: clock}), account.Options{})
	c.importer = &transfer.Importer{Store: rows.Transfer(), Index: c.Index.Index, Intake: c.Index.Intake, Who: c.boss}
	c.keys = access.NewKeyring(rows.Access(), access.KeyringOptions{Now: clock})
	c.must(c.AddRepository(t.Context(), c.boss, catalog.NewRepository{Name: "inner"}))
	for _, repo := range []string{"main", "inner"} {
		c.put(repo, "1.0")
	}
	return c
}

func (c *club) must(err error) {
	c.Helper()
	if err != nil {
		c.Fatal(err)
	}
}

func (c *club) demo() packaging.ProjectName {
	name, err := packaging.ParseProjectName("demo")
	c.must(err)
	return name
}

func (c *club) put(repo, version string) {
	c.Helper()
	c.now = c.now.Add(c.pause)
	c.publish(repo, packagingtest.Wheel("demo", version, repo))
}

func (c *club) publish(repo string, f packagingtest.File) {
	c.Helper()
	in, err := c.Begin(c.Context(), c.boss, repo, packaging.ProjectName{})
	c.must(err)
	defer in.Discard()
	_, err = in.Write(f.Bytes)
	c.must(err)
	_, err = c.Publish(c.Context(), in, ingest.Upload{Filename: f.Name})
	c.must(err)
}

// user returns a signed-in user, with an e-mail address.
func (c *club) user(name string) access.Caller {
	c.Helper()
	_, err := c.dir.AddUser(c.Context(), c.boss, access.NewUser{Name: name})
	c.must(err)
	who := c.session(name)
	c.must(c.accounts.SetProfile(c.Context(), who, access.Profile{Email: name + "@acme.example"}))
	return who
}

// session signs a user in.
func (c *club) session(name string) access.Caller {
	c.Helper()
	u, err := c.dir.User(c.Context(), c.boss, name)
	c.must(err)
	_, secret, err := c.dir.BeginSession(c.Context(), access.Guest(true),
		access.NewSession{UserID: u.ID, Method: "password"})
	c.must(err)
	who, err := c.keys.Session(c.Context(), secret)
	c.must(err)
	return who
}

func (c *club) send(_ context.Context, n follow.News) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err == nil {
		var news []string
		for _, p := range n.Projects {
			news = append(news, fmt.Sprintf("%s/%s %s", p.Project.Repository.Name, p.Project.Name,
				strings.Join(p.Versions, " ")))
		}
		c.sent = append(c.sent, fmt.Sprintf("%s <%s>: %s", n.User, n.Email, strings.Join(news, ", ")))
	}
	return c.err
}

// told checks what is sent now.
func (c *club) told(when string, want ...string) {
	c.Helper()
	c.sent = nil
	var both sync.WaitGroup
	var failed [2]error // one of them if the other found the letter claimed
	for i, f := range []*follow.Followers{c.followers, c.other} {
		both.Go(func() { failed[i] = f.Notify(c.Context(), c.send) })
	}
	both.Wait()
	if err := errors.Join(failed[:]...); (err != nil) != (c.err != nil) || err != nil && !errors.Is(err, c.err) {
		c.Errorf("%s: Notify = %v", when, err)
	}
	if got := strings.Join(c.sent, "; "); got != strings.Join(want, "; ") {
		c.Errorf("%s: sent %q, want %q", when, got, strings.Join(want, "; "))
	}
}

func TestSubscribersAreToldOnce(t *testing.T) {
	storagetest.EachDatabase(t, func(t *testing.T, fresh func(*testing.T) string) {
		c := newClub(t, fresh(t))
		ctx, alice := t.Context(), c.user("alice")
		c.user("bob")
		c.must(c.followers.Follow(ctx, alice, "", c.demo()))
		c.must(c.followers.Follow(ctx, alice, "", c.demo())) // again
		c.told("with nothing new")
		c.put("main", "1.1")
		c.put("main", "1.2")
		c.err = errors.New("the mail server is away")
		c.told("while the mail server is away")
		c.err = nil
		c.put("main", "1.3")
		c.told("after releases", "alice <alice@acme.example>: main/demo 1.1 1.2 1.3")
		c.told("again")
		all, err := c.followers.Following(ctx, alice)
		if err != nil || len(all) != 1 || all[0].Name != "demo" || all[0].Repository != catalog.MainRepository {
			t.Fatalf("Following = %+v, %v", all, err)
		}
		c.must(c.followers.Unfollow(ctx, alice, all[0].ProjectID))
		c.put("main", "1.4")
		c.told("after unsubscribing")
	})
}

// Releases that an import brought are no news. Those of uploads after it are.
func TestImportedReleasesAreNoNews(t *testing.T) {
	storagetest.EachDatabase(t, func(t *testing.T, fresh func(*testing.T) string) {
		c := newClub(t, fresh(t))
		c.must(c.followers.Follow(t.Context(), c.user("alice"), "", c.demo()))
		source := transfertest.New()
		for _, version := range []string{"2.0", "2.1"} {
			source.Add(packagingtest.Wheel("demo", version, "imported"), func(f *transfer.File) {
				f.UploadedAt = c.now.Add(time.Minute) // after the subscription
			})
		}
		c.now = c.now.Add(c.pause)
		_, sum, err := c.importer.Run(t.Context(), source, transfer.Options{Repository: catalog.MainRepository})
		if err != nil || sum.Added != 2 {
			t.Fatalf("Run() = %+v, %v", sum, err)
		}
		c.told("after an import")
		c.put("main", "2.2")
		c.told("after a release", "alice <alice@acme.example>: main/demo 2.2")
	})
}

// A person who lost reading gets no letter, and learns nothing from the list of subscriptions.
func TestSubscribersMustBeReaders(t *testing.T) {
	storagetest.EachDatabase(t, func(t *testing.T, fresh func(*testing.T) string) {
		c := newClub(t, fresh(t))
		ctx, alice := t.Context(), c.user("alice")
		for what, who := range map[string]access.Caller{"a stranger": alice, "nobody": {}, "a guest": access.Guest(true)} {
			if err := c.followers.Follow(ctx, who, "inner", c.demo()); !fault.Is(err, fault.NotFound) &&
				!fault.Is(err, fault.Unauthenticated) {
				t.Errorf("%s follows a hidden project: %v", what, err)
			}
		}
		if err := c.followers.Follow(ctx, c.boss, "", c.demo()); !fault.Is(err, fault.Denied) {
			t.Errorf("the operator follows a project: %v", err)
		}
		c.must(c.Grant(ctx, c.boss, "inner", c.demo(), "alice", access.Reader))
		c.user("carol")
		c.must(c.Grant(ctx, c.boss, "inner", c.demo(), "carol", access.Reader))
		for _, name := range []string{"alice", "carol"} {
			c.must(c.followers.Follow(ctx, c.session(name), "inner", c.demo()))
		}
		c.must(c.Ungrant(ctx, c.boss, "inner", c.demo(), "alice"))
		c.put("inner", "2.0")
		c.told("after alice lost her role", "carol <carol@acme.example>: inner/demo 2.0")
		all, err := c.followers.Following(ctx, alice)
		if err != nil || len(all) != 1 || all[0].Name != "" || all[0].Repository != "" || all[0].Display != "" {
			t.Errorf("alice's subscriptions are %+v, %v, want one without a name", all, err)
		}
		// The role comes back: what was released without it stays untold.
		c.must(c.Grant(ctx, c.boss, "inner", c.demo(), "alice", access.Reader))
		c.told("after alice got it back")
		c.put("inner", "2.1")
		c.told("after the next release", "alice <alice@acme.example>: inner/demo 2.1",
			"carol <carol@acme.example>: inner/demo 2.1")
		c.must(c.dir.DisableUser(ctx, c.boss, "carol"))
		c.put("inner", "2.2")
		c.told("after carol left", "alice <alice@acme.example>: inner/demo 2.2")
		c.must(c.SetStatus(ctx, c.boss, "inner", c.demo(), catalog.Quarantined, "bad"))
		c.told("in quarantine")
		c.must(c.DeleteProject(ctx, c.boss, "inner", c.demo()))
		c.told("after the project was deleted")
		if all, err := c.followers.Following(ctx, alice); err != nil || len(all) != 0 {
			t.Errorf("a deleted project is still followed: %+v, %v", all, err)
		}
	})
}

// One letter lists the news of all projects, and the next one goes an hour later, with what came meanwhile, whatever
// the address is by then. A letter that was refused is due at once.
func TestOneLetterAnHour(t *testing.T) {
	storagetest.EachDatabase(t, func(t *testing.T, fresh func(*testing.T) string) {
		c := newClub(t, fresh(t))
		ctx, alice := t.Context(), c.user("alice")
		c.must(c.Grant(ctx, c.boss, "inner", c.demo(), "alice", access.Reader))
		for _, repo := range []string{"", "inner"} {
			c.must(c.followers.Follow(ctx, c.session("alice"), repo, c.demo()))
		}
		c.pause = time.Minute
		c.put("inner", "1.1")
		c.put("main", "1.1")
		c.put("main", "1.2")
		c.err = errors.New("the mail server is away")
		c.told("while the mail server is away")
		c.err = nil
		c.told("after releases", "alice <alice@acme.example>: inner/demo 1.1, main/demo 1.1 1.2")
		c.put("main", "1.3")
		c.must(c.accounts.SetProfile(ctx, alice, access.Profile{Email: "victim@acme.example"}))
		c.told("a minute later")
		c.put("inner", "1.3")
		c.now = c.now.Add(time.Hour - 3*time.Minute)
		c.told("just before the hour")
		c.must(c.Ungrant(ctx, c.boss, "inner", c.demo(), "alice"))
		c.now = c.now.Add(3 * time.Minute)
		c.told("an hour later", "alice <victim@acme.example>: main/demo 1.3")
		c.put("inner", "1.4") // which alice cannot read, so the hour does not begin again
		c.now = c.now.Add(2 * time.Hour)
		c.told("without the role")
		c.put("main", "1.5")
		c.told("after the next release", "alice <victim@acme.example>: main/demo 1.5")
	})
}

// The number of subscriptions is bounded.
func TestSubscriptionsAreBounded(t *testing.T) {
	c := newClub(t, storagetest.SQLite(t))
	ctx, alice := t.Context(), c.user("alice")
	names := make([]packaging.ProjectName, 201)
	for i := range names {
		file := packagingtest.Wheel(fmt.Sprintf("demo%d", i), "1.0", "")
		c.publish("main", file)
		var err error
		names[i], err = packaging.ParseProjectName(fmt.Sprintf("demo%d", i))
		c.must(err)
	}
	for _, name := range names[:200] {
		c.must(c.followers.Follow(ctx, alice, "", name))
	}
	err := c.followers.Follow(ctx, alice, "", names[200])
	all, err2 := c.followers.Following(ctx, alice)
	if !fault.Is(err, fault.TooMany) || err2 != nil || len(all) != 200 {
		t.Fatalf("one more = %v with %d subscriptions, %v", err, len(all), err2)
	}
	c.must(c.followers.Unfollow(ctx, alice, all[0].ProjectID))
	c.must(c.followers.Follow(ctx, alice, "", names[200]))
}
