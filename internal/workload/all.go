package workload

import "slices"

// All lists the kinds of issuers, in display order.
var All = []*Kind{GitHub, GitLab, Google, ActiveState, CircleCI, Generic}

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

// FormFor returns the form of a kind and preset. It returns false if there is none.
func FormFor(provider, preset string) (Form, bool) {
	if k := Find(provider); k != nil {
		for _, f := range k.Forms() {
			if f.Preset == preset {
				return f, true
			}
		}
	}
	return Form{}, false
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
