package workload

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Mark is a way in which a run differs from all earlier runs of its publisher.
type Mark struct {
	Claim string `json:"claim"`
	Text  string `json:"text"` // "first time from a tag", "new pipeline definition: 0189…"
}

// trait is something that the runs of a publisher usually have in common. A run with another value gets a mark. The
// texts begin with "first time " or "new ", so that Mark can say what they were compared with.
type trait struct {
	claim string
	says  string // the mark; %s is the value
	plain string // the mark if the reader may not see the value
	none  string // the mark of a run without the claim; "" if its absence means nothing
	hand  string // the value that says that a person started the run
	event bool   // the value names the event that started the run
	// read returns the value, with words of its own. It is nil if the claim's text is the value.
	read func(c Claims) string
}

// The traits of several kinds.
var (
	protectedTrait = trait{
		claim: "ref_protected", says: "%s", plain: "first time with another protection of the ref",
		read: func(c Claims) string {
			switch fmt.Sprint(c["ref_protected"]) {
			case "true":
				return "first time from a protected ref"
			case "false":
				return "first time from an unprotected ref"
			}
			return ""
		},
	}
	runnerTrait = trait{
		claim: "runner_environment", says: "first time on %s runners", plain: "first time on another kind of runner",
	}
	environmentTrait = trait{
		claim: "environment", says: "first time in environment %s", plain: "first time in another environment",
		none: "first time without an environment",
	}
)

func refTrait(claim string) trait {
	return trait{
		claim: claim, says: "first time from %s", plain: "first time from another ref", none: "first time without a ref",
		read: func(c Claims) string { return refKind(text(c, claim)) },
	}
}

// refKind describes a ref, such that two tags have the same words: each release has a tag of its own.
func refKind(ref string) string {
	for _, sort := range []struct{ prefix, word string }{
		{"refs/tags/", "a tag"}, {"refs/pull/", "a pull request"}, {"refs/merge-requests/", "a merge request"},
	} {
		if strings.HasPrefix(ref, sort.prefix) {
			return sort.word
		}
	}
	if branch, ok := strings.CutPrefix(ref, "refs/heads/"); ok {
		return "branch " + branch
	}
	return ref
}

func eventTrait(claim, hand string) trait {
	return trait{
		claim: claim, says: "first time started by %s", plain: "first time started by another event", hand: hand, event: true,
	}
}

// fileTrait compares a workflow file without the run's own ref or commit, which differ from run to run. Another version
// of a file in another repository is new.
func fileTrait(claim, what string, own ...string) trait {
	return trait{
		claim: claim, says: "new " + what + ": %s", plain: "new " + what,
		read: func(c Claims) string { return withoutRevision(text(c, claim), c, own...) },
	}
}

func newTrait(claim, what string) trait {
	return trait{claim: claim, says: "new " + what + ": %s", plain: "new " + what}
}

// traits lists the traits of each kind by its name, the most important first. traitsOf adds the claims of the kind's
// fields that are not listed.
var traits = map[string][]trait{
	"github": {
		refTrait("ref"), eventTrait("event_name", "workflow_dispatch"), environmentTrait,
		fileTrait("job_workflow_ref", "workflow file", "ref", "sha"),
		fileTrait("workflow_ref", "calling workflow", "ref", "sha"), runnerTrait, protectedTrait,
		newTrait("repository", "name of the repository"), newTrait("repository_visibility", "visibility of the repository"),
		{claim: "actor", says: "first time started by the user %s", plain: "first time started by another user"},
	},
	"gitlab": {
		refTrait("ref_path"), eventTrait("pipeline_source", "web"), environmentTrait,
		fileTrait("ci_config_ref_uri", "pipeline file", "ref_path", "sha"), newTrait("job_source", "job source"), runnerTrait,
		protectedTrait, newTrait("project_path", "path of the project"), newTrait("job_project_id", "project of the job"),
		{claim: "user_login", says: "first time started by the user %s", plain: "first time started by another user"},
	},
	"circleci": {
		newTrait(circleciClaim+"pipeline-definition-id", "pipeline definition"), refTrait(circleciClaim + "vcs-ref"),
		newTrait(circleciClaim+"vcs-origin", "repository"),
		{
			claim: circleciClaim + "context-ids", says: "first time in context %s", plain: "first time in another context",
			none: "first time without a context",
		},
	},
	"buildkite": {
		{
			claim: "build_branch", says: "first time from %s", plain: "first time from another branch",
			read: func(c Claims) string {
				if text(c, "build_tag") != "" {
					return "a tag"
				} else if branch := text(c, "build_branch"); branch != "" {
					return "branch " + branch
				}
				return ""
			},
		},
		eventTrait("build_source", "ui"), newTrait("pipeline_id", "pipeline ID"), newTrait("pipeline_slug", "pipeline"),
		{claim: "step_key", says: "new step: %s", plain: "new step", none: "first time in a step without a key"},
		runnerTrait, newTrait("cluster_id", "cluster"), newTrait("queue_key", "queue"),
	},
	"semaphore": {
		refTrait("ref"), newTrait("job_type", "type of job"), newTrait("repo_slug", "repository"),
		newTrait("prj", "name of the project"),
	},
	"forgejo": {
		refTrait("ref"), eventTrait("event_name", "workflow_dispatch"),
		fileTrait("workflow_ref", "workflow file", "ref", "sha"), protectedTrait,
		newTrait("repository", "name of the repository"), newTrait("repository_id", "repository ID"),
		newTrait("repository_owner_id", "owner ID"),
		{claim: "actor", says: "first time started by the user %s", plain: "first time started by another user"},
	},
	"azure-devops": {
		newTrait("def_id", "pipeline definition"), refTrait("rpo_ref"), newTrait("rpo_uri", "repository"),
		newTrait("sub", "pipeline"), newTrait("prj_id", "project ID"),
	},
	"bitbucket": {
		{
			claim: "branchName", says: "first time from branch %s", plain: "first time from another branch",
			none: "first time without a branch",
		},
		{
			claim: "deploymentEnvironmentUuid", says: "first time in environment %s",
			plain: "first time in another environment", none: "first time without an environment",
		},
		newTrait("workspaceUuid", "workspace"),
	},
	"kubernetes": {{
		claim: "kubernetes.io", says: "new service account ID: %s", plain: "new service account ID",
		read: func(c Claims) string {
			var about struct {
				ServiceAccount struct {
					UID string `json:"uid"`
				} `json:"serviceaccount"`
			}
			raw, err := json.Marshal(opened(c["kubernetes.io"]))
			if err != nil || json.Unmarshal(raw, &about) != nil {
				return ""
			}
			return about.ServiceAccount.UID
		},
	}},
	"google": {newTrait("sub", "account ID")},
}

// traitsOf returns the traits of a kind. Those of kind generic are the traits of all platforms, because its rules also
// trust jobs of platforms that have a kind of their own.
func (k *Kind) traitsOf() []trait {
	var out []trait
	seen := map[string]bool{}
	add := func(all ...trait) {
		for _, t := range all {
			if t.claim != "" && !seen[t.claim] {
				out, seen[t.claim] = append(out, t), true
			}
		}
	}
	add(traits[k.name]...)
	for _, f := range k.Fields {
		label := strings.ToLower(f.Label[:min(1, len(f.Label))]) + f.Label[min(1, len(f.Label)):]
		add(newTrait(f.Claim, label))
	}
	if k.open != nil {
		seen["sub"] = true // on most platforms it contains the ref
		for _, name := range slices.Sorted(maps.Keys(traits)) {
			add(traits[name]...)
		}
	}
	return out
}

// Event returns the event that started the run, or "" if the claims do not have it.
func (k *Kind) Event(c Claims) string {
	for _, t := range k.traitsOf() {
		if v := text(c, t.claim); t.event && v != "" {
			return escaped(v)
		}
	}
	return ""
}

// values returns the values of a trait: one, or one for each element of a list. It returns none if the claims do not
// have it.
func (t trait) values(c Claims) []string {
	if t.read != nil {
		if v := t.read(c); v != "" {
			return []string{v}
		}
		return nil
	}
	switch v := opened(c[t.claim]).(type) {
	case nil:
		return nil
	case []any:
		var out []string
		for _, one := range v {
			out = append(out, shown(one))
		}
		return out
	default:
		if s := shown(v); s != "" {
			return []string{s}
		}
		return nil
	}
}

// opened decodes a list or an object that was stored as text, because stored claims have no structure.
func opened(v any) any {
	s, ok := v.(string)
	if !ok || !strings.HasPrefix(s, "[") && !strings.HasPrefix(s, "{") {
		return v
	}
	var out any
	if err := json.Unmarshal([]byte(s), &out); err != nil {
		return v
	}
	return out
}

// Restored returns stored claims as they were in the token, with lists and objects instead of their text, so that they
// can be compared with a rule again.
func Restored(c Claims) Claims {
	out := Claims{}
	for name, v := range c {
		out[name] = opened(v)
	}
	return out
}

// Novelty finds what is new in the runs of a publisher. Runs are added oldest first.
type Novelty struct {
	traits []trait
	seen   []map[string]bool // for each trait, the values so far; "" is a run without one
	runs   int
}

// Novelty returns an empty history of runs.
func (k *Kind) Novelty() *Novelty {
	n := &Novelty{traits: k.traitsOf()}
	for range n.traits {
		n.seen = append(n.seen, map[string]bool{})
	}
	return n
}

// Runs returns the number of added runs.
func (n *Novelty) Runs() int { return n.runs }

// Add adds the claims of a run.
func (n *Novelty) Add(c Claims) {
	n.runs++
	for i, t := range n.traits {
		all := t.values(c)
		if len(all) == 0 {
			n.seen[i][""] = true
		}
		for _, v := range all {
			n.seen[i][v] = true
		}
	}
}

// Unlike returns a mark for each way in which a run differs from all added runs, the most important first, and none if
// no run was added. visible reports whether the reader may see a claim; marks about other claims do not contain the
// value. whole reports whether all earlier runs were added. If not, the marks refer to the recorded history only.
func (n *Novelty) Unlike(c Claims, visible func(claim string) bool, whole bool) []Mark {
	if n.runs == 0 {
		return nil
	}
	var out []Mark
	for i, t := range n.traits {
		if text := t.unlike(t.values(c), n.seen[i], visible(t.claim)); text != "" {
			out = append(out, Mark{t.claim, recorded(text, whole)})
		}
	}
	return out
}

func (t trait) unlike(now []string, seen map[string]bool, visible bool) string {
	if len(now) == 0 {
		if t.none == "" || seen[""] {
			return ""
		}
		return t.none
	}
	// A claim that no earlier run had is new in the platform's tokens, not in the workload.
	if t.none == "" && len(seen) == 1 && seen[""] {
		return ""
	}
	for _, v := range now {
		switch {
		case seen[v]:
			continue
		case !visible:
			return t.plain
		case t.hand != "" && v == t.hand:
			return "first time started by hand (" + v + ")"
		}
		return fmt.Sprintf(t.says, brief(v))
	}
	return ""
}

// brief shortens a value for a mark, and escapes characters that are not printable.
func brief(v string) string {
	const most = 100
	if r := []rune(v); len(r) > most {
		v = string(r[:most]) + "…"
	}
	return escaped(v)
}

// recorded restricts a mark to the recorded history, unless that is whole.
func recorded(text string, whole bool) string {
	if whole {
		return text
	}
	if rest, ok := strings.CutPrefix(text, "first time "); ok {
		return "first time in the recorded history " + rest
	}
	what, value, ok := strings.Cut(text, ": ")
	if what += " in the recorded history"; ok {
		what += ": " + value
	}
	return what
}

// NewNetwork returns the mark of a run from a network from which no earlier run came.
func NewNetwork(network string, whole bool) Mark {
	return Mark{"", recorded("first time from network "+network, whole)}
}

// Restricts reports whether a field of the kind restricts a claim.
func (k *Kind) Restricts(claim string) bool {
	for _, form := range k.Forms() {
		for _, f := range form.Fields {
			if f.Claim == claim {
				return claim != ""
			}
		}
	}
	return false
}
