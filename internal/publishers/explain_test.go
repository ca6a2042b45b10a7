package publishers_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"pyindex/internal/access"
	"pyindex/internal/audit"
	"pyindex/internal/fault"
	"pyindex/internal/packaging"
	"pyindex/internal/publishers"
	"pyindex/internal/publishers/exchange"
	"pyindex/internal/publishers/idtoken/issuertest"
	"pyindex/internal/publishers/insight"
)

// exchanges are those that who may see; it has to be allowed.
func (b *bench) exchanges(who access.Caller, project string) []insight.Exchange {
	b.Helper()
	list, err := b.registry.Exchanges(b.Context(), who, project, 100)
	if err != nil {
		b.Fatalf("Exchanges(%s) = %v", project, err)
	}
	return list
}

// owner is a user who owns a new project.
func (b *bench) owner(user, project string) access.Caller {
	b.Helper()
	who := b.user(user)
	b.project(project, who.ID())
	return b.again(user)
}

// TestEveryDifference: the history names each claim that differed, not only the one that decided.
func TestEveryDifference(t *testing.T) {
	all := []insight.Difference{
		{Claim: "repository_owner_id", Expected: `"4242"`, Got: `"666"`},
		{
			Claim:    "job_workflow_ref",
			Expected: `"acme/widgets/.github/workflows/release.yml@ followed by the token's own ref or sha"`,
			Got:      `"acme/widgets/.github/workflows/other.yml@refs/tags/v1.0"`,
		},
		{Claim: "event_name", Got: `"pull_request_target"`, Why: "which may never publish: strangers can start it"},
		{Claim: "environment", Expected: `"release"`, Got: `"test"`},
	}
	claims := []map[string]any{
		{"repository_owner_id": "666"},
		{"job_workflow_ref": "acme/widgets/.github/workflows/other.yml@refs/tags/v1.0"},
		{"event_name": "pull_request_target"},
		{"environment": "test"},
	}
	onEach(t, func(t *testing.T, b *bench) {
		alice := b.owner("alice", "widgets")
		b.add("widgets")
		for mask := 1; mask < 1<<len(claims); mask++ {
			over, want := map[string]any{}, []insight.Difference(nil)
			for i := range claims {
				if mask&(1<<i) != 0 {
					for k, v := range claims[i] {
						over[k] = v
					}
					want = append(want, all[i])
				}
			}
			b.clock.Pass(time.Second)
			_, err := b.exchange(b.token(over))
			refuse(t, err, exchange.CodePublisher, want[0].Claim)
			got := b.exchanges(alice, "widgets")[0]
			if diff := cmp.Diff(want, got.Nearest[0].Differences); diff != "" {
				t.Errorf("differences of %v: %s", over, diff)
			}
			for _, d := range want[1:] {
				if strings.Contains(err.Error(), d.Claim) {
					t.Errorf("the anonymous answer tells more than the first claim: %v", err)
				}
			}
			if strings.Contains(err.Error(), "4242") || strings.Contains(err.Error(), "release.yml") {
				t.Errorf("the anonymous answer tells what was expected: %v", err)
			}
		}
	})
}

// TestMissingClaims: a claim that is not there, or of another type, is one too.
func TestMissingClaims(t *testing.T) {
	b := newBench(t)
	b.project("widgets", "")
	b.add("widgets")
	for _, c := range []struct {
		name string
		over map[string]any
		want insight.Difference
	}{
		{
			"no environment",
			map[string]any{"environment": issuertest.Absent},
			insight.Difference{Claim: "environment", Expected: `"release"`, Got: "missing"},
		},
		{
			"owner id a number",
			map[string]any{"repository_owner_id": 4242},
			insight.Difference{Claim: "repository_owner_id", Got: "4242", Why: "but must be a non-empty string"},
		},
		{
			"owner id a list",
			map[string]any{"repository_owner_id": []any{"4242"}},
			insight.Difference{Claim: "repository_owner_id", Got: "a list", Why: "but must be a non-empty string"},
		},
		{
			"no workflow",
			map[string]any{"job_workflow_ref": issuertest.Absent},
			insight.Difference{Claim: "job_workflow_ref", Got: "missing", Why: "but must be a non-empty string"},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			b.clock.Pass(time.Second)
			_, err := b.exchange(b.token(c.over))
			refuse(t, err, exchange.CodePublisher, c.want.Claim)
			got := b.exchanges(b.operator, "widgets")[0].Nearest
			if diff := cmp.Diff([]insight.Difference{c.want}, got[0].Differences); diff != "" {
				t.Errorf("%s: %s", c.name, diff)
			}
		})
	}
}

// TestExchangesAreForOwners: who may not manage a project gets the answer for one that does not exist.
func TestExchangesAreForOwners(t *testing.T) {
	onEach(t, func(t *testing.T, b *bench) {
		alice, bob := b.owner("alice", "widgets"), b.owner("bob", "gadgets")
		b.add("widgets", "environment", "quiet-harbour")
		b.add("gadgets", "environment", "loud-beach")
		_, err := b.exchange(b.token(nil))
		refuse(t, err, exchange.CodePublisher, "environment")
		b.exchange(b.token(map[string]any{"repository": "acme/unknown"}))
		_, absent := b.registry.Exchanges(t.Context(), bob, "no-such", 10)
		for _, who := range []struct {
			name    string
			caller  access.Caller
			project string
			kind    fault.Kind
		}{
			{"nobody", b.guest, "widgets", fault.Unauthenticated},
			{"the zero caller", access.Caller{}, "", fault.Unauthenticated},
			{"a stranger", b.user("eve"), "widgets", fault.NotFound},
			{"the owner of another", bob, "Widgets", fault.NotFound},
			{"the owner, of what is not there", alice, "no-such", fault.NotFound},
			{"an administrator, of what is not there", b.operator, "no-such", fault.NotFound},
			{"a bad name", alice, "-", fault.Invalid},
		} {
			list, err := b.registry.Exchanges(t.Context(), who.caller, who.project, 10)
			if !fault.Is(err, who.kind) || list != nil {
				t.Errorf("Exchanges by %s = %d, %v; want %v", who.name, len(list), err, who.kind)
			}
			if who.kind == fault.NotFound &&
				strings.ReplaceAll(strings.ToLower(err.Error()), "widgets", "no-such") != absent.Error() {
				t.Errorf("Exchanges by %s says %q, and %q of a project that is not there", who.name, err, absent)
			}
		}
		if n := len(b.exchanges(b.again("eve"), "")); n != 0 {
			t.Errorf("a stranger sees %d exchanges", n)
		}
		for _, own := range []struct {
			who                   access.Caller
			mine, expects, secret string
		}{{alice, "widgets", "quiet-harbour", "loud-beach"}, {bob, "gadgets", "loud-beach", "quiet-harbour"}} {
			for _, project := range []string{"", own.mine} {
				list := b.exchanges(own.who, project)
				if len(list) != 1 || list[0].Project != own.mine ||
					list[0].Nearest[0].Differences[0].Expected != `"`+own.expects+`"` {
					t.Errorf("the owner of %s sees %+v", own.mine, list)
				}
				if text := fmt.Sprint(list); strings.Contains(text, own.secret) {
					t.Errorf("the owner of %s sees %s", own.mine, text)
				}
			}
		}
		if list := b.exchanges(b.operator, ""); len(list) != 3 || len(b.exchanges(b.operator, "gadgets")) != 1 {
			t.Errorf("an administrator sees %+v, want all three", list)
		}
	})
}

// TestExchangesOfPending: the first exchange of a project that does not exist yet is explained to whoever waits for it,
// and to nobody else who waits for the same name.
func TestExchangesOfPending(t *testing.T) {
	onEach(t, func(t *testing.T, b *bench) {
		alice, bob := b.user("alice"), b.user("bob")
		b.addPending(alice, "new-thing", "environment", "quiet-harbour")
		b.addPending(bob, "new-thing", "environment", "loud-beach")
		_, err := b.exchange(b.token(nil))
		refuse(t, err, exchange.CodePublisher, "environment")
		if strings.Contains(err.Error(), "quiet-harbour") || strings.Contains(err.Error(), "new-thing") {
			t.Errorf("the refusal tells a stranger: %v", err)
		}
		for who, want := range map[string]string{"alice": "quiet-harbour", "bob": "loud-beach"} {
			list := b.exchanges(b.again(who), "new_thing")
			if len(list) != 1 || !list[0].Pending || list[0].Nearest[0].Differences[0].Expected != `"`+want+`"` ||
				list[0].Project != "new-thing" {
				t.Errorf("%s sees %+v, want one that expected %s", who, list, want)
			}
		}
		if _, err := b.registry.Exchanges(t.Context(), b.user("eve"), "new-thing", 9); !fault.Is(err, fault.NotFound) {
			t.Errorf("Exchanges by a stranger = %v, want %v", err, fault.NotFound)
		}
		b.clock.Pass(time.Hour)
		b.project("new-thing", bob.ID())
		if list := b.exchanges(b.again("bob"), "new-thing"); len(list) != 1 ||
			strings.Contains(fmt.Sprint(list), "quiet-harbour") {
			t.Errorf("the owner of the project that was made sees %+v", list)
		}
	})
}

// TestNewProjectBeginsEmpty: who makes a project under the name of a deleted one does not see what that one expected.
func TestNewProjectBeginsEmpty(t *testing.T) {
	onEach(t, func(t *testing.T, b *bench) {
		b.owner("alice", "widgets")
		b.add("widgets", "environment", "quiet-harbour")
		b.exchange(b.token(nil))
		b.clock.Pass(time.Hour)
		err := b.store.Update(t.Context(), func(tx publishers.Tx) error {
			name, _ := packaging.ParseProjectName("widgets")
			repo, err := tx.RepositoryByName(t.Context(), "main")
			if err != nil {
				return err
			}
			p, err := tx.ProjectByName(t.Context(), repo.ID, name)
			if err != nil {
				return err
			}
			return tx.DeleteProject(t.Context(), p.ID)
		})
		if err != nil {
			t.Fatal(err)
		}
		bob := b.owner("bob", "widgets")
		for _, project := range []string{"", "widgets"} {
			if list := b.exchanges(bob, project); len(list) != 0 {
				t.Errorf("Exchanges(%s) by the new owner = %+v, want none", project, list)
			}
		}
		if list := b.exchanges(b.operator, "widgets"); len(list) != 1 {
			t.Errorf("an administrator sees %d, want the old one", len(list))
		}
	})
}

// TestExchangesLimit: the newest come first, and never more than were asked for.
func TestExchangesLimit(t *testing.T) {
	b := newBench(t)
	b.project("widgets", "")
	b.add("widgets")
	for i := range 5 {
		b.exchange(b.token(map[string]any{"environment": fmt.Sprintf("e%d", i)}))
		b.clock.Pass(time.Second)
	}
	b.mint(nil)
	for _, limit := range []int{-1, 0, insight.MaxExchanges + 1} {
		if _, err := b.registry.Exchanges(t.Context(), b.operator, "", limit); !fault.Is(err, fault.Invalid) {
			t.Errorf("Exchanges with limit %d = %v, want %v", limit, err, fault.Invalid)
		}
	}
	for _, project := range []string{"", "widgets"} {
		list, err := b.registry.Exchanges(t.Context(), b.operator, project, 3)
		if err != nil || len(list) != 3 || !list[0].Granted || list[0].Publisher == "" ||
			list[1].Claims["environment"] != "e4" || list[2].Claims["environment"] != "e3" {
			t.Errorf("Exchanges(%s) = %+v, %v", project, list, err)
		}
	}
}

// TestExchangesAreForgotten after their time, and nothing else of the record is.
func TestExchangesAreForgotten(t *testing.T) {
	for _, c := range []struct {
		name string
		keep time.Duration
		want time.Duration
	}{
		{"by default", 0, 720 * time.Hour},
		{"as set", 48 * time.Hour, 48 * time.Hour},
		{"never at once", -1, 720 * time.Hour},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newBench(t, func(o *settings) { o.rules.KeepExchanges = c.keep })
			b.project("widgets", "")
			b.add("widgets")
			b.exchange(b.token(map[string]any{"environment": "x"}))
			for _, row := range []struct {
				pass time.Duration
				want int
			}{{c.want, 1}, {time.Microsecond, 0}} {
				b.clock.Pass(row.pass)
				if err := b.registry.Sweep(t.Context()); err != nil {
					t.Fatal(err)
				}
				if n := len(b.exchanges(b.operator, "")); n != row.want {
					t.Errorf("%d exchanges after the sweep, want %d", n, row.want)
				}
			}
			left, err := b.db.Audit(t.Context(), 10)
			if err != nil || len(left) != 2 {
				t.Errorf("%d entries are left (%v), want the project's and the publisher's", len(left), err)
			}
		})
	}
}

// TestRecordIsBounded: many near publishers of many projects leave a bounded record, and no token is in it.
func TestRecordIsBounded(t *testing.T) {
	b := newBench(t)
	for i := range 25 {
		name := fmt.Sprintf("project-%d", i)
		b.project(name, "")
		for j := range 7 {
			b.add(name, "environment", fmt.Sprintf("%s-%d-%s", name, j, strings.Repeat("é", 90)))
		}
	}
	raw := b.token(map[string]any{"environment": strings.Repeat("x", 4000), "other": strings.Repeat("y", 4000)})
	_, err := b.exchange(raw)
	refuse(t, err, exchange.CodePublisher, "environment")
	entries := b.store.of("publisher.exchange")
	if len(entries) != 20 {
		t.Errorf("one refusal left %d entries, want 20", len(entries))
	}
	signature := raw.Reveal()[strings.LastIndex(raw.Reveal(), ".")+1:]
	for _, e := range entries {
		text := asJSON(e)
		if n := len(e.Detail["nearest"].([]any)); n != 5 || len(text) > 20_000 {
			t.Errorf("the entry has %d nearest publishers and %d bytes", n, len(text))
		}
		if strings.Contains(text, signature) || strings.Contains(text, raw.Reveal()) {
			t.Error("the entry holds the token")
		}
	}
}

// TestOldEntries: what another program wrote, or half of it, is listed without harm.
func TestOldEntries(t *testing.T) {
	b := newBench(t)
	for i, d := range []map[string]any{
		nil,
		{"code": 7, "nearest": "none", "claims": []any{1}},
		{"nearest": []any{1, nil, map[string]any{"differences": []any{"x", map[string]any{}}}}},
		{
			"code": exchange.CodePublisher, "claims": map[string]any{"repository": "acme/widgets"}, "provider": "carrier-pigeon",
		},
		{"code": exchange.CodePublisher},
	} {
		err := b.store.Update(t.Context(), func(tx publishers.Tx) error {
			return tx.InsertAudit(t.Context(),
				audit.Entry{ID: fmt.Sprint(i), At: b.clock.Now(), Action: "publisher.exchange", Outcome: audit.Refused, Detail: d})
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, x := range b.exchanges(b.operator, "") {
		if x.Granted || x.Suggested != nil {
			t.Errorf("an entry without content is listed as %+v", x)
		}
	}
}

// TestExchangesOfARepository: who owns a repository sees what came near its projects, and not what others wait for.
func TestExchangesOfARepository(t *testing.T) {
	b := newBench(t)
	carol := b.user("carol")
	err := b.store.Update(t.Context(), func(tx publishers.Tx) error {
		repo, err := tx.RepositoryByName(t.Context(), "main")
		if err != nil {
			return err
		}
		return tx.PutGrant(t.Context(),
			access.Grant{UserID: carol.ID(), RepositoryID: repo.ID, Role: access.Owner, CreatedAt: b.clock.Now()})
	})
	if err != nil {
		t.Fatal(err)
	}
	b.project("widgets", "")
	b.add("widgets", "environment", "loud-beach")
	b.addPending(b.user("alice"), "new-thing", "environment", "quiet-harbour")
	b.exchange(b.token(nil))
	if list := b.exchanges(b.again("carol"), ""); len(list) != 1 || list[0].Project != "widgets" ||
		strings.Contains(fmt.Sprint(list), "quiet-harbour") {
		t.Errorf("the repository's owner sees %+v, want what came near widgets", list)
	}
}
