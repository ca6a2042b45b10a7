package exchange

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"pyindex/internal/access"
	"pyindex/internal/catalog"
	"pyindex/internal/fault"
	"pyindex/internal/packaging"
	"pyindex/internal/publishers"
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
	provider *workload.Kind // describes the workload: the first of kinds
	kinds    []candidate
	issuer   string
	claims   workload.Claims // nil until the token is verified
	lookup   string          // of provider
	unclear  string          // why the claims do not show the workload of the issuer's own kind; "" if they do
	jti      string
	until    time.Time // how long to remember jti

	compared map[packaging.ProjectName]catalog.Comparison // of the names of pending publishers with those of upstreams
}

// candidate is a kind whose rules may admit a token, with the key under which those for its workload are stored.
type candidate struct {
	*workload.Kind
	lookup string
}

// among sets the kinds whose rules may admit the token of an issuer that is configured with a kind. It returns the
// error of the first one if the claims are those of none.
func (a *attempt) among(kinds []*workload.Kind) error {
	var first error
	for _, k := range kinds {
		lookup, err := k.Lookup(a.claims)
		if err == nil {
			a.kinds = append(a.kinds, candidate{k, lookup})
		} else if first == nil {
			first, a.unclear = err, fault.Message(err)
		}
	}
	if len(a.kinds) == 0 {
		return first
	}
	a.provider, a.lookup = a.kinds[0].Kind, a.kinds[0].lookup
	return nil
}

// keys returns the keys of the rules that may admit the token.
func (a attempt) keys() []publishers.Key {
	var out []publishers.Key
	for _, k := range a.kinds {
		out = append(out, publishers.Key{Provider: k.Name(), Lookup: k.lookup})
	}
	return out
}

// kind returns the kind of a rule if the rule may admit the token: it has the token's issuer and is stored under the
// workload's key. It returns nil otherwise.
func (a attempt) kind(p publishers.Publisher) *workload.Kind {
	for _, k := range a.kinds {
		if p.Issuer == a.issuer && p.Provider == k.Name() && p.Lookup == k.lookup {
			return k.Kind
		}
	}
	return nil
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

// reused is the reason why a used token is refused. Tokens without an id that one job requests within a second are the
// same bytes.
func (a attempt) reused() string {
	if _, numbered := a.claims["jti"]; numbered {
		return "this token was used before: its id (jti) counts once, so ask the issuer for a new one"
	}
	return "this token was used before, and it has no id (jti) by which to tell two apart: ask the issuer for a new one, " +
		"a second or more after the last"
}
