package ciconfig

import (
	"cmp"
	"slices"
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
		Target: t, Key: cmp.Or(fields["step"], "publish"),
		When: buildkiteCondition(fields["branch"], fields["tag"], fields["source"]),
		UV:   true, Claims: ids,
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
			buildkiteStart(fields),
		},
		CA: caSteps(""),
	}
}

// buildkiteStart says how to start a build that the publisher accepts.
func buildkiteStart(fields map[string]string) string {
	ref := "refs/tags/" + cmp.Or(fields["tag"], "v*")
	if fields["tag"] == "" && fields["branch"] != "" {
		ref = "refs/heads/" + fields["branch"]
	}
	sources := strings.Split(fields["source"], ",")
	push := releaseStep(map[string]string{"ref": ref})
	switch {
	case fields["source"] == "":
		return push
	case slices.Contains(sources, "webhook"):
		return push + " Builds that start in another way than by " + strings.Join(sources, " or ") + " are refused."
	case slices.Contains(sources, "schedule"):
		return "Add a schedule to the pipeline's settings on Buildkite (Schedules): builds that start in another way than by " +
			strings.Join(sources, " or ") + " are refused."
	}
	return "Start a build by " + strings.Join(sources, " or ") + " to publish: others are refused."
}

// buildkiteCondition returns the condition of a step: the branch, the tag and the sources of the rule, or any tag if
// pushes may start it and it has none of these.
func buildkiteCondition(branch, tag, source string) string {
	var all []string
	if source != "" {
		var of []string
		for v := range strings.SplitSeq(source, ",") {
			of = append(of, `build.source == "`+v+`"`)
		}
		all = append(all, strings.Join(of, " || "))
		if len(of) > 1 {
			all[0] = "(" + all[0] + ")"
		}
		if branch == "" && tag == "" && strings.Contains(source, "webhook") {
			all = append(all, "build.tag != null")
		}
	}
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
