package publishers_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"pyindex/internal/access"
	"pyindex/internal/assembly"
	"pyindex/internal/browse"
	"pyindex/internal/catalog"
	"pyindex/internal/packaging"
	"pyindex/internal/publishers"
	"pyindex/internal/publishers/exchange"
)

// publish uploads a file with a minted token, as far as rows tell.
func (b *bench) publish(m exchange.Minted, project, version string) {
	b.Helper()
	who, p := b.identify(m.Token), b.find(project)
	err := b.store.Update(b.Context(), func(tx publishers.Tx) error {
		id := project + "-" + version
		r := catalog.Release{ID: "r-" + id, ProjectID: p.ID, Version: version, Key: version, CreatedAt: b.clock.Now()}
		if err := tx.InsertRelease(b.Context(), r); err != nil {
			return err
		}
		return tx.InsertFile(b.Context(), catalog.File{
			ID: "f-" + id, RepositoryID: p.Repository.ID, ProjectID: p.ID, ReleaseID: r.ID, Filename: id, NameKey: id,
			Version: version, UploadedAt: b.clock.Now(),
			Uploader: catalog.Uploader{Kind: string(who.Kind()), Name: who.Name(), TokenID: who.TokenID(), Claims: who.Claims()},
		}, packaging.Metadata{})
	})
	if err != nil {
		b.Fatal(err)
	}
}

// catalogOf is the catalog with the registry's discretion, as the program joins them.
func (b *bench) catalogOf() *assembly.Index {
	return assembly.New(b.db.Catalog(), nil, assembly.Options{Now: b.clock.Now, Redact: b.registry.Redact})
}

// reads is everything of the claims that a caller is shown about a project, as JSON.
func (b *bench) reads(who access.Caller, project string) string {
	b.Helper()
	n, err := packaging.ParseProjectName(project)
	if err != nil {
		b.Fatal(err)
	}
	var all []any
	exchanges, err := b.registry.Exchanges(b.Context(), who, "", 100)
	if err != nil {
		b.Fatal(err)
	}
	pending, err := b.registry.PendingOf(b.Context(), who)
	if err != nil {
		b.Fatal(err)
	}
	all = append(all, exchanges, pending)
	if b.there(project) {
		page, err := b.registry.ForProject(b.Context(), who, "", project)
		if err != nil {
			b.Fatal(err)
		}
		history, err := b.catalogOf().History(b.Context(), who, "", n, browse.HistoryFilter{Limit: 100})
		if err != nil {
			b.Fatal(err)
		}
		all = append(all, page, history)
	}
	text, err := json.Marshal(all)
	if err != nil {
		b.Fatal(err)
	}
	return string(text)
}

// secret are claims of a job that no rule below compares, and run those that say which run it was.
var (
	secret = map[string]any{
		"actor":                 "secret-actor",
		"runner_environment":    "secret-runner",
		"enterprise":            "secret-enterprise",
		"environment":           "secret-env",
		"repository_visibility": "secret-visibility",
	}
	run = map[string]any{
		"run_id": "778899", "ref": "refs/heads/secret-branch",
		"job_workflow_ref": "acme/widgets/.github/workflows/release.yml@refs/heads/secret-branch",
	}
)

func (b *bench) job(over ...map[string]any) map[string]any {
	out := map[string]any{}
	for _, m := range append([]map[string]any{secret, run}, over...) {
		for k, v := range m {
			out[k] = v
		}
	}
	return out
}

func (b *bench) shows(what, text string, want bool, words ...string) {
	b.Helper()
	for _, w := range words {
		if strings.Contains(text, w) != want {
			b.Errorf("%s: %q is shown: %v, want %v", what, w, !want, want)
		}
	}
}

// TestForeignClaims: who names a workflow of others in a rule reads nothing of its jobs before one of them publishes
// there.
func TestForeignClaims(t *testing.T) {
	onEach(t, func(t *testing.T, b *bench) {
		mallory := b.owner("mallory", "mine")
		b.add("mine", "environment", "")
		m := b.mint(b.job())
		b.mintReadOf(mallory, "mine")
		text := b.reads(mallory, "mine")
		b.shows("after an exchange", text, false, "secret-", "778899", "198.51.100.7")
		b.shows("after an exchange", text, true, `"claims_withheld":true`)
		b.shows("to an administrator", b.reads(b.operator, "mine"), true, "secret-actor", "secret-runner",
			"secret-enterprise", "secret-branch", "778899", "198.51.100.7")

		b.clock.Pass(time.Second)
		b.publish(m, "mine", "1.0")
		text = b.reads(mallory, "mine")
		b.shows("after an upload", text, true, "secret-branch", "778899")
		b.shows("after an upload", text, false, "secret-actor", "secret-runner", "secret-enterprise", "secret-visibility")

		b.clock.Pass(time.Second)
		b.mint(b.job(map[string]any{"run_id": "990011"}))
		b.shows("a later run of a workload that published", b.reads(mallory, "mine"), true, "990011")
	})
}

// mintReadOf lets the workload read a project too, and gets a token for it.
func (b *bench) mintReadOf(who access.Caller, project string) {
	b.Helper()
	if _, err := b.registry.AddReader(b.Context(), who, b.readRequest([]string{project}, "environment", "")); err != nil {
		b.Fatal(err)
	}
	b.mintRead(b.job())
}

// TestForeignClaimsOfAnotherWorkload: that one workload published does not open the claims of another.
func TestForeignClaimsOfAnotherWorkload(t *testing.T) {
	b := newBench(t)
	alice := b.owner("alice", "mine")
	b.add("mine", "environment", "")
	b.addRequest(b.operator,
		publishers.AddRequest{
			Provider: "github", Issuer: b.issuer.URL, Project: "mine",
			Fields: fields("repository", "private", "environment", ""),
		})
	b.publish(b.mint(nil), "mine", "1.0")
	b.mint(b.job(map[string]any{
		"repository":       "acme/private",
		"job_workflow_ref": "acme/private/.github/workflows/release.yml@refs/heads/secret-branch", "sub": "x",
	}))
	b.shows("the other workload", b.reads(alice, "mine"), false, "secret-", "778899")
}

// TestClaimsOfRefusedExchanges: a project's history has the claims that its rule compares and those of the run, and of
// others' rules nothing.
func TestClaimsOfRefusedExchanges(t *testing.T) {
	onEach(t, func(t *testing.T, b *bench) {
		alice, bob := b.owner("alice", "mine"), b.user("bob")
		b.add("mine", "environment", "", "workflow", "other.yml")
		b.addPending(bob, "planned", "environment", "", "workflow", "other.yml")
		_, err := b.exchange(b.token(b.job()))
		refuse(t, err, exchange.CodePublisher, "job_workflow_ref")
		for who, text := range map[string]string{"owner": b.reads(alice, "mine"), "registrant": b.reads(bob, "planned")} {
			b.shows(who, text, true, "secret-branch", "778899", "release.yml", "acme/widgets")
			b.shows(who, text, false, "secret-actor", "secret-runner", "secret-enterprise", "secret-env", "secret-visibility",
				`"compared"`)
		}
		got := b.exchanges(alice, "mine")[0]
		if diff := cmp.Diff(map[string]string{
			"owner": "acme", "repository": "widgets", "workflow": "release.yml", "owner_id": "4242",
		}, got.Suggested); diff != "" {
			t.Errorf("the suggestion differs: %s", diff)
		}
	})
}

// TestClaimsOfPendingPublishers: one that names a workflow of others shows nothing of the job that used it or passed it
// over.
func TestClaimsOfPendingPublishers(t *testing.T) {
	onEach(t, func(t *testing.T, b *bench) {
		mallory := b.user("mallory")
		b.addPending(mallory, "planned", "environment", "")
		b.members(access.Reader)
		_, err := b.exchange(b.token(b.job()))
		refuse(t, err, exchange.CodePublisher, "")
		b.shows("passed over", b.reads(mallory, "planned"), false, "secret-", "778899", "198.51.100.7")
		b.members(access.Uploader)
		b.clock.Pass(time.Second)
		b.mint(b.job())
		b.shows("used", b.reads(b.again("mallory"), "planned"), false, "secret-", "778899")
	})
}

// TestHistoryIsNoOracle: searching a project's history does not tell what the claims are that it leaves out.
func TestHistoryIsNoOracle(t *testing.T) {
	onEach(t, func(t *testing.T, b *bench) {
		mallory := b.owner("mallory", "mine")
		b.add("mine", "environment", "")
		b.mint(b.job())
		n := b.find("mine").Name
		for who, c := range map[string]access.Caller{"owner": mallory, "administrator": b.operator} {
			for _, text := range []string{"secret-actor", "778899"} {
				h, err := b.catalogOf().History(t.Context(), c, "", n, browse.HistoryFilter{Text: text, Limit: 10})
				if err != nil || (len(h.Entries) > 0) != (who == "administrator") {
					t.Errorf("an %s who searches for %q finds %d entries, %v", who, text, len(h.Entries), err)
				}
			}
		}
	})
}

// TestHistoryWithoutRegistry: a catalog that knows no publishers shows owners no claims at all.
func TestHistoryWithoutRegistry(t *testing.T) {
	b := newBench(t)
	alice := b.owner("alice", "mine")
	b.add("mine", "environment", "")
	b.mint(b.job())
	x := assembly.New(b.db.Catalog(), nil, assembly.Options{Now: b.clock.Now})
	h, err := x.History(t.Context(), alice, "", b.find("mine").Name, browse.HistoryFilter{Limit: 10})
	if text := fmt.Sprint(h.Entries); err != nil || strings.Contains(text, "secret-") {
		t.Errorf("History() = %s, %v, want no claims", text, err)
	}
}

// TestOthersPlansAreHidden: whoever creates a project does not learn who else waited for its name.
func TestOthersPlansAreHidden(t *testing.T) {
	b := newBench(t)
	plan := b.addPending(b.user("bob"), "wanted")
	b.clock.Pass(time.Second)
	alice := b.owner("alice", "wanted")
	n := b.find("wanted").Name
	without := assembly.New(b.db.Catalog(), nil, assembly.Options{Now: b.clock.Now})
	for what, x := range map[string]*assembly.Index{"with the registry": b.catalogOf(), "without it": without} {
		t.Run(what, func(t *testing.T) {
			for who, c := range map[string]access.Caller{"owner": alice, "administrator": b.operator} {
				h, err := x.History(t.Context(), c, "", n, browse.HistoryFilter{Limit: 10})
				if got := strings.Contains(fmt.Sprint(h.Entries), plan.ID); err != nil || got != (who == "administrator") {
					t.Errorf("%s, the %s sees the pending publisher of somebody else: %v, %v", what, who, got, err)
				}
			}
		})
	}
}
