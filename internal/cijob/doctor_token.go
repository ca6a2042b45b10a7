package cijob

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"

	"pyindex/internal/access"
	"pyindex/internal/strictjson"
	"pyindex/internal/terminal"
	"pyindex/internal/workload"
)

// githubPermission is what a job of GitHub's needs to get a token.
const githubPermission = `Let the job have one, in its workflow:
  permissions:
    id-token: write
    contents: read
Pull requests from forks get none, and a reusable workflow gets one only where its caller's job says so too.`

// identityToken gets the job's token for an audience as index login does, or tells what is missing. Away from a CI job
// there is nothing to get, and nothing wrong.
func (d *publishDoctor) identityToken(audience string) access.Secret {
	const check = "identity token"
	if audience == "" && d.TokenFile == "" {
		d.found.Skip(check, "one can only be asked for once the audience is known")
		return ""
	}
	raw, err := d.identity.token(d.ctx, audience)
	switch {
	case err == nil:
		d.found.OK(check, "this job has one")
	case d.TokenFile == "" && !d.inJob():
		d.found.Skip(check, "%v", err)
	case d.TokenFile == "" && d.env("GITHUB_ACTIONS") == "true":
		d.found.Fail(check, githubPermission, "%v", err)
	default:
		d.found.Fail(check, "", "%v", err)
	}
	return raw
}

// inJob reports whether this is a job of some CI system. Nearly all of them set CI.
func (d *publishDoctor) inJob() bool {
	return d.env("CI") != "" || d.env("INDEX_ID_TOKEN") != "" ||
		slices.ContainsFunc(platforms, func(p platform) bool { return d.env(p.variable) != "" })
}

// readClaims reads what the token says. Whether it is true only its issuer's keys tell, and only to the index.
func (d *publishDoctor) readClaims(raw access.Secret, audience string) bool {
	const check = "claims"
	claims, err := peek(raw.Reveal())
	if err != nil {
		d.found.Fail(check, "", "the identity token cannot be read: %v", err)
		return false
	}
	d.claims = claims
	d.found.OK(check, "signed, it says, by %s", workload.Show(claims["iss"]))
	if got := claims["aud"]; audience != "" && got != any(audience) {
		d.found.Fail(check, "Ask for a token with the audience "+terminal.Printable(audience)+".",
			"the token is for %s, and this index is %q", workload.Show(got), audience)
	}
	n, _ := claims["exp"].(json.Number)
	if exp, err := n.Int64(); err == nil && !d.now().Before(time.Unix(exp, 0)) {
		d.found.Fail(check, "Ask for a new one; they are good for minutes.", "the token expired at %s",
			terminal.Moment(time.Unix(exp, 0)))
	}
	return true
}

// peek returns the claims of a token without any check of its signature. An error repeats nothing of it.
func peek(raw string) (workload.Claims, error) {
	parts := strings.Split(raw, ".")
	if len(parts) != 3 {
		return nil, errors.New("it is not three parts with dots between")
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
