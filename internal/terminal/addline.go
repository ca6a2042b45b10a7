package terminal

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"pyindex/internal/workload"
)

// ProjectMissing is the placeholder for a project's name in a command.
const ProjectMissing = "PROJECT"

// AddLine returns the command that adds a publisher. Its values are quoted for a shell, because they come from tokens
// of unknown callers.
func AddLine(settings, provider, issuer, project string, pending bool, fields map[string]string) string {
	var b strings.Builder
	b.WriteString("index" + settings + " publisher add " + provider)
	b.WriteString(flagWord("project", cmp.Or(project, ProjectMissing)))
	if pending {
		b.WriteString(" --pending")
	}
	kind := workload.Of(provider)
	for _, f := range kind.Fields {
		if f.Named {
			for _, pair := range f.Pairs(fields) {
				b.WriteString(flagWord(kind.Flag(f.Name), pair))
			}
		} else if f.Check {
			if fields[f.Name] == "true" {
				b.WriteString(" --" + kind.Flag(f.Name))
			}
		} else if v := fields[f.Name]; v != "" {
			b.WriteString(flagWord(kind.Flag(f.Name), v))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		kind, claim, ok := strings.Cut(name, ":")
		if !ok {
			continue
		}
		for v := range strings.SplitSeq(fields[name], "\n") {
			b.WriteString(flagWord(claimFlags[kind], claim+"="+v))
		}
	}
	if issuer != workload.GitHubIssuer {
		b.WriteString(flagWord("issuer", issuer))
	}
	return b.String()
}

// claimFlags are the flags for rules on claims.
var claimFlags = map[string]string{"claim": "claim", "oneof": "claim", "prefix": "claim-prefix", "has": "claim-has"}

// flagWord returns a flag with its value, after a space. A value that begins with a dash is joined by "=".
func flagWord(name, value string) string {
	if strings.HasPrefix(value, "-") {
		return " --" + name + "=" + Quote(value)
	}
	return " --" + name + " " + Quote(value)
}
