package workload

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Run is a workload's run as its verified claims describe it. Its URLs always point to the forge that signed the
// claims. If a claim is malformed, the fields that depend on it are empty.
type Run struct {
	Workload string // the owner of the run: "acme/widgets", an e-mail address, a subject
	Label    string // of the run: "run 812"; "" if it has none
	URL      string // of the run's page; "" if none is known
	Commit   string // full hash; may be ""
	Ref      string // full ref; may be ""
}

var fullName = newPattern(`\A[A-Za-z0-9_][A-Za-z0-9_.-]*(?:/[A-Za-z0-9_.][A-Za-z0-9_.-]*){1,21}\z`)

// Run reads the run from the claims of an exchange. Characters that are not printable are escaped.
func (k *Kind) Run(issuer string, claims map[string]any) Run {
	var parts []string
	for _, claim := range k.run.workload {
		parts = append(parts, shown(claims[claim]))
	}
	r := Run{Ref: k.refOf(claims)}
	if !slices.Contains(parts, "") {
		r.Workload = strings.Join(parts, "/")
	}
	if commit.MatchString(text(claims, "sha")) {
		r.Commit = text(claims, "sha")
	}
	site := k.Site(issuer)
	id := shown(claims[k.run.id])
	if strings.HasPrefix(site, "https://") && fullName.MatchString(r.Workload) && !strings.Contains(r.Workload, "..") &&
		decimalID.MatchString(id) {
		r.Label, r.URL = k.run.word+" "+id, site+"/"+r.Workload+k.run.path+id
	}
	r.Workload, r.Ref = escaped(r.Workload), escaped(r.Ref)
	return r
}

// escaped writes characters that are not printable, for example those that change the direction of text, as in Go.
func escaped(s string) string {
	if strings.IndexFunc(s, func(r rune) bool { return !strconv.IsPrint(r) }) < 0 {
		return s
	}
	var out strings.Builder
	for _, r := range s {
		if strconv.IsPrint(r) {
			out.WriteRune(r)
		} else {
			out.WriteString(strings.Trim(strconv.QuoteRune(r), "'"))
		}
	}
	return out.String()
}

// refOf returns the ref of a run, also of a platform that has a claim for the names of tags and one for branches.
func (k *Kind) refOf(claims map[string]any) string {
	if tag := shown(claims[k.run.tag]); tag != "" {
		return "refs/tags/" + tag
	}
	if branch := shown(claims[k.run.branch]); branch != "" {
		return "refs/heads/" + branch
	}
	return shown(claims[k.run.ref])
}

func shown(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case string:
		return v
	case float64:
		return fmt.Sprintf("%.0f", v)
	default:
		return fmt.Sprint(v)
	}
}
