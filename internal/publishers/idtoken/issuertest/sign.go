package issuertest

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/json"
	"maps"
	"time"
)

// Absent as the value of a claim or header omits it.
var Absent = &struct{ byte }{}

// Claims returns GitHub's claims for a release job of acme/widgets, for an audience. They are issued at a time, expire
// after five minutes, and have a unique id. over replaces or adds claims.
func (i *Issuer) Claims(audience string, at time.Time, over map[string]any) map[string]any {
	c := map[string]any{
		"iss": i.URL, "aud": audience, "jti": rand.Text(),
		"iat": at.Unix(), "nbf": at.Unix(), "exp": at.Add(5 * time.Minute).Unix(),
		"sub":              "repo:acme/widgets:environment:release",
		"repository":       "acme/widgets",
		"repository_owner": "acme", "repository_owner_id": "4242", "repository_id": "777",
		"repository_visibility": "private",
		"job_workflow_ref":      "acme/widgets/.github/workflows/release.yml@refs/tags/v1.0",
		"workflow_ref":          "acme/widgets/.github/workflows/release.yml@refs/tags/v1.0",
		"workflow":              "Release", "event_name": "push", "environment": "release",
		"ref": "refs/tags/v1.0", "ref_type": "tag", "sha": "0123456789abcdef0123456789abcdef01234567",
		"actor": "octocat", "actor_id": "1", "run_id": "99", "run_number": "7", "run_attempt": "1",
		"runner_environment": "github-hosted",
	}
	maps.Copy(c, over)
	return c
}

// Header returns the header of a token that the issuer signs now. over replaces or adds members.
func (i *Issuer) Header(over map[string]any) map[string]any {
	id, _ := i.Key()
	h := map[string]any{"alg": "RS256", "typ": "JWT", "kid": id, "x5t": "irrelevant"}
	maps.Copy(h, over)
	return h
}

// Sign returns a token with these claims.
func (i *Issuer) Sign(claims map[string]any) string {
	id, k := i.Key() // once, because another goroutine may rotate the keys
	return sealBy(k, text(i.Header(map[string]any{"kid": id})), text(claims))
}

// SignAs is like Sign with any header. The signature is always RS256 by the issuer's key.
func (i *Issuer) SignAs(header, claims map[string]any) string {
	return i.SignText(text(header), text(claims))
}

// SignText is like SignAs for handwritten JSON, which may be malformed.
func (i *Issuer) SignText(header, claims string) string {
	_, k := i.Key()
	return sealBy(k, header, claims)
}

// sealBy is Seal with a signature RS256.
func sealBy(k *rsa.PrivateKey, header, claims string) string {
	return Seal(header, claims, func(signed []byte) []byte {
		sum := sha256.Sum256(signed)
		s, err := rsa.SignPKCS1v15(nil, k, crypto.SHA256, sum[:])
		if err != nil {
			panic(err) // the key is ours and fits
		}
		return s
	})
}

// Seal assembles a token from a header, claims, and the signature that sign returns.
func Seal(header, claims string, sign func(signed []byte) []byte) string {
	signed := b64([]byte(header)) + "." + b64([]byte(claims))
	return signed + "." + b64(sign([]byte(signed)))
}

// text returns JSON without the members that are Absent.
func text(m map[string]any) string {
	m = maps.Clone(m)
	maps.DeleteFunc(m, func(_ string, v any) bool { return v == any(Absent) })
	b, err := json.Marshal(m)
	if err != nil {
		panic(err) // tests write values that JSON knows
	}
	return string(b)
}
