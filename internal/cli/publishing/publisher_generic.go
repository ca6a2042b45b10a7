package publishing

import (
	"maps"
	"strings"

	"pyindex/internal/fault"
)

// genericRule has the flags that select workloads of an arbitrary issuer.
type genericRule struct {
	Claim       []string          `sep:"none" placeholder:"NAME=VALUE" help:"Exact value of a claim; true, false and whole numbers also fit claims of these types. Repeat the name to allow several values."`
	ClaimHas    []string          `sep:"none" placeholder:"NAME=VALUE" help:"One value of a claim that contains a list, for example groups_direct=acme."`
	ClaimPrefix []string          `sep:"none" placeholder:"NAME=BEGINNING*" help:"Prefix of a claim that contains a ref, for example ref=refs/tags/v*."`
	Preset      string            `placeholder:"NAME" help:"Platform of the issuer, instead of --claim: azure-devops, bitbucket, buildkite, circleci, forgejo, jenkins, kubernetes or semaphore. The same as index publisher add NAME; set its fields with --field."`
	Field       map[string]string `mapsep:"none" placeholder:"NAME=VALUE" help:"Field of the platform, for example owner=acme. Can be repeated."`
}

func (c *genericRule) fields() (map[string]string, error) {
	if c.Preset != "" {
		if len(c.Claim)+len(c.ClaimPrefix)+len(c.ClaimHas) > 0 {
			return nil, fault.New(fault.Invalid,
				"--preset determines the claims: use --field for its fields, or omit --preset")
		}
		fields := maps.Clone(c.Field)
		if fields == nil {
			fields = map[string]string{}
		}
		fields["preset"] = c.Preset
		return fields, nil
	}
	if len(c.Field) > 0 {
		return nil, fault.New(fault.Invalid, "--field requires --preset; for your own rules, use --claim NAME=VALUE")
	}
	fields := map[string]string{}
	for _, pair := range c.Claim {
		if err := addClaim(fields, "oneof:", "\n", pair); err != nil {
			return nil, err
		}
	}
	for _, pair := range c.ClaimHas {
		if err := addClaim(fields, "has:", "", pair); err != nil {
			return nil, err
		}
	}
	for _, pair := range c.ClaimPrefix {
		if err := addClaim(fields, "prefix:", "", pair); err != nil {
			return nil, err
		}
	}
	return fields, nil
}

// addClaim adds NAME=VALUE to fields. Several values of a name are joined by between; if between is "", a name can have
// only one value.
func addClaim(fields map[string]string, kind, between, pair string) error {
	name, value, ok := strings.Cut(pair, "=")
	if !ok || name == "" || value == "" || strings.Contains(value, "\n") {
		return fault.New(fault.Invalid, "%.100q is not NAME=VALUE", pair)
	}
	old, again := fields[kind+name]
	if again && between == "" {
		return fault.New(fault.Invalid, "claim %.100q is repeated", name)
	}
	if again {
		value = old + between + value
	}
	fields[kind+name] = value
	return nil
}
