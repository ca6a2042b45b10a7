package ciconfig

import "strings"

const bitbucketFile = `# bitbucket-pipelines.yml
image: [[.Image]]

pipelines:
  [[.When]]:
    [[quoted .Key]]:
      - step:
          name: Publish
[[- if .Environment]]
          deployment: [[q .Environment]]    # the publisher's environment
[[- end]]
[[- if .OwnAudience]]
          oidc:
            audiences: [[printf "[%s]" (quoted .Audience)]]
[[- else]]
          oidc: true
[[- end]]
          script:
            - uv build
            - [[indent 14 .Script]]
`

// bitbucketAudience is the prefix of the audience that a workspace's tokens have by default.
const bitbucketAudience = "ari:cloud:bitbucket::workspace/"

// bitbucket runs the script in a shell of its own, because all commands of a step share one.
func bitbucket(t Target, _ string, fields map[string]string) Guide {
	j := scriptJob{
		Target: t, Image: uvImage, When: "tags", Key: "v*", OwnAudience: !strings.HasPrefix(t.Audience, bitbucketAudience),
		Script: "(\n" + exchange(t, `"$BITBUCKET_STEP_OIDC_TOKEN"`,
			require("BITBUCKET_STEP_OIDC_TOKEN", "the step has to request it under oidc")) + ")\n",
	}
	ref := "refs/tags/v*"
	if b := fields["branch"]; b != "" {
		j.When, j.Key, ref = "branches", bitbucketGlob(b), "refs/heads/"+b
	}
	steps := []string{"Commit the file as bitbucket-pipelines.yml to the repository " + fields["repository_id"] +
		" of the workspace."}
	if e := fields["environment_id"]; e != "" {
		j.Environment = "production"
		steps = append(steps, "Replace production with the name of the deployment environment "+e+
			". Restrict it to the people who may publish, in the repository's settings under Deployments.")
	}
	return Guide{
		Files: []File{{Key: "uv", Title: "With uv", Path: "bitbucket-pipelines.yml", Text: write(bitbucketFile, j)}},
		Steps: append(steps, releaseStep(map[string]string{"ref": ref})),
		CA:    caSteps(""),
	}
}

// bitbucketGlob returns a rule's branch as a pattern of Bitbucket, in which one * does not match "/".
func bitbucketGlob(name string) string {
	if stem, open := strings.CutSuffix(name, "*"); open && (stem == "" || strings.HasSuffix(stem, "/")) {
		return stem + "**"
	}
	return name
}
