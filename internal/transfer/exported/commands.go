package exported

import (
	"maps"
	"slices"
	"strings"
	"unicode"

	"pyindex/internal/catalog"
	"pyindex/internal/publishers"
	"pyindex/internal/workload"
)

// words returns the words of a command line, quoted for a shell if necessary.
func words(args []string) string {
	quoted := make([]string, len(args))
	for i, a := range args {
		quoted[i] = quote(a)
	}
	return strings.Join(quoted, " ")
}

// quote quotes a word for a POSIX shell if it has other characters than those that mean nothing to one.
func quote(s string) string {
	plain := func(c rune) bool {
		return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.ContainsRune("_-./:=@,+", c)
	}
	if s != "" && strings.IndexFunc(s, func(c rune) bool { return !plain(c) }) < 0 {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

// isCommand reports whether s is a command of this program as words returns it, and thus a single one for a shell.
func isCommand(s string) bool {
	if strings.ContainsFunc(s, func(c rune) bool { return unicode.IsControl(c) && c != '\n' }) {
		return false
	}
	var args []string
	for rest := s; rest != ""; {
		var b strings.Builder
		for rest != "" && rest[0] != ' ' {
			switch {
			case rest[0] == '\'':
				quoted, after, closed := strings.Cut(rest[1:], "'")
				if !closed {
					return false
				}
				b.WriteString(quoted)
				rest = after
			case strings.HasPrefix(rest, `\'`):
				b.WriteByte('\'')
				rest = rest[2:]
			default:
				b.WriteByte(rest[0])
				rest = rest[1:]
			}
		}
		args = append(args, b.String())
		rest = strings.TrimPrefix(rest, " ")
	}
	return len(args) > 1 && args[0] == "index" && words(args) == s
}

// publisherCommand returns the command that adds a publisher. args say for what.
func publisherCommand(p publishers.Publisher, repository string, args ...string) string {
	all := append([]string{"index", "publisher", "add", p.Provider}, args...)
	if repository != catalog.MainRepository {
		all = append(all, "--index-repository", repository)
	}
	return words(append(all, ruleArgs(p)...))
}

// readerCommand returns the command that adds a reader of projects, or of the repository if there are none.
func readerCommand(r publishers.Reader, repository string, projects []string) string {
	all := []string{"index", "reader", "add", r.Provider}
	if repository != catalog.MainRepository {
		all = append(all, "--index-repository", repository)
	}
	for _, name := range projects {
		all = append(all, "--project", name)
	}
	return words(append(all, ruleArgs(r.Publisher)...))
}

// ruleArgs returns the flags for the issuer and the fields of a rule.
func ruleArgs(p publishers.Publisher) []string {
	args := []string{"--issuer", p.Issuer}
	kind := workload.Find(p.Provider)
	for _, stored := range slices.Sorted(maps.Keys(p.Fields)) {
		value := p.Fields[stored]
		if value == "" {
			continue
		}
		if what, name, ok := strings.Cut(stored, ":"); ok { // a rule on claims
			flag := map[string]string{"oneof": "--claim", "has": "--claim-has", "prefix": "--claim-prefix"}[what]
			if flag == "" {
				flag, name = "--claim", stored
			}
			for one := range strings.SplitSeq(value, "\n") {
				args = append(args, flag, name+"="+one)
			}
			continue
		}
		args = append(args, fieldArgs(kind, stored, value)...)
	}
	return args
}

func fieldArgs(kind *workload.Kind, stored, value string) (args []string) {
	if kind == nil {
		return []string{"--claim", stored + "=" + value}
	}
	for _, f := range kind.Fields {
		name, named := strings.CutPrefix(stored, f.Name+"_")
		switch {
		case f.Named && named:
			return []string{"--" + kind.Flag(f.Name), name + "=" + value}
		case f.Name != stored && (f.Stored == "" || f.Stored != stored):
		case f.Check:
			return []string{"--" + kind.Flag(f.Name)}
		case f.List:
			for one := range strings.SplitSeq(value, ",") {
				args = append(args, "--"+kind.Flag(f.Name), one)
			}
			return args
		default:
			return []string{"--" + kind.Flag(f.Name), value}
		}
	}
	return []string{"--" + kind.Flag(stored), value}
}
