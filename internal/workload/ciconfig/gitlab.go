package ciconfig

import (
	"cmp"
	"regexp"
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
    - if: [[.Rule]]
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
	Path, Image, Environment, Rule, Variable, Script string
}

func gitlab(t Target, _ string, fields map[string]string) Guide {
	j := gitlabJob{
		Target: t, Path: cmp.Or(fields["workflow_filepath"], ".gitlab-ci.yml"), Image: uvImage,
		Environment: fields["environment"], Rule: gitlabRule(fields["ref"]), Variable: IDTokenVariable(t.Audience),
	}
	if strings.HasPrefix(j.Variable, "_") { // uv looks for the digit that stood there
		j.Script = exchange(t, `"$`+j.Variable+`"`)
	}
	files := []File{{Key: "uv", Title: "With uv", Path: j.Path, Text: write(gitlabFile, j)}}
	j.Script = exchangeForTwine(t, `"$`+j.Variable+`"`, "uvx twine@"+twineVersion)
	files = append(files, File{Key: "twine", Title: "With twine", Path: j.Path, Text: write(gitlabFile, j)})
	steps := []string{"Commit the file as " + j.Path + " to " + fields["namespace"] + "/" + fields["project"] +
		", or add its jobs to the one that is there."}
	if j.Environment != "" {
		steps = append(steps,
			"In the project's settings, under CI/CD, protect the environment "+j.Environment+
				": then only some people may deploy to it.")
	}
	if strings.HasPrefix(j.Variable, "_") {
		steps = append(steps, "The audience "+t.Audience+" begins with a digit, so clients look for variables of different "+
			"names: id for "+j.Variable+", uv for "+IDTokenVariables(t.Audience)[1]+", which no shell accepts. To publish "+
			"with uv's own exchange, ask the administrator of this index to set an audience that begins with a letter for "+
			"all issuers in oidc.issuers, for example audience = "+quoted("pypi-"+t.Audience)+".")
	}
	return Guide{Files: files, Steps: append(steps, releaseStep(fields)), CA: caSteps("")}
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
		return "'" + variable + " =~ /^" + slashed(stem) + "/'"
	}
	return "'" + variable + ` == "` + stem + `"'`
}

// slashed writes s for an expression between slashes.
func slashed(s string) string { return strings.ReplaceAll(regexp.QuoteMeta(s), "/", `\/`) }
