// Package ciconfig writes the files by which a trusted workload publishes: complete, to be pasted as they are, with the
// addresses of this index, the names of the publisher and the triggers that its rule lets in.
//
// What a publisher's fields hold goes into a file as text and never as syntax: it is quoted for YAML, for a shell and
// for the expressions of the platform.
package ciconfig

import (
	"net/url"
	"strings"
	"text/template"
)

// Target is where a workload publishes to.
type Target struct {
	BaseURL    string // of this index, with its path and without a slash at the end
	Repository string // of this index; "" and "main" for main
	Project    string // normal name
	Audience   string // that the index tells clients to request
	Accepts    string // audience that it accepts from this issuer too, as far as is known; "" for none
}

// UploadURL is the address that clients upload to.
func (t Target) UploadURL() string {
	if t.Repository == "" || t.Repository == "main" {
		return t.BaseURL + "/legacy/"
	}
	return t.BaseURL + "/r/" + url.PathEscape(t.Repository) + "/legacy/"
}

// MintURL is the address where identity tokens are exchanged.
func (t Target) MintURL() string { return t.BaseURL + "/_/oidc/mint-token" }

// File is a file to paste.
type File struct {
	Key   string // of the alternative, in an address: "action", "uv"
	Title string // which alternative: "With the publish action"
	Path  string // where it goes in the repository; "" for a piece of one
	Text  string // ends in a line break
	// Calls is a second file that only goes with this one: the caller of a reusable workflow.
	Calls *File
}

// Guide is what somebody does after adding a publisher: one of the files, then the steps.
type Guide struct {
	Files []File   // alternatives, the usual one first; none for workloads that need no file
	Steps []string // sentences, in order
	CA    []string // what to do where the index's certificate is signed by an authority of one's own
}

// guides has the guide of each kind but generic, written from the fields of a rule.
var guides = map[string]func(t Target, issuer string, fields map[string]string) Guide{
	"github":       github,
	"gitlab":       gitlab,
	"circleci":     circleci,
	"buildkite":    buildkite,
	"semaphore":    semaphore,
	"forgejo":      forgejo,
	"azure-devops": azure,
	"bitbucket":    bitbucket,
	"jenkins":      jenkins,
	"kubernetes":   kubernetes,
	"google":       google,
	"activestate":  activestate,
}

// For returns the guide of a publisher: its kind, issuer and compiled fields.
func For(t Target, provider, issuer string, fields map[string]string) Guide {
	guide := guides[provider]
	if guide == nil {
		guide = generic
	}
	g := guide(t, issuer, fields)
	g.Steps = append(g.Steps, plainStep(t, g.Files)...)
	return g
}

// plainStep warns that uv's own exchange does not work over plain http, if a file uses it. It returns none otherwise.
func plainStep(t Target, files []File) []string {
	other, uses := "", false
	for _, f := range files {
		if strings.Contains(f.Text, "--trusted-publishing always") {
			uses = true
		} else if other == "" || f.Key == "script" {
			other = f.Key
		}
	}
	if !uses || !strings.HasPrefix(t.BaseURL, "http://") {
		return nil
	}
	if other == "" {
		return []string{"This index has no https address, and uv exchanges tokens over https only: set base_url."}
	}
	return []string{"This index has no https address, and uv exchanges tokens over https only: use --with " + other +
		", or set base_url."}
}

// activestate has no file, because the platform publishes by itself.
func activestate(t Target, _ string, _ map[string]string) Guide {
	return Guide{Steps: []string{
		"Publish " + t.Project + " from the project on the ActiveState platform, to " + t.UploadURL() + ".",
	}, CA: caSteps("")}
}

// fixedAudience returns a step for the administrator, because the platform's jobs cannot request another audience. It
// returns none if the index is known to accept that audience already.
func fixedAudience(t Target, platform, issuer, audience string) []string {
	if t.Audience == audience || t.Accepts == audience {
		return nil
	}
	return []string{"All tokens of " + platform + " have the audience " + audience +
		". If it is not set already, the administrator of this index has to set audience = " + quoted(audience) + " for the issuer " + issuer +
		" in oidc.issuers."}
}

// caSteps say what a private authority asks for. action is a sentence for those who publish with an action.
func caSteps(action string) []string {
	all := []string{
		"The machine that publishes has to trust the certificate of this index. On a runner of your own, add the authority to its store once.",
		"uv reads SSL_CERT_FILE, twine REQUESTS_CA_BUNDLE and curl CURL_CA_BUNDLE: " +
			"each variable names a PEM file that replaces the system's, " +
			"so append your authority to a copy of the system's file.",
	}
	if action != "" {
		all = append(all, action)
	}
	return all
}

// write fills in a template. Its delimiters are [[ and ]], because the files hold braces of their own.
func write(text string, data any) string {
	t := template.Must(template.New("").Delims("[[", "]]").Funcs(template.FuncMap{
		"q": yamlText, "quoted": quoted, "indent": yamlBlock, "line": yamlLine, "uses": uses, "usesTag": usesTag,
	}).Parse(text))
	var b strings.Builder
	if err := t.Execute(&b, data); err != nil {
		panic(err) // a template of ours that does not fit its data
	}
	return b.String()
}
