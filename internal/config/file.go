package config

import (
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

// BeforeResolve reads the file after kong has parsed its path.
func (configFile) BeforeResolve(ctx *kong.Context, trace *kong.Path) error {
	path, _ := ctx.FlagValue(trace.Flag).(configFile)
	if path == "" {
		return nil
	}
	text, err := os.ReadFile(string(path))
	if err != nil {
		return fmt.Errorf("config: %w", err)
	}
	values, err := flatten(text)
	if err != nil {
		return fmt.Errorf("config %s: %w", path, err)
	}
	file := &fileResolver{path: string(path), values: values}
	if err := file.check(ctx.Model); err != nil { // not in Resolve, because kong prefixes its errors with a flag
		return err
	}
	ctx.AddResolver(file)
	return nil
}

// flatten parses TOML into values by key, such as "listen" and "access.anonymous_read".
func flatten(text []byte) (map[string]any, error) {
	var file map[string]any
	if err := toml.Unmarshal(text, &file); err != nil {
		if at, ok := errors.AsType[*toml.DecodeError](err); ok {
			row, column := at.Position()
			return nil, fmt.Errorf("line %d, column %d: %s", row, column, strings.TrimPrefix(at.Error(), "toml: "))
		}
		return nil, err
	}
	values := map[string]any{}
	for key, value := range file {
		table, ok := value.(map[string]any)
		if !ok {
			values[key] = value
			continue
		}
		for k, v := range table {
			values[key+"."+k] = v
		}
		if len(table) == 0 && !slices.Contains(sections, key) {
			return nil, fmt.Errorf("unknown key %q", key)
		}
	}
	return values, nil
}

// fileResolver resolves flags from the values of a file.
type fileResolver struct {
	path   string
	values map[string]any
}

// Validate does nothing. BeforeResolve checks the keys of the file.
func (f *fileResolver) Validate(*kong.Application) error { return nil }

// check returns an error that names the first key, in alphabetical order, that is not a setting of app.
func (f *fileResolver) check(app *kong.Application) error {
	known := map[string]bool{}
	for _, flag := range app.Flags {
		if isSetting(flag) && flag.Name != "config" {
			known[tomlKey(flag.Name)] = true
		}
	}
	var unknown []string
	for key := range f.values {
		if !known[key] {
			unknown = append(unknown, key)
		}
	}
	if len(unknown) == 0 {
		return nil
	}
	slices.Sort(unknown)
	return fmt.Errorf("config %s: unknown key %q", f.path, unknown[0])
}

// Resolve returns the file's value for a flag, or nil if the environment sets the flag.
func (f *fileResolver) Resolve(_ *kong.Context, _ *kong.Path, flag *kong.Flag) (any, error) {
	value, ok := f.values[tomlKey(flag.Name)]
	if !ok || !isSetting(flag) || slices.ContainsFunc(flag.Envs, isSet) {
		return nil, nil
	}
	text, err := flagText(tomlKey(flag.Name), value, string(flag.Tag.Sep))
	if err != nil {
		return nil, fmt.Errorf("config %s: %w", f.path, err)
	}
	return text, nil
}

func isSet(env string) bool {
	_, ok := os.LookupEnv(env)
	return ok
}

// tomlKey returns the key of a flag: the section, if its name begins with one, and the rest with underscores.
func tomlKey(flag string) string {
	for _, s := range sections {
		if rest, ok := strings.CutPrefix(flag, s+"-"); ok {
			return s + "." + strings.ReplaceAll(rest, "-", "_")
		}
	}
	return strings.ReplaceAll(flag, "-", "_")
}

// flagText returns a value in the form of a flag's argument.
func flagText(key string, value any, sep string) (string, error) {
	switch v := value.(type) {
	case string:
		return v, nil
	case bool:
		return strconv.FormatBool(v), nil
	case int64:
		return strconv.FormatInt(v, 10), nil
	case []any:
		return listText(key, v, sep)
	}
	return "", fmt.Errorf("%s: no setting has this type of value", key)
}

func listText(key string, list []any, sep string) (string, error) {
	parts := make([]string, 0, len(list))
	for i, v := range list {
		at := fmt.Sprintf("%s[%d]", key, i)
		part, ok := v.(string)
		if table, is := v.(map[string]any); is {
			var err error
			if part, err = issuerText(at, table); err != nil {
				return "", err
			}
			ok = true
		}
		if !ok || strings.Contains(part, sep) {
			return "", fmt.Errorf("%s must be a string without %q", at, sep)
		}
		parts = append(parts, part)
	}
	return strings.Join(parts, sep), nil
}

// issuerText returns a table of [[oidc.issuers]] in the text form.
func issuerText(at string, table map[string]any) (string, error) {
	var pairs []string
	for _, name := range slices.Sorted(maps.Keys(table)) {
		value, ok := table[name].(string)
		if new(issuer).field(name) == nil {
			return "", fmt.Errorf("unknown key %q", at+"."+name)
		}
		if !ok || strings.Contains(value, ",") {
			return "", fmt.Errorf("%s.%s must be a string without a comma", at, name)
		}
		pairs = append(pairs, name+"="+value)
	}
	return strings.Join(pairs, ","), nil
}

// ReadPlace reads the database and storage settings of a migration's target. It ignores the other settings of the file.
func ReadPlace(path string) (*Config, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("to: %w", err)
	}
	values, err := flatten(text)
	if err != nil {
		return nil, fmt.Errorf("to %s: %w", path, err)
	}
	c := &Config{DataDir: "./data", Storage: storageConfig{Delivery: "stream"}}
	for key, into := range map[string]*string{
		"data_dir": &c.DataDir, "database.url": &c.Database.URL, "database.url_file": &c.Database.URLFile,
		"storage.url": &c.Storage.URL,
	} {
		value, ok := values[key]
		if !ok {
			continue
		}
		if *into, ok = value.(string); !ok {
			return nil, fmt.Errorf("to %s: %s must be a string", path, key)
		}
	}
	c.Storage.LinkLifetime = Span(blobs.DefaultLinkLifetime)
	if err := errors.Join(c.checkDatabase(), c.checkStorage()); err != nil {
		return nil, fmt.Errorf("to %s: %w", path, err)
	}
	return c, nil
}
