package cijob

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"slices"
	"strings"

	"pyindex/internal/access"
	"pyindex/internal/workload/ciconfig"
)

// projectedToken is the default path of the token in a Kubernetes pod.
const projectedToken = "/var/run/secrets/index/token"

// jobIdentity gets the identity token of the current CI job. Tests replace its fields.
type jobIdentity struct {
	env       func(string) string
	http      *http.Client
	installed func(program string) bool
	run       func(ctx context.Context, program string, args ...string) ([]byte, error)
	file      string // path given by --token-file, or ""
	projected string
	rooted    bool // the token is of CircleCI's root issuer
}

func newJobIdentity(file string) *jobIdentity {
	return &jobIdentity{
		env:       os.Getenv,
		http:      newLoginHTTP(),
		installed: installed,
		run:       runProgram,
		file:      file,
		projected: projectedToken,
	}
}

func installed(program string) bool {
	_, err := exec.LookPath(program)
	return err == nil
}

func runProgram(ctx context.Context, program string, args ...string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, loginPatience)
	defer cancel()
	return exec.CommandContext(ctx, program, args...).Output()
}

// platform is a CI system.
type platform struct {
	variable, value string // environment variable that identifies the CI system; value "" means any value
	token           func(j *jobIdentity, ctx context.Context, audience string) (string, error)
}

// platforms are tried in this order, after --token-file and INDEX_ID_TOKEN.
var platforms = []platform{
	{"GITHUB_ACTIONS", "true", (*jobIdentity).github},
	{"BUILDKITE", "", (*jobIdentity).buildkite},
	{"GITLAB_CI", "", (*jobIdentity).gitlab},
	{"CIRCLECI", "", (*jobIdentity).circle},
}

// token returns the job's identity token for an audience. Errors explain what to add to the job.
func (j *jobIdentity) token(ctx context.Context, audience string) (access.Secret, error) {
	text, err := j.find(ctx, audience)
	if err != nil {
		return "", err
	}
	return jwt(text)
}

// unreadable is the code of a refusal of a token that an index cannot use at all, such as one of an issuer that it does
// not have.
const unreadable = "invalid-payload"

// otherAfter returns the job's token of another issuer after a refusal with one of the codes, if the platform has two
// issuers and the refusal may be due to the first one. It returns "" otherwise.
func (j *jobIdentity) otherAfter(ctx context.Context, audience string, codes ...string) access.Secret {
	if !j.rooted || !slices.Contains(codes, unreadable) {
		return ""
	}
	j.rooted = false
	text, err := j.circleCommand(ctx, audience)
	if err != nil {
		return ""
	}
	raw, _ := jwt(text)
	return raw
}

func jwt(text string) (access.Secret, error) {
	text = strings.TrimSpace(text)
	if strings.Count(text, ".") != 2 || strings.ContainsAny(text, " \t\r\n\"") {
		return "", errors.New("the job's identity token is not a JWT")
	}
	return access.Secret(text), nil
}

func (j *jobIdentity) find(ctx context.Context, audience string) (string, error) {
	if j.file != "" {
		return readTokenFile(j.file)
	}
	if text := j.env("INDEX_ID_TOKEN"); text != "" {
		return text, nil
	}
	for _, p := range platforms {
		if v := j.env(p.variable); v != "" && (p.value == "" || p.value == v) {
			return p.token(j, ctx, audience)
		}
	}
	text, err := readTokenFile(j.projected)
	if errors.Is(err, fs.ErrNotExist) {
		return "", errors.New(
			"no CI system was recognized: run this in a job of GitHub Actions, GitLab, Buildkite or CircleCI, set INDEX_ID_TOKEN, or specify a file with --token-file",
		)
	}
	return text, err
}

func readTokenFile(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", fmt.Errorf("token file: %w", err)
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxLoginBody))
	if err != nil {
		return "", fmt.Errorf("token file: %w", err)
	}
	if len(bytes.TrimSpace(b)) == 0 {
		return "", fmt.Errorf("the token file %s is empty", path)
	}
	return string(b), nil
}

// github requests the token from the runner's service.
func (j *jobIdentity) github(ctx context.Context, audience string) (string, error) {
	address, bearer := j.env("ACTIONS_ID_TOKEN_REQUEST_URL"), j.env("ACTIONS_ID_TOKEN_REQUEST_TOKEN")
	if address == "" || bearer == "" {
		return "", errors.New(
			"this job may not request an identity token: add permissions: id-token: write to it (not possible for a pull request from a fork)",
		)
	}
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "https" && !loopback(u.Hostname()) {
		return "", errors.New("ACTIONS_ID_TOKEN_REQUEST_URL is not a URL with https")
	}
	q := u.Query()
	q.Set("audience", audience)
	u.RawQuery = q.Encode()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return "", errors.New("ACTIONS_ID_TOKEN_REQUEST_URL is not a URL")
	}
	r.Header.Set("Authorization", "Bearer "+bearer)
	var answer struct{ Value string }
	status, err := fetchJSON(j.http, r, &answer)
	if err != nil {
		return "", err
	}
	if status != http.StatusOK || answer.Value == "" {
		return "", fmt.Errorf("GitHub issued no identity token (status %d): check that the job has permissions: id-token: write",
			status)
	}
	return answer.Value, nil
}

// buildkite requests the token from the agent.
func (j *jobIdentity) buildkite(ctx context.Context, audience string) (string, error) {
	if !j.installed("buildkite-agent") {
		return "", errors.New(
			"this is a Buildkite job, but buildkite-agent is not on the PATH: in a container, mount it (mount-buildkite-agent: true)",
		)
	}
	out, err := j.run(ctx, "buildkite-agent", "oidc", "request-token", "--audience", audience)
	if err != nil {
		return "", fmt.Errorf("buildkite-agent oidc request-token: %w", err)
	}
	return string(out), nil
}

func (j *jobIdentity) gitlab(_ context.Context, audience string) (string, error) {
	name := ciconfig.IDTokenVariable(audience)
	if text := j.env(name); text != "" {
		return text, nil
	}
	return "", fmt.Errorf("this GitLab job has no variable %s: add id_tokens: {%s: {aud: %s}} to it", name, name, audience)
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
	if text, err := j.circleCommand(ctx, audience); err == nil {
		return text, nil
	}
	if text := j.env("CIRCLE_OIDC_TOKEN_V2"); text != "" {
		return text, nil
	}
	return "", errors.New(
		"this CircleCI job has no CIRCLE_OIDC_TOKEN_V2: add a context (context: [...]) to the job, so that CircleCI sets it",
	)
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
	return string(out), err
}
