package ciconfig

import "strings"

const circleFile = `# .circleci/config.yml
version: "2.1"

jobs:
  publish:
    docker:
      - image: cimg/python:3.13
    steps:
      - checkout
[[- if .UV]]
      - run: python -m pip install ` + uvForPip + `
      - run: uv build
      - run: [[line .UVPublish]]
[[- else]]
      - run: python -m pip install ` + buildAndTwine + `
      - run: python -m build
      - run:
          name: Publish
          command: [[indent 12 .Script]]
[[- end]]

workflows:
  release:
    jobs:
      - publish:
[[- if .Context]]
          context: [release]    # the name of the publisher's context
[[- end]]
          filters:
            [[.When]]
`

// circleci requests the token of the issuer that the publisher has: the root issuer, or that of an organization, which
// ends in "/org/ORG_ID". uv can request only the token of the root issuer.
func circleci(t Target, issuer string, fields map[string]string) Guide {
	root, _, organization := strings.Cut(issuer, "/org/")
	rooted := !organization
	context, ref := fields["context_id"], fields["vcs_ref"]
	get := "circleci run oidc get" + map[bool]string{true: " --root-issuer"}[rooted] +
		" --claims " + shellText(`{"aud": `+quoted(t.Audience)+`}`)
	j := scriptJob{
		Target: t, When: circleFilter(ref), Context: context != "", UV: true,
		Script: exchangeForTwine(t, output(get), "twine"),
	}
	const path = ".circleci/config.yml"
	var g Guide
	if rooted {
		g.Files = append(g.Files, File{Key: "uv", Title: "With uv", Path: path, Text: write(circleFile, j)})
	}
	j.UV = false
	g.Files = append(g.Files, File{Key: "twine", Title: "With twine", Path: path, Text: write(circleFile, j)})
	g.Steps = []string{"Commit the file as " + path + ". A job needs no context to get an identity token."}
	if context != "" {
		g.Steps[0] = "Commit the file as " + path + ", and replace release with the name of the context " + context +
			". Only jobs that use it are accepted."
	}
	if !rooted {
		g.Steps = append(g.Steps, "uv, pdm and id request the token of CircleCI's root issuer, which this publisher does "+
			"not accept. To publish with them, add a publisher with the issuer "+root+".")
	}
	g.Steps = append(g.Steps, releaseStep(map[string]string{"ref": ref}),
		"Do not restart the job with SSH: a job with a shell is refused.")
	g.CA = caSteps("")
	return g
}

// circleFilter returns the filter of a job: the tags or branches of the rule, or all tags.
func circleFilter(ref string) string {
	if name, ok := strings.CutPrefix(ref, "refs/heads/"); ok {
		return "branches: {only: " + circlePattern(name) + "}"
	}
	name, ok := strings.CutPrefix(ref, "refs/tags/")
	if !ok {
		name = "*"
	}
	return "tags: {only: " + circlePattern(name) + "}\n            branches: {ignore: /.*/}"
}

// circlePattern returns a name as a list. A name that ends in "*" becomes a regular expression, which must match whole
// names.
func circlePattern(name string) string {
	stem, open := strings.CutSuffix(name, "*")
	switch {
	case !open:
		return "[" + quoted(name) + "]"
	case gitlabSafe.MatchString(stem):
		return "/" + slashed(stem) + ".*/"
	}
	return quoted("/" + slashed(stem) + ".*/")
}
