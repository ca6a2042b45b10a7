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

// AddLine is the command that adds a publisher. The values come from strangers' tokens: each is one word for a shell.
func AddLine(settings, provider, issuer, project string, pending bool, fields map[string]string) string {
	var b strings.Builder
	b.WriteString("index" + settings + " publisher add " + provider)
	b.WriteString(flagWord("project", cmp.Or(project, ProjectMissing)))
	if pending {
		b.WriteString(" --pending")
	}
	kind := workload.Of(provider)
	for _, f := range kind.Fields {
		if v := fields[f.Name]; v != "" {
			b.WriteString(flagWord(kind.Flag(f.Name), v))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		if _, claim, ok := strings.Cut(name, ":"); ok {
			b.WriteString(flagWord("claim", claim+"="+fields[name]))
		}
	}
	if issuer != workload.GitHubIssuer {
		b.WriteString(flagWord("issuer", issuer))
	}
	return b.String()
}

// flagWord is a flag with a value, a blank before it. A value that begins with a dash is not another flag.
func flagWord(name, value string) string {
	if strings.HasPrefix(value, "-") {
		return " --" + name + "=" + Quote(value)
	}
	return " --" + name + " " + Quote(value)
}
