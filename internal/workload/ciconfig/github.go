package ciconfig

import (
	"cmp"
	"strings"

	"pyindex/internal/workload"
)

// actionsJob is what the templates for GitHub and Forgejo need.
type actionsJob struct {
	Target
	Path        string
	Name        string
	Triggers    string // lines below "on:", indented by two
	Runner      string
	Environment string // as YAML; "" for none
	Script      string
	Reusable    string // of the caller: what it uses
	UV          bool
}

const buildJobs = `
permissions: {}

jobs:
  build:
    runs-on: [[.Runner]]
    permissions:
      contents: read
    steps:
      - uses: [[uses "actions/checkout"]]
        with:
          persist-credentials: false
[[- if .UV]]
      - uses: [[uses "astral-sh/setup-uv"]]
        with:
          version: "` + uvVersion + `"
      - run: uv build
[[- else]]
      - uses: [[uses "actions/setup-python"]]
        with:
          python-version: "3.x"
      - run: python -m pip install build==` + buildVersion + `
      - run: python -m build
[[- end]]
      - uses: [[uses "actions/upload-artifact"]]
        with:
          name: dist
          path: dist/

  publish:
    needs: build
    runs-on: [[.Runner]]
[[- if .Environment]]
    environment: [[.Environment]]
[[- end]]
    permissions:
      id-token: write    # without this the job has no identity token
    steps:
      - uses: [[uses "actions/download-artifact"]]
        with:
          name: dist
          path: dist/
[[- if .UV]]
      - uses: [[uses "astral-sh/setup-uv"]]
        with:
          version: "` + uvVersion + `"
      - run: [[line .UVPublish]]
[[- else]]
      - uses: [[uses "pypa/gh-action-pypi-publish"]]
        with:
          repository-url: [[q .UploadURL]]
          attestations: false    # the action creates them for PyPI only
[[- end]]
`

const githubFile = `# [[.Path]]
name: [[.Name]]

on:
[[.Triggers]]` + buildJobs

const callerFile = `# [[.Path]]
name: [[.Name]]

on:
[[.Triggers]]
permissions: {}

jobs:
  release:
    permissions:
      contents: read
      id-token: write
    uses: [[.Reusable]]
`

const workflowFolder = ".github/workflows/"

func github(t Target, issuer string, fields map[string]string) Guide {
	enterprise := issuer != workload.GitHubIssuer
	j := actionsJob{
		Target: t, Name: "Release " + t.Project,
		Runner: cmp.Or(githubRunner(fields["runner_environment"], enterprise), "ubuntu-latest"),
		Path:   workflowFolder + fields["workflow"], Triggers: triggers(fields),
	}
	if e := fields["environment"]; e != "" {
		j.Environment = actionsText(e)
	}
	var caller *File
	if fields["workflow_repository"] != "" || fields["calling_workflow"] != "" {
		caller = githubCaller(j, fields)
		j.Triggers = "  workflow_call:\n"
	}
	var files []File
	for _, f := range []File{{Key: "action", Title: "With the publish action"}, {Key: "uv", Title: "With uv"}} {
		j.UV = f.Key == "uv"
		f.Path, f.Text, f.Calls = j.Path, write(githubFile, j), caller
		files = append(files, f)
	}
	return Guide{Files: files, Steps: githubSteps(j, fields, enterprise), CA: caSteps(
		"The publish action runs in a container of its own and has no option for a certificate authority. " +
			"If the runner does not trust yours, publish with uv.",
	)}
}

// githubRunner is the label of the runners that a rule lets in.
func githubRunner(word string, enterprise bool) string {
	if word == "self-hosted" || word == "" && enterprise {
		return "self-hosted"
	}
	return ""
}

// githubCaller is the workflow that calls the one that publishes.
func githubCaller(j actionsJob, fields map[string]string) *File {
	j.Path = workflowFolder + cmp.Or(fields["calling_workflow"], "main.yml")
	j.Reusable = actionsText("./" + workflowFolder + fields["workflow"])
	if r := fields["workflow_repository"]; r != "" {
		at := fields["workflow_at"]
		if name, ok := strings.CutPrefix(at, "refs/heads/"); ok {
			at = name
		}
		j.Reusable = actionsText(r + "/" + workflowFolder + fields["workflow"] + "@" +
			strings.TrimSuffix(strings.TrimPrefix(at, "refs/tags/"), "*"))
	}
	return &File{Title: "The workflow that calls it", Path: j.Path, Text: write(callerFile, j)}
}

func githubSteps(j actionsJob, fields map[string]string, enterprise bool) []string {
	repository := fields["owner"] + "/" + fields["repository"]
	where := "Commit the file as " + j.Path + " to " + repository + "."
	if r := fields["workflow_repository"]; r != "" {
		where = "Commit the file as " + j.Path + " to " + r + ", and the one that calls it to " + repository + "."
	}
	steps := []string{where}
	if e := fields["environment"]; e != "" {
		steps = append(steps,
			"In the settings of "+repository+", under Environments, create the environment "+e+
				" and protect it with required reviewers or a rule that allows only release tags. "+
				"If it does not exist, GitHub creates it automatically, without protection.")
	}
	steps = append(steps, releaseStep(fields))
	if enterprise {
		steps = append(steps,
			"GitHub Enterprise Server fetches the actions from github.com only if an administrator has allowed it, "+
				"and may need older versions of upload-artifact and download-artifact.")
	}
	return steps
}

// releaseStep says what starts the workflow.
func releaseStep(fields map[string]string) string {
	ref := cmp.Or(fields["ref"], "refs/tags/v*")
	if name, ok := strings.CutPrefix(ref, "refs/heads/"); ok {
		const once = " Each version can be uploaded once: raise it first."
		if stem, open := strings.CutSuffix(name, "*"); open && stem == "" {
			return "Push to any branch to publish." + once
		} else if open {
			return "Push to a branch whose name begins with " + stem + " to publish." + once
		}
		return "Push to the branch " + name + " to publish." + once
	}
	name := strings.TrimPrefix(ref, "refs/tags/")
	if stem, open := strings.CutSuffix(name, "*"); open {
		name = stem + "1.0"
	}
	return "Push a tag such as " + name + " to publish."
}

// triggers are what starts a workflow, as far as the rule lets it in: tags that begin with v where it says nothing.
func triggers(fields map[string]string) string {
	events := fields["events"]
	if events == "" {
		events = "push"
	}
	var b strings.Builder
	for event := range strings.SplitSeq(events, ",") {
		switch event {
		case "push":
			b.WriteString("  push:\n    " + pushFilter(fields["ref"]) + "\n")
		case "release":
			b.WriteString("  release:\n    types: [published]\n")
		case "schedule":
			b.WriteString("  schedule:\n    - cron: \"0 4 * * 1\"\n")
		default:
			b.WriteString("  " + yamlText(event) + ":\n")
		}
	}
	return b.String()
}

func pushFilter(ref string) string {
	kind, name := "tags", "v*"
	if n, ok := strings.CutPrefix(ref, "refs/heads/"); ok {
		kind, name = "branches", n
	} else if n, ok := strings.CutPrefix(ref, "refs/tags/"); ok {
		name = n
	}
	return kind + ": [" + quoted(refGlob(name)) + "]"
}

// refGlob writes a rule's ref as GitHub's patterns have it: there one * does not stand for "/".
func refGlob(name string) string {
	stem, open := strings.CutSuffix(name, "*")
	out := strings.NewReplacer("*", `\*`, "?", `\?`, "+", `\+`, "[", `\[`, "]", `\]`, "!", `\!`).Replace(stem)
	switch {
	case open && (stem == "" || strings.HasSuffix(stem, "/")):
		return out + "**"
	case open:
		return out + "*"
	}
	return out
}
