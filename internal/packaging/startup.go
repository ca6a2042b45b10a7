package packaging

import (
	"bytes"
	"regexp"
	"slices"
	"strings"
)

// Startup places: what Python reads or imports by itself when it starts.
var (
	customizing = map[string]bool{"sitecustomize": true, "usercustomize": true}
	siteFolders = map[string]bool{"site-packages": true, "dist-packages": true}
	interpreter = regexp.MustCompile(`^python[0-9.]*w?(\.exe)?$`)
)

// StartupPlace reports whether a member of a wheel would be installed to a place that Python reads by itself when it
// starts: *.pth and *.start files (PEP 829) in a folder of packages, the modules sitecustomize and usercustomize, and
// replacements of the standard library or of the interpreter. A *.pth file runs code only under the conditions of
// StartupCode and PathLines.
func StartupPlace(member string) bool {
	scheme, steps := installed(member)
	last := steps[len(steps)-1]
	switch scheme {
	case "":
		stem, _, _ := strings.Cut(steps[0], ".")
		return customizing[stem] || len(steps) == 1 && startupName(last)
	case "scripts":
		return len(steps) == 1 && interpreter.MatchString(strings.ToLower(last))
	case "data":
		return startupData(steps)
	}
	return false
}

func startupName(name string) bool {
	return strings.HasSuffix(name, ".pth") || strings.HasSuffix(name, ".start")
}

// startupData is StartupPlace for a path below the prefix of an environment.
func startupData(steps []string) bool {
	last, inSite := len(steps)-1, false
	for _, step := range steps {
		inSite = inSite || siteFolders[strings.ToLower(step)]
		if stem, _, _ := strings.Cut(step, "."); customizing[stem] {
			return true
		}
	}
	first, base := strings.ToLower(steps[0]), strings.ToLower(steps[last])
	switch {
	case startupName(steps[last]):
		return last == 0 || siteFolders[strings.ToLower(steps[last-1])] // on Windows the prefix is such a folder too
	case base == "pyvenv.cfg":
		return last == 0
	case last == 1 && (first == "bin" || first == "scripts"):
		return interpreter.MatchString(base)
	case inSite || last == 0 || first != "lib" && first != "lib64":
		return false
	}
	second := strings.ToLower(steps[1])
	return strings.HasPrefix(second, "python") || strings.HasSuffix(base, ".py") || strings.HasSuffix(base, ".pyc")
}

// SitePath returns the path below the folder of packages to which an installer puts a member of a wheel, "" if it goes
// elsewhere. The root of a wheel and its purelib and platlib schemes go there, and its data scheme can name the folder.
func SitePath(member string) string {
	scheme, steps := installed(member)
	switch scheme {
	case "":
		return strings.Join(steps, "/")
	case "data":
		for i := len(steps) - 2; i >= 0; i-- {
			if siteFolders[strings.ToLower(steps[i])] {
				return strings.Join(steps[i+1:], "/")
			}
		}
	}
	return ""
}

// installed returns the scheme of a member and the steps of its path in it. The scheme is "" for the folder of
// packages. The steps are as Windows reads them: without dots and blanks at their ends, and without the name of a
// stream.
func installed(member string) (scheme string, steps []string) {
	steps = strings.Split(member, "/")
	for i, step := range steps {
		steps[i] = PlainStep(step)
	}
	if len(steps) < 3 || !strings.HasSuffix(strings.ToLower(steps[0]), ".data") {
		return "", steps
	}
	switch scheme = strings.ToLower(steps[1]); scheme {
	case "purelib", "platlib":
		return "", steps[2:]
	}
	return scheme, steps[2:]
}

// PlainStep returns a step of a path as Windows reads it: without dots and blanks at its end, and without the name of a
// stream after a colon.
func PlainStep(step string) string {
	if i := strings.IndexByte(step, ':'); i >= 0 {
		step = step[:i]
	}
	return strings.TrimRight(step, ". ")
}

// StartupCode reports whether a file for which StartupPlace is true runs code when Python starts. It is true for every
// file other than *.pth, and for a *.pth file with a line that begins with "import" and a blank or tab, except the
// lines with which setuptools declared namespace packages.
func StartupCode(member string, content []byte) bool {
	steps := strings.Split(member, "/")
	if !strings.HasSuffix(PlainStep(steps[len(steps)-1]), ".pth") {
		return true
	}
	return slices.ContainsFunc(pathFileLines(content), func(line string) bool {
		return isImport(line) && !declaresNamespace(line)
	})
}

// PathLines returns the lines of a *.pth file that add a path to sys.path if it exists.
func PathLines(content []byte) (lines []string) {
	for _, line := range pathFileLines(content) {
		if line = strings.TrimRight(line, " \t"); line != "" && line[0] != '#' && !isImport(line) {
			lines = append(lines, line)
		}
	}
	return lines
}

func isImport(line string) bool {
	return strings.HasPrefix(line, "import ") || strings.HasPrefix(line, "import\t")
}

// lineEnd matches the ends of lines of a *.pth file. Python's site module splits the decoded text like str.splitlines;
// the bytes of its line ends in UTF-8, and of NEL in single-byte encodings, are listed here.
var lineEnd = regexp.MustCompile(`[\n\r\x0b\x0c\x1c-\x1e]|\xc2\x85|\x85|\xe2\x80[\xa8\xa9]`)

// pathFileLines returns the lines of a *.pth file, without byte order marks.
func pathFileLines(content []byte) []string {
	var lines []string
	for _, line := range lineEnd.Split(string(latin1(content)), -1) {
		raw := make([]byte, 0, len(line))
		for _, c := range line {
			raw = append(raw, byte(c))
		}
		lines = append(lines, strings.TrimPrefix(string(raw), "\ufeff"))
	}
	return lines
}

// latin1 returns content with each byte as a character, so that a regular expression can match bytes.
func latin1(content []byte) []byte {
	if !bytes.ContainsFunc(content, func(c rune) bool { return c >= 0x80 }) {
		return content
	}
	out := make([]byte, 0, len(content)+len(content)/4)
	for _, b := range content {
		out = append(out, string(rune(b))...)
	}
	return out
}
