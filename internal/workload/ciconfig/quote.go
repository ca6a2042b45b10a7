package ciconfig

import (
	"bytes"
	"encoding/json"
	"regexp"
	"slices"
	"strings"
)

var (
	plain     = regexp.MustCompile(`\A[A-Za-z_][A-Za-z0-9_./-]*\z`)
	plainURL  = regexp.MustCompile(`\Ahttps?://[A-Za-z0-9._~/:@%-]*[A-Za-z0-9_~/]\z`)
	shellSafe = regexp.MustCompile(`\A[A-Za-z0-9_./:@%+=,-]+\z`)
)

// yamlWords are what YAML takes for something else than text.
var yamlWords = []string{"true", "false", "yes", "no", "on", "off", "null", "y", "n"}

// yamlText writes s as a scalar of YAML that is that text, whatever it holds.
func yamlText(s string) string {
	if (plain.MatchString(s) || plainURL.MatchString(s)) && !slices.Contains(yamlWords, strings.ToLower(s)) {
		return s
	}
	return quoted(s)
}

// quoted is s in double quotes: JSON's are YAML's too.
func quoted(s string) string {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	_ = e.Encode(s) // a text always can be
	// YAML has no such characters between quotes, and JSON may have them.
	return strings.NewReplacer("\u007f", `\x7f`, "\u0085", `\x85`, "\ufeff",
		`\ufeff`).Replace(strings.TrimSuffix(b.String(), "\n"))
}

// yamlLine writes a command of one line as a scalar of YAML. The command begins with a word of ours.
func yamlLine(s string) string {
	if strings.Contains(s, ": ") || strings.Contains(s, " #") || strings.HasSuffix(s, ":") ||
		strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r > '~' }) {
		return quoted(s)
	}
	return s
}

// yamlBlock writes the lines of a script as a block of YAML, indented by n blanks.
func yamlBlock(n int, script string) string {
	indent := strings.Repeat(" ", n)
	return "|\n" + indent + strings.ReplaceAll(strings.TrimSuffix(script, "\n"), "\n", "\n"+indent)
}

// actionsText is yamlText for a value in which GitHub's and Forgejo's expressions count.
func actionsText(s string) string { return yamlText(strings.ReplaceAll(s, "${{", "${{ '${{' }}")) }

// shellText writes s as one word of a shell.
func shellText(s string) string {
	if shellSafe.MatchString(s) {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

// doubled is for platforms that replace $NAME in their files before a shell sees them.
func doubled(script string) string { return strings.ReplaceAll(script, "$", "$$") }

var notInVariable = regexp.MustCompile(`[^A-Z0-9_]|^[^A-Z_]`)

// IDTokenVariable returns the variable in which a job of GitLab keeps the identity token for an audience: the first of
// IDTokenVariables.
func IDTokenVariable(audience string) string { return IDTokenVariables(audience)[0] }

// IDTokenVariables returns the names under which clients look for the identity token of a GitLab job. If the audience
// begins with a digit, there are two: id replaces the digit, and uv keeps it, although no shell accepts such a name.
func IDTokenVariables(audience string) []string {
	upper := strings.ToUpper(audience)
	names := []string{notInVariable.ReplaceAllString(upper, "_") + "_ID_TOKEN"}
	if upper != "" && upper[0] >= '0' && upper[0] <= '9' {
		names = append(names, upper[:1]+names[0][1:])
	}
	return names
}
