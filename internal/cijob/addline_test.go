package cijob

import (
	"strings"
	"testing"

	"pyindex/internal/cli/clitest"
	"pyindex/internal/terminal"
	"pyindex/internal/workload"
)

// TestAddLineParses: the command line has every flag of every kind as AddLine writes it, a switch without a value.
func TestAddLineParses(t *testing.T) {
	parse := func(kind *workload.Kind, fields map[string]string) {
		t.Helper()
		line := terminal.AddLine("", kind.Name(), "https://ci.acme.example", demo, false, fields)
		clitest.Parse(t, words(t, line)[1:]...)
		if strings.Contains(line, " true") {
			t.Errorf("%s has a value for a switch", line)
		}
	}
	for _, kind := range workload.All {
		required := map[string]string{}
		for _, f := range kind.Fields {
			if f.Required {
				required[f.Name] = f.Example
			}
		}
		for _, f := range kind.Fields {
			if f.Lines && !f.Named {
				continue // the lines of claims below
			}
			fields := map[string]string{f.Name: f.Example}
			if f.Check {
				fields[f.Name] = "true"
			} else if f.Named {
				fields = map[string]string{f.Name + "_tier": "production"}
			}
			for name, v := range required {
				fields[name] = v
			}
			parse(kind, fields)
		}
	}
	parse(workload.Generic, map[string]string{
		"claim:sub": "a b", "oneof:event_name": "push\nrelease", "prefix:ref": "refs/tags/v*", "has:groups_direct": "-x",
	})
}
