package policy

import (
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pyindex/internal/clienttest"
)

// People who ask for a project get its latest release that is served. People who ask for a release that is not served,
// or whose lock names it, get nothing, and read the reason with the address that explains it. An exemption helps at
// once.
func TestPeople(t *testing.T) {
	w := newWorld(t)
	w.decide()
	for _, tool := range tools(t) {
		t.Run(tool.name, func(t *testing.T) {
			t.Parallel()
			p := w.person(t, tool)
			p.documented()
			p.lock(p, cooling).OK(t)
			p.cool()
			p.reads("an old lock", p.sync(p), cooling, "held: cooldown until ")
			p.upgrades()
			p.gets("no pins", p.install(p, projects...), map[string]string{
				cooling: "1.0", denied: "1.0", hostile: "1.0", starting: "1.0", affected: "2.0",
			})
			p.reads("a pin", p.install(p, cooling+"==2.0"), cooling, "held: cooldown until ")
			p.index("exempt", "add", p.tree.name, cooling+"==2.0", "--reason", "we need it today")
			p.gets("an exemption", p.install(p, cooling+"==2.0"), map[string]string{cooling: "2.0"})
			p.reads("a denied pin", p.install(p, denied+"==2.0"), denied, "denied: denylist, "+reason)
			if quick := strings.HasPrefix(tool.name, "uv"); quick || clienttest.All() {
				p.reads("a hostile pin", p.install(p, hostile+"==2.0"), hostile, "denied: advisory "+advisory)
				p.reads("a start-up file", p.install(p, starting+"==2.0"), starting, "held: startup, starting.pth would run")
			}
		})
	}
}

// gets fails the test unless exactly these versions were installed, and removes them.
func (p *person) gets(when string, r clienttest.Result, want map[string]string) {
	p.t.Helper()
	if got := p.has(); r.Code != 0 || !maps.Equal(got, want) {
		p.t.Errorf("%s: exit status %d and %v, want %v\n%s%s", when, r.Code, got, want, r.Stdout, r.Stderr)
	}
	p.clear()
}

// reads fails the test unless nothing was installed, and the client printed what the index says about release 2.0 of a
// project: the reason and the address of the page about it.
func (p *person) reads(when string, r clienttest.Result, project, reason string) {
	p.t.Helper()
	said, _ := strings.CutPrefix(p.text(project, "2.0"), "403 ")
	if !strings.HasPrefix(said, reason) || !strings.HasSuffix(said, " "+p.page(project)) {
		p.t.Errorf("%s: the index says %q, want %q and %s", when, said, reason, p.page(project))
	}
	if got := p.has(); r.Code == 0 || len(got) > 0 {
		p.t.Errorf("%s: exit status %d and %v, want a failure\n%s%s", when, r.Code, got, r.Stdout, r.Stderr)
	}
	r.Says(p.t, strings.Replace(p.words, "REASON", said, 1))
	p.t.Logf("%s, %s:\n%s%s", p.tool.name, when, r.Stdout, r.Stderr)
	p.clear()
}

// documented fails the test unless the manual and docs/policy.md have the words of the tool, and how its lock goes
// back.
func (p *person) documented() {
	p.t.Helper()
	words := strings.Replace(p.words, "REASON", "held: cooldown until 2026-12-03 05:06 UTC ADDRESS", 1)
	for _, file := range []string{"web/help/66a-policy.md", "docs/policy.md"} {
		text, err := os.ReadFile(filepath.Join("..", "..", "..", filepath.FromSlash(file)))
		if err != nil {
			p.t.Fatal(err)
		}
		for _, want := range []string{words, strings.TrimSuffix(strings.Join(p.upgrade, " "), cooling)} {
			if !strings.Contains(string(text), want) {
				p.t.Errorf("%s does not have %q", file, want)
			}
		}
	}
}

// upgrades lets a lock go back to the release that is served.
func (p *person) upgrades() {
	p.t.Helper()
	if p.upgrade == nil {
		return
	}
	p.run(p.upgrade...).OK(p.t)
	p.gets("an upgraded lock", p.sync(p), map[string]string{cooling: "1.0"})
}

// A project that is denied as a whole, and a release that a repository hides, look as if they were not there. Clients
// have no words for the reason then.
func TestNothingToSee(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.index("deny", "add", denied, "--reason", reason)
	w.index("deny", "add", hostile+"==2.0", "--reason", reason)
	all := tools(t)
	if !clienttest.All() {
		all = all[len(all)-5 : len(all)-3] // the newest pip, and uv without a project
	}
	for _, tool := range all {
		p := w.person(t, tool)
		p.index("repository", "set", p.tree.name, "--show-held", "hidden")
		for _, requirement := range []string{denied, denied + "==1.0", hostile + "==2.0"} {
			if r := p.install(p, requirement); r.Code == 0 || len(p.has()) > 0 {
				t.Errorf("%s installs %s: %v\n%s%s", tool.name, requirement, p.has(), r.Stdout, r.Stderr)
			}
		}
		p.gets("without a pin", p.install(p, hostile), map[string]string{hostile: "1.0"})
		r := p.get("/r/" + p.tree.name + "/simple/" + denied + "/")
		if r.status != "200 OK" || !strings.Contains(r.body, `"status":"quarantined"`) || !strings.Contains(r.body, reason) {
			t.Errorf("the page of a denied project = %s %s", r.status, r.body)
		}
	}
}
