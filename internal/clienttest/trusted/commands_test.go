package trusted_test

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// builds are commands that a printed job runs before it publishes. The tests have built their files already, and fetch
// nothing.
var builds = regexp.MustCompile(`\A(python3? -m (pip install|build)|uv build\z|checkout\z)`)

// follow returns the value at a path of keys in YAML.
func follow(t *testing.T, v any, path ...any) any {
	t.Helper()
	for _, p := range path {
		switch p := p.(type) {
		case string:
			m, _ := v.(map[string]any)
			v = m[p]
		case int:
			l, _ := v.([]any)
			if p >= len(l) {
				t.Fatalf("%v has no item %d: %v", path, p, v)
			}
			v = l[p]
		}
		if v == nil {
			t.Fatalf("the file has nothing at %v", path)
		}
	}
	return v
}

// commands returns what a printed file runs to publish, without changes, and the variables that the file gives to it.
func (y *yard) commands(t *testing.T, c ci, with, text string, over map[string]any) (script string, env []string) {
	t.Helper()
	if with == "script" && c.kind == "google" {
		return strings.Replace(text, "\nuv build\n", "\n", 1), nil
	}
	if c.kind == "jenkins" {
		return y.jenkinsfile(t, c, text, over)
	}
	var file any
	if err := yaml.Unmarshal([]byte(text), &file); err != nil {
		t.Fatalf("the printed file is no YAML: %v\n%s", err, text)
	}
	var list any
	switch c.kind {
	case "github", "forgejo", "circleci":
		list = follow(t, file, "jobs", "publish", "steps")
		if on := c.kind == "forgejo"; on && follow(t, file, "jobs", "publish", "enable-openid-connect") != true {
			t.Error("the job gets no token")
		}
	case "gitlab":
		list = follow(t, file, "publish", "script")
		for name, v := range follow(t, file, "publish", "id_tokens").(map[string]any) {
			env = append(env, name+"="+y.token(c, fmt.Sprint(follow(t, v, "aud")), over))
		}
	case "buildkite":
		step := follow(t, file, "steps", 2).(map[string]any)
		list = []any{strings.ReplaceAll(fmt.Sprint(step["command"]), "$$", "$")} // the agent replaces $NAME first
		env = pairs(step["env"])
	case "semaphore":
		list = follow(t, file, "blocks", 0, "task", "jobs", 0, "commands")
	case "azure-devops":
		list = follow(t, file, "steps")
		for _, line := range pairs(follow(t, file, "steps", 2, "env")) {
			env = append(env, strings.Replace(line, "$(System.AccessToken)", bearer, 1))
		}
	case "bitbucket":
		step := follow(t, file, "pipelines", "tags", "v*", 0, "step")
		list = follow(t, step, "script")
		audience := fmt.Sprint(follow(t, step, "oidc", "audiences", 0))
		env = append(env, "BITBUCKET_STEP_OIDC_TOKEN="+y.token(c, audience, over))
	case "kubernetes":
		pod := follow(t, file, "spec", "template", "spec")
		source := follow(t, pod, "volumes", 1, "projected", "sources", 0, "serviceAccountToken")
		path := tokenFile(t, y.token(c, fmt.Sprint(follow(t, source, "audience")), over))
		mounted := fmt.Sprint(follow(t, pod, "containers", 0, "volumeMounts", 1, "mountPath")) + "/" +
			fmt.Sprint(follow(t, source, "path"))
		lines := strings.SplitAfter(fmt.Sprint(follow(t, pod, "containers", 0, "args", 0)), "\n")
		if !strings.HasPrefix(lines[0], "git clone ") || lines[1] != "uv build\n" {
			t.Errorf("the pod begins with %q", lines[:2])
		}
		return strings.ReplaceAll(strings.Join(lines[2:], ""), mounted, path), nil
	case "google":
		list = []any{strings.ReplaceAll(fmt.Sprint(follow(t, file, "steps", 1, "args", 1)), "$$", "$")}
	}
	return join(t, list), env
}

// join returns the commands of a job's steps but those that build. A step is a command, or an object that has one.
func join(t *testing.T, list any) string {
	t.Helper()
	var out []string
	for _, step := range list.([]any) {
		for {
			m, ok := step.(map[string]any)
			if !ok {
				break
			}
			step = nil
			for _, key := range []string{"run", "command", "bash", "script"} {
				if v, ok := m[key]; ok {
					step = v
				}
			}
		}
		// twine is that of the test's own environment.
		if line, ok := step.(string); ok && !builds.MatchString(line) {
			out = append(out, uvxTwine.ReplaceAllString(line, "twine"))
		}
	}
	if len(out) == 0 {
		t.Fatalf("the job has no command that publishes: %v", list)
	}
	return strings.Join(out, "\n")
}

// pairs returns a map of YAML as an environment.
func pairs(v any) (env []string) {
	m, _ := v.(map[string]any)
	for name, value := range m {
		env = append(env, name+"="+fmt.Sprint(value))
	}
	return env
}

var (
	groovyText     = regexp.MustCompile(`(?s)sh '''\n(.*?)'''`)
	groovyVariable = regexp.MustCompile(`credentialsId: 'index-identity', variable: '(\w+)'`)
)

// jenkinsfile is commands for the language of Jenkins.
func (y *yard) jenkinsfile(t *testing.T, c ci, text string, over map[string]any) (script string, env []string) {
	t.Helper()
	commands, variable := groovyText.FindStringSubmatch(text), groovyVariable.FindStringSubmatch(text)
	if commands == nil || variable == nil {
		t.Fatalf("the Jenkinsfile has no script with a credential:\n%s", text)
	}
	script = strings.NewReplacer(`\\`, `\`, `\'`, `'`).Replace(commands[1])
	return script, []string{variable[1] + "=" + y.token(c, y.audience(), over)}
}
