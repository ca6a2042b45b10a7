package publishing_test

import (
	"strings"
	"testing"

	"pyindex/internal/cli/clitest"
	"pyindex/internal/terminal"
	"pyindex/internal/workload"
)

// TestConstrainLinesParse gives each line that advises index publisher constrain to the parser of the command.
func TestConstrainLinesParse(t *testing.T) {
	const id = "01890000-0000-4000-8000-000000000006"
	dir := t.TempDir()
	lines := map[string]bool{}
	for _, k := range workload.All {
		for _, f := range k.Fields {
			lines[terminal.ConstrainLine("p-1", "main", "widgets", k.Name(), k.Issuer(), nil,
				workload.Warning{Field: f.Name})] = true
		}
	}
	for _, rules := range []map[string]string{
		{"claim:oidc.circleci.com/project-id": id},
		{"claim:organization_slug": "acme", "claim:pipeline_slug": "widgets"},
		{"claim:prj_id": id, "prefix:ref": "refs/tags/*"},
		{"claim:prj_id": id, "claim:def_id": "7"},
		{"claim:sub": "p://acme/widgets/release"},
		{"claim:repositoryUuid": id},
		{"claim:oidc.circleci.com/pipeline-definition-id": id},
	} {
		lines[terminal.ConstrainLine("p-1", "main", "widgets", "generic", "", rules, workload.Warning{})] = true
	}
	delete(lines, "")
	if len(lines) < 20 {
		t.Errorf("only %d lines", len(lines))
	}
	for line := range lines {
		args := append([]string{"--data-dir", dir}, strings.Fields(line)[1:]...)
		if _, errs := clitest.Run(t, 1, args...); !strings.Contains(errs, "widgets") {
			t.Errorf("%s: %s", line, errs)
		}
	}
}
