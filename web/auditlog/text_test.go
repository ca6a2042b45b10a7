package auditlog

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"pyindex/internal/audit"
)

// Every action that the packages of the middle record has words: a call of entry with a literal, and what an Entry is
// made with.
func TestEveryActionHasWords(t *testing.T) {
	action := regexp.MustCompile(
		`\A(user|account|token|session|repository|grant|project|file|release|publisher|reader|group|issuer|upstream|origin|reservation|exemption|denial|digest|feed|service|lockout)\.[a-z]+(-[a-z]+)*\z`,
	)
	ends := map[string]bool{".txt": true, ".yml": true, ".yaml": true, ".py": true, ".json": true, ".toml": true}
	seen := 0
	err := filepath.WalkDir("../../internal", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") ||
			strings.Contains(path, "test/") {
			return err
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
		if err != nil {
			return err
		}
		ast.Inspect(file, func(n ast.Node) bool {
			l, ok := n.(*ast.BasicLit)
			if !ok || l.Kind != token.STRING {
				return true
			}
			text, _ := strconv.Unquote(l.Value)
			if !action.MatchString(text) || ends[filepath.Ext(text)] {
				return true
			}
			seen++
			if _, ok := deeds[text]; !ok {
				t.Errorf("%s records %s, which the history has no words for", path, text)
			}
			return true
		})
		return nil
	})
	if err != nil || seen < 40 {
		t.Errorf("%d actions were found, %v", seen, err)
	}
}

func TestSentence(t *testing.T) {
	ann := audit.Actor{Kind: "user", Name: "ann"}
	for want, e := range map[string]audit.Entry{
		"The upstream public was not allowed to send other content than it stated for demo-1.0.whl.": {
			Action: "upstream.mismatch", Outcome: audit.Refused, Actor: audit.Actor{Name: "upstream public"},
			Filename: "demo-1.0.whl",
		},
		"The upstream public sent demo-1.0.whl with a new start-up file.": {
			Action: "upstream.startup", Outcome: audit.Refused, Actor: audit.Actor{Name: "upstream public"},
			Filename: "demo-1.0.whl",
		},
		"ann uploaded demo-1.0.whl.": {
			Action:   "file.add",
			Actor:    ann,
			Project:  "demo",
			Version:  "1.0",
			Filename: "demo-1.0.whl",
		},
		"ann was not allowed to upload demo-1.0.whl: too large.": {
			Action: "file.add", Outcome: audit.Refused, Actor: ann, Filename: "demo-1.0.whl",
			Detail: map[string]any{"reason": "too large"},
		},
		"ann denied content sha256:ab in all repositories: stolen.": {
			Action: "denial.add", Actor: ann, Subject: "content sha256:ab",
			Detail: map[string]any{"reason": "stolen", "id": "1"},
		},
		"ann exempted demo 1.0 from holds: needed.": {
			Action: "exemption.add", Actor: ann, Subject: "1", Project: "demo", Version: "1.0",
			Detail: map[string]any{"reason": "needed"},
		},
		"ann was not allowed to lift the denial of demo-1.0.whl.": {
			Action: "denial.lift", Outcome: audit.Refused, Actor: ann, Subject: "1", Filename: "demo-1.0.whl",
		},
		"ann yanked demo 1.0: broken.": {
			Action:  "release.yank",
			Actor:   ann,
			Project: "demo",
			Version: "1.0",
			Detail:  map[string]any{"reason": "broken"},
		},
		"The operator left demo.": {
			Action: "grant.leave", Actor: audit.Actor{Kind: "operator"}, Project: "demo",
		},
		"An unknown caller was not allowed to sign in.": {Action: "session.begin", Outcome: audit.Refused},
		"Someone tried to sign in as ann with a wrong password (5 times within a minute).": {
			Action: "session.refuse", Outcome: audit.Refused, Subject: "ann", More: 4,
			Detail: map[string]any{"wrong": "password"},
		},
		"Someone tried to sign in as ann and bob with a wrong password.": {
			Action: "session.refuse", Outcome: audit.Refused, Subject: "ann bob", Detail: map[string]any{"wrong": "password"},
		},
		"Someone tried to sign in as an unknown user name with a wrong password.": {
			Action: "session.refuse", Outcome: audit.Refused, Detail: map[string]any{"wrong": "password"},
		},
		"Someone tried to sign in as ann with a wrong code.": {
			Action: "session.refuse", Outcome: audit.Refused, Subject: "ann", Detail: map[string]any{"wrong": "second factor"},
		},
		"Someone was not allowed to sign in with passkey.": {
			Action: "session.refuse", Outcome: audit.Refused, Detail: map[string]any{"wrong": "passkey"},
		},
		"An identity named zoe was not allowed to sign in with single sign-on: no group.": {
			Action: "session.refuse", Outcome: audit.Refused, Subject: "zoe",
			Detail: map[string]any{"wrong": "single sign-on", "reason": "no group"},
		},
		"ann did thing.done to %s.":       {Action: "thing.done", Actor: ann, Subject: "%s"},
		"ann did thing.%d to this index.": {Action: "thing.%d", Actor: ann},
		"ann archived demo.": {
			Action: "project.status", Actor: ann, Project: "demo", Detail: map[string]any{"status": "archived"},
		},
		"ann changed the status of demo.": {
			Action: "project.status", Actor: ann, Project: "demo", Detail: map[string]any{"status": 7},
		},
		"ann changed the repository team.": {
			Action: "repository.change", Actor: ann, Subject: "team", Detail: map[string]any{"public": true},
		},
		"ann changed the repository team: it holds files of upstreams until they are as old as 3d and only observes its rules.": {
			Action: "repository.change", Actor: ann, Subject: "team",
			Detail: map[string]any{"public": true, "cooldown": "3d", "observe": true},
		},
		"ann changed the repository team: it serves new files of upstreams at once.": {
			Action: "repository.change", Actor: ann, Subject: "team", Detail: map[string]any{"cooldown": "0s"},
		},
		"ann was not allowed to change the repository team.": {
			Action: "repository.change", Actor: ann, Subject: "team", Outcome: audit.Refused,
			Detail: map[string]any{"cooldown": "0s"},
		},
		"ann allowed only trusted publishers to upload to demo.": {
			Action: "project.trusted-only", Actor: ann, Project: "demo", Detail: map[string]any{"on": true},
		},
		"ann allowed people and API tokens to upload to demo again.": {
			Action: "project.trusted-only", Actor: ann, Project: "demo", Detail: map[string]any{"on": false},
		},
		"ann gave bob the role owner in demo.": {
			Action: "grant.add", Actor: ann, Project: "demo", Detail: map[string]any{"user": "bob", "role": "owner"},
		},
		"W got an upload token for demo.": {
			Action: "publisher.exchange", Actor: audit.Actor{Kind: "publisher", Name: "W"}, Project: "demo",
		},
		"ann removed a publisher from the names acme-*: workflow a.yml in acme/x.": {
			Action: "publisher.remove", Actor: ann, Subject: "1",
			Detail: map[string]any{"publisher": "workflow a.yml in acme/x", "names": "acme-*"},
		},
		"ann added a publisher to demo: workflow a.yml in acme/x.": {
			Action: "publisher.add", Actor: ann, Project: "demo",
			Detail: map[string]any{"publisher": "workflow a.yml in acme/x"},
		},
	} {
		if got := sentence(e); got != want {
			t.Errorf("sentence(%s) = %q, want %q", e.Action, got, want)
		}
	}
}

func TestDetailLines(t *testing.T) {
	many := map[string]any{}
	for n := range 200 {
		many["k"+strconv.Itoa(n)] = strings.Repeat("x", 1000)
	}
	got := detailLines(audit.Entry{Action: "a.b", At: time.Unix(0, 0), Detail: map[string]any{
		"text": "two\nlines", "list": []any{"a", []any{"b"}, map[string]any{"c": nil}}, "none": nil, "number": 1.5,
		"inner": map[string]any{"deep": map[string]any{"x": true}},
	}})
	for _, want := range []string{
		"text: two lines", `list: a, b, {"c":null}`, "number: 1.5", "inner.deep.x: true",
		"time: 1970-01-01 00:00:00.000000 UTC",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("detailLines lacks %q:\n%s", want, got)
		}
	}
	who := audit.Actor{Kind: "user", ID: "u1", Name: "ann", TokenID: "t1"}
	got2 := detailLines(audit.Entry{
		Action: "file.add", At: time.Unix(0, 0), Actor: who, Subject: "t1", Detail: map[string]any{"uploader": map[string]any{
			"kind": "user", "id": "u1", "name": "ann", "token_id": "t1", "claims": map[string]any{"actor": "ann", "ref": "main"},
		}},
	})
	if want := "action: file.add\ntime: 1970-01-01 00:00:00.000000 UTC\ntoken: t1\nclaims.actor: ann\nclaims.ref: main"; got2 != want {
		t.Errorf("detailLines of an upload:\n%s\nwant\n%s", got2, want)
	}
	if strings.Contains(got, "none") {
		t.Errorf("detailLines tells of nothing:\n%s", got)
	}
	if got := detailLines(audit.Entry{Detail: many}); len(got) > 40_000 || !strings.HasSuffix(got, "and 120 more") {
		t.Errorf("detailLines of 200 long details has %d bytes and ends in %q", len(got), got[max(0, len(got)-40):])
	}
}
