package ciconfig

import (
	"cmp"
	"regexp"
	"slices"
	"strings"
)

const gitlabFile = `# [[.Path]]
build:
  stage: build
  image: [[.Image]]
  script:
    - uv build
  artifacts:
    paths: [dist/]

publish:
  stage: deploy
  image: [[.Image]]
[[- if .Environment]]
  environment:
    name: [[q .Environment]]
[[- end]]
  rules:
[[- range .Rules]]
    - if: [[.]]
[[- end]]
  id_tokens:
    [[.Variable]]:
      aud: [[q .Audience]]
  script:
[[- if .Script]]
    - [[indent 6 .Script]]
[[- else]]
    - [[line .UVPublish]]
[[- end]]
`

type gitlabJob struct {
	Target
	Path, Image, Environment, Variable, Script string

	Rules []string
}

func gitlab(t Target, _ string, fields map[string]string) Guide {
	j := gitlabJob{
		Target: t, Path: cmp.Or(fields["workflow_filepath"], ".gitlab-ci.yml"), Image: uvImage,
		Environment: fields["environment"], Rules: gitlabRules(fields["events"], fields["ref"]),
		Variable: IDTokenVariable(t.Audience),
	}
	token := require(j.Variable, "the job has to request it under id_tokens")
	if strings.HasPrefix(j.Variable, "_") { // uv looks for the digit that stood there
		j.Script = exchange(t, `"$`+j.Variable+`"`, token)
	}
	files := []File{{Key: "uv", Title: "With uv", Path: j.Path, Text: write(gitlabFile, j)}}
	j.Script = exchangeForTwine(t, `"$`+j.Variable+`"`, "uvx twine@"+twineVersion, token)
	files = append(files, File{Key: "twine", Title: "With twine", Path: j.Path, Text: write(gitlabFile, j)})
	steps := []string{"Commit the file as " + j.Path + " to " + fields["namespace"] + "/" + fields["project"] +
		", or add its jobs to the one that is there."}
	if j.Environment != "" {
		steps = append(steps,
			"In the project's settings, under CI/CD, protect the environment "+j.Environment+
				": then only some people may deploy to it.")
	}
	if fields["ref_protected"] != "" {
		steps = append(steps, gitlabProtect(fields["ref"]))
	}
	if strings.HasPrefix(j.Variable, "_") {
		steps = append(steps, "The audience "+t.Audience+" begins with a digit, so clients look for variables of different "+
			"names: id for "+j.Variable+", uv for "+IDTokenVariables(t.Audience)[1]+", which no shell accepts. To publish "+
			"with uv's own exchange, ask the administrator of this index to set an audience that begins with a letter for "+
			"all issuers in oidc.issuers, for example audience = "+quoted("pypi-"+t.Audience)+".")
	}
	return Guide{Files: files, Steps: append(steps, gitlabRelease(fields)), CA: caSteps("")}
}

// gitlabProtect says which refs to protect, so that jobs for them are accepted.
func gitlabProtect(ref string) string {
	name, branch := strings.CutPrefix(ref, "refs/heads/")
	if !branch {
		name = cmp.Or(strings.TrimPrefix(ref, "refs/tags/"), "v*")
		return "Protect the tags " + name + " in the project's settings (Repository → Protected tags): others are refused."
	}
	return "Protect the branch " + name +
		" in the project's settings (Repository → Protected branches): others are refused."
}

// gitlabRelease says how to start the job: by the first event that the rule names, or by a push.
func gitlabRelease(fields map[string]string) string {
	events := strings.Split(cmp.Or(fields["events"], "push"), ",")
	switch event := events[0]; {
	case slices.Contains(events, "push"):
		return releaseStep(fields)
	case mergeRequest(event):
		return "Open a merge request to publish. Each version can be uploaded once: raise it first."
	case event == "schedule":
		return "Add a schedule to the project (Build → Pipeline schedules)" + gitlabFor(fields["ref"]) +
			": pipelines that start in another way are refused."
	case event == "web":
		return "Start a pipeline on GitLab (Build → Pipelines → New pipeline)" + gitlabFor(fields["ref"]) + " to publish."
	default:
		return "Start a pipeline by " + event + gitlabFor(fields["ref"]) + " to publish."
	}
}

// gitlabFor returns " for" and the refs of a rule, or "".
func gitlabFor(ref string) string {
	if ref == "" {
		return ""
	}
	return " for " + strings.TrimPrefix(strings.TrimPrefix(ref, "refs/heads/"), "refs/tags/")
}

func mergeRequest(event string) bool {
	return event == "merge_request_event" || event == "external_pull_request_event"
}

// gitlabRules returns the conditions of the job, one for each event that the publisher accepts. Only pushes need a
// condition on the ref if the rule has none, and a merge request has no branch or tag.
func gitlabRules(events, ref string) []string {
	if events == "" {
		return []string{yamlCondition(gitlabRule(ref))}
	}
	var all []string
	for event := range strings.SplitSeq(events, ",") {
		rule := `$CI_PIPELINE_SOURCE == "` + event + `"`
		if event == "push" || ref != "" && !mergeRequest(event) {
			rule += " && " + gitlabRule(ref)
		}
		all = append(all, yamlCondition(rule))
	}
	return all
}

// yamlCondition quotes a condition, which has no single quotes, if it is more than a variable.
func yamlCondition(s string) string {
	if strings.Contains(s, " ") {
		return "'" + s + "'"
	}
	return s
}

var gitlabSafe = regexp.MustCompile(`\A[A-Za-z0-9._/-]*\z`)

// gitlabRule is when the job runs, as far as the rule lets it: for tags where it says nothing.
func gitlabRule(ref string) string {
	variable, name := "$CI_COMMIT_TAG", strings.TrimPrefix(ref, "refs/tags/")
	if n, ok := strings.CutPrefix(ref, "refs/heads/"); ok {
		variable, name = "$CI_COMMIT_BRANCH", n
	}
	stem, open := strings.CutSuffix(name, "*")
	switch {
	case stem == "" || !gitlabSafe.MatchString(stem) || strings.HasPrefix(name, "refs/"):
		return variable
	case open:
		return variable + " =~ /^" + slashed(stem) + "/"
	}
	return variable + ` == "` + stem + `"`
}

// slashed writes s for an expression between slashes.
func slashed(s string) string { return strings.ReplaceAll(regexp.QuoteMeta(s), "/", `\/`) }
