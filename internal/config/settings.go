package config

import (
	"fmt"
	"net/url"
	"os"
	"strings"

	"github.com/alecthomas/kong"
)

// Setting is one effective setting.
type Setting struct {
	Name, Value string
	From        string // "default", "file", "environment" or "flag"
	Help        string
	Default     string
}

// SettingsOf returns the effective settings, for administrators. Values that may contain a secret are redacted.
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

// sourceOf returns the source of a setting's value, as in Setting.From.
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

// secretWords mark settings that are secrets by their name. Settings that name a file are not secrets.
var secretWords = []string{"password", "secret", "token-key"}

// hideSecrets redacts the value of a setting that is a secret by its name, and the passwords and secret parameters of
// URLs.
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
		return "[not shown: it is not a valid URL]"
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
