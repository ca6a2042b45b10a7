package ciconfig

import "strings"

const azureFile = `# azure-pipelines.yml
trigger:
[[.Triggers]]
pool:
  vmImage: ubuntu-latest
steps:
  - script: python3 -m pip install ` + buildAndTwine + `
  - script: python3 -m build
  - bash: [[indent 6 .Script]]
    env:
      SYSTEM_ACCESSTOKEN: $(System.AccessToken)    # a step has it only if it is passed on
`

// AzureAudience is the audience of every identity token of Azure DevOps.
const AzureAudience = "api://AzureADTokenExchange"

func azure(t Target, issuer string, fields map[string]string) Guide {
	connection := fields["connection"]
	get := `curl -sSf -X POST -H "Authorization: Bearer $SYSTEM_ACCESSTOKEN" -H "Content-Length: 0" ` +
		`"$SYSTEM_OIDCREQUESTURI?api-version=7.1` +
		map[bool]string{true: "&serviceConnectionId=$SERVICE_CONNECTION_ID"}[connection != ""] +
		`" | python3 -c 'import json, sys; print(json.load(sys.stdin)["oidcToken"])'`
	sort, name := "tags", "v*"
	if n, ok := strings.CutPrefix(fields["ref"], "refs/heads/"); ok {
		sort, name = "branches", n
	} else if n, ok := strings.CutPrefix(fields["ref"], "refs/tags/"); ok {
		name = n
	}
	in := fields["organization"] + "/" + fields["project"]
	steps := []string{"Commit the file as azure-pipelines.yml, and create the pipeline " + fields["pipeline"] + " in " + in +
		" from it."}
	switch {
	case in == "/": // a rule on ids
		steps = []string{"Commit the file as azure-pipelines.yml to the repository of the pipeline."}
	case connection != "":
		steps = []string{
			"Commit the file as azure-pipelines.yml, and create a pipeline in " + in + " from it.",
			"Set the variable SERVICE_CONNECTION_ID of the pipeline to the id of the service connection " + connection +
				", and permit the pipeline to use the connection.",
		}
	}
	j := scriptJob{
		Target: t, Triggers: "  " + sort + ":\n    include: [" + quoted(name) + "]\n",
		Script: exchangeForTwine(t, output(get), "python3 -m twine",
			require("SYSTEM_ACCESSTOKEN", "the step has to pass System.AccessToken on in its env")),
	}
	return Guide{
		Files: []File{{Key: "twine", Title: "With twine", Path: "azure-pipelines.yml", Text: write(azureFile, j)}},
		Steps: append(append(steps, fixedAudience(t, "Azure DevOps", issuer, AzureAudience)...), releaseStep(fields)),
		CA:    caSteps(""),
	}
}
