package config

import (
	"encoding"
	"fmt"
	"net/url"
	"os"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/alecthomas/kong"
)

// Setting is one effective setting.
type Setting struct {
	Name, Value string
	From        string // "default", "file", "environment" or "flag"
	Help        string
	Default     string
	NoDefault   string // what a page shows in place of an empty Default; "" if Help explains it
}

// SettingsOf returns the effective settings, for administrators, in the form that the file takes. Elements of lists are
// separated by commas, and issuers are one on a line. Values that may contain a secret are redacted.
func SettingsOf(parsed *kong.Context) []Setting {
	var out []Setting
	for _, f := range parsed.Model.Flags {
		if !isSetting(f) {
			continue
		}
		s := Setting{
			Name:    tomlKey(f.Name),
			Value:   valueText(f.Name, f.Target.Interface()),
			From:    sourceOf(parsed, f),
			Help:    f.Help,
			Default: defaultText(f),
		}
		if s.Default == "" {
			s.NoDefault = noDefault(f)
		}
		out = append(out, s)
	}
	return out
}

// valueText returns the value of a flag in the form that the file takes, without secrets. It returns "" for nil and for
// an empty list.
func valueText(flag string, value any) string {
	switch v := value.(type) {
	case *bool:
		if v == nil {
			return ""
		}
		return strconv.FormatBool(*v)
	case []string:
		return listed(flag, v, ", ")
	case []prefix:
		return listed(flag, v, ", ")
	case []issuer:
		return listed(flag, v, "\n")
	case []declaredUpstream:
		return listed(flag, v, "\n")
	case []declaredRepository:
		return listed(flag, v, "\n")
	case []declaredAlias:
		return listed(flag, v, "\n")
	case []declaredFeed:
		return listed(flag, v, "\n")
	}
	return hideSecrets(flag, fmt.Sprint(value))
}

// listed joins the texts of a list's elements, each without secrets. Elements with commas are one on a line.
func listed[T any](flag string, list []T, sep string) string {
	parts := make([]string, 0, len(list))
	for _, v := range list {
		switch v := any(v).(type) {
		case issuer:
			parts = append(parts, v.line(flag))
			continue
		case interface{ line() string }:
			parts = append(parts, v.line())
			continue
		}
		parts = append(parts, hideSecrets(flag, fmt.Sprint(v)))
	}
	if slices.ContainsFunc(parts, func(s string) bool { return strings.Contains(s, ",") }) {
		sep = "\n"
	}
	return strings.Join(parts, sep)
}

// line describes an issuer for administrators: its kind and URL, then what else is set.
func (i issuer) line(flag string) string {
	text := i.Kind + " " + hideSecrets(flag, i.Issuer)
	for _, name := range issuerFields[2:] {
		if value := *i.field(name); value != "" {
			text += " " + name + "=" + hideSecrets(flag, value)
		}
	}
	return text
}

// defaultText returns the default of a flag in the same form as a value, or "" if it has none.
func defaultText(f *kong.Flag) string {
	if f.Default == "" {
		if f.Target.Kind() == reflect.Bool {
			return "false"
		}
		return ""
	}
	target := reflect.New(f.Target.Type())
	switch into := target.Interface().(type) {
	case encoding.TextUnmarshaler:
		if into.UnmarshalText([]byte(f.Default)) == nil {
			return valueText(f.Name, target.Elem().Interface())
		}
	case *[]string:
		*into = strings.Split(f.Default, string(f.Tag.Sep))
		return valueText(f.Name, *into)
	case *[]issuer:
		for text := range strings.SplitSeq(f.Default, string(f.Tag.Sep)) {
			var i issuer
			if i.UnmarshalText([]byte(text)) != nil {
				return f.Default
			}
			*into = append(*into, i)
		}
		return valueText(f.Name, *into)
	}
	return f.Default
}

// noDefault returns what a page shows for a flag without a default.
func noDefault(f *kong.Flag) string {
	switch {
	case strings.Contains(f.Help, "(default: "):
		return ""
	case f.Target.Type() == reflect.TypeFor[*bool]():
		return "depends on upload.policy"
	}
	return "none"
}

// sourceOf returns the source of a setting's value, as in Setting.From.
func sourceOf(parsed *kong.Context, f *kong.Flag) string {
	for _, p := range parsed.Path {
		if p.Flag == f && !p.Resolved {
			return "flag"
		}
	}
	if os.Getenv(variable(f)) != "" {
		return "environment"
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
