package workload

import "slices"

// All lists the kinds of issuers, in display order.
var All = []*Kind{
	GitHub,
	GitLab,
	CircleCI,
	Buildkite,
	Semaphore,
	Forgejo,
	AzureDevOps,
	Bitbucket,
	Jenkins,
	Kubernetes,
	Google,
	ActiveState,
	Generic,
}

// Find returns the kind with a name, or nil if there is none.
func Find(name string) *Kind {
	for _, k := range All {
		if k.name == name {
			return k
		}
	}
	return nil
}

// Of returns the kind with a name, or Generic if the name is unknown.
func Of(name string) *Kind {
	if k := Find(name); k != nil {
		return k
	}
	return Generic
}

// FormFor returns the form of a kind. For kind generic, preset may name a platform; see OfPreset. It returns false if
// there is no such kind or preset.
func FormFor(provider, preset string) (Form, bool) {
	provider, _ = OfPreset(provider, map[string]string{fieldPreset: preset})
	k := Find(provider)
	if k == nil || k == Generic && preset != "" {
		return Form{}, false
	}
	return k.Forms()[0], true
}

// IssuerHost returns the display name of an issuer's platform: "github.com", or the host of the issuer's URL.
func IssuerHost(issuer string) string {
	for _, k := range All {
		if k.issuer == issuer {
			return k.Host(issuer)
		}
	}
	return hostOf(issuer)
}

// Problems returns the error messages for the fields of a rule; see Kind.Problems.
func Problems(f Form, fields map[string]string) map[string]string {
	if k := Find(f.Provider); k != nil {
		return k.Problems(f, fields)
	}
	return map[string]string{"": "unknown kind of publisher: " + f.Provider}
}

// Names returns the names of all kinds, sorted.
func Names() []string {
	var out []string
	for _, k := range All {
		out = append(out, k.name)
	}
	slices.Sort(out)
	return out
}

// For returns the kinds whose rules may admit a token of an issuer, the one that describes its workload first. k is the
// kind that the issuer is configured with. A token of an issuer of kind generic also has the kind of its platform, if
// its claims show it, and an issuer of such a kind keeps its rules on claims.
func (k *Kind) For(issuer string, c Claims) []*Kind {
	if k.shared {
		return []*Kind{k, Generic}
	}
	if k != Generic {
		return []*Kind{k}
	}
	for _, p := range All {
		if p.shared && p.recognize(issuer, c) {
			return []*Kind{p, Generic}
		}
	}
	return []*Kind{Generic}
}

// Serves reports whether rules of a kind can admit tokens of an issuer that is configured with kind k.
func (k *Kind) Serves(rule *Kind) bool {
	return k == rule || k == Generic && rule.shared || k.shared && rule == Generic
}

// Takes reports whether rules of a kind may be added for an issuer that is configured with kind k. An issuer of a
// platform's own kind takes no new rules on claims.
func (k *Kind) Takes(rule *Kind) bool { return k == rule || k == Generic && rule.shared }

// OtherIssuers returns the other issuers that sign tokens for the workload of these claims, if its job requests them in
// another way.
func (k *Kind) OtherIssuers(issuer string, c Claims) []string {
	if k.others == nil {
		return nil
	}
	return k.others(issuer, c)
}

// ListsAudience reports whether the audience of a token may be a list of one.
func (k *Kind) ListsAudience() bool { return k.listed }

// PlatformOf returns the name of the platform that an issuer or a rule on claims probably belongs to, or "" if it is
// none that has a kind of its own. The issuer or the fields may be empty.
func PlatformOf(issuer string, fields map[string]string) string {
	for _, k := range All {
		if k.recognizeRule != nil && k.recognizeRule(issuer, Rule{Fields: fields}) {
			return k.name
		}
	}
	return ""
}

// OfPreset returns the kind and the fields of a rule that names a platform by the field "preset" of kind generic, as
// commands and links did when platforms had no kinds of their own. The fields may also have the names that they have in
// links for other indexes. It returns other rules unchanged.
func OfPreset(provider string, fields map[string]string) (string, map[string]string) {
	k := Find(fields[fieldPreset])
	if provider != Generic.name || k == nil || !k.shared {
		return provider, fields
	}
	out := map[string]string{}
	for name, v := range fields {
		if now, ok := formerNames[k.name][name]; ok {
			name = now
		}
		for _, f := range k.Fields {
			if f.Alias == name && name != "" && fields[f.Name] == "" {
				name = f.Name
				break
			}
		}
		out[name] = v
	}
	delete(out, fieldPreset)
	return k.name, out
}

// formerNames are the fields' names in presets that differ from those of the kinds.
var formerNames = map[string]map[string]string{"circleci": {"ref": "vcs_ref", "origin": "vcs_origin"}}
