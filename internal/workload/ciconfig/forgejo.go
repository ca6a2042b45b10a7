package ciconfig

import "strings"

const forgejoFile = `# [[.Path]]
name: [[.Name]]

on:
[[.Triggers]]
jobs:
  publish:
    runs-on: docker    # a label of yours, whose image has Node
    enable-openid-connect: true    # without this the job has no identity token
    steps:
      - uses: [[usesTag "actions/checkout"]]
      - uses: [[usesTag "actions/setup-python"]]
        with:
          python-version: "3.x"
[[- if .UV]]
      - run: python -m pip install ` + uvForPip + `
      - run: uv build
      - run: [[line .UVPublish]]
[[- else]]
      - run: python -m pip install ` + buildAndTwine + `
      - run: python -m build
      - run: [[indent 10 .Script]]
[[- end]]
`

func forgejo(t Target, _ string, fields map[string]string) Guide {
	path := fields["workflow"]
	switch {
	case path == "":
		path = ".forgejo/workflows/release.yml"
	case !strings.Contains(path, "/"):
		path = ".forgejo/workflows/" + path
	}
	j := actionsJob{
		Target: t, Path: path, Name: "Release " + t.Project, Triggers: triggers(fields), UV: true,
		Script: exchangeForTwine(t, output(actionsToken(t)), "twine",
			require("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "the job has to set enable-openid-connect to true")),
	}
	uv := File{Key: "uv", Title: "With uv", Path: path, Text: write(forgejoFile, j)}
	j.UV = false
	return Guide{
		Files: []File{uv, {Key: "twine", Title: "With twine", Path: path, Text: write(forgejoFile, j)}},
		Steps: []string{
			"Commit the file as " + path + " to " + fields["owner"] + "/" + fields["repository"] +
				". Forgejo 15 and its runner 12.5, or newer, give jobs identity tokens.",
			releaseStep(fields),
		},
		CA: caSteps(""),
	}
}
