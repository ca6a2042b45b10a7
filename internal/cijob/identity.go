package cijob

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strings"

	"pyindex/internal/access"
)

const (
	projectedToken = "/var/run/secrets/index/token"   // default path of the token in a Kubernetes pod
	productName    = "/sys/class/dmi/id/product_name" // "Google Compute Engine" on machines of Google Cloud
)

// jobIdentity gets the identity token of the current CI job. Tests replace its fields.
type jobIdentity struct {
	env       func(string) string
	http      *http.Client
	installed func(program string) bool
	run       func(ctx context.Context, program string, args ...string) ([]byte, error)
	file      string // path given by --token-file, or ""
	projected string
	machine   string // path of the file with the machine's product name
	rooted    bool   // the token is of CircleCI's root issuer
}

func newJobIdentity(file string) *jobIdentity {
	return &jobIdentity{
		env:       os.Getenv,
		http:      newLoginHTTP(),
		installed: installed,
		run:       runProgram,
		file:      file,
		projected: projectedToken,
		machine:   productName,
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
	if p := j.platform(); p != nil {
		return p.token(j, ctx, audience)
	}
	text, err := readTokenFile(j.projected)
	if errors.Is(err, fs.ErrNotExist) {
		if j.onGoogle() {
			return j.google(ctx, audience)
		}
		return "", fmt.Errorf(
			"no CI system was recognized: run this in a job of %s, in a pod with a token at %s, or on Google Cloud, set INDEX_ID_TOKEN, or specify a file with --token-file",
			platformNames(), j.projected)
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
