package cijob

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"strings"
	"time"

	"pyindex/internal/access"
	"pyindex/internal/strictjson"
	"pyindex/internal/terminal"
	"pyindex/internal/workload"
)

// githubPermission explains the permission that a GitHub Actions job needs to get an identity token.
const githubPermission = `Give the job this permission in its workflow:
  permissions:
    id-token: write
    contents: read
Pull requests from forks cannot have it, and a reusable workflow has it only if the calling job grants it too.`

// identityToken returns the job's identity token for an audience, as index login does. It returns "" and reports the
// reason if there is none. Outside a CI job the check is skipped and does not fail.
func (d *publishDoctor) identityToken(audience string) access.Secret {
	const check = "identity token"
	if audience == "" && d.TokenFile == "" {
		d.found.Skip(check, "it cannot be requested because the audience is unknown")
		return ""
	}
	raw, err := d.identity.token(d.ctx, audience)
	switch {
	case err == nil:
		d.found.OK(check, "this job has one")
	case d.TokenFile == "" && !d.inJob():
		d.found.Skip(check, "%v", err)
	case d.TokenFile == "" && d.on("GitHub Actions"):
		d.found.Fail(check, githubPermission, "%v", err)
	default:
		d.found.Fail(check, "", "%v", err)
	}
	return raw
}

// inJob reports whether the program runs in a CI job. Nearly all CI systems set CI.
func (d *publishDoctor) inJob() bool {
	return d.env("CI") != "" || d.env("INDEX_ID_TOKEN") != "" || d.identity.platform() != nil
}

// on reports whether the program runs in a job of a CI system.
func (d *publishDoctor) on(name string) bool {
	p := d.identity.platform()
	return p != nil && p.name == name
}

// checkAudience compares the token's audience with the one that the index requests. On a platform that fixes the
// audience it only warns: the index does not say which audience it accepts from that issuer.
func (d *publishDoctor) checkAudience(got any, audience string) {
	const check = "claims"
	switch advice, fixed := d.identity.otherAudience(d.claims, audience); {
	case advice == "":
	case fixed:
		d.found.Warn(check, advice, "all tokens of the platform have the audience %s, and the index requests %q from others",
			workload.Show(got), audience)
	default:
		d.misdirected = true
		d.found.Fail(check, advice, "the audience of the token is %s, but the index requests %q", workload.Show(got), audience)
	}
}

// readClaims decodes the claims without verifying the token's signature. It reports whether they are readable.
func (d *publishDoctor) readClaims(raw access.Secret, audience string) bool {
	const check = "claims"
	claims, err := peek(raw.Reveal())
	if err != nil {
		d.found.Fail(check, "", "the identity token cannot be read: %v", err)
		return false
	}
	d.claims = claims
	d.found.OK(check, "the token names %s as its issuer", workload.Show(claims["iss"]))
	d.checkAudience(claims["aud"], audience)
	sub, _ := claims["sub"].(string)
	if named, owner, repository, ok := workload.ImmutableSubject(sub); ok {
		d.found.OK("subject", "the token has GitHub's immutable spelling of %s: publishers of kind github do not compare "+
			"it; a rule --claim sub=… fits only one spelling, so use --claim repository_id=%s "+
			"--claim repository_owner_id=%s instead",
			terminal.Printable(workload.Show(named)), repository, owner)
	}
	n, _ := claims["exp"].(json.Number)
	if exp, err := n.Int64(); err == nil && !d.now().Before(time.Unix(exp, 0)) {
		d.found.Fail(check, "Request a new one. Identity tokens are valid for a few minutes.", "the token expired at %s",
			terminal.Moment(time.Unix(exp, 0)))
	}
	return true
}

// peek returns the claims of a token without verifying its signature. Errors do not contain parts of the token.
func peek(raw string) (workload.Claims, error) {
	parts := strings.Split(raw, ".")
	if len(parts) != 3 {
		return nil, errors.New("it does not have three parts separated by dots")
	}
	b, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return nil, errors.New("its second part is not base64url")
	}
	claims, err := strictjson.Object(b)
	if err != nil {
		return nil, errors.New("its second part is not a JSON object")
	}
	return claims, nil
}
