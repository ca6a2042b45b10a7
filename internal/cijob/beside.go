package cijob

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
)

// beside are the environment variables that make a tool read packages from somewhere else than the index of the login,
// with the reason.
var beside = []struct{ tool, variable, why string }{
	{"pip", "PIP_EXTRA_INDEX_URL", "pip takes packages from that index too, also those of the same name and version"},
	{"pip", "PIP_FIND_LINKS", "pip takes packages from there too, also those of the same name and version"},
	{"uv", "UV_INDEX", "uv asks that index first"},
	{"uv", "UV_EXTRA_INDEX_URL", "uv asks that index first"},
	{"uv", "UV_FIND_LINKS", "uv takes packages from there too"},
}

// overrides are the variables that a tool prefers to its file.
var overrides = []struct{ tool, variable string }{
	{"pip", "PIP_INDEX_URL"}, {"uv", "UV_DEFAULT_INDEX"}, {"uv", "UV_INDEX_URL"},
}

// extraIndex matches the key extra-index-url in a pip.conf. pip takes an underscore for a dash and drops leading dashes,
// and allows blanks and a byte order mark before a key. The indented continuation of another value, which looks the
// same, matches too: a note too many is better than one too few.
var extraIndex = regexp.MustCompile(
	`(?mi)^\x{FEFF}?[\pZ\t\v\f]*(?:--)?extra[-_]index[-_]url[\pZ\t\v\f]*[=:]`)

// notes returns a sentence for each variable and each pip.conf that keeps a tool from reading from this index alone. It
// names them without their values, which may contain credentials. written is the tool whose file the login was written
// to, or "".
func (l *login) notes(format, written string) (notes []string) {
	if l.scope != "read" {
		return nil
	}
	concerns := func(tool string) bool { return format == tool || format != "pip" && format != "uv" }
	for _, b := range beside {
		if concerns(b.tool) && l.env(b.variable) != "" {
			notes = append(notes, fmt.Sprintf("%s is set: %s", b.variable, b.why))
		}
	}
	for _, o := range overrides {
		if o.tool == written && l.env(o.variable) != "" {
			notes = append(notes, fmt.Sprintf("%s is set: %s uses it instead of the written file", o.variable, o.tool))
		}
	}
	if !concerns("pip") {
		return notes
	}
	for _, path := range l.pipFiles() {
		text, err := os.ReadFile(path)
		if err == nil && extraIndex.Match(text) {
			notes = append(notes, fmt.Sprintf(
				"%s has extra-index-url: pip takes packages from that index too, also those of the same name and version", path))
		}
	}
	return notes
}

// pipFiles returns the configuration files that pip reads: of the machine, the user, the virtual environment, and of
// PIP_CONFIG_FILE, which replaces the user's. It reads none if that is the null device.
func (l *login) pipFiles() (paths []string) {
	named, name := l.env("PIP_CONFIG_FILE"), "pip.conf"
	if named == os.DevNull {
		return nil
	}
	if runtime.GOOS == "windows" {
		name = "pip.ini"
		paths = append(paths, filepath.Join(l.env("PROGRAMDATA"), "pip", name))
	} else {
		for _, dir := range filepath.SplitList(cmp.Or(l.env("XDG_CONFIG_DIRS"), "/etc/xdg")) {
			paths = append(paths, filepath.Join(dir, "pip", name))
		}
		paths = append(paths, "/Library/Application Support/pip/pip.conf", "/etc/pip.conf")
	}
	if _, err := os.Stat(named); named == "" || err != nil {
		if own, err := l.configPath("", "pip", name); err == nil {
			paths = append(paths, own)
		}
		if legacy, err := l.homePath("", filepath.Join(".pip", name)); err == nil {
			paths = append(paths, legacy)
		}
	}
	if dir := l.env("VIRTUAL_ENV"); dir != "" {
		paths = append(paths, filepath.Join(dir, name))
	}
	if named != "" {
		paths = append(paths, named)
	}
	return paths
}
