package ciconfig

import (
	"cmp"
	"regexp"
	"strings"

	"pyindex/internal/workload"
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

// scriptJob is what the templates of platforms need on which a script does the exchange.
type scriptJob struct {
	Target
	Path, Image, Account, Script, When, Key, Service, Namespace, Triggers string
}

func google(t Target, fields map[string]string) Guide {
	email := fields["email"]
	_, domain, _ := strings.Cut(email, "@")
	project := cmp.Or(strings.TrimSuffix(domain, ".iam.gserviceaccount.com"), "-")
	get := "curl -sSf -H 'Metadata-Flavor: Google' " +
		shellText("http://metadata.google.internal/computeMetadata/v1/instance/service-accounts/default/identity?audience="+
			t.Audience+"&format=full")
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
      - run: python -m pip install ` + buildAndTwine + `
      - run: python -m build
      - run: [[indent 10 .Script]]
`

const buildkiteFile = `# .buildkite/pipeline.yml
steps:
  - label: Build
    command: uv build
    artifact_paths: dist/*
  - wait
  - label: Publish
    key: [[q .Key]]
    if: [[.When]]
    command: [[indent 6 .Script]]
`

const circleFile = `# .circleci/config.yml
version: "2.1"

jobs:
  publish:
    docker:
      - image: cimg/python:3.13
    steps:
      - checkout
      - run: python -m pip install ` + buildAndTwine + `
      - run: python -m build
      - run:
          name: Publish
          command: [[indent 12 .Script]]

workflows:
  release:
    jobs:
      - publish:
          context: [release]    # one of your contexts: without one there is no identity token
          filters:
            [[.When]]
`

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
      SYSTEM_ACCESSTOKEN: $(System.AccessToken)
`

const kubernetesFile = `# publish.yaml
apiVersion: batch/v1
kind: Job
metadata:
  generateName: publish-
  namespace: [[q .Namespace]]
spec:
  template:
    spec:
      serviceAccountName: [[q .Service]]
      restartPolicy: Never
      containers:
        - name: publish
          image: [[.Image]]
          workingDir: /work
          command: [bash, -ec]
          args:
            - [[indent 14 .Script]]
          volumeMounts:
            - {name: work, mountPath: /work}
            - {name: identity, mountPath: /var/run/secrets/index, readOnly: true}
      volumes:
        - name: work
          emptyDir: {}
        - name: identity
          projected:
            sources:
              - serviceAccountToken:
                  audience: [[q .Audience]]
                  path: token
`

// generic is for platforms whose rules are on claims, and a script for everything else.
func generic(t Target, platform, issuer string, fields map[string]string) Guide {
	g := Guide{CA: caSteps("")}
	switch platform {
	case "forgejo":
		g.Files, g.Steps = forgejo(t, fields)
	case "buildkite":
		g.Files, g.Steps = buildkite(t, fields)
	case "circleci":
		return circleci(t, issuer, ruleOf(fields, "oidc.circleci.com/vcs-ref"), "")
	case "jenkins":
		g.Files, g.Steps = jenkins(t, fields)
	case "semaphore":
		g.Files, g.Steps = semaphore(t, issuer, fields)
	case "azure-devops":
		g.Files, g.Steps = azure(t, fields)
	case "kubernetes":
		g.Files, g.Steps = kubernetes(t, fields)
	default:
		g.Files = []File{{
			Key: "script", Title: "A script",
			Text: "#!/bin/sh -e\n# INDEX_ID_TOKEN: an identity token of " + comment(issuer) + " for the audience " +
				comment(t.Audience) +
				"\nuv build\n" + exchange(t, `"$INDEX_ID_TOKEN"`),
		}}
		g.Steps = []string{"Ask the platform for an identity token whose audience is " + t.Audience +
			", put it into INDEX_ID_TOKEN, and run the script."}
	}
	return g
}

// asClaims returns rules on claims that say the same as the rule of a platform's own kind.
func asClaims(provider string, fields map[string]string) map[string]string {
	out := map[string]string{}
	place := fields["organization"] + "/" + fields["project"] + "/"
	switch {
	case provider == "jenkins":
		out["claim:sub"] = fields["job"]
	case provider == "kubernetes":
		out["claim:sub"] = "system:serviceaccount:" + fields["namespace"] + ":" + fields["service_account"]
	case fields["connection"] != "":
		out["claim:sub"] = "sc://" + place + fields["connection"]
	default:
		out["claim:sub"] = "p://" + place + fields["pipeline"]
		if ref := fields["ref"]; strings.HasSuffix(ref, "*") {
			out["prefix:rpo_ref"] = ref
		} else if ref != "" {
			out["claim:rpo_ref"] = ref
		}
	}
	return out
}

// comment is s on one line.
func comment(s string) string { return strings.Join(strings.Fields(s), " ") }

// asRules returns the fields of a platform's own kind as rules on the claims that they restrict.
func asRules(provider string, fields map[string]string) map[string]string {
	out := map[string]string{}
	for name, v := range fields {
		if f, ok := workload.Of(provider).Field(name); ok && f.Claim != "" && v != "" {
			out["claim:"+f.Claim] = v
		}
	}
	if provider == "forgejo" {
		repository, file := fields["owner"]+"/"+fields["repository"], fields["workflow"]
		out["claim:repository"] = repository
		if file != "" && !strings.Contains(file, "/") {
			file = ".forgejo/workflows/" + file
		}
		if file != "" {
			out["claim:workflow_ref"] = repository + "/" + file + "@*"
		}
	}
	return out
}

// ruleOf returns what a rule says of a claim, exactly or by its beginning.
func ruleOf(fields map[string]string, claim string) string {
	first, _, _ := strings.Cut(fields["oneof:"+claim], "\n")
	return cmp.Or(fields["claim:"+claim], fields["prefix:"+claim], first)
}

func forgejo(t Target, fields map[string]string) ([]File, []string) {
	path := ".forgejo/workflows/release.yml"
	repository := ruleOf(fields, "repository")
	if file, ok := strings.CutPrefix(ruleOf(fields, "workflow_ref"), repository+"/"); ok {
		path = strings.TrimSuffix(file, "@*")
	}
	at := map[string]string{
		"ref":    ruleOf(fields, "ref"),
		"events": strings.ReplaceAll(cmp.Or(fields["oneof:event_name"], fields["claim:event_name"]), "\n", ","),
	}
	j := actionsJob{
		Target:   t,
		Path:     path,
		Name:     "Release " + t.Project,
		Triggers: triggers(at),
		Script:   exchangeForTwine(t, output(actionsToken(t)), "twine"),
	}
	return []File{{Key: "twine", Title: "With twine", Path: path, Text: write(forgejoFile, j)}}, []string{
		"Commit the file as " + path + " to " + repository +
			". Forgejo 15 and its runner 12.5, or newer, give jobs identity tokens.", releaseStep(at),
	}
}

func buildkite(t Target, fields map[string]string) ([]File, []string) {
	j := scriptJob{Target: t, Key: cmp.Or(ruleOf(fields, "step_key"), "publish"), When: buildkiteCondition(fields)}
	j.Script = doubled("buildkite-agent artifact download \"dist/*\" .\n" +
		exchange(t, output("buildkite-agent oidc request-token --audience "+shellText(t.Audience))))
	return []File{{Key: "uv", Title: "With uv", Path: ".buildkite/pipeline.yml", Text: write(buildkiteFile, j)}}, []string{
		"Commit the file as .buildkite/pipeline.yml to the repository of pipeline " + ruleOf(fields, "organization_slug") +
			"/" + ruleOf(fields, "pipeline_slug") + ". The agent needs uv, curl and python3.",
	}
}

// buildkiteCondition is when the step runs: for the branches and tags of the rule, or for every tag.
func buildkiteCondition(fields map[string]string) string {
	var all []string
	for _, of := range []struct{ claim, variable, any string }{
		{"build_branch", "build.branch", "build.tag == null"}, {"build_tag", "build.tag", "build.tag != null"},
	} {
		name := ruleOf(fields, of.claim)
		stem, open := strings.CutSuffix(name, "*")
		switch {
		case name == "":
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

// circleFilter is for which tags or branches the job runs: for all tags if the rule does not restrict them.
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

// circlePattern writes a name as a list, and one that ends in "*" as an expression, which has to match whole names.
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

func circleci(t Target, issuer, ref, context string) Guide {
	get := "circleci run oidc get" + map[bool]string{true: " --root-issuer"}[issuer == workload.CircleCIIssuer] +
		" --claims " + shellText(`{"aud": `+quoted(t.Audience)+`}`)
	j := scriptJob{Target: t, When: circleFilter(ref), Script: exchangeForTwine(t, output(get), "twine")}
	g := Guide{
		Files: []File{{Key: "twine", Title: "With twine", Path: ".circleci/config.yml", Text: write(circleFile, j)}},
		Steps: []string{
			"Commit the file as .circleci/config.yml. Replace release with one of your contexts. " +
				"Jobs without a context get no identity token.",
		},
		CA: caSteps(""),
	}
	if context != "" {
		g.Steps[0] = "Commit the file as .circleci/config.yml, and replace release with the name of the context " +
			context + ". Only jobs that use it are accepted."
	}
	g.Steps = append(g.Steps, releaseStep(map[string]string{"ref": ref}),
		"Do not restart the job with SSH: a job with a shell is refused.")
	return g
}

func jenkins(t Target, fields map[string]string) ([]File, []string) {
	script := strings.ReplaceAll(strings.ReplaceAll(exchange(t, `"$IDENTITY"`), `\`, `\\`), "'''", `\'\'\'`)
	files := []File{{
		Key: "uv", Title: "With uv", Path: "Jenkinsfile", Text: write(jenkinsFile, scriptJob{Target: t, Script: script}),
	}}
	return files, []string{
		"In the credentials of " + ruleOf(fields, "sub") +
			", add an OpenID Connect id token with the id index-identity and the audience " + t.Audience + ".",
		"Commit the Jenkinsfile. The agent needs uv, curl and python3.",
	}
}

func semaphore(t Target, issuer string, fields map[string]string) ([]File, []string) {
	j := scriptJob{
		Target: t, When: quoted(semaphoreCondition(ruleOf(fields, "ref"))),
		Script: exchangeForTwine(t, `"$SEMAPHORE_OIDC_TOKEN"`, "python3 -m twine"),
	}
	return []File{{Key: "twine", Title: "With twine", Path: ".semaphore/semaphore.yml", Text: write(semaphoreFile, j)}},
		[]string{
			"Commit the file as .semaphore/semaphore.yml. Semaphore issues its tokens for " + issuer +
				": the operator of this index has to name that as the issuer's audience.",
		}
}

// semaphoreCondition is when the block runs: for the tags or branches of the rule, or for every tag.
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

func azure(t Target, fields map[string]string) ([]File, []string) {
	sub := ruleOf(fields, "sub")
	get := `curl -sSf -X POST -H "Authorization: Bearer $SYSTEM_ACCESSTOKEN" -H "Content-Length: 0" "$SYSTEM_OIDCREQUESTURI?api-version=7.1` +
		map[bool]string{true: "&serviceConnectionId=$SERVICE_CONNECTION_ID"}[strings.HasPrefix(sub, "sc://")] +
		`" | python3 -c 'import json, sys; print(json.load(sys.stdin)["oidcToken"])'`
	sort, name := "tags", "v*"
	if n, ok := strings.CutPrefix(ruleOf(fields, "rpo_ref"), "refs/heads/"); ok {
		sort, name = "branches", n
	} else if n, ok := strings.CutPrefix(ruleOf(fields, "rpo_ref"), "refs/tags/"); ok {
		name = n
	}
	trigger := "  " + sort + ":\n    include: [" + quoted(name) + "]\n"
	steps := []string{"Commit the file as azure-pipelines.yml, and make it the pipeline of " + sub + "."}
	if strings.HasPrefix(sub, "sc://") {
		steps = append(steps, "Set the variable SERVICE_CONNECTION_ID of the pipeline to the id of the service connection.")
	}
	j := scriptJob{Target: t, Triggers: trigger, Script: exchangeForTwine(t, output(get), "python3 -m twine")}
	return []File{{Key: "twine", Title: "With twine", Path: "azure-pipelines.yml", Text: write(azureFile, j)}}, steps
}

func kubernetes(t Target, fields map[string]string) ([]File, []string) {
	namespace, account, _ := strings.Cut(strings.TrimPrefix(ruleOf(fields, "sub"), "system:serviceaccount:"), ":")
	j := scriptJob{
		Target: t, Image: uvImage, Namespace: namespace, Service: account,
		Script: "git clone --depth 1 \"$SOURCE\" .    # your project: set SOURCE, or mount the files\nuv build\n" +
			exchange(t, output("cat /var/run/secrets/index/token")),
	}
	return []File{{Key: "uv", Title: "A Job, with uv", Path: "publish.yaml", Text: write(kubernetesFile, j)}}, []string{
		"kubectl create -f publish.yaml runs it once. Keep the namespace " + namespace +
			" to people who may publish: everyone who can create pods there can act as " + account + ".",
	}
}
