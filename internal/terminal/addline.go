package terminal

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"pyindex/internal/workload"
)

// ProjectMissing stands in a command where the reader has to put a project's name.
const ProjectMissing = "PROJECT"

// firstFields are the fields that come first in a command, as people think of them.
var firstFields = []string{"owner", "repository", "workflow", "environment", "owner_id"}

// AddLine is the command that adds a publisher. The values come from strangers' tokens: each is one word for a shell.
func AddLine(settings, provider, issuer, project string, pending bool, fields map[string]string) string {
	var b strings.Builder
	b.WriteString("index" + settings + " publisher add " + provider)
	b.WriteString(flagWord("project", cmp.Or(project, ProjectMissing)))
	if pending {
		b.WriteString(" --pending")
	}
	names := slices.SortedFunc(maps.Keys(fields), func(a, b string) int {
		return cmp.Or(cmp.Compare(rank(a), rank(b)), strings.Compare(a, b))
	})
	for _, name := range names {
		b.WriteString(fieldWord(provider, name, fields[name]))
	}
	if issuer != workload.GitHubIssuer {
		b.WriteString(flagWord("issuer", issuer))
	}
	return b.String()
}

// fieldWord is a rule's field as a flag of publisher add. A kind whose own word is "project" calls it by the kind
// there.
func fieldWord(provider, name, value string) string {
	if _, claim, ok := strings.Cut(name, ":"); ok {
		return flagWord("claim", claim+"="+value)
	}
	if name == "project" {
		name = provider + "-project"
	}
	return flagWord(strings.ReplaceAll(name, "_", "-"), value)
}

func rank(field string) int {
	if i := slices.Index(firstFields, field); i >= 0 {
		return i
	}
	return len(firstFields)
}

// flagWord is a flag with a value, a blank before it. A value that begins with a dash is not another flag.
func flagWord(name, value string) string {
	if strings.HasPrefix(value, "-") {
		return " --" + name + "=" + Quote(value)
	}
	return " --" + name + " " + Quote(value)
}
