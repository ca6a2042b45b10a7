package exchange

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"pyindex/internal/access"
	"pyindex/internal/workload"
)

// maxJTI is the longest accepted token id, in bytes.
const maxJTI = 255

// Want is the token that a workload requests.
type Want struct {
	Scope  access.Scope // ScopeUpload or ScopeRead
	Single bool         // valid for one upload (PEP 807, single-use-token)
}

// check returns a refusal unless such a token can be minted. It is an allow list.
func (w Want) check() error {
	if _, ok := terms[w.Scope]; !ok {
		return Refuse(CodePayload, `the request's "scope" has to be "upload" or "read"`)
	}
	if w.Single && w.Scope != access.ScopeUpload {
		return Refuse(CodePayload, "a token for one upload does not read: leave out the feature single-use-token")
	}
	return nil
}

// Minted is a minted token and the places that it gives access to.
type Minted struct {
	Token        access.Secret
	Expires      time.Time // whole seconds
	Projects     []string  // normal names, sorted: to upload to or to read
	Repositories []string  // names of the repositories that it may read as a whole, sorted
	// the repositories, "/" and the prefixes of the names there that it may upload to, sorted: "main/acme"
	Names []string
}

// attempt is an identity token during its exchange.
type attempt struct {
	who      access.Caller
	want     Want
	at       time.Time
	provider *workload.Kind
	issuer   string
	claims   workload.Claims // nil until the token is verified
	lookup   string
	jti      string
	until    time.Time // how long to remember jti
}

// tokenID returns the id under which the token is remembered.
func (a attempt) tokenID(raw access.Secret) (string, error) {
	v, numbered := a.claims["jti"]
	if !numbered && !a.provider.NeedsTokenID() {
		return digestID(raw), nil
	}
	jti, ok := v.(string)
	if !ok || jti == "" {
		return "", fmt.Errorf("its id (jti) is %s, and without one it could be used twice", workload.Show(v))
	}
	if len(jti) > maxJTI {
		return "", fmt.Errorf("its id (jti) is longer than %d bytes", maxJTI)
	}
	if workload.HasControl(jti) {
		return "", fmt.Errorf("its id (jti) %s holds control characters", workload.Show(jti))
	}
	return jti, nil
}

// digestID returns an id for a token that has none. It omits the signature, because the same content can be signed more
// than once.
func digestID(raw access.Secret) string {
	signed := raw.Reveal()
	signed = signed[:max(0, strings.LastIndexByte(signed, '.'))]
	return fmt.Sprintf("sha256:%x", sha256.Sum256([]byte(signed)))
}

func expiry(c workload.Claims) (time.Time, error) {
	n, _ := c["exp"].(json.Number)
	s, err := n.Int64()
	if err != nil {
		return time.Time{}, fmt.Errorf("the verifier let a token pass whose expiry cannot be read: %w", err)
	}
	return time.Unix(s, 0), nil
}

// subject returns the workload's name for error messages. Issuers whose rules may name any claim have only the subject.
func (a attempt) subject() string {
	if a.lookup != workload.AnyLookup {
		return workload.Show(a.lookup)
	}
	if sub, ok := a.claims["sub"].(string); ok && sub != "" {
		return workload.Show(sub)
	}
	return "this job of " + a.provider.Host(a.issuer)
}

// mark marks an exchange for reading in the audit log. Exchanges for uploads have no mark.
func (a attempt) mark(detail map[string]any) {
	if a.want.Scope == access.ScopeRead {
		detail["scope"] = "read"
	}
}
