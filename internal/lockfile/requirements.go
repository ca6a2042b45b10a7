package lockfile

import (
	"path/filepath"
	"regexp"
	"strings"

	"pyindex/internal/fault"
	"pyindex/internal/packaging"
)

// comment matches a comment as pip does: at the beginning of a line or after white space.
var comment = regexp.MustCompile(`(^|\s+)#.*$`)

// logicalLine is a line after the joining of continuations.
type logicalLine struct {
	text string
	at   int // the number of its first line
}

// logicalLines joins lines that end in a backslash and removes comments, as pip does.
func logicalLines(text string) (all []logicalLine) {
	var open []string
	first, n := 0, 0
	flush := func() {
		joined := strings.TrimSpace(comment.ReplaceAllString(strings.Join(open, ""), ""))
		if joined != "" {
			all = append(all, logicalLine{joined, first})
		}
		open = nil
	}
	for line := range strings.Lines(text) {
		n++
		line = strings.TrimRight(line, "\r\n")
		is := comment.FindStringIndex(line)
		commented := is != nil && is[0] == 0
		if commented {
			line = " " + line // so that it is a comment at the end of what came before
		}
		if len(open) == 0 {
			first = n
		}
		if strings.HasSuffix(line, `\`) && !commented {
			open = append(open, strings.TrimSuffix(line, `\`))
			continue
		}
		open = append(open, line)
		flush()
	}
	if len(open) > 0 {
		flush()
	}
	return all
}

// requirements reads a requirements or constraints file and the files that it includes.
func (r *reader) requirements(path string, text []byte, constraints bool) error {
	for _, line := range logicalLines(string(text)) {
		at := Place{path, line.at}
		var err error
		if strings.HasPrefix(line.text, "-") {
			err = r.option(line.text, at, constraints)
		} else {
			err = r.requirement(line.text, at, constraints)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// option handles a line that begins with a dash.
func (r *reader) option(line string, at Place, constraints bool) error {
	words := words(line)
	for len(words) > 0 {
		flag, value := words[0], ""
		words = words[1:]
		long, after, assigned := strings.Cut(flag, "=")
		short := ""
		if !strings.HasPrefix(flag, "--") && len(flag) > 2 { // -rFILE
			short, after = flag[:2], strings.TrimPrefix(flag[2:], "=")
		}
		switch {
		case short != "":
			flag, value = short, after
		case assigned && strings.HasPrefix(flag, "--"):
			flag, value = long, after
		case takesValue(flag) && len(words) > 0:
			value, words = words[0], words[1:]
		}
		var err error
		switch flag {
		case "-i", "--index-url", "--pypi-url":
			r.index("", value, Default, at)
		case "--extra-index-url":
			r.index("", value, Extra, at)
		case "-f", "--find-links":
			r.index("", value, Links, at)
		case "-r", "--requirement":
			err = r.include(value, at, constraints)
		case "-c", "--constraint":
			err = r.include(value, at, true)
		case "-e", "--editable":
			err = r.source(value, at, constraints)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func takesValue(flag string) bool {
	switch flag {
	case "-i", "--index-url", "--pypi-url", "--extra-index-url", "-f", "--find-links", "-r", "--requirement", "-c",
		"--constraint", "-e", "--editable", "--trusted-host", "--only-binary", "--no-binary", "--use-feature":
		return true
	}
	return false
}

// words splits a line as a shell does, without expanding anything.
func words(line string) (all []string) {
	var word strings.Builder
	quote, in := rune(0), false
	for _, c := range line {
		switch {
		case quote != 0 && c == quote:
			quote = 0
		case quote != 0:
			word.WriteRune(c)
		case c == '"' || c == '\'':
			quote, in = c, true
		case c == ' ' || c == '\t':
			if in {
				all = append(all, word.String())
			}
			word.Reset()
			in = false
		default:
			in = true
			word.WriteRune(c)
		}
	}
	if in {
		all = append(all, word.String())
	}
	return all
}

// include reads a file that another one names. Paths are relative to the file that names them.
func (r *reader) include(name string, at Place, constraints bool) error {
	if name == "" {
		return fault.New(fault.Invalid, "%s: the option names no file", at)
	}
	if strings.Contains(name, "://") {
		r.index("", name, Include, at)
		return nil
	}
	path := name
	if !filepath.IsAbs(path) {
		path = filepath.Join(filepath.Dir(at.Path), path)
	}
	if r.seen[filepath.Clean(path)] {
		return nil
	}
	text, err := r.read(path)
	if fault.Is(err, fault.Invalid) {
		return err
	} else if err != nil {
		return fault.New(fault.Invalid, "%s: the file that it includes cannot be read: %v", at, err)
	}
	return r.requirements(path, text, constraints)
}

// requirement handles a line with a requirement and its options.
func (r *reader) requirement(line string, at Place, constraints bool) error {
	text, options := line, ""
	for i, part := range strings.SplitAfter(line, " ") {
		if i > 0 && strings.HasPrefix(part, "-") {
			text = line[:len(line)-len(strings.Join(strings.SplitAfter(line, " ")[i:], ""))]
			options = strings.TrimPrefix(line, text)
			break
		}
	}
	text = strings.TrimSpace(text)
	q, err := packaging.ParseRequirement(text)
	if err != nil {
		old, ok := packaging.LegacyRequirement(text)
		if !ok {
			return r.source(text, at, constraints)
		}
		q = old
	}
	p := Package{Name: q.Name, Origin: Configured, Constraint: constraints, At: at}
	if q.URL != "" {
		p.Origin, p.URL = Direct, Clean(q.URL)
		if strings.HasPrefix(q.URL, "file:") {
			p.Origin, p.URL = Local, ""
		}
		p.hashFragment(q.URL)
	}
	p.Version, p.Specifiers = pinned(text, q.Specifiers)
	all := words(options)
	for i, word := range all {
		if hash, ok := strings.CutPrefix(word, "--hash="); ok {
			p.addHash(hash)
		} else if word == "--hash" && i+1 < len(all) {
			p.addHash(all[i+1])
		}
	}
	return r.add(p)
}

// clause matches the version of a clause with == or ===.
var clause = regexp.MustCompile(`={2,3}\s*([^\s,;()]+)`)

// pinned returns the version, as it is written, of a requirement with a single clause with == or ===, or else its
// clauses.
func pinned(requirement string, s packaging.Specifiers) (version, specifiers string) {
	text := s.String()
	before, _, _ := strings.Cut(requirement, ";")
	m := clause.FindStringSubmatch(before)
	if m != nil && strings.HasPrefix(text, "==") && !strings.ContainsAny(text, ",*") {
		return m[1], ""
	}
	return "", text
}

// hashFragment takes the hash in the fragment of a URL, as in "#sha256=…".
func (p *Package) hashFragment(url string) {
	_, fragment, _ := strings.Cut(url, "#")
	for part := range strings.SplitSeq(fragment, "&") {
		if algorithm, digest, ok := strings.Cut(part, "="); ok {
			switch algorithm {
			case "sha256", "sha384", "sha512", "sha1", "md5":
				p.addHash(algorithm + ":" + digest)
			}
		}
	}
}

// egg matches the name in the fragment of a URL.
var egg = regexp.MustCompile(`[#&]egg=([A-Za-z0-9._-]+)`)

// archive matches the name of an archive that pip installs.
var archive = regexp.MustCompile(`(?i)\.(whl|zip|tgz|tbz|txz|tar|tar\.(gz|bz2|xz))$`)

// source handles a line that is a URL or a path instead of a requirement, also after -e.
func (r *reader) source(text string, at Place, constraints bool) error {
	where, _, _ := strings.Cut(text, ";")
	where = strings.TrimSpace(where)
	local := strings.HasPrefix(where, "file:")
	remote := strings.Contains(where, "://") && !local
	base := baseName(where)
	local = local || strings.ContainsAny(where, `/\`) || where == "." || where == ".." || archive.MatchString(base)
	if remote && strings.ContainsAny(where, " \t") || !remote && !local {
		return fault.New(fault.Invalid, "%s: not a requirement", at)
	}
	p := Package{Origin: Local, Constraint: constraints, At: at}
	if remote {
		p.Origin, p.URL = Direct, Clean(where)
		p.hashFragment(where)
	}
	if m := egg.FindStringSubmatch(where); m != nil {
		p.Name, _ = packaging.ParseProjectName(m[1])
	} else if n, err := packaging.ProjectOf(base); err == nil {
		p.Name = n
	}
	return r.add(p)
}
