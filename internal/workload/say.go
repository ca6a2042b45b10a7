package workload

import (
	"net/url"
	"slices"
	"strings"
)

// Word is a part of a sentence. A literal one is a name that somebody else's system uses, letter by letter.
type Word struct {
	Text    string
	Literal bool
}

// Words are a sentence about a publisher, without a full stop. A name is never more than a name: whoever shows it
// marks it, so that it cannot read as part of the sentence.
type Words []Word

// String returns the sentence as plain text.
func (w Words) String() string {
	var b strings.Builder
	for _, word := range w {
		b.WriteString(word.Text)
	}
	return b.String()
}

func (w *Words) say(text string)     { *w = append(*w, Word{Text: text}) }
func (w *Words) name(literal string) { *w = append(*w, Word{Text: literal, Literal: true}) }

// with says text and then names, with "or" between, where there are any.
func (w *Words) with(text, list string) {
	if list == "" {
		return
	}
	w.say(text)
	for i, name := range strings.FieldsFunc(list, func(r rune) bool { return r == ',' || r == '\n' }) {
		if i > 0 {
			w.say(" or ")
		}
		w.name(name)
	}
}

// Say describes whom a rule of compiled fields trusts, the way people say it: "Workflow release.yml in acme/widgets,
// environment pypi, on github.com, tags v* only".
func Say(provider, issuer string, fields map[string]string) Words {
	var w Words
	switch provider {
	case "github":
		sayGitHub(&w, issuer, fields)
	case "gitlab":
		w.say("Pipeline ")
		w.name(fields[fieldFilepath])
		w.say(" in ")
		w.name(fields[fieldNamespace] + "/" + fields[fieldProject])
		sayForge(&w, issuer, fields, "project")
	case "google":
		w.say("Google service account ")
		w.name(fields[fieldEmail])
	case "activestate":
		w.say("ActiveState project ")
		w.name(fields[fieldOrganization] + "/" + fields[fieldProject])
		w.say(", started by user ")
		w.name(fields[fieldActorID])
	default:
		sayClaims(&w, issuer, fields)
	}
	return w
}

func sayGitHub(w *Words, issuer string, fields map[string]string) {
	if fields[FieldWorkflowRepository] == "" {
		w.say("Workflow ")
		w.name(fields[fieldWorkflow])
	} else {
		w.say("Reusable workflow ")
		w.name(fields[fieldWorkflow])
		w.say(" of ")
		w.name(fields[FieldWorkflowRepository])
		w.say(" at ")
		w.name(fields[FieldWorkflowAt])
		w.say(", run")
	}
	w.with(", called by ", fields[fieldCaller])
	w.say(" in ")
	w.name(fields[FieldOwner] + "/" + fields[fieldRepository])
	sayForge(w, issuer, fields, "repository")
}

// sayForge says what the rules of forges have in common.
func sayForge(w *Words, issuer string, fields map[string]string, repository string) {
	w.with(", environment ", fields[FieldEnvironment])
	w.say(", on " + IssuerHost(issuer))
	sayRef(w, fields[fieldRef])
	if fields[fieldRefProtected] != "" {
		w.say(", protected refs only")
	}
	w.with(", started by ", fields[fieldEvents])
	if fields[fieldRunner] != "" {
		w.with(", on ", fields[fieldRunner])
		w.say(" runners only")
	}
	switch id := fields[FieldRepositoryID]; id {
	case "":
	case FirstToken:
		w.say(", " + repository + " of the first accepted token")
	default:
		w.with(", "+repository+" number ", id)
	}
}

// sayRef says which refs a pattern lets in.
func sayRef(w *Words, pattern string) {
	if pattern == "" {
		return
	}
	for _, sort := range []struct{ prefix, one, many string }{{"refs/tags/", "tag", "tags"}, {"refs/heads/", "branch", "branches"}} {
		name, ok := strings.CutPrefix(pattern, sort.prefix)
		switch {
		case !ok:
			continue
		case name == "*":
			w.say(", " + sort.many + " only")
		case strings.HasSuffix(name, "*"):
			w.say(", " + sort.many + " ")
			w.name(name)
			w.say(" only")
		default:
			w.say(", " + sort.one + " ")
			w.name(name)
			w.say(" only")
		}
		return
	}
	w.say(", ")
	w.name(pattern)
	w.say(" only")
}

func sayClaims(w *Words, issuer string, fields map[string]string) {
	w.say("Jobs of " + IssuerHost(issuer) + " whose ")
	for i, field := range genericOrder(Rule{Fields: fields}) {
		if i > 0 {
			w.say(", ")
		}
		kind, claim, _ := strings.Cut(field, ":")
		w.say(claim + " is ")
		if kind+":" == prefixRule {
			w.say("like ")
		}
		for n, v := range strings.Split(fields[field], "\n") {
			if n > 0 {
				w.say(" or ")
			}
			w.name(v)
		}
	}
}

// usualHosts are where people see the issuers whose host says it otherwise.
var usualHosts = map[string]string{GitHubIssuer: "github.com", GoogleIssuer: "google.com"}

// IssuerHost is where the workloads of an issuer run, for people: "github.com", or the host of its URL.
func IssuerHost(issuer string) string {
	if host := usualHosts[issuer]; host != "" {
		return host
	}
	u, err := url.Parse(issuer)
	if err != nil || u.Host == "" {
		return issuer
	}
	return u.Host
}

// PresetOf guesses by which preset the claims of an issuer are best understood; "" where none is known.
func PresetOf(issuer string, fields map[string]string) string {
	sub := fields[exactRule+"sub"]
	has := func(claims ...string) bool {
		return !slices.ContainsFunc(claims, func(c string) bool { return !literal(Rule{Fields: fields}, c) })
	}
	host := IssuerHost(issuer)
	switch {
	case strings.HasPrefix(sub, "system:serviceaccount:"), strings.Contains(host, "kubernetes"):
		return "kubernetes"
	case strings.HasPrefix(sub, "p://"), strings.HasPrefix(sub, "sc://"), host == "vstoken.dev.azure.com":
		return "azure-devops"
	case has("organization_slug", "pipeline_slug"), host == "agent.buildkite.com":
		return "buildkite"
	case has("oidc.circleci.com/project-id"), host == "oidc.circleci.com":
		return "circleci"
	case has("prj_id"), strings.HasSuffix(host, ".semaphoreci.com"):
		return "semaphore"
	case strings.HasSuffix(issuer, "/api/actions"):
		return "forgejo"
	case strings.HasSuffix(issuer, "/oidc"):
		return "jenkins"
	}
	return ""
}
