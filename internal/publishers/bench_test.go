package publishers_test

import (
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"pyindex/internal/access"
	"pyindex/internal/audit"
	"pyindex/internal/catalog"
	"pyindex/internal/fault"
	"pyindex/internal/packaging"
	"pyindex/internal/publishers"
	"pyindex/internal/publishers/exchange"
	"pyindex/internal/publishers/idtoken"
	"pyindex/internal/publishers/idtoken/issuertest"
	"pyindex/internal/publishers/insight"
	"pyindex/internal/storage/db"
	"pyindex/internal/storage/storagetest"
	"pyindex/internal/workload"
)

const audience = "pypi.acme.example"

// The tokens that tests ask for.
var (
	upload = exchange.Want{Scope: access.ScopeUpload}
	once   = exchange.Want{Scope: access.ScopeUpload, Single: true}
	read   = exchange.Want{Scope: access.ScopeRead}
)

// clock is a time that tests set.
type clock struct {
	mu sync.Mutex
	t  time.Time
}

func newClock() *clock { return &clock{t: time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)} }

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.t
}

func (c *clock) Set(t time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.t = t
}

func (c *clock) Pass(d time.Duration) { c.Set(c.Now().Add(d)) }

// record is a store that also keeps the audit entries of what was committed.
type record struct {
	publishers.Store
	*entries
}

// entries are what the stores of one bench recorded.
type entries struct {
	mu  sync.Mutex
	all []audit.Entry
}

type recordTx struct {
	publishers.Tx
	entries []audit.Entry
}

func (t *recordTx) InsertAudit(ctx context.Context, e audit.Entry) error {
	t.entries = append(t.entries, e)
	return t.Tx.InsertAudit(ctx, e)
}

func (t *recordTx) CountAudit(ctx context.Context, e audit.Entry) error {
	t.entries = append(t.entries, e)
	return t.Tx.CountAudit(ctx, e)
}

func (r *record) Update(ctx context.Context, f func(publishers.Tx) error) error {
	var last *recordTx
	err := r.Store.Update(ctx, func(tx publishers.Tx) error {
		last = &recordTx{Tx: tx}
		return f(last)
	})
	if err == nil {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.all = append(r.all, last.entries...)
	}
	return err
}

// of returns the entries of an action so far.
func (r *entries) of(action string) []audit.Entry {
	r.mu.Lock()
	defer r.mu.Unlock()
	var out []audit.Entry
	for _, e := range r.all {
		if e.Action == action {
			out = append(out, e)
		}
	}
	return out
}

// trust is a registry with the exchange and the view over it.
type trust struct {
	*publishers.Registry
	*exchange.Minter
	*insight.View
}

type settings struct {
	rules    publishers.Options
	exchange exchange.Options
}

func newTrust(s publishers.Store, v exchange.Verifier, providers []*workload.Kind, o settings) trust {
	r := publishers.New(s, providers, o.rules)
	return trust{r, exchange.New(r, v, o.exchange), insight.New(r)}
}

// bench is a registry over a real database, with an issuer that really signs.
type bench struct {
	*testing.T
	clock    *clock
	url      string // of the database
	db       *db.DB
	store    *record
	issuer   *issuertest.Issuer
	verifier *idtoken.Verifier
	registry trust
	operator access.Caller
	guest    access.Caller
}

func newBench(t *testing.T, change ...func(*settings)) *bench {
	t.Helper()
	return newBenchOn(t, storagetest.SQLite(t), change...)
}

// onEach runs f on each database that there is: what hangs on transactions has to hold on all.
func onEach(t *testing.T, f func(t *testing.T, b *bench)) {
	storagetest.EachDatabase(t, func(t *testing.T, fresh func(*testing.T) string) { f(t, newBenchOn(t, fresh(t))) })
}

func newBenchOn(t *testing.T, url string, change ...func(*settings)) *bench {
	t.Helper()
	b := &bench{T: t, url: url, clock: newClock(), issuer: issuertest.New(t, issuertest.Options{Plain: true})}
	b.db = b.open()
	var err error
	b.verifier, err = idtoken.New([]idtoken.Issuer{{Kind: "github", URL: b.issuer.URL, Audiences: []string{audience}}},
		idtoken.Options{Now: b.clock.Now})
	if err != nil {
		t.Fatal(err)
	}
	b.store = &record{b.db.Publishers(), &entries{}}
	o := settings{publishers.Options{Now: b.clock.Now}, exchange.Options{Log: slog.New(slog.DiscardHandler)}}
	for _, f := range change {
		f(&o)
	}
	b.registry = newTrust(b.store, b.verifier, []*workload.Kind{workload.GitHub}, o)
	b.operator = access.Operator("tester").At("192.0.2.1", "r-0")
	b.guest = access.Guest(false).At("198.51.100.7", "r-1")
	return b
}

// open opens the database once more, as another process would.
func (b *bench) open() *db.DB {
	b.Helper()
	d, err := db.Open(b.Context(), b.url, db.Options{Now: b.clock.Now})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { d.Close() })
	return d
}

// replicas are the bench's registry and one of another process.
func (b *bench) replicas() []trust {
	b.Helper()
	store := &record{b.open().Publishers(), b.store.entries}
	return []trust{
		b.registry, newTrust(store, b.verifier, []*workload.Kind{workload.GitHub},
			settings{rules: publishers.Options{Now: b.clock.Now}}),
	}
}

// project makes a project in the repository main, owned by a user's id or by nobody.
func (b *bench) project(name, owner string) string {
	b.Helper()
	n, err := packaging.ParseProjectName(name)
	if err != nil {
		b.Fatal(err)
	}
	id := "project-" + name
	err = b.store.Update(b.Context(), func(tx publishers.Tx) error {
		repo, err := tx.RepositoryByName(b.Context(), catalog.MainRepository)
		if err != nil {
			return err
		}
		_, err = catalog.Create(b.Context(), tx, catalog.NewProject{
			ID: id, Repository: repo, Name: n, Display: name, Owner: owner, EntryID: rand.Text(), At: b.clock.Now(),
		})
		return err
	})
	if err != nil {
		b.Fatal(err)
	}
	return id
}

// user makes an account and returns it as a caller with an API token.
func (b *bench) user(name string) access.Caller {
	b.Helper()
	d := access.NewDirectory(b.db.Access(), access.DirectoryOptions{Now: b.clock.Now})
	if _, err := d.AddUser(b.Context(), b.operator, access.NewUser{Name: name}); err != nil {
		b.Fatal(err)
	}
	_, secret, err := d.CreateToken(b.Context(), b.operator,
		access.NewAPIToken{User: name, Scope: access.ScopeAdmin, Description: "test"})
	if err != nil {
		b.Fatal(err)
	}
	return b.identify(secret)
}

func (b *bench) identify(s access.Secret) access.Caller {
	b.Helper()
	who, err := b.keyring().Identify(b.Context(), "__token__", s)
	if err != nil {
		b.Fatal(err)
	}
	return who
}

func (b *bench) keyring() *access.Keyring {
	return access.NewKeyring(b.db.Access(), access.KeyringOptions{Now: b.clock.Now})
}

// fields are those of a publisher that fits the issuer's ordinary claims.
func fields(over ...string) map[string]string {
	f := map[string]string{
		"owner":       "acme",
		"repository":  "widgets",
		"workflow":    "release.yml",
		"environment": "release",
		"owner_id":    "4242",
	}
	for i := 0; i+1 < len(over); i += 2 {
		f[over[i]] = over[i+1]
	}
	return f
}

func (b *bench) request(project string, over ...string) publishers.AddRequest {
	return publishers.AddRequest{Provider: "github", Issuer: b.issuer.URL, Project: project, Fields: fields(over...)}
}

// add lets a workload publish to a project; over changes its fields.
func (b *bench) add(project string, over ...string) publishers.Added {
	b.Helper()
	return b.addRequest(b.operator, b.request(project, over...))
}

func (b *bench) addPending(who access.Caller, project string, over ...string) publishers.Added {
	b.Helper()
	req := b.request(project, over...)
	req.Pending = true
	return b.addRequest(who, req)
}

func (b *bench) addRequest(who access.Caller, req publishers.AddRequest) publishers.Added {
	b.Helper()
	a, err := b.registry.Add(b.Context(), who, req)
	if err != nil {
		b.Fatalf("Add(%+v) = %v", req, err)
	}
	return a
}

// token is a fresh identity token of the issuer; over changes its claims.
func (b *bench) token(over map[string]any) access.Secret {
	return access.Secret(b.issuer.Sign(b.issuer.Claims(audience, b.clock.Now(), over)))
}

func (b *bench) exchange(raw access.Secret) (exchange.Minted, error) {
	return b.registry.Exchange(b.Context(), b.guest, raw, upload)
}

// mint exchanges a token that has to be good.
func (b *bench) mint(over map[string]any) exchange.Minted {
	b.Helper()
	m, err := b.exchange(b.token(over))
	if err != nil {
		b.Fatalf("Exchange(claims with %v) = %v", over, err)
	}
	return m
}

// refuse wants a refusal with a code and a word of its description.
func refuse(t testing.TB, err error, code, word string) {
	t.Helper()
	f, ok := errors.AsType[*exchange.Refusal](err)
	if !ok {
		t.Fatalf("Exchange = %v, want a refusal with code %s", err, code)
	}
	if f.Code != code || !strings.Contains(f.Description, word) {
		t.Errorf("Exchange = %s %q, want %s with %q", f.Code, f.Description, code, word)
	}
	if !fault.Is(err, fault.Invalid) {
		t.Errorf("Exchange's refusal is %v, want %v", fault.KindOf(err), fault.Invalid)
	}
}
