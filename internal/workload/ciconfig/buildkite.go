package ciconfig

import (
	"cmp"
	"strings"
)

const buildkiteFile = `# .buildkite/pipeline.yml
steps:
  - label: Build
    command: uv build
    artifact_paths: dist/*
  - wait
  - label: Publish
    key: [[q .Key]]
    if: [[.When]]
[[- if .UV]]
    env:
      BUILDKITE_OIDC_TOKEN_CLAIMS: [[.Claims]]    # ids are in the token only if it is requested with them
[[- end]]
    command: [[indent 6 .Script]]
`

// BuildkiteIDs names the claims with ids that a Buildkite job has to request: they are in no other token.
const BuildkiteIDs = "organization_id,pipeline_id"

func buildkite(t Target, _ string, fields map[string]string) Guide {
	ids := BuildkiteIDs
	if fields["cluster_id"] != "" {
		ids += ",cluster_id"
	}
	j := scriptJob{
		Target: t, Key: cmp.Or(fields["step"], "publish"), When: buildkiteCondition(fields["branch"], fields["tag"]),
		UV: true, Claims: ids,
	}
	const get, path = "buildkite-agent artifact download \"dist/*\" .\n", ".buildkite/pipeline.yml"
	j.Script = doubled(get + t.UVPublish() + "\n")
	uv := File{Key: "uv", Title: "With uv", Path: path, Text: write(buildkiteFile, j)}
	j.UV, j.Script = false, doubled(get+exchange(t,
		output("buildkite-agent oidc request-token --audience "+shellText(t.Audience)+" --claim "+ids)))
	return Guide{
		Files: []File{uv, {Key: "script", Title: "With a script", Path: path, Text: write(buildkiteFile, j)}},
		Steps: []string{
			"Commit the file as " + path + " to the repository of pipeline " + fields["organization"] + "/" +
				fields["pipeline"] + ". The agent needs uv; the script also needs curl and python3. In a container, " +
				"make the agent's program available (mount-buildkite-agent: true).",
		},
		CA: caSteps(""),
	}
}

// buildkiteCondition returns the condition of a step: the branch and the tag of the rule, or any tag.
func buildkiteCondition(branch, tag string) string {
	var all []string
	for _, of := range []struct{ name, variable, any string }{
		{branch, "build.branch", "build.tag == null"}, {tag, "build.tag", "build.tag != null"},
	} {
		stem, open := strings.CutSuffix(of.name, "*")
		switch {
		case of.name == "":
		case stem == "" || !gitlabSafe.MatchString(stem):
			all = append(all, of.any)
		case open:
			all = append(all, of.variable+" =~ /^"+slashed(stem)+"/")
		default:
			all = append(all, of.variable+` == "`+stem+`"`)
		}
	}
	if len(all) == 0 {
		return "build.tag != null"
	}
	return "'" + strings.Join(all, " && ") + "'"
}
