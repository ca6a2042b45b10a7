package terminal

import (
	"cmp"
	"strings"

	"pyindex/internal/workload"
)

// ConstrainLine returns the command that tightens a publisher of a project: for a rule on claims, by the fields of its
// platform's own kind, and otherwise by the field of a warning. Values that only a person knows are placeholders in
// capital letters. It returns "" if no field tightens the publisher.
func ConstrainLine(id, repository, project, provider, issuer string, fields map[string]string,
	w workload.Warning,
) string {
	return constrainLine(id, repository, flagWord("project", project), provider, issuer, fields, w)
}

// ConstrainNamesLine is ConstrainLine for a publisher of the names of a repository.
func ConstrainNamesLine(id, repository, names, provider, issuer string, fields map[string]string,
	w workload.Warning,
) string {
	return constrainLine(id, repository, flagWord("names", names), provider, issuer, fields, w)
}

// constrainLine returns the command. place is the flag that selects what the publisher covers.
func constrainLine(id, repository, place, provider, issuer string, fields map[string]string,
	w workload.Warning,
) string {
	line := "index publisher constrain " + Quote(id) + place
	if repository != "main" {
		line += flagWord("index-repository", repository)
	}
	kind := workload.Of(provider)
	if own := kind.Own(issuer, fields); own != nil {
		line += flagWord("kind", own.Name())
		for _, name := range own.Missing(fields) {
			if !own.Constrains(name) {
				return "" // the rules do not say which workload it is
			}
			line += " --" + own.Flag(name) + " " + placeholder(name)
		}
		return line
	}
	f, ok := kind.Field(w.Field)
	switch {
	case !ok || !kind.Constrains(f.Name):
		return ""
	case f.Check:
		return line + " --" + kind.Flag(f.Name)
	}
	return line + " --" + kind.Flag(f.Name) + " " + cmp.Or(quotedOrEmpty(w.Value), placeholder(f.Name))
}

func placeholder(field string) string { return strings.ToUpper(field) }

func quotedOrEmpty(s string) string {
	if s == "" {
		return ""
	}
	return Quote(s)
}
