package config

import (
	"encoding"
	"errors"
	"fmt"
	"os"
	"reflect"
	"slices"
	"strings"

	"github.com/alecthomas/kong"

	"pyindex/internal/fault"
)

// Problems are several errors about settings, each worth a line of its own.
type Problems []error

// Error returns the errors, one a line.
func (p Problems) Error() string { return errors.Join(p...).Error() }

// Unwrap returns the errors.
func (p Problems) Unwrap() []error { return p }

// Problems returns the errors for printing.
func (p Problems) Problems() []error { return p }

// origins are the values of settings that no flag sets, and where each setting was set. They resolve flags for kong.
type origins struct {
	of     *kong.Context // the command line they were read for
	values map[string]any
	where  map[string]origin // by key, without settings that have their default
	hidden map[string]bool   // keys that the file has, but a flag or a variable overrides
}

// origin is the name under which a person set a setting.
type origin struct {
	at   string // file and line, "" for a flag or a variable
	name string
}

// String returns the name of the setting, after the file and line if it has one.
func (o origin) String() string { return strings.TrimPrefix(o.at+": "+o.name, ": ") }

// read reads the environment and the file for a command line. Kong calls it for each element of the command line, but
// only the first call has an effect. The error is Problems: every unknown key of the file and every value that cannot
// be parsed.
func (o *origins) read(ctx *kong.Context) error {
	if o.of == ctx {
		return nil
	}
	*o = origins{of: ctx, values: map[string]any{}, where: map[string]origin{}, hidden: map[string]bool{}}
	ctx.AddResolver(o)
	ctx.Bind(o)
	if Plain(ctx) {
		return nil
	}
	for _, p := range ctx.Path {
		if p.Flag != nil && isSetting(p.Flag) {
			o.where[tomlKey(p.Flag.Name)] = origin{name: "--" + p.Flag.Name}
		}
	}
	problems := o.readEnvironment(ctx)
	f, err := o.openFile(ctx)
	if err != nil {
		problems = append(problems, err)
	} else if f != nil {
		problems = append(problems, inOrder(append(f.unknown(keysOf(ctx.Model)), o.readKeys(ctx, f)...))...)
	}
	if len(problems) > 0 {
		return Problems(problems)
	}
	return nil
}

// Plain reports whether the command has the tag "plain": it works whatever the environment and the file contain.
func Plain(ctx *kong.Context) bool {
	at := ctx.Selected()
	return at != nil && at.Tag.Has("plain")
}

// readEnvironment reads the variables that are set and not empty, unless a flag overrides them.
func (o *origins) readEnvironment(ctx *kong.Context) (problems []error) {
	for _, f := range ctx.Model.Flags {
		if !isSetting(f) {
			continue
		}
		name := variable(f)
		if text := os.Getenv(name); text != "" {
			if err := o.set(f, text, origin{name: name}); err != nil {
				problems = append(problems, fmt.Errorf("%s: %w", name, err))
			}
		}
	}
	return problems
}

// openFile reads the file of --config. It returns nil if there is none.
func (o *origins) openFile(ctx *kong.Context) (*file, error) {
	i := slices.IndexFunc(ctx.Model.Flags, func(f *kong.Flag) bool { return f.Name == "config" && isSetting(f) })
	if i < 0 {
		return nil, nil
	}
	path, _ := o.values["config"].(string)
	if _, typed := o.where["config"]; typed && path == "" {
		given, _ := ctx.FlagValue(ctx.Model.Flags[i]).(configFile)
		path = string(given)
	}
	if path == "" {
		return nil, nil
	}
	f, err := readFile(path)
	if os.IsNotExist(err) || errors.Is(err, os.ErrPermission) {
		return nil, fmt.Errorf("%s: %w", o.where["config"], err)
	}
	return f, err
}

// readKeys reads the keys of a file, unless a flag or a variable overrides them.
func (o *origins) readKeys(ctx *kong.Context, f *file) (problems []error) {
	for _, flag := range ctx.Model.Flags {
		key := tomlKey(flag.Name)
		if _, ok := f.values[key]; !ok || !isSetting(flag) || flag.Name == "config" {
			continue
		}
		if _, overridden := o.where[key]; overridden {
			o.hidden[key] = true
			continue
		}
		value, err := f.value(key)
		if err != nil {
			problems = append(problems, err)
			continue
		}
		if value == nil || len(f.unknownInEntries(key, f.values[key])) > 0 {
			continue
		}
		if err := o.set(flag, value, origin{f.at(key), key}); err != nil {
			at := f.badElement(flag, key, value)
			if field := fault.FieldOf(err); field != "" && entryKeys[key] != nil {
				at += "." + field
				problems = append(problems, f.errorf(at, "%s: %s", at, strings.TrimPrefix(err.Error(), field+": ")))
				continue
			}
			problems = append(problems, f.errorf(at, "%s: %w", key, err))
		}
	}
	return problems
}

// badElement returns the key of the first element of a list that cannot be parsed, or key itself if value is no list.
func (f *file) badElement(flag *kong.Flag, key string, value any) string {
	list, _ := value.([]any)
	i := slices.IndexFunc(list, func(v any) bool { return parses(flag, []any{v}) != nil })
	if i < 0 || flag.Target.Kind() != reflect.Slice {
		return key
	}
	return fmt.Sprintf("%s[%d]", key, i)
}

// parses returns an error if a value cannot be parsed as a flag.
func parses(f *kong.Flag, value any) error {
	if list, ok := value.([]any); ok {
		return parsesList(f.Target.Type(), list)
	}
	err := f.Parse(kong.Scan().PushTyped(value, kong.FlagValueToken), reflect.New(f.Target.Type()).Elem())
	if inner := errors.Unwrap(err); inner != nil { // kong begins with the name of the flag
		return inner
	}
	return err
}

// parsesList is parses for a list of texts. The errors of kong would contain the whole list.
func parsesList(target reflect.Type, list []any) error {
	if target.Kind() != reflect.Slice {
		return errors.New("it must be one value, not a list")
	}
	for _, v := range list {
		text, _ := v.(string)
		if into, ok := reflect.New(target.Elem()).Interface().(encoding.TextUnmarshaler); ok {
			if err := into.UnmarshalText([]byte(text)); err != nil {
				return err
			}
		}
	}
	return nil
}

// set sets a setting, unless a flag does. It returns an error if the value cannot be parsed.
func (o *origins) set(f *kong.Flag, value any, from origin) error {
	if _, typed := o.where[tomlKey(f.Name)]; typed {
		return nil
	}
	if err := parses(f, value); err != nil {
		return err
	}
	if text, ok := value.(string); ok && f.Enum != "" && !slices.Contains(f.EnumSlice(), text) {
		return fmt.Errorf("%q is none of its values: choose %s", text, strings.Join(f.EnumSlice(), ", "))
	}
	o.values[f.Name], o.where[tomlKey(f.Name)] = value, from
	return nil
}

// Validate does nothing. read checks the values.
func (o *origins) Validate(*kong.Application) error { return nil }

// Resolve returns the value of a setting from the environment or the file. It returns nil if neither has it.
func (o *origins) Resolve(_ *kong.Context, _ *kong.Path, flag *kong.Flag) (any, error) {
	if !isSetting(flag) {
		return nil, nil
	}
	return o.values[flag.Name], nil
}

// AfterApply keeps the origins of the settings for Located.
func (c *Config) AfterApply(o *origins) error {
	c.origins = o
	showVariables(o.of.Model)
	return nil
}

// Located returns err with the settings that it begins with under the names that the person used: the flag, the
// variable, or the key after the file and line. It returns other errors unchanged.
func (c *Config) Located(err error) error {
	if err == nil || c.origins == nil {
		return err
	}
	head, rest, ok := strings.Cut(err.Error(), ": ")
	if !ok {
		return err
	}
	known, at := keysOf(c.origins.of.Model), ""
	words := strings.Fields(head)
	for i, word := range words {
		key := strings.TrimRight(word, ",")
		if word == "and" && i > 0 {
			continue
		}
		if !slices.Contains(known, key) {
			return err
		}
		from := c.origins.where[key]
		if at == "" {
			at = from.at
		}
		if from.name != "" {
			words[i] = strings.Replace(word, key, from.name, 1)
		}
	}
	return &located{origin{at, strings.Join(words, " ")}.String() + ": " + rest, err}
}

// located is an error whose text names settings as a person set them.
type located struct {
	text string
	err  error
}

// Error returns the text.
func (l *located) Error() string { return l.text }

// Unwrap returns the original error.
func (l *located) Unwrap() error { return l.err }
