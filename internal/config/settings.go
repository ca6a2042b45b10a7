package config

import (
	"fmt"
	"net/url"
	"os"
	"strings"

	"github.com/alecthomas/kong"
)

// Setting is a setting as the server understood it.
type Setting struct {
	Name, Value string
	From        string // "default", "file", "environment" or "flag"
	Help        string
	Default     string
}

// SettingsOf returns the settings in effect, for administrators to look at. Values that may hold a secret are hidden.
func SettingsOf(parsed *kong.Context) []Setting {
	var out []Setting
	for _, f := range parsed.Model.Flags {
		if !isSetting(f) {
			continue
		}
		value := fmt.Sprint(f.Target.Interface())
		if value == "[]" || value == "<nil>" {
			value = ""
		}
		out = append(out, Setting{
			Name:    tomlKey(f.Name),
			Value:   hideSecrets(f.Name, value),
			From:    sourceOf(parsed, f),
			Help:    f.Help,
			Default: f.Default,
		})
	}
	return out
}

// sourceOf returns where the value of a setting comes from.
func sourceOf(parsed *kong.Context, f *kong.Flag) string {
	for _, p := range parsed.Path {
		if p.Flag == f && !p.Resolved {
			return "flag"
		}
	}
	for _, name := range f.Envs {
		if _, ok := os.LookupEnv(name); ok {
			return "environment"
		}
	}
	for _, p := range parsed.Path {
		if p.Flag == f {
			return "file"
		}
	}
	return "default"
}

// secretWords mark settings whose value is nobody's business, whatever it is. Those that name a file are no secrets.
var secretWords = []string{"password", "secret", "token-key"}

// hideSecrets takes out of a value what only the server may know: passwords and parameters of addresses, and whatever a
// setting's name says is a secret.
func hideSecrets(flag, value string) string {
	if value == "" || strings.HasSuffix(flag, "-file") {
		return value
	}
	for _, word := range secretWords {
		if strings.Contains(flag, word) {
			return "[secret]"
		}
	}
	if !strings.Contains(value, "://") && !strings.HasPrefix(value, "sqlite:") {
		return value
	}
	u, err := url.Parse(value)
	if err != nil {
		return "[not shown: it cannot be read as an address]"
	}
	if u.User != nil {
		u.User = url.User("[secret]")
	}
	q := u.Query()
	for name := range q {
		if strings.Contains(name, "pass") || strings.Contains(name, "key") || strings.Contains(name, "secret") ||
			strings.Contains(name, "token") || strings.Contains(name, "sig") {
			q.Set(name, "[secret]")
		}
	}
	u.RawQuery = q.Encode()
	text, err := url.PathUnescape(u.String())
	if err != nil {
		return u.String()
	}
	return text
}
