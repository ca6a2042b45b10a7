package publishing

import (
	"maps"
	"strings"

	"pyindex/internal/fault"
)

// genericRule says which workloads of any issuer are meant.
type genericRule struct {
	Claim       []string          `sep:"none" placeholder:"NAME=VALUE" help:"What a claim has to be, letter by letter; the same name again for one of several."`
	ClaimPrefix []string          `sep:"none" placeholder:"NAME=BEGINNING*" help:"What a claim that holds a ref has to begin with, as ref=refs/tags/v*."`
	Preset      string            `placeholder:"NAME" help:"Instead: forgejo, buildkite, circleci, jenkins, semaphore, azure-devops or kubernetes, with its --field."`
	Field       map[string]string `mapsep:"none" placeholder:"NAME=VALUE" help:"A field of the preset, as owner=acme; once for each."`
}

func (c *genericRule) fields() (map[string]string, error) {
	if c.Preset != "" {
		if len(c.Claim)+len(c.ClaimPrefix) > 0 {
			return nil, fault.New(fault.Invalid,
				"--preset says which claims count: give its fields with --field, or leave it out")
		}
		fields := maps.Clone(c.Field)
		if fields == nil {
			fields = map[string]string{}
		}
		fields["preset"] = c.Preset
		return fields, nil
	}
	if len(c.Field) > 0 {
		return nil, fault.New(fault.Invalid, "--field goes with --preset; rules of your own are --claim NAME=VALUE")
	}
	fields := map[string]string{}
	for _, pair := range c.Claim {
		if err := addClaim(fields, "oneof:", "\n", pair); err != nil {
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

// addClaim adds NAME=VALUE to fields; what is between two values of a name is between, and "" where there may be but
// one.
func addClaim(fields map[string]string, kind, between, pair string) error {
	name, value, ok := strings.Cut(pair, "=")
	if !ok || name == "" || value == "" || strings.Contains(value, "\n") {
		return fault.New(fault.Invalid, "%.100q is not NAME=VALUE", pair)
	}
	old, again := fields[kind+name]
	if again && between == "" {
		return fault.New(fault.Invalid, "claim %.100q is said twice", name)
	}
	if again {
		value = old + between + value
	}
	fields[kind+name] = value
	return nil
}
