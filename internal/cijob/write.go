package cijob

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"

	"pyindex/internal/access"
	"pyindex/internal/fault"
)

// loginUser is the user name for authentication with a token.
const loginUser = "__token__"

// writtenByLogin is the first line of the files that login writes. Login replaces only such files.
const writtenByLogin = "# Written by index login; the next one replaces it.\n"

// writer returns a function that writes the login in a format, to standard output or to a file. The function returns
// the path of the file, or "". writer returns an error if writing could not work, so that no token is requested.
func (l *login) writer(format string, toFile bool) (func(io.Writer) (string, error), error) {
	if l.scope == "upload" && format != "url" && format != "env" {
		return nil, fault.New(fault.Invalid, "--format %s is only for reading: use url or env with --scope upload", format)
	}
	if !toFile {
		return func(w io.Writer) (string, error) {
			_, err := io.WriteString(w, l.text(format))
			return "", err
		}, nil
	}
	path, err := l.path(format)
	if err != nil {
		return nil, err
	}
	put, check := replaceFile, mayReplace
	if format == "netrc" {
		put, check = l.putNetrc, l.mayPutNetrc
	} else if format == "env" {
		put, check = appendFile, func(string) error { return nil }
	}
	if err := check(path); err != nil {
		return nil, err
	}
	return func(io.Writer) (string, error) {
		if err := put(path, l.fileText(format)); err != nil {
			return "", err
		}
		return path, nil
	}, nil
}

// path returns the path of the file that the tool of a format reads.
func (l *login) path(format string) (string, error) {
	switch format {
	case "pip":
		return l.configPath("PIP_CONFIG_FILE", "pip",
			map[bool]string{false: "pip.conf", true: "pip.ini"}[runtime.GOOS == "windows"])
	case "uv":
		return l.configPath("UV_CONFIG_FILE", "uv", "uv.toml")
	case "netrc":
		return l.homePath("NETRC", ".netrc")
	case "env":
		if path := l.env("GITHUB_ENV"); path != "" {
			return path, nil
		}
		return "", fault.New(fault.Invalid,
			`--write with --format env works only in GitHub Actions: elsewhere use eval "$(index login --format env)"`)
	}
	return "", fault.New(fault.Invalid, "--format %s is only for standard output: omit --write", format)
}

// configPath returns the path of a tool's configuration file: the value of variable, or else the user's own file.
func (l *login) configPath(variable, tool, name string) (string, error) {
	for _, dir := range []string{"XDG_CONFIG_HOME", "APPDATA"} {
		if at := l.env(dir); l.env(variable) == "" && filepath.IsAbs(at) &&
			(dir == "APPDATA") == (runtime.GOOS == "windows") {
			return filepath.Join(at, tool, name), nil
		}
	}
	return l.homePath(variable, filepath.Join(".config", tool, name))
}

func (l *login) homePath(variable, below string) (string, error) {
	if path := l.env(variable); path != "" {
		return path, nil
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "", fmt.Errorf("finding the home folder: %w", err)
	}
	return filepath.Join(home, below), nil
}

// plain returns the URL for clients, without credentials.
func (l *login) plain() string {
	if l.scope == "upload" {
		return l.site.JoinPath("legacy/").String()
	}
	return l.site.JoinPath("simple/").String()
}

// full returns the URL for clients, with credentials.
func (l *login) full() string {
	u := l.site.JoinPath("simple/")
	if l.scope == "upload" {
		u = l.site.JoinPath("legacy/")
	}
	u.User = url.UserPassword(loginUser, l.token.Reveal())
	return u.String()
}

// text returns the login in a format for standard output.
func (l *login) text(format string) string {
	switch format {
	case "env":
		var b strings.Builder
		for _, v := range l.variables() {
			fmt.Fprintf(&b, "export %s='%s'\n", v[0], strings.ReplaceAll(v[1], "'", `'\''`))
		}
		return b.String()
	case "url":
		return l.full() + "\n"
	}
	return l.fileText(format)
}

// fileText returns the login in a format for its file.
func (l *login) fileText(format string) string {
	switch format {
	case "pip":
		return writtenByLogin + "[global]\nindex-url = " + l.full() + "\n"
	case "uv":
		return writtenByLogin + "[[index]]\nurl = " + strconv.Quote(l.full()) + "\ndefault = true\n"
	case "netrc":
		return fmt.Sprintf("machine %s login %s password %s\n", l.site.Hostname(), loginUser, l.token.Reveal())
	}
	var b strings.Builder
	for _, v := range l.variables() {
		fmt.Fprintf(&b, "%s=%s\n", v[0], v[1])
	}
	return b.String()
}

// variables returns the environment variables that the tools read, as pairs of name and value.
func (l *login) variables() [][2]string {
	if l.scope == "upload" {
		return [][2]string{
			{"TWINE_REPOSITORY_URL", l.plain()},
			{"TWINE_USERNAME", loginUser},
			{"TWINE_PASSWORD", l.token.Reveal()},
			{"UV_PUBLISH_URL", l.plain()},
			{"UV_PUBLISH_TOKEN", l.token.Reveal()},
		}
	}
	return [][2]string{{"PIP_INDEX_URL", l.full()}, {"UV_DEFAULT_INDEX", l.full()}}
}

// readPlain returns the content of a file, or "" if the file does not exist. It returns fault.Conflict if path is not a
// regular file, because replacing it would destroy a link or device.
func readPlain(path string) (string, error) {
	info, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	} else if err != nil {
		return "", err
	}
	if !info.Mode().IsRegular() {
		return "", fault.New(fault.Conflict, "%s is not a regular file, so it was not changed: omit --write", path)
	}
	b, err := os.ReadFile(path)
	return string(b), err
}

// mayReplace returns fault.Conflict if login did not write the file.
func mayReplace(path string) error {
	text, err := readPlain(path)
	if err != nil {
		return err
	}
	if strings.TrimSpace(text) != "" && !strings.HasPrefix(text, writtenByLogin) {
		return fault.New(fault.Conflict,
			"%s has settings that index login did not write, so it was not changed: omit --write and add the printed settings to it", path)
	}
	return nil
}

// replaceFile atomically writes a file that only its owner can read.
func replaceFile(path, text string) error {
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	f, err := os.CreateTemp(dir, ".index-login-*") // has mode 0600
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		os.Remove(f.Name())
	}
	return err
}

// appendFile appends text to a file, such as GITHUB_ENV.
func appendFile(path, text string) error {
	f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	return errors.Join(err, f.Close())
}

// machine returns a pattern that finds a host's entries in a netrc file.
func machine(host string) *regexp.Regexp {
	return regexp.MustCompile(`(?:^|\s)machine\s+` + regexp.QuoteMeta(host) + `(?:\s|$)`)
}

// withoutOurs returns the text of a netrc file without the entry that login added for the host.
func (l *login) withoutOurs(text string) string {
	var kept strings.Builder
	start := fmt.Sprintf("machine %s login %s password %s", l.site.Hostname(), loginUser, access.TokenPrefix)
	for line := range strings.Lines(text) {
		if rest, ok := strings.CutPrefix(line, start); !ok || strings.ContainsAny(strings.TrimRight(rest, "\r\n"), " \t") {
			kept.WriteString(line)
		}
	}
	return kept.String()
}

// mayPutNetrc returns fault.Conflict if the netrc file has an entry for the host that login did not write.
func (l *login) mayPutNetrc(path string) error {
	text, err := readPlain(path)
	if err != nil {
		return err
	}
	if machine(l.site.Hostname()).MatchString(l.withoutOurs(text)) {
		return fault.New(fault.Conflict, "%s has an entry for %s that index login did not write, so it was not changed", path,
			l.site.Hostname())
	}
	return nil
}

// putNetrc adds the entry at the beginning, because clients ignore entries after a default entry.
func (l *login) putNetrc(path, entry string) error {
	text, err := readPlain(path)
	if err != nil {
		return err
	}
	return replaceFile(path, entry+l.withoutOurs(text))
}
