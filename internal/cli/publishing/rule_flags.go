package publishing

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/alecthomas/kong"

	"pyindex/internal/fault"
	"pyindex/internal/workload"
)

// ruleFlags has the flags that select workloads of one kind of issuer: one flag for each field of its rules.
type ruleFlags struct {
	Values kong.Plugins `embed:""` // one struct, built by flagsOf, or a *genericRule

	kind *workload.Kind
	of   []workload.Field // in the order of the struct
}

// SetKinds adds a command with its flags for each kind of issuer to the commands of publishers and readers. It must be
// called before the command line is parsed.
func SetKinds(p *Publisher, r *Reader) {
	p.Add.Plugins = kindCommands(func(c *publisherAdd, f ruleFlags) { c.ruleFlags = f })
	p.Constrain.ruleFlags = constraintFlags()
	r.Add.Plugins = kindCommands(func(c *readerAdd, f ruleFlags) { c.ruleFlags = f })
}

// kindCommands returns a command of type T for each kind of issuer. set stores the flags in the command.
func kindCommands[T any](set func(c *T, f ruleFlags)) kong.Plugins {
	var all kong.Plugins
	for _, k := range workload.All {
		var c T
		set(&c, flagsOf(k, k.Fields))
		tag := fmt.Sprintf("cmd:%q name:%q help:%q", "", k.Name(), k.Help)
		v := reflect.New(reflect.StructOf([]reflect.StructField{{
			Name: "Command", Type: reflect.TypeFor[T](), Tag: reflect.StructTag(tag),
		}}))
		v.Elem().Field(0).Set(reflect.ValueOf(c))
		all = append(all, v.Interface())
	}
	return all
}

// flagsOf returns flags for some fields of a kind: a switch for a check box, a repeatable flag for a list, and a text
// flag for any other field.
func flagsOf(k *workload.Kind, fields []workload.Field) ruleFlags {
	if len(fields) == 0 {
		return ruleFlags{kind: k, Values: kong.Plugins{&genericRule{}}}
	}
	paired := pairOf(k, fields)
	var members []reflect.StructField
	for i, f := range fields {
		name := k.Flag(f.Name)
		help := f.Help
		if slices.Index(paired, f.Name) == 0 {
			help += " A path such as acme/widgets, or the URL at the forge, sets --" + k.Flag(paired[1]) + " too."
			if k.Name() == "gitlab" {
				help = f.Help + " The URL at GitLab sets --" + k.Flag(paired[1]) + " too."
			}
		}
		tag := fmt.Sprintf("name:%q help:%q", name, help)
		if f.Named {
			tag += ` sep:"none" placeholder:"NAME=VALUE"`
			help = strings.Replace(f.Help, ", one NAME=VALUE on each line", "; can be repeated", 1)
			tag = strings.Replace(tag, strconv.Quote(f.Help), strconv.Quote(help), 1)
		} else if f.Default != "" {
			tag += " default:" + strconv.Quote(f.Default)
		} else {
			tag += " placeholder:" + strconv.Quote(strings.ToUpper(name[strings.LastIndexByte(name, '-')+1:]))
		}
		if f.Required && f.Default == "" && !slices.Contains(paired, f.Name) {
			tag += ` required:""`
		}
		kind := reflect.TypeFor[string]()
		if f.Check {
			kind = reflect.TypeFor[bool]()
		} else if f.List || f.Named {
			kind = reflect.TypeFor[[]string]()
		}
		members = append(members, reflect.StructField{Name: "F" + strconv.Itoa(i), Type: kind, Tag: reflect.StructTag(tag)})
	}
	return ruleFlags{kind: k, of: fields, Values: kong.Plugins{reflect.New(reflect.StructOf(members)).Interface()}}
}

// pairOf returns the names of the two required fields of a kind that an address at the forge fills in, or nil.
func pairOf(k *workload.Kind, fields []workload.Field) []string {
	form, _ := workload.FormFor(k.Name(), "")
	pair, ok := form.Pair()
	for _, name := range pair {
		ok = ok && slices.ContainsFunc(fields, func(f workload.Field) bool { return f.Name == name && f.Required })
	}
	if !ok {
		return nil
	}
	return pair[:]
}

// Validate returns an error if one flag of a pair is missing and the other one is no address. The parser calls it.
func (r *ruleFlags) Validate() error {
	pair := pairOf(r.kind, r.of)
	if pair == nil {
		return nil
	}
	_, fields, err := r.rule()
	if err != nil {
		return err
	}
	var missing []string
	for n, name := range pair {
		if fields[name] == "" && !strings.Contains(fields[pair[1-n]], "/") {
			flag := r.kind.Flag(name)
			missing = append(missing, "--"+flag+"="+strings.ToUpper(flag[strings.LastIndexByte(flag, '-')+1:]))
		}
	}
	if len(missing) > 0 {
		return errors.New("missing flags: " + strings.Join(missing, ", "))
	}
	return nil
}

// split fills in both fields of a pair from an address at the issuer's forge, as the page does.
func (r *ruleFlags) split(kind, issuer string, fields map[string]string) {
	form, _ := workload.FormFor(kind, fields["preset"])
	pair, ok := form.Pair()
	if !ok {
		return
	}
	for n, value := range form.Split(issuer, [2]string{fields[pair[0]], fields[pair[1]]}) {
		if value != "" {
			fields[pair[n]] = value
		}
	}
}

// rule returns the kind's name and the given fields. The preset of a platform that has a kind of its own is that kind.
func (r *ruleFlags) rule() (kind string, fields map[string]string, err error) {
	if g, ok := r.Values[0].(*genericRule); ok {
		if fields, err = g.fields(); err != nil {
			return "", nil, err
		}
		kind, fields = workload.OfPreset(r.kind.Name(), fields)
		return kind, fields, nil
	}
	fields = map[string]string{}
	v := reflect.ValueOf(r.Values[0]).Elem()
	for i, f := range r.of {
		switch v := v.Field(i).Interface().(type) {
		case string:
			fields[f.Name] = v
		case bool:
			fields[f.Name] = map[bool]string{true: "true"}[v]
		case []string:
			fields[f.Name] = strings.Join(v, map[bool]string{true: "\n", false: ","}[f.Named])
		}
		if fields[f.Name] == "" {
			delete(fields, f.Name)
		}
	}
	return r.kind.Name(), fields, nil
}

// inFlags names flags instead of fields in an error of a rule.
func (r *ruleFlags) inFlags(err error) error {
	if err == nil || fault.KindOf(err) == fault.Internal {
		return err
	}
	return fault.New(fault.KindOf(err), "%s", r.flagged(fault.Message(err))) // err says the same with other names
}

func (r *ruleFlags) flagged(message string) string {
	return workload.Rename(message, r.of, func(f workload.Field) string { return "--" + r.kind.Flag(f.Name) })
}
