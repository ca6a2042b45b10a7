package archive

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// entryPoints checks entry_points.txt, if there is one. Installers create a script for each console and GUI entry, so a
// name that is a path would be written outside the folder for scripts.
func (g *gate) entryPoints(z *zipFile, dir string) error {
	name := dir + "/entry_points.txt"
	if !z.tree.isFile(name) {
		return nil
	}
	raw, err := z.read(name, g.lim.Small)
	if err != nil {
		return err
	}
	if !utf8.Valid(raw) {
		return refuse("entry_points.txt is not UTF-8")
	}
	e := &entryPoints{strict: g.rules.EntryPoints, seen: map[string]bool{}}
	for line := range strings.Lines(strings.TrimPrefix(string(raw), "\ufeff")) {
		if err := e.line(line); err != nil {
			return err
		}
	}
	if e.odd != "" {
		g.warn("entry_points.txt has an invalid line: %s", quote(e.odd))
	}
	return nil
}

// entryPoints parses INI like Python's configparser with '=' as the only delimiter.
type entryPoints struct {
	strict  bool
	section string
	entry   bool // the previous line can be continued
	seen    map[string]bool
	odd     string
}

func (e *entryPoints) line(raw string) error {
	text := strings.TrimSpace(raw)
	switch {
	case text == "" || text[0] == '#' || text[0] == ';':
		return nil
	case e.entry && unicode.IsSpace(rune(raw[0])):
		return nil // continuation of the previous value
	case text[0] == '[' && strings.HasSuffix(text, "]"):
		e.section, e.entry = text[1:len(text)-1], false
		return e.once("[" + e.section + "]")
	}
	key, _, ok := strings.Cut(text, "=")
	if key = strings.TrimSpace(key); !ok || key == "" || e.section == "" {
		return e.malformed(text)
	}
	e.entry = true
	if err := e.once("[" + e.section + "] " + key); err != nil {
		return err
	}
	return e.script(key)
}

func (e *entryPoints) malformed(text string) error {
	if e.strict {
		return refuse("entry_points.txt has an invalid line: %s", quote(text))
	}
	e.odd = text
	return nil
}

func (e *entryPoints) once(what string) error {
	if e.strict && e.seen[what] {
		return refuse("entry_points.txt contains %s twice", quote(what))
	}
	e.seen[what] = true
	return nil
}

func (e *entryPoints) script(name string) error {
	if e.section != "console_scripts" && e.section != "gui_scripts" {
		return nil
	}
	if strings.ContainsAny(name, `/\`) || name == "." || name == ".." || strings.ContainsFunc(name, unicode.IsControl) ||
		hasDrive(name) {
		return refuse("entry_points.txt defines a script named %s, which is a path", quote(name))
	}
	if e.strict && strings.ContainsFunc(name, notInScript) {
		return refuse("entry_points.txt defines a script named %s; only letters, digits, '_', '-' and '.' are allowed",
			quote(name))
	}
	return nil
}

func notInScript(r rune) bool {
	return !unicode.IsLetter(r) && !unicode.IsDigit(r) && r != '_' && r != '-' && r != '.'
}
