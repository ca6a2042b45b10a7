//go:build !windows

package main

import (
	"bytes"
	"encoding/json"
	"io"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
)

// withoutJSON are the commands that have no --json, with the reason. All others print JSON with it.
var withoutJSON = map[string]string{
	"serve":                 "it prints a log, in JSON with --log-format json",
	"help":                  "it prints text for people",
	"completion":            "it prints a script",
	"man":                   "it prints troff",
	"user enable":           "it prints nothing",
	"user unlink":           "it prints nothing",
	"user remove-factors":   "it prints nothing",
	"user uninvite":         "it prints nothing",
	"reader remove":         "it prints nothing",
	"project yank":          "it prints nothing",
	"project unyank":        "it prints nothing",
	"project delete":        "it prints nothing to standard output",
	"project status":        "it prints nothing",
	"project startup-files": "it prints nothing to standard output",
	"project trusted-only":  "it prints nothing to standard output",
	"group remove":          "it prints nothing",
	"group member add":      "it prints nothing",
	"group member remove":   "it prints nothing",
	"quarantine add":        "it prints nothing",
}

// leaves returns the commands that can be run, by their words.
func leaves(t *testing.T) map[string]*kong.Node {
	t.Helper()
	parser, err := newParser(new(commands), io.Discard, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]*kong.Node{}
	var walk func(*kong.Node)
	walk = func(n *kong.Node) {
		if len(n.Children) == 0 {
			all[n.Path()] = n
		}
		for _, c := range n.Children {
			walk(c)
		}
	}
	walk(parser.Model.Node)
	return all
}

// Every command has --json, or a reason why it has none.
func TestEveryCommandHasJSON(t *testing.T) {
	all := leaves(t)
	for path, n := range all {
		has := slices.ContainsFunc(n.Flags, func(f *kong.Flag) bool { return f.Name == "json" && f.IsBool() })
		if why, excepted := withoutJSON[path]; has == excepted {
			t.Errorf("index %s: --json is %v, and the reason for none is %q", path, has, why)
		}
	}
	for path := range withoutJSON {
		if all[path] == nil {
			t.Errorf("there is no command index %s", path)
		}
	}
}

// testedElsewhere are the commands that json.txtar cannot run, with the test that runs them.
var testedElsewhere = map[string]string{
	"login":                      "cijob.TestLoginFinish, because it needs an issuer",
	"doctor publish":             "json.txtar, but it fails outside of a job",
	"doctor local":               "json.txtar as index doctor",
	"upstream accept":            "TestAccept, because it needs an upstream that replaced a file",
	"upstream accept-return":     "TestAcceptReturn, because it needs an upstream",
	"exempt add":                 "TestHoldsJSON, because it needs an upstream",
	"exempt remove":              "TestHoldsJSON, because it needs an upstream",
	"exempt grant":               "TestHoldsJSON, because it needs an upstream",
	"exempt refuse":              "TestHoldsJSON, because it needs an upstream",
	"deny lift":                  "TestHoldsJSON, because it needs an upstream",
	"feed import":                "feed.txtar, because it needs records",
	"feed status":                "feed.txtar, because it needs records",
	"feed remove":                "feed.txtar, because it needs records",
	"feed fetch":                 "feed.txtar, because it needs records",
	"upstream check":             "upstream.txtar, because it needs an upstream",
	"upstream fetch":             "moving.TestFetch, because it needs an upstream",
	"upstream pack":              "moving.TestPack, because it needs an upstream",
	"upstream unpack":            "moving.TestPack, because it needs an upstream",
	"mail test":                  "TestMailTest, because it needs a mail server",
	"import simple":              "imports.TestAnotherIndex, because it needs another index",
	"import verify simple":       "imports.TestAnotherIndex, because it needs another index",
	"import devpi":               "imports.TestDevpi, because it needs an export of devpi-server",
	"import verify devpi":        "imports.TestDevpi, because it needs an export of devpi-server",
	"import bandersnatch":        "imports.TestBandersnatch, because it needs a mirror",
	"import verify bandersnatch": "imports.TestBandersnatch, because it needs a mirror",
	"import dumb-pypi":           "the tests of transfer/dumbpypi, because it needs a list",
	"import verify dumb-pypi":    "the tests of transfer/dumbpypi, because it needs a list",
	"import nexus":               "the tests of transfer/remote, because it needs a server",
	"import verify nexus":        "the tests of transfer/remote, because it needs a server",
	"import artifactory":         "the tests of transfer/remote, because it needs a server",
	"import verify artifactory":  "the tests of transfer/remote, because it needs a server",
	"user approve":               "TestApproveJSON, because it needs an owner's invitation",
}

// The script json.txtar runs every other command that has --json.
func TestEveryJSONIsRun(t *testing.T) {
	text, err := os.ReadFile("testdata/script/json.txtar")
	if err != nil {
		t.Fatal(err)
	}
	script := string(text)
	for path := range leaves(t) {
		if _, excepted := withoutJSON[path]; excepted {
			continue
		}
		if _, elsewhere := testedElsewhere[path]; elsewhere {
			continue
		}
		words := strings.Fields(path)
		if len(words) == 3 && words[1] == "add" && words[2] != "github" {
			continue // the same command for another kind of issuer
		}
		run := regexp.MustCompile(`(?m)^json (object|array) ` + regexp.QuoteMeta(path) + `( |$)`)
		if !run.MatchString(script) {
			t.Errorf("json.txtar does not run index %s", path)
		}
	}
}

// index user approve --json describes the invitation that it approved.
func TestApproveJSON(t *testing.T) {
	x := newFixture(t, "https://index.example", true)
	x.people(t)
	form := url.Values{"invited_role": {"uploader"}}
	if got := x.visit(t, "POST", "/manage/project/"+demo+"/collaboration/invite/", "owner",
		form.Encode()); got.Code >= 400 {
		t.Fatalf("inviting = %d: %s", got.Code, got.Body)
	}
	open, err := x.app.Accounts.Invitations(t.Context(), x.app.Operator)
	if err != nil || len(open) != 1 || !open[0].Waiting {
		t.Fatalf("Invitations() = %+v, %v", open, err)
	}
	var out, errs bytes.Buffer
	args := []string{"--data-dir", x.app.Config.DataDir, "user", "approve", open[0].ID, "--json"}
	if status := run(t.Context(), args, strings.NewReader(""), &out, &errs); status != statusDone {
		t.Fatalf("run(%q) = %d, %s", args, status, errs.String())
	}
	var got struct{ ID, By, Expires string }
	if err := json.Unmarshal(out.Bytes(), &got); err != nil || got.ID != open[0].ID || got.By == "" || got.Expires == "" {
		t.Errorf("run(%q) prints %s, %v", args, out.String(), err)
	}
}
