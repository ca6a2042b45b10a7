package ciconfig

import "strings"

const jenkinsFile = `// Jenkinsfile
pipeline {
  agent any
  stages {
    stage('Build') {
      steps { sh 'uv build' }
    }
    stage('Publish') {
      steps {
        withCredentials([string(credentialsId: 'index-identity', variable: 'IDENTITY')]) {
          sh '''
[[.Script]]'''
        }
      }
    }
  }
}
`

func jenkins(t Target, _ string, fields map[string]string) Guide {
	publish := exchange(t, `"$IDENTITY"`, require("IDENTITY", "bind the id token credential to it"))
	script := strings.ReplaceAll(strings.ReplaceAll(publish, `\`, `\\`), "'''", `\'\'\'`)
	return Guide{
		Files: []File{{
			Key: "uv", Title: "With uv", Path: "Jenkinsfile", Text: write(jenkinsFile, scriptJob{Target: t, Script: script}),
		}},
		Steps: []string{
			"Install the plugin OpenID Connect Provider in a version newer than 96, which has a security fix.",
			"In the credentials of " + fields["job"] +
				", add an OpenID Connect id token with the id index-identity and the audience " + t.Audience + ".",
			"Commit the Jenkinsfile. The agent needs uv, curl and python3.",
		},
		CA: caSteps(""),
	}
}
