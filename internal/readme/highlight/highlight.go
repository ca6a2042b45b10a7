// Package highlight colors source code in HTML.
//
// The result has one <span> for each colored token, with a class of Classes. Coloring is bounded by the size of a block
// and, for a whole text, by its size and by time (package budget). Code beyond these bounds, and code in an unknown
// language, has no colors.
package highlight

import (
	"html"
	"strings"
	"time"

	"github.com/alecthomas/chroma/v2"
	"github.com/alecthomas/chroma/v2/lexers"

	"pyindex/internal/readme/budget"
)

const (
	maxBlock = 4 << 10 // bytes of a block
	maxLine  = 1_000   // bytes of a line
	maxRatio = 5       // bytes of HTML for each byte of code
	htmlMore = 200     // bytes of HTML beyond that
)

// Classes lists the classes of tokens. Tokens without a class have the color of text.
var Classes = []string{
	"hl-k", // keywords and operators
	"hl-n", // names of functions, classes, tags and keys
	"hl-s", // strings
	"hl-m", // numbers, other constants and options of commands
	"hl-c", // comments
	"hl-o", // output and prompts
	"hl-i", // inserted lines
	"hl-d", // deleted lines
}

// languages maps the names that authors write to lexers. It is a list of lexers whose cost the tests measure; the
// library has several hundred, some of which take quadratic time.
var languages = map[string]string{
	"bash": "Bash", "sh": "Bash", "shell": "Bash", "zsh": "Bash", "shell-script": "Bash", "fish": "Fish",
	"console": "Bash Session", "shell-session": "Bash Session", "shellsession": "Bash Session", "terminal": "Bash Session",
	"bash-session": "Bash Session",
	"bat":          "Batchfile", "batch": "Batchfile", "cmd": "Batchfile",
	"powershell": "PowerShell", "ps1": "PowerShell", "pwsh": "PowerShell",
	"python": "Python", "python3": "Python", "py": "Python", "py3": "Python", "python2": "Python 2", "ipython": "Python",
	"ipython3": "Python", "cython": "Python", "pyi": "Python", "sage": "Python",
	"pycon": pythonSession, "python-console": pythonSession, "doctest": pythonSession,
	"json": "JSON", "jsonc": "JSON", "json5": "JSON", "jsonl": "JSON",
	"yaml": "YAML", "yml": "YAML", "toml": "TOML", "ini": "INI", "cfg": "INI", "conf": "INI", "dosini": "INI",
	"properties": "INI", "dotenv": "INI", "env": "INI",
	"html": "HTML", "xml": "XML", "css": "CSS", "javascript": "JavaScript", "js": "JavaScript", "jsx": "react",
	"typescript": "TypeScript", "ts": "TypeScript", "tsx": "TypeScript",
	"c": "C", "cpp": "C++", "c++": "C++", "java": "Java", "go": "Go", "golang": "Go", "rust": "Rust", "rs": "Rust",
	"ruby": "Ruby", "rb": "Ruby", "sql": "SQL", "postgresql": "SQL", "sqlite": "SQL",
	"docker": "Docker", "dockerfile": "Docker", "makefile": "Makefile", "make": "Makefile", "diff": "Diff",
	"patch": "Diff",
	"jinja": "Django/Jinja", "jinja2": "Django/Jinja", "django": "Django/Jinja", "bibtex": "BibTeX", "bib": "BibTeX",
	"tex": "TeX", "latex": "TeX", "nginx": "Nginx configuration file",
	"md": markdown, "markdown": markdown, "rst": rest, "rest": rest, "restructuredtext": rest,
	"http": "HTTP", "graphql": "GraphQL", "protobuf": "Protocol Buffer", "proto": "Protocol Buffer",
}

// pythonSession is the language of an interactive Python session, for which the library has no lexer.
const pythonSession = "session"

// Lexers that color the code within a text in any language, and not within the bounds of this package.
const (
	markdown = "markdown"
	rest     = "reStructuredText"
)

// foreign reports whether the code of such a language contains code of another.
func foreign(code, lexer string) bool {
	return lexer == markdown &&
		(strings.Contains(code, "```") || strings.Contains(code, "~~~") || strings.HasPrefix(code, "---")) ||
		lexer == rest && strings.Contains(code, "code")
}

// HTML returns code as HTML, with colors if it is in a known language.
func HTML(code, language string, b *budget.Budget) string {
	plain := html.EscapeString(code)
	lexer := languages[name(language)]
	if lexer == "Bash" && strings.HasPrefix(code, "$ ") {
		lexer = "Bash Session"
	}
	if lexer == "" || foreign(code, lexer) || !plausible(code) || !b.Color(len(code)) {
		return plain
	}
	start := time.Now()
	c := coloring{
		inTime: func() bool { return b.Coloring(time.Since(start)) },
		most:   maxRatio*len(code) + len(plain) + htmlMore,
	}
	ok := false
	if lexer == pythonSession {
		ok = c.session(code)
	} else {
		ok = c.code(code, lexer)
	}
	b.Colored(time.Since(start))
	if !ok {
		return plain
	}
	return c.out.String()
}

// name returns the language in the info string of a fenced block, such as "python", "{.python}" or "python,ignore".
func name(info string) string {
	info = strings.TrimLeft(strings.ToLower(info), "{. ")
	if i := strings.IndexAny(info, " ,:;{}=\t"); i >= 0 {
		info = info[:i]
	}
	return info
}

// plausible reports whether code is short and has short lines. Lexers search lines, and sometimes the rest of a block,
// once for each token.
func plausible(code string) bool {
	if len(code) > maxBlock {
		return false
	}
	for line := range strings.SplitSeq(code, "\n") {
		if len(line) > maxLine {
			return false
		}
	}
	return true
}

// coloring writes HTML of at most most bytes, as long as it is in time.
type coloring struct {
	out    strings.Builder
	open   string // class of the open element
	most   int
	inTime func() bool
}

// write writes a token. It returns false if it exceeds the bounds.
func (c *coloring) write(text, class string) bool {
	if class != c.open && strings.TrimSpace(text) != "" {
		c.end()
		if c.open = class; class != "" {
			c.out.WriteString(`<span class="` + class + `">`)
		}
	}
	c.out.WriteString(html.EscapeString(text))
	return c.out.Len() <= c.most && c.inTime()
}

func (c *coloring) end() {
	if c.open != "" {
		c.out.WriteString("</span>")
	}
	c.open = ""
}

// code writes code. It returns false if it exceeds the bounds, or if the lexer drops or changes a part of the code.
func (c *coloring) code(code, lexer string) bool {
	next, err := lexers.GlobalLexerRegistry.Get(lexer).Tokenise(&chroma.TokeniseOptions{State: "root"}, code)
	if err != nil {
		return false
	}
	for t := next(); t != chroma.EOF; t = next() {
		if t.Value == code+"\n" { // some lexers add a line end
			t.Value = code
		}
		class := classOf(t.Type)
		if t.Type == chroma.Text && shells[lexer] && strings.HasPrefix(strings.TrimSpace(t.Value), "-") {
			class = "hl-m" // an option
		}
		if !strings.HasPrefix(code, t.Value) || !c.write(t.Value, class) {
			return false
		}
		code = code[len(t.Value):]
	}
	c.end()
	return code == ""
}

// shells are the lexers to which options of commands are plain text.
var shells = map[string]bool{"Bash": true, "Bash Session": true}

// session writes an interactive Python session: code after prompts, and its output.
func (c *coloring) session(lines string) bool {
	for line := range strings.SplitAfterSeq(lines, "\n") {
		if code, ok := strings.CutPrefix(line, ">>> "); ok || strings.HasPrefix(line, "... ") {
			if !ok {
				code = line[len("... "):]
			}
			if !c.write(line[:len(line)-len(code)], "hl-o") || !c.code(code, "Python") {
				return false
			}
		} else if !c.write(line, "hl-o") {
			return false
		}
	}
	c.end()
	return true
}

// classOf returns the class of a type of tokens, or "".
func classOf(t chroma.TokenType) string {
	switch t {
	case chroma.KeywordConstant, chroma.NameConstant, chroma.NameEntity, chroma.LiteralDate:
		return "hl-m"
	case chroma.GenericInserted:
		return "hl-i"
	case chroma.GenericDeleted, chroma.GenericError, chroma.GenericTraceback:
		return "hl-d"
	case chroma.GenericOutput, chroma.GenericPrompt:
		return "hl-o"
	case chroma.GenericHeading, chroma.GenericSubheading, chroma.NameFunction, chroma.NameFunctionMagic, chroma.NameClass,
		chroma.NameDecorator, chroma.NameTag, chroma.NameAttribute, chroma.NameBuiltin, chroma.NameBuiltinPseudo,
		chroma.NameException, chroma.NameVariable, chroma.NameNamespace:
		return "hl-n"
	}
	switch {
	case t.InCategory(chroma.Keyword), t.InCategory(chroma.Operator):
		return "hl-k"
	case t.InSubCategory(chroma.LiteralString):
		return "hl-s"
	case t.InSubCategory(chroma.LiteralNumber):
		return "hl-m"
	case t.InCategory(chroma.Comment):
		return "hl-c"
	}
	return ""
}
