//go:build !windows

package main

import (
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
)

// A written command is a line that begins with index, in a block of shell lines or in a sentence.
type writtenCommand struct {
	where string
	words []string
	whole bool // it is in a block, so that it can be run as it is
}

// Every command line in the manual and in the documents is one of the program: those in blocks parse as they are, and
// those in sentences, which may leave out arguments, name commands and flags that exist.
func TestCommandsOfTheManual(t *testing.T) {
	parser, err := newParser(new(commands), io.Discard, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	var all []writtenCommand
	for _, pattern := range []string{"web/help/*.md", "web/help/*/*.md", "docs/*.md", "README.md"} {
		files, err := filepath.Glob("../../" + pattern)
		if err != nil || len(files) == 0 {
			t.Fatalf("%s: %v, %v", pattern, files, err)
		}
		for _, file := range files {
			b, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, writtenCommands(strings.TrimPrefix(file, "../../"), string(b))...)
		}
	}
	here := filepath.Join(t.TempDir(), "file") // some commands require that their files exist
	if err := os.WriteFile(here, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	var whole int
	for _, c := range all {
		line := "index " + strings.Join(c.words, " ")
		if !c.whole {
			if problem := mentioned(parser, c.words); problem != "" {
				t.Errorf("%s: %s: %s", c.where, line, problem)
			}
			continue
		}
		whole++
		if i := slices.Index(c.words, "--config"); i >= 0 { // a file that is not here
			c.words = slices.Delete(c.words, i, min(i+2, len(c.words)))
		}
		for i, w := range c.words {
			if someFile.MatchString(w) {
				c.words[i] = here
			}
		}
		parser, err := newParser(new(commands), io.Discard, io.Discard) // it remembers the flags of the last line
		if err != nil {
			t.Fatal(err)
		}
		if _, err := parser.Parse(c.words); err != nil {
			t.Errorf("%s: %s: %v", c.where, line, err)
		}
	}
	if whole < 60 || len(all)-whole < 60 {
		t.Errorf("%d lines and %d commands in sentences were found", whole, len(all)-whole)
	}
}

var someFile = regexp.MustCompile(`\.(txt|json|conf|toml|pem)\z|/htpasswd\z`)

// The reader of commands finds them where they are, and a wrong one fails.
func TestWrittenCommands(t *testing.T) {
	text := "Run `index user list --json`, or `index serve`.\n\n```sh\n# a comment\nindex user add NAME \\\n" +
		"  --admin   # a note\n" +
		"docker compose exec index1 /index version\neval \"$(index login --url [[.URL]] --format env)\"\n" +
		"ssh host index backup - | index restore 'a b'\nINDEX_TOKEN=x index doctor && index gc 2>out\n" +
		"systemctl start index\n" +
		"runuser -u index -- index --config c.toml doctor\nsudo -u index index gc\n```\n\n```toml\nindex = 1\n```\n"
	var got []string
	for _, c := range writtenCommands("x", text) {
		got = append(got, strings.Join(c.words, "|"))
	}
	want := []string{
		"user|list|--json", "serve", "user|add|NAME|--admin", "version", "login|--url|https://pypi.example|--format|env",
		"backup|-", "restore|a b", "doctor", "gc", "--config|c.toml|doctor", "gc",
	}
	if !slices.Equal(got, want) {
		t.Errorf("commands = %q, want %q", got, want)
	}
	parser, err := newParser(new(commands), io.Discard, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	for line, good := range map[string]bool{
		"user add": true, "user add --admin": true, "user NAME": true, "": true,
		"user name": false, "usr add": false, "user add --boss": false,
	} {
		if problem := mentioned(parser, strings.Fields(line)); (problem == "") != good {
			t.Errorf("mentioned(%q) = %q", line, problem)
		}
	}
}

var (
	manualValue = regexp.MustCompile("\\[\\[`(.*?)`\\]\\]")
	manualField = regexp.MustCompile(`\[\[[^\]]*\]\]`)
	inlineCode  = regexp.MustCompile("`(index [^`]*)`")
	subshell    = regexp.MustCompile(`"?\$\((index [^)]*)\)"?`)
)

// writtenCommands returns the commands of a Markdown file, which may be a template.
func writtenCommands(where, text string) (out []writtenCommand) {
	text = manualValue.ReplaceAllString(text, "$1")
	text = manualField.ReplaceAllString(text, "https://pypi.example")
	var block, line string
	inside := false
	for l := range strings.Lines(text) {
		l = strings.TrimSpace(l)
		if strings.HasPrefix(l, "```") {
			inside, block, line = !inside, strings.TrimPrefix(l, "```"), ""
			continue
		}
		switch {
		case !inside:
			for _, m := range inlineCode.FindAllStringSubmatch(l, -1) {
				out = append(out, callsOf(where, m[1], false)...)
			}
		case block == "sh":
			line += strings.TrimSuffix(l, `\`)
			if !strings.HasSuffix(l, `\`) {
				for _, m := range subshell.FindAllStringSubmatch(line, -1) {
					out = append(out, callsOf(where, m[1], true)...)
				}
				out = append(out, callsOf(where, subshell.ReplaceAllString(line, "X"), true)...)
				line = ""
			}
		}
	}
	return out
}

// callsOf returns the calls of index in a line of a shell.
func callsOf(where, line string, whole bool) (out []writtenCommand) {
	for _, words := range shellCommands(line) {
		for len(words) > 0 && assignment.MatchString(words[0]) {
			words = words[1:]
		}
		if len(words) == 0 {
			continue
		}
		if wraps[words[0]] { // the last word that is the program, or the one after "--"
			if i := slices.Index(words, "--"); i >= 0 {
				words = words[i+1:]
			} else {
				for len(words) > 0 && !isProgram(words[0]) || len(words) > 1 && isProgram(words[1]) {
					words = words[1:]
				}
			}
		}
		if len(words) > 0 && isProgram(words[0]) {
			out = append(out, writtenCommand{where, words[1:], whole})
		}
	}
	return out
}

var assignment = regexp.MustCompile(`\A[A-Z_]+=`)

// wraps are programs that run the one in their arguments.
var wraps = map[string]bool{"docker": true, "kubectl": true, "ssh": true, "sudo": true, "runuser": true, "nice": true}

func isProgram(word string) bool { return word == "index" || strings.HasSuffix(word, "/index") }

// shellCommands splits a line into commands, and those into words. Comments and redirections are left out.
func shellCommands(line string) (out [][]string) {
	var words []string
	var word strings.Builder
	quote, some, skip := rune(0), false, false
	endWord := func() {
		if some && !skip {
			words = append(words, word.String())
		}
		if some {
			skip = false
		}
		word.Reset()
		some = false
	}
	endCommand := func() {
		endWord()
		if len(words) > 0 {
			out = append(out, words)
		}
		words, skip = nil, false
	}
	for _, c := range line + "\n" {
		switch {
		case quote != 0 && c == quote:
			quote = 0
		case quote != 0:
			word.WriteRune(c)
		case c == '\'' || c == '"':
			quote, some = c, true
		case c == '#' && !some:
			endCommand()
			return out
		case c == '|' || c == '&' || c == ';' || c == '\n':
			endCommand()
		case c == '>' || c == '<':
			if strings.Trim(word.String(), "0123456789") == "" { // the number of a file
				word.Reset()
				some = false
			}
			endWord()
			skip = true
		case c == ' ' || c == '\t':
			endWord()
		default:
			some = true
			word.WriteRune(c)
		}
	}
	return out
}

var commandWord = regexp.MustCompile(`\A[a-z][a-z-]*\z`)

// mentioned returns why the words do not name a command and flags of it, or "". Other words may be arguments.
func mentioned(parser *kong.Kong, words []string) string {
	at := parser.Model.Node
	for len(words) > 0 && len(at.Children) > 0 {
		i := slices.IndexFunc(at.Children, func(n *kong.Node) bool {
			return n.Name == words[0] || slices.Contains(n.Aliases, words[0])
		})
		if i < 0 {
			break
		}
		at, words = at.Children[i], words[1:]
	}
	if len(words) > 0 && len(at.Children) > 0 && at.DefaultCmd == nil && !strings.HasPrefix(words[0], "-") &&
		words[0] != "…" {
		if words[0] == strings.ToUpper(words[0]) || strings.HasPrefix(words[0], "https://") {
			return "" // it stands for each of the commands
		}
		return "there is no command " + words[0] + " below it"
	}
	for _, w := range words {
		name, isFlag := strings.CutPrefix(strings.Trim(w, "[],"), "--")
		name, _, _ = strings.Cut(name, "=")
		if !isFlag || !commandWord.MatchString(name) {
			continue
		}
		if !hasFlag(at, name) {
			return "there is no flag --" + name
		}
	}
	return ""
}

func hasFlag(n *kong.Node, name string) bool {
	for ; n != nil; n = n.Parent {
		for _, x := range append([]*kong.Node{n}, n.DefaultCmd) {
			if x != nil && slices.ContainsFunc(x.Flags, func(f *kong.Flag) bool {
				return f.Name == name || "no-"+f.Name == name || slices.Contains(f.Aliases, name)
			}) {
				return true
			}
		}
	}
	return false
}
