package config

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/alecthomas/kong"
	"github.com/pelletier/go-toml/v2"

	"pyindex/internal/storage/blobs"
)

// configFile is the path of a TOML file. A key applies if neither a flag nor the environment sets it.
type configFile string

// file is a parsed configuration file.
type file struct {
	path   string
	values map[string]any // by key, such as "listen" and "access.anonymous_read"
	tables []string       // the top-level tables, including empty ones
	lines  keyLines
}

// readFile reads and parses a file. Errors begin with the path, and with the line if the file is not TOML.
func readFile(path string) (*file, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var tree map[string]any
	if err := toml.Unmarshal(text, &tree); err != nil {
		if at, ok := errors.AsType[*toml.DecodeError](err); ok {
			row, column := at.Position()
			return nil, fmt.Errorf("%s:%d:%d: %s", path, row, column, strings.TrimPrefix(at.Error(), "toml: "))
		}
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	f := &file{path: path, values: map[string]any{}, lines: linesOf(text)}
	for key, value := range tree {
		table, ok := value.(map[string]any)
		if !ok {
			f.values[key] = value
			continue
		}
		f.tables = append(f.tables, key)
		for k, v := range table {
			f.values[key+"."+k] = v
		}
	}
	return f, nil
}

// errorf returns an error about a key. It begins with the path and the line.
func (f *file) errorf(key, format string, args ...any) error {
	return &lineError{f.lines.of(key), fmt.Errorf("%s: "+format, append([]any{f.at(key)}, args...)...)}
}

// at returns the path and line of a key, or only the path if the line is unknown.
func (f *file) at(key string) string {
	if line := f.lines.of(key); line > 0 {
		return fmt.Sprintf("%s:%d", f.path, line)
	}
	return f.path
}

// lineError is an error about a line of a file.
type lineError struct {
	line int
	error
}

// unknown returns an error for each key that is not known, in the order of their lines.
func (f *file) unknown(known []string) []error {
	var all []error
	for key, value := range f.values {
		if !slices.Contains(known, key) {
			all = append(all, f.unknownKey(key, key, known))
		}
		if entryKeys[key] != nil {
			all = append(all, f.unknownInEntries(key, value)...)
		}
	}
	for _, table := range f.tables {
		filled := func(key string) bool { return strings.HasPrefix(key, table+".") }
		if !slices.Contains(sections, table) && !slices.ContainsFunc(slices.Collect(maps.Keys(f.values)), filled) {
			all = append(all, f.unknownKey(table, table, sections))
		}
	}
	return inOrder(all)
}

// unknownInEntries returns an error for each unknown key of a table of a list, such as [[oidc.issuers]].
func (f *file) unknownInEntries(key string, value any) []error {
	list, _ := value.([]any)
	var all []error
	for i, v := range list {
		table, _ := v.(map[string]any)
		for name := range table {
			if !slices.Contains(entryKeys[key], name) {
				all = append(all, f.unknownKey(fmt.Sprintf("%s[%d].%s", key, i, name), name, entryKeys[key]))
			}
		}
	}
	return all
}

// unknownKey returns the error about an unknown key, whose part name resembles one of known.
func (f *file) unknownKey(key, name string, known []string) error {
	if near := nearest(name, known); near != "" {
		return f.errorf(key, "unknown key %q; did you mean %s?", key, near)
	}
	table, _, _ := strings.Cut(key, ".")
	if near := nearest(table, sections); near != "" && !slices.Contains(sections, table) && f.isTable(table) {
		return f.errorf(key, "unknown key %q; did you mean the table [%s]?", key, near)
	}
	return f.errorf(key, "unknown key %q", key)
}

// isTable reports whether a top-level key is a table or an array of tables.
func (f *file) isTable(key string) bool {
	list, _ := f.values[key].([]any)
	return slices.Contains(f.tables, key) || slices.ContainsFunc(list, func(v any) bool {
		_, ok := v.(map[string]any)
		return ok
	})
}

// inOrder sorts errors about a file by line.
func inOrder(all []error) []error {
	slices.SortFunc(all, func(a, b error) int {
		x, _ := errors.AsType[*lineError](a)
		y, _ := errors.AsType[*lineError](b)
		if x.line != y.line {
			return x.line - y.line
		}
		return strings.Compare(a.Error(), b.Error())
	})
	return all
}

// tomlKey returns the key of a flag: the section, if its name begins with one, and the rest with underscores.
func tomlKey(flag string) string {
	for _, s := range sections {
		if rest, ok := strings.CutPrefix(flag, strings.ReplaceAll(s, "_", "-")+"-"); ok {
			return s + "." + strings.ReplaceAll(rest, "-", "_")
		}
	}
	return strings.ReplaceAll(flag, "-", "_")
}

// value returns the value of a key in a form that kong parses: a text, or a list of texts whose elements may contain
// the separator of the flag. It returns nil if the file does not have the key, or has an empty text for it.
func (f *file) value(key string) (any, error) {
	switch v := f.values[key].(type) {
	case nil:
		return nil, nil
	case string:
		if v == "" {
			return nil, nil
		}
		return v, nil
	case bool:
		return strconv.FormatBool(v), nil
	case int64:
		return strconv.FormatInt(v, 10), nil
	case []any:
		return f.list(key, v)
	}
	return nil, f.errorf(key, "%s: no setting has this type of value", key)
}

func (f *file) list(key string, list []any) ([]any, error) {
	out := make([]any, 0, len(list))
	for i, v := range list {
		at := fmt.Sprintf("%s[%d]", key, i)
		switch v := v.(type) {
		case string:
			out = append(out, v)
		case map[string]any:
			text, err := f.entry(key, at, v)
			if err != nil {
				return nil, err
			}
			out = append(out, text)
		default:
			return nil, f.errorf(at, "%s must be a string", at)
		}
	}
	return out, nil
}

// entry returns a table of a list in the text form.
func (f *file) entry(key, at string, table map[string]any) (string, error) {
	switch {
	case key == "oidc.issuers":
		return f.issuer(at, table)
	case entryKeys[key] == nil:
		return "", f.errorf(at, "%s must be a string", at)
	}
	text, err := json.Marshal(table)
	return string(text), err
}

// issuer returns a table of [[oidc.issuers]] in the text form.
func (f *file) issuer(at string, table map[string]any) (string, error) {
	var pairs []string
	for _, name := range slices.Sorted(maps.Keys(table)) {
		value, ok := table[name].(string)
		if new(issuer).field(name) == nil {
			continue // unknownInEntries reports it
		}
		if !ok || strings.Contains(value, ",") {
			return "", f.errorf(at+"."+name, "%s.%s must be a string without a comma", at, name)
		}
		if value != "" {
			pairs = append(pairs, name+"="+value)
		}
	}
	return strings.Join(pairs, ","), nil
}

// ReadPlace reads the database and storage settings of a migration's target. It ignores the values of the other
// settings in the file, but returns an error if the file has unknown keys.
func ReadPlace(path string) (*Config, error) {
	f, err := readFile(path)
	if err != nil {
		return nil, fmt.Errorf("--to: %w", err)
	}
	k, err := model()
	if err != nil {
		return nil, err
	}
	if unknown := f.unknown(keysOf(k)); len(unknown) > 0 {
		return nil, Problems(unknown)
	}
	c := &Config{DataDir: "./data", Storage: storageConfig{Delivery: "stream"}}
	for key, into := range map[string]*string{
		"data_dir": &c.DataDir, "database.url": &c.Database.URL, "database.url_file": &c.Database.URLFile,
		"storage.url": &c.Storage.URL,
	} {
		value, err := f.value(key)
		if err != nil {
			return nil, err
		}
		text, ok := value.(string)
		if ok {
			*into = text
		} else if value != nil {
			return nil, f.errorf(key, "%s must be a string", key)
		}
	}
	c.Storage.LinkLifetime = Span(blobs.DefaultLinkLifetime)
	if err := errors.Join(c.checkDatabase(), c.checkStorage()); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return c, nil
}

// model returns the flags of the settings.
func model() (*kong.Application, error) {
	k, err := kong.New(new(Config), KongOptions())
	if err != nil {
		return nil, err
	}
	return k.Model, nil
}

// keysOf returns the keys that a file may have.
func keysOf(app *kong.Application) []string {
	var keys []string
	for _, f := range app.Flags {
		if isSetting(f) && f.Name != "config" {
			keys = append(keys, tomlKey(f.Name))
		}
	}
	return keys
}
