package ciconfig

import (
	"regexp"
	"strings"
)

const semaphoreFile = `# .semaphore/semaphore.yml
version: v1.0
name: Release
agent:
  machine:
    type: e2-standard-2
    os_image: ubuntu2404
blocks:
  - name: Publish
    run:
      when: [[.When]]
    task:
      jobs:
        - name: Publish
          commands:
            - checkout
            - python3 -m pip install ` + buildAndTwine + `
            - python3 -m build
            - [[indent 14 .Script]]
`

// semaphore runs the script in a shell of its own, because all commands of a job share one, which "set -eu" would end.
func semaphore(t Target, issuer string, fields map[string]string) Guide {
	j := scriptJob{
		Target: t, When: quoted(semaphoreCondition(fields["ref"])),
		Script: "(\n" + exchangeForTwine(t, `"$SEMAPHORE_OIDC_TOKEN"`, "python3 -m twine",
			require("SEMAPHORE_OIDC_TOKEN", "this Semaphore job has no identity token")) + ")\n",
	}
	return Guide{
		Files: []File{{
			Key: "twine", Title: "With twine", Path: ".semaphore/semaphore.yml", Text: write(semaphoreFile, j),
		}},
		Steps: append([]string{"Commit the file as .semaphore/semaphore.yml."}, append(
			fixedAudience(t, "Semaphore", issuer, issuer), releaseStep(fields),
			"Debug jobs are refused, because the person who starts one has a shell in it.")...),
		CA: caSteps(""),
	}
}

// semaphoreCondition returns the condition of a block: the tags or branches of the rule, or any tag.
func semaphoreCondition(ref string) string {
	variable, name := "tag", strings.TrimPrefix(ref, "refs/tags/")
	if n, ok := strings.CutPrefix(ref, "refs/heads/"); ok {
		variable, name = "branch", n
	}
	stem, open := strings.CutSuffix(name, "*")
	switch {
	case stem == "" || !gitlabSafe.MatchString(stem) || strings.HasPrefix(name, "refs/"):
		return variable + " =~ '.*'"
	case open:
		return variable + " =~ '^" + regexp.QuoteMeta(stem) + "'"
	}
	return variable + " = '" + stem + "'"
}
