package workload

import "slices"

// All are the kinds that there are rules for, in the order in which people see them.
var All = []*Kind{GitHub, GitLab, Google, ActiveState, CircleCI, Generic}

// Find returns the kind of a name; nil if there is none.
func Find(name string) *Kind {
	for _, k := range All {
		if k.name == name {
			return k
		}
	}
	return nil
}

// Of returns the kind of a name, and Generic for an unknown one.
func Of(name string) *Kind {
	if k := Find(name); k != nil {
		return k
	}
	return Generic
}

// FormFor returns the form of a kind and preset; false if there is none.
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

// IssuerHost returns where the workloads of an issuer run, for people: "github.com", or the host of its URL.
func IssuerHost(issuer string) string {
	for _, k := range All {
		if k.issuer == issuer {
			return k.Host(issuer)
		}
	}
	return hostOf(issuer)
}

// Problems returns what is wrong with the fields of a rule of a form; see Kind.Problems.
func Problems(f Form, fields map[string]string) map[string]string {
	if k := Find(f.Provider); k != nil {
		return k.Problems(f, fields)
	}
	return map[string]string{"": "this index does not know publishers of kind " + f.Provider}
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
