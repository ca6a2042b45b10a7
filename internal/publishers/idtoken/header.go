package idtoken

import (
	"fmt"
	"strings"

	"pyindex/internal/workload"
)

const (
	algorithm = "RS256"
	maxKid    = 256 // bytes
)

// keysInside are header members that contain or name a key, or change the signed content (RFC 7515, section 4.1; RFC
// 7797). No supported issuer needs them, and a library that honored one would let a token vouch for itself.
var keysInside = []string{"jwk", "jku", "x5u", "x5c", "crit", "b64", "zip", "enc"}

// keyID validates the header and returns the id of the signing key.
func (t token) keyID() (string, error) {
	if alg, ok := t.header["alg"].(string); !ok || alg != algorithm {
		return "", fmt.Errorf("its algorithm (alg) is %s; only %s is accepted", show(t.header["alg"]), algorithm)
	}
	for _, name := range keysInside {
		if _, ok := t.header[name]; ok {
			return "", fmt.Errorf("its header has %q, which is not accepted", name)
		}
	}
	if typ, ok := t.header["typ"]; ok && !isJWT(typ) {
		return "", fmt.Errorf("its type (typ) is %s, not JWT", show(typ))
	}
	kid, ok := t.header["kid"].(string)
	if !ok || kid == "" {
		return "", fmt.Errorf("its header has no key id (kid)")
	}
	if len(kid) > maxKid {
		return "", fmt.Errorf("its key id (kid) is longer than %d bytes", maxKid)
	}
	return kid, nil
}

// isJWT rejects tokens that the same issuer signs for other purposes, such as "at+jwt" (RFC 8725, section 3.11).
func isJWT(typ any) bool {
	s, ok := typ.(string)
	return ok && strings.EqualFold(s, "JWT")
}

// show formats a value from the token for a message.
func show(v any) string { return workload.Show(v) }
