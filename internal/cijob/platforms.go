package cijob

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os/exec"
	"slices"
	"strings"

	"pyindex/internal/terminal"
	"pyindex/internal/workload"
	"pyindex/internal/workload/ciconfig"
)

// platform is a CI system.
type platform struct {
	name     string
	kind     string   // of publishers for its jobs
	variable string   // environment variable that identifies the CI system
	values   []string // of the variable; none for any value
	token    func(j *jobIdentity, ctx context.Context, audience string) (string, error)

	fixed    bool   // the platform fixes the audience of its tokens
	audience string // how a job sets the audience, with %s for it; "" if it is requested automatically
}

// platforms are tried in this order, after --token-file and INDEX_ID_TOKEN. Forgejo comes before GitHub, because its
// jobs have GitHub's variables too.
var platforms = []platform{
	{
		name: "Forgejo Actions", kind: "forgejo", variable: "FORGEJO_ACTIONS", values: []string{"true"},
		token: (*jobIdentity).forgejo,
	},
	{
		name: "Forgejo Actions", kind: "forgejo", variable: "GITEA_ACTIONS", values: []string{"true"},
		token: (*jobIdentity).forgejo,
	},
	{
		name: "GitHub Actions", kind: "github", variable: "GITHUB_ACTIONS", values: []string{"true"},
		token: (*jobIdentity).github,
	},
	{name: "Buildkite", kind: "buildkite", variable: "BUILDKITE", token: (*jobIdentity).buildkite},
	{
		name: "GitLab", kind: "gitlab", variable: "GITLAB_CI", token: (*jobIdentity).gitlab,
		audience: "In id_tokens, set aud: %s.",
	},
	{name: "CircleCI", kind: "circleci", variable: "CIRCLECI", token: (*jobIdentity).circle},
	{
		name: "Semaphore", kind: "semaphore", variable: "SEMAPHORE", values: []string{"true"},
		token: (*jobIdentity).semaphore, fixed: true,
	},
	{
		name: "Azure DevOps", kind: "azure-devops", variable: "TF_BUILD", values: []string{"True", "true"},
		token: (*jobIdentity).azure, fixed: true,
	},
	{
		name: "Bitbucket", kind: "bitbucket", variable: "BITBUCKET_BUILD_NUMBER", token: (*jobIdentity).bitbucket,
		audience: "Replace oidc: true in the step with oidc: {audiences: [%s]}.",
	},
	{
		name: "Jenkins", kind: "jenkins", variable: "JENKINS_URL", token: (*jobIdentity).jenkins,
		audience: "Set the audience of the OpenID Connect id token credential to %s.",
	},
}

// platform returns the CI system of the current job, or nil.
func (j *jobIdentity) platform() *platform {
	i := slices.IndexFunc(platforms, func(p platform) bool { return p.here(j.env) })
	if i < 0 {
		return nil
	}
	return &platforms[i]
}

// here reports whether the environment is that of a job on the platform.
func (p *platform) here(env func(string) string) bool {
	v := env(p.variable)
	return v != "" && (len(p.values) == 0 || slices.Contains(p.values, v))
}

// otherAudience returns what to do if the audience of the job's token is not the one that the index requests, in the
// words of the platform. It returns "" if it is. fixed reports whether the platform fixes it, so that the index may
// accept it nevertheless.
func (j *jobIdentity) otherAudience(c workload.Claims, audience string) (advice string, fixed bool) {
	got := c["aud"]
	if all, ok := got.([]any); ok && len(all) == 1 {
		got = all[0]
	}
	if audience == "" || got == any(audience) {
		return "", false
	}
	p := j.platform()
	if j.file != "" || j.env("INDEX_ID_TOKEN") != "" {
		p = nil // the token is not from the platform
	}
	switch {
	case p != nil && p.fixed:
		return fmt.Sprintf("%s fixes the audience of its tokens: if it is not set already, the administrator of the "+
			"index has to set audience = %s for the issuer %s in oidc.issuers.", p.name, workload.Show(got), workload.Show(c["iss"])), true
	case p != nil && p.audience != "":
		return fmt.Sprintf(p.audience, terminal.Printable(audience)), false
	}
	return "Request a token with the audience " + terminal.Printable(audience) + ".", false
}

// platformNames returns the names of all platforms: "GitHub Actions, GitLab or CircleCI".
func platformNames() string {
	var names []string
	for _, p := range platforms {
		if !slices.Contains(names, p.name) {
			names = append(names, p.name)
		}
	}
	last := len(names) - 1
	return strings.Join(names[:last], ", ") + " or " + names[last]
}

// variable returns a token that the platform puts into an environment variable. missing says what the job lacks.
func (j *jobIdentity) variable(name, missing string) (string, error) {
	if text := j.env(name); text != "" {
		return text, nil
	}
	return "", errors.New(missing)
}

func (j *jobIdentity) github(ctx context.Context, audience string) (string, error) {
	return j.actions(ctx, audience, "GitHub",
		"add permissions: id-token: write to it (not possible for a pull request from a fork)",
		"check that the job has permissions: id-token: write")
}

func (j *jobIdentity) forgejo(ctx context.Context, audience string) (string, error) {
	return j.actions(ctx, audience, "Forgejo",
		"add enable-openid-connect: true to it (Forgejo 15 and its runner 12.5, or newer; not possible for a pull request from a fork)",
		"check that the job has enable-openid-connect: true")
}

// actions requests the token from the runner's service, which GitHub and Forgejo have. missing says what a job lacks
// that may not request one, and refused what to check if the service refuses.
func (j *jobIdentity) actions(ctx context.Context, audience, name, missing, refused string) (string, error) {
	address, bearer := j.env("ACTIONS_ID_TOKEN_REQUEST_URL"), j.env("ACTIONS_ID_TOKEN_REQUEST_TOKEN")
	if address == "" || bearer == "" {
		return "", errors.New("this job may not request an identity token: " + missing)
	}
	u, err := serviceURL("ACTIONS_ID_TOKEN_REQUEST_URL", address)
	if err != nil {
		return "", err
	}
	q := u.Query()
	q.Set("audience", audience)
	u.RawQuery = q.Encode()
	var answer struct{ Value string }
	status, err := j.request(ctx, http.MethodGet, u, bearer, &answer)
	if err != nil {
		return "", err
	}
	if status != http.StatusOK || answer.Value == "" {
		return "", fmt.Errorf("%s issued no identity token (status %d): %s", name, status, refused)
	}
	return answer.Value, nil
}

// serviceURL parses the address of a platform's token service. It requires https, or loopback, because the job's bearer
// token is sent there. Errors do not contain the address, which may hold a secret.
func serviceURL(variable, address string) (*url.URL, error) {
	u, err := url.Parse(address)
	if err != nil || u.Hostname() == "" || u.User != nil ||
		u.Scheme != "https" && (u.Scheme != "http" || !loopback(u.Hostname())) {
		return nil, errors.New(variable + " is not a URL with https")
	}
	return u, nil
}

// request asks a platform's token service with the job's bearer token. It follows no redirect.
func (j *jobIdentity) request(ctx context.Context, method string, u *url.URL, bearer string, into any) (int, error) {
	r, err := http.NewRequestWithContext(ctx, method, u.String(), http.NoBody)
	if err != nil {
		return 0, errors.New("the address of the token service is not a URL")
	}
	r.Header.Set("Authorization", "Bearer "+bearer)
	r.Header.Set("Accept", "application/json")
	return fetchJSON(j.http, r, into)
}

// buildkite requests the token from the agent, with the ids of the organization and the pipeline.
func (j *jobIdentity) buildkite(ctx context.Context, audience string) (string, error) {
	if !j.installed("buildkite-agent") {
		return "", errors.New(
			"this is a Buildkite job, but buildkite-agent is not on the PATH: in a container, mount it (mount-buildkite-agent: true)",
		)
	}
	claims := strings.Split(ciconfig.BuildkiteIDs, ",")
	for claim := range strings.SplitSeq(j.env("BUILDKITE_OIDC_TOKEN_CLAIMS"), ",") {
		if claim = strings.TrimSpace(claim); claim != "" && !slices.Contains(claims, claim) {
			claims = append(claims, claim) // the flag replaces the variable
		}
	}
	args := []string{"oidc", "request-token", "--audience", audience}
	out, err := j.run(ctx, "buildkite-agent", append(args, "--claim", strings.Join(claims, ","))...)
	if strings.Contains(stderrOf(err), "not defined: -claim") { // an agent that cannot add claims
		out, err = j.run(ctx, "buildkite-agent", args...)
	}
	if err != nil {
		return "", programError("buildkite-agent oidc request-token", err)
	}
	return string(out), nil
}

// gitlab looks for both names of the variable that clients have for an audience that begins with a digit.
func (j *jobIdentity) gitlab(_ context.Context, audience string) (string, error) {
	for _, name := range ciconfig.IDTokenVariables(audience) {
		if text := j.env(name); text != "" {
			return text, nil
		}
	}
	name := ciconfig.IDTokenVariable(audience)
	return "", fmt.Errorf("this GitLab job has no variable %s: add id_tokens: {%s: {aud: %s}} to it", name, name, audience)
}

func (j *jobIdentity) semaphore(context.Context, string) (string, error) {
	return j.variable("SEMAPHORE_OIDC_TOKEN", "this Semaphore job has no SEMAPHORE_OIDC_TOKEN: in a container, pass the "+
		"variable on, and check that your Semaphore issues OpenID Connect tokens")
}

func (j *jobIdentity) bitbucket(_ context.Context, audience string) (string, error) {
	return j.variable("BITBUCKET_STEP_OIDC_TOKEN",
		"this Bitbucket step has no BITBUCKET_STEP_OIDC_TOKEN: add oidc: {audiences: ["+audience+"]} to it")
}

func (j *jobIdentity) jenkins(_ context.Context, audience string) (string, error) {
	return j.variable("IDENTITY", "this Jenkins build has no variable IDENTITY: add an OpenID Connect id token credential "+
		"with the id index-identity and the audience "+audience+", and put this step into "+
		"withCredentials([string(credentialsId: 'index-identity', variable: 'IDENTITY')])")
}

// circle requests a token for the audience from the circleci command, which every CircleCI job has: from the root
// issuer as uv and pdm do, or else from the issuer of the organization. If that fails, it uses the job's own token,
// whose audience is the organization.
func (j *jobIdentity) circle(ctx context.Context, audience string) (string, error) {
	text, err := j.circleCommand(ctx, audience, "--root-issuer")
	if err == nil {
		j.rooted = true
		return text, nil
	}
	if text, err = j.circleCommand(ctx, audience); err == nil {
		return text, nil
	}
	if text := j.env("CIRCLE_OIDC_TOKEN_V2"); text != "" {
		return text, nil
	}
	return "", fmt.Errorf("this CircleCI job got no identity token: %w; the command is part of every CircleCI job, "+
		"which needs no context for it: in a container of your own, pass the token in INDEX_ID_TOKEN", err)
}

// circleCommand requests a token with the circleci command.
func (j *jobIdentity) circleCommand(ctx context.Context, audience string, flags ...string) (string, error) {
	if !j.installed("circleci") {
		return "", errors.New("circleci is not on the PATH")
	}
	claims, err := json.Marshal(map[string]string{"aud": audience})
	if err != nil {
		return "", err
	}
	args := append([]string{"run", "oidc", "get"}, flags...)
	out, err := j.run(ctx, "circleci", append(args, "--claims", string(claims))...)
	if err != nil {
		return "", programError("circleci run oidc get", err)
	}
	return string(out), nil
}

// stderrOf returns what a program that failed wrote to standard error.
func stderrOf(err error) string {
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return string(exit.Stderr)
	}
	return ""
}

// programError adds the last line of a failed program's standard error, unless it may contain a token.
func programError(command string, err error) error {
	lines := strings.Split(strings.TrimSpace(stderrOf(err)), "\n")
	last := strings.TrimSpace(lines[len(lines)-1])
	if last == "" || strings.Contains(last, "eyJ") {
		return fmt.Errorf("%s: %w", command, err)
	}
	return fmt.Errorf("%s: %w: %s", command, err, terminal.Printable(fmt.Sprintf("%.200s", last)))
}
