package cijob

import (
	"cmp"
	"errors"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"pyindex/internal/fault"
)

// maxNetrc is the size in bytes of the largest netrc file that is read.
const maxNetrc = 1 << 20

// fromNetrc returns the entry of a host in the file that NETRC names, or else in ~/.netrc (~/_netrc on Windows), or
// nil. A missing file is no error, unless NETRC names it.
func fromNetrc(host string, env func(string) string) (*url.Userinfo, error) {
	named := env("NETRC")
	paths := []string{named}
	if named == "" {
		home, err := os.UserHomeDir()
		if err != nil {
			return nil, nil
		}
		paths = []string{filepath.Join(home, ".netrc"), filepath.Join(home, "_netrc")}
	}
	for _, path := range paths {
		f, err := os.Open(path)
		if errors.Is(err, fs.ErrNotExist) && named == "" {
			continue
		} else if err != nil {
			return nil, fault.New(fault.Invalid, "the netrc file cannot be read: %v", err)
		}
		text, err := io.ReadAll(io.LimitReader(f, maxNetrc))
		if err = errors.Join(err, f.Close()); err != nil {
			return nil, err
		}
		return netrcEntry(string(text), host), nil
	}
	return nil, nil
}

// netrcEntry returns the entry of a host, or the default entry, or nil. Macros end at an empty line.
func netrcEntry(text, host string) *url.Userinfo {
	var here, fallback *[2]string // login and password
	var at *[2]string
	macro := false
	for line := range strings.Lines(text) {
		if macro {
			macro = strings.TrimSpace(line) != ""
			continue
		}
		fields := strings.Fields(line)
		for i := 0; i < len(fields); i++ {
			value := ""
			if i+1 < len(fields) {
				value = fields[i+1]
			}
			switch word := fields[i]; {
			case strings.HasPrefix(word, "#"):
				i = len(fields)
			case word == "macdef":
				macro, i = true, len(fields)
			case word == "default":
				at = new([2]string)
				fallback = cmp.Or(fallback, at)
			case word == "machine":
				at = new([2]string)
				if strings.EqualFold(value, host) && here == nil {
					here = at
				}
				i++
			case word == "login" && at != nil:
				at[0] = value
				i++
			case word == "password" && at != nil:
				at[1] = value
				i++
			case word == "account":
				i++
			}
		}
	}
	if here = cmp.Or(here, fallback); here == nil || here[1] == "" {
		return nil
	}
	return url.UserPassword(here[0], here[1])
}
