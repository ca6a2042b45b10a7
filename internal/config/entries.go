package config

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"pyindex/internal/access"
	"pyindex/internal/advisory"
	"pyindex/internal/catalog"
	"pyindex/internal/fault"
	"pyindex/internal/policy"
	"pyindex/internal/span"
	"pyindex/internal/upstream"
)

// entryKeys are the keys of the file that are lists of tables, with the keys of a table.
var entryKeys = map[string][]string{
	"oidc.issuers": issuerFields,
	"upstreams":    upstream.Keys(),
	"repositories": repositoryKeys,
	"aliases":      aliasKeys,
	"feeds":        advisory.Keys(),
}

// declaredUpstream is an entry of [[upstreams]]. Its text form, for a flag or the environment, is
// "name=…,url=…,kind=…", with the patterns of allow and deny separated by blanks, or a JSON object with the same keys.
type declaredUpstream struct{ upstream.Upstream }

// UnmarshalText parses and checks the text form.
func (d *declaredUpstream) UnmarshalText(text []byte) error {
	values, err := entry(text)
	if err != nil {
		return err
	}
	d.Upstream = upstream.Default()
	for _, key := range slices.Sorted(maps.Keys(values)) {
		if err := d.Set(key, values[key]); err != nil {
			return err
		}
	}
	return d.Check()
}

// line describes an upstream for administrators: its name and URL, then what has another value than the default.
func (d declaredUpstream) line() string {
	text, usual := d.Name+" "+d.URL, upstream.Default()
	for _, key := range upstream.Keys()[2:] {
		if value := d.Text(key); value != usual.Text(key) {
			text += " " + key + "=" + value
		}
	}
	return text
}

// repositoryKeys are the keys of [[repositories]].
var repositoryKeys = []string{
	"name", "bases", "members", "public", "require_hashes", "upstream_readers", "anonymous_fetch", "size_limit",
	"cooldown", "cooldown_since", "observe", "startup_files", "show_held", "keep_removed",
}

// declaredRepository is an entry of [[repositories]]. Its text form is that of an upstream, with the bases separated by
// blanks.
type declaredRepository struct{ catalog.DeclaredRepository }

// UnmarshalText parses and checks the text form.
func (d *declaredRepository) UnmarshalText(text []byte) error {
	values, err := entry(text)
	if err != nil {
		return err
	}
	d.DeclaredRepository = catalog.DeclaredRepository{}
	for _, key := range slices.Sorted(maps.Keys(values)) {
		if err := d.set(key, values[key]); err != nil {
			return err
		}
	}
	if err := catalog.CheckDeclared([]catalog.DeclaredRepository{d.DeclaredRepository}); err != nil {
		return err
	}
	return nil
}

func (d *declaredRepository) set(key string, value any) error {
	wrong := func(want string) error { return fault.InField(key, "%s: it must be %s", key, want) }
	text, isText := value.(string)
	on, isOn := value.(bool)
	if !isOn && isText {
		on, isOn = text == "true", text == "true" || text == "false"
	}
	switch key {
	case "name", "members", "upstream_readers", "cooldown", "cooldown_since", "startup_files", "show_held", "keep_removed":
		if !isText {
			return wrong("a text")
		}
	case "public", "require_hashes", "anonymous_fetch", "observe":
		if !isOn {
			return wrong("true or false")
		}
	}
	switch key {
	case "name":
		d.Name = text
	case "members":
		role, err := access.ParseRole(text)
		if err != nil {
			return wrong("none, reader or uploader")
		}
		d.Members = &role
	case "upstream_readers":
		d.UpstreamReaders = &text
	case "public":
		d.Public = &on
	case "require_hashes":
		d.RequireHashes = &on
	case "anonymous_fetch":
		d.AnonymousFetch = &on
	case "size_limit":
		if n, ok := value.(float64); ok { // a number of the file
			value = strconv.FormatFloat(n, 'f', -1, 64)
		}
		var size ByteSize
		if err := size.UnmarshalText([]byte(fmt.Sprint(value))); err != nil {
			return wrong("a size, such as 500GiB, or 0 for limits.repository_size")
		}
		bytes := int64(size)
		d.SizeLimit = &bytes
	case "bases":
		bases, err := basesOf(value)
		if err != nil {
			return err
		}
		d.Bases = &bases
	default:
		return d.setPolicy(key, text, on)
	}
	return nil
}

// setPolicy sets what the repository serves of upstreams.
func (d *declaredRepository) setPolicy(key, text string, on bool) error {
	switch key {
	case "cooldown":
		wait, err := span.Parse(text)
		if err != nil {
			return fault.InField(key, "%s: it must be a duration, such as 72h or 7d, or 0s for none", key)
		}
		d.Cooldown = &wait
	case "cooldown_since":
		since, err := catalog.ParseSince(text)
		if err != nil {
			return fault.InField(key, "%s: it must be a date, such as 2026-12-01", key)
		}
		d.CooldownSince = &since
	case "observe":
		d.Observe = &on
	case "startup_files":
		d.StartupFiles = new(policy.Startup(text))
	case "show_held":
		d.ShowHeld = &text
	case "keep_removed":
		d.KeepRemoved = new(policy.Removed(text))
	default:
		return fault.InField(key, "%s: there is no such setting of a repository", key)
	}
	return nil
}

func basesOf(value any) ([]catalog.Base, error) {
	var list []any
	switch v := value.(type) {
	case string:
		for _, text := range strings.Fields(v) {
			list = append(list, text)
		}
	case []any:
		list = v
	default:
		list = []any{nil}
	}
	out := []catalog.Base{}
	for _, one := range list {
		text, ok := one.(string)
		if !ok || text == "" {
			return nil, fault.InField("bases",
				"bases: it must be a list of names of repositories, and of upstreams as upstream:NAME")
		}
		out = append(out, catalog.ParseBase(text))
	}
	return out, nil
}

// line describes a repository for administrators: its name, then what is set.
func (d declaredRepository) line() string {
	text := d.Name
	add := func(key string, value any) { text += fmt.Sprintf(" %s=%v", key, value) }
	if d.Bases != nil {
		var bases []string
		for _, b := range *d.Bases {
			bases = append(bases, b.String())
		}
		add("bases", strings.Join(bases, " "))
	}
	if d.Members != nil {
		add("members", *d.Members)
	}
	if d.Public != nil {
		add("public", *d.Public)
	}
	if d.RequireHashes != nil {
		add("require_hashes", *d.RequireHashes)
	}
	if d.UpstreamReaders != nil {
		add("upstream_readers", *d.UpstreamReaders)
	}
	if d.AnonymousFetch != nil {
		add("anonymous_fetch", *d.AnonymousFetch)
	}
	if d.SizeLimit != nil {
		add("size_limit", ByteSize(*d.SizeLimit))
	}
	if d.Cooldown != nil {
		add("cooldown", span.Text(*d.Cooldown))
	}
	if d.CooldownSince != nil {
		add("cooldown_since", catalog.SinceText(*d.CooldownSince))
	}
	if d.Observe != nil {
		add("observe", *d.Observe)
	}
	if d.StartupFiles != nil {
		add("startup_files", *d.StartupFiles)
	}
	if d.ShowHeld != nil {
		add("show_held", *d.ShowHeld)
	}
	if d.KeepRemoved != nil {
		add("keep_removed", *d.KeepRemoved)
	}
	return text
}

// entry parses the text form of a table: a JSON object, as the tables of the file are passed on, or pairs.
func entry(text []byte) (map[string]any, error) {
	values := map[string]any{}
	if strings.HasPrefix(strings.TrimSpace(string(text)), "{") {
		if err := json.Unmarshal(text, &values); err != nil {
			return nil, fmt.Errorf("%q is not a JSON object: %w", text, err)
		}
		return values, nil
	}
	for pair := range strings.SplitSeq(string(text), ",") {
		key, value, ok := strings.Cut(pair, "=")
		key = strings.TrimSpace(key)
		if _, again := values[key]; again || !ok {
			return nil, fmt.Errorf("%q is repeated or has no value: write name=…,url=…", key)
		}
		values[key] = strings.TrimSpace(value)
	}
	return values, nil
}
