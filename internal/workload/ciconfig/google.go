package ciconfig

import (
	"cmp"
	"net/url"
	"strings"
)

const cloudBuildFile = `# cloudbuild.yaml
steps:
  - name: [[.Image]]
    args: [uv, build]
  - name: [[.Image]]
    entrypoint: bash
    args:
      - -ec
      - [[indent 8 .Script]]
serviceAccount: [[q .Account]]
options:
  logging: CLOUD_LOGGING_ONLY
`

func google(t Target, _ string, fields map[string]string) Guide {
	email := fields["email"]
	_, domain, _ := strings.Cut(email, "@")
	project := cmp.Or(strings.TrimSuffix(domain, ".iam.gserviceaccount.com"), "-")
	get := "curl -sSf -H 'Metadata-Flavor: Google' " +
		shellText("http://metadata.google.internal/computeMetadata/v1/instance/service-accounts/default/identity?audience="+
			url.QueryEscape(t.Audience)+"&format=full")
	j := scriptJob{
		Target: t, Image: uvImage, Account: "projects/" + project + "/serviceAccounts/" + email,
		Script: doubled(exchange(t, output(get))),
	}
	return Guide{
		Files: []File{
			{Key: "cloudbuild", Title: "In Cloud Build", Path: "cloudbuild.yaml", Text: write(cloudBuildFile, j)},
			{Key: "script", Title: "On a machine of the account", Text: "#!/bin/sh -e\nuv build\n" + exchange(t, output(get))},
		},
		Steps: []string{"Run it as " + email + ": only tokens with that address, which Google verified, are accepted."},
		CA:    caSteps(""),
	}
}
