package workload_test

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pyindex/internal/fault"
	"pyindex/internal/workload"
)

// table is a file of testdata/tables: the tokens of one kind of issuer, and what rules say to them.
type table struct {
	Issuer string                     `json:"issuer"`
	Tokens map[string]workload.Claims `json:"tokens"` // one for each event, with invented values
	Cases  []tableCase                `json:"cases"`
}

type tableCase struct {
	Name    string            `json:"name"`
	Fields  map[string]string `json:"fields"`  // as typed
	Pinned  string            `json:"pinned"`  // the id that the rule is pinned to, if the fields have none
	Token   string            `json:"token"`   // its name in tokens
	With    workload.Claims   `json:"with"`    // claims that replace the token's
	Without []string          `json:"without"` // claims that the token lacks
	Want    string            `json:"want"`    // the reason of the refusal; "" if the rule admits the token
}

func readTable(t *testing.T, kind string) table {
	t.Helper()
	f, err := os.Open(filepath.Join("testdata", "tables", kind+".json"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	d := json.NewDecoder(f)
	d.UseNumber()
	d.DisallowUnknownFields()
	var out table
	if err := d.Decode(&out); err != nil {
		t.Fatalf("%s: %v", f.Name(), err)
	}
	return out
}

func (tab table) claims(t *testing.T, c tableCase) workload.Claims {
	t.Helper()
	out := maps.Clone(tab.Tokens[c.Token])
	if out == nil {
		t.Fatalf("%s: there is no token %q", c.Name, c.Token)
	}
	if _, ok := out["iss"]; !ok {
		out["iss"] = tab.Issuer
	}
	maps.Copy(out, c.With)
	for _, name := range c.Without {
		delete(out, name)
	}
	return out
}

// judge returns the reason why a kind refuses the token of a case, or "".
func (tab table) judge(k *workload.Kind, c tableCase, claims workload.Claims) string {
	rule, err := k.Compile(c.Fields)
	if err != nil {
		return fault.Message(err)
	}
	if _, err := k.Lookup(claims); err != nil {
		return fault.Message(err)
	}
	if err := k.Admits(rule.Pinned(c.Pinned), claims); err != nil {
		return err.Error()
	}
	return ""
}

// TestTables checks each token of the tables against the rule of its case, with the reason of each refusal. A kind has
// more refusals than acceptances, and a token for each event is used.
func TestTables(t *testing.T) {
	for _, k := range workload.All {
		t.Run(k.Name(), func(t *testing.T) {
			tab := readTable(t, k.Name())
			refused, used := 0, map[string]bool{}
			for _, c := range tab.Cases {
				if c.Want != "" {
					refused++
				}
				used[c.Token] = true
				claims := tab.claims(t, c)
				if got := tab.judge(k, c, claims); got != c.Want {
					t.Errorf("%s: got %q, want %q", c.Name, got, c.Want)
				}
				if k.IsShared() && len(c.Without) == 0 && c.Want == "" && !k.Recognizes(tab.Issuer, claims) {
					t.Errorf("%s: the token is not recognized", c.Name)
				}
			}
			if refused <= len(tab.Cases)-refused {
				t.Errorf("%d of %d cases are refusals, want more than half", refused, len(tab.Cases))
			}
			for name := range tab.Tokens {
				if !used[name] {
					t.Errorf("no case uses the token %q", name)
				}
			}
		})
	}
}

// TestTokensAreOfOneKind checks that each platform recognizes its own tokens and no other platform does.
func TestTokensAreOfOneKind(t *testing.T) {
	for _, of := range workload.All {
		if !of.IsShared() {
			continue
		}
		tab := readTable(t, of.Name())
		for name, claims := range tab.Tokens {
			if kinds := workload.Generic.For(tab.Issuer, claims); kinds[0] != of {
				t.Errorf("%s: the token %q is taken for one of %s", of.Name(), name, kinds[0].Name())
			}
		}
	}
}

// TestOtherTokensAreOfNoPlatform checks that tokens with claims like a platform's are not taken for the platform's.
func TestOtherTokensAreOfNoPlatform(t *testing.T) {
	for name, c := range map[string]workload.Claims{
		"GitHub's claims": {
			"repository": "acme/widgets", "repository_owner": "acme", "ref": "refs/tags/v1", "event_name": "push",
			"workflow_ref": "acme/widgets/.github/workflows/release.yml@refs/tags/v1",
		},
		"Azure DevOps' claims": {"sub": "p://acme/widgets/release", "prj_id": "1", "org_id": "2", "def_id": "3", "rpo_id": "4"},
		"one slug":             {"organization_slug": "acme"},
		"slugs as lists":       {"organization_slug": []any{"acme"}, "pipeline_slug": []any{"widgets"}},
	} {
		for _, k := range []*workload.Kind{workload.CircleCI, workload.Buildkite, workload.Semaphore, workload.Forgejo} {
			if k.Recognizes("https://ci.acme.example", c) {
				t.Errorf("%s are taken for those of %s", name, k.Name())
			}
		}
	}
}

// TestEveryComparisonCounts removes each comparison of each kind in turn. A case of the table must notice it.
func TestEveryComparisonCounts(t *testing.T) {
	for _, k := range workload.All {
		t.Run(k.Name(), func(t *testing.T) {
			tab := readTable(t, k.Name())
			for n, name := range k.Comparisons() {
				without, noticed := k.Without(n), false
				for _, c := range tab.Cases {
					if tab.judge(without, c, tab.claims(t, c)) != c.Want {
						noticed = true
						break
					}
				}
				if !noticed {
					t.Errorf("%s: no case notices that %s is missing", k.Name(), strings.TrimSpace(name))
				}
			}
		})
	}
}
