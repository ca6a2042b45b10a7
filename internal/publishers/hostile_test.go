package publishers_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"pyindex/internal/access"
	"pyindex/internal/audit"
	"pyindex/internal/publishers/exchange"
	"pyindex/internal/publishers/idtoken/issuertest"
)

// hostile is a token that must not be exchanged.
type hostile struct {
	name string
	make func(b *bench) string
	code string
	word string // of the description: its own reason, not just any
}

const (
	payload   = exchange.CodePayload
	invalid   = exchange.CodeToken
	unmatched = exchange.CodePublisher
)

var unreadable = []hostile{
	{"nothing", func(*bench) string { return "" }, payload, "three parts"},
	{"a word", func(*bench) string { return "hello" }, payload, "three parts"},
	{"two parts", func(*bench) string { return "e30.e30" }, payload, "three parts"},
	{"four parts", edited(func(s string) string { return s + ".e30" }), payload, "three parts"},
	{"encrypted, five parts", func(*bench) string { return "e30.e30.e30.e30.e30" }, payload, "three parts"},
	{"dots", func(*bench) string { return strings.Repeat(".", 1<<20) }, payload, "longer than"},
	{"an API token", func(*bench) string { return access.NewToken().Reveal() }, payload, "three parts"},
	{"too long", claim("sub", strings.Repeat("a", 20_000)), payload, "longer than"},
	{
		"JSON serialisation", func(b *bench) string { return `{"payload":"e30","protected":"e30","signature":"e30"}` },
		payload, "three parts",
	},
	{"header not base64", part(0, func(string) string { return "{}" }), payload, "header is not base64url"},
	{"header padded", part(0, func(string) string { return "e30=" }), payload, "header is not base64url"},
	{"header not JSON", part(0, func(string) string { return "e2E" }), payload, "header is not usable"},
	{"header a list", part(0, func(string) string { return "W10" }), payload, "not a JSON object"},
	{
		"payload with a line break", part(1, func(s string) string { return s[:8] + "\n" + s[8:] }), payload,
		"payload is not base64url",
	},
	{
		"payload of another alphabet", part(1, func(s string) string { return "+/" + s }), payload,
		"payload is not base64url",
	},
	{"signature with stray bits", part(2, strayBits), payload, "signature is not base64url"},
	{"header with alg twice", func(b *bench) string {
		id, _ := b.issuer.Key()
		return b.issuer.SignText(fmt.Sprintf(`{"alg":"none","alg":"RS256","kid":%q}`, id), asJSON(b.good()))
	}, payload, `"alg" is there twice`},
	{"iss twice", written(`"iss":`, `"iss":"https://evil.example","iss":`), payload, `"iss" is there twice`},
	{
		"repository twice, once escaped", written(`"repository":`, `"\u0072epository":"evil/widgets","repository":`),
		payload, `"repository" is there twice`,
	},
	{
		"exp is 1e400 deep in brackets",
		written(`"actor":`, `"x":`+strings.Repeat("[", 20)+strings.Repeat("]", 20)+`,"actor":`), payload, "nested deeper",
	},
	{"two objects", written(`{`, `{}{`), payload, "something follows"},
	{"not UTF-8", written("octocat", "octo\xffcat"), payload, "UTF-8"},
}

var foreign = []hostile{
	{"no iss", claim("iss", issuertest.Absent), payload, "issuer (iss) is missing"},
	{
		"iss is a list", func(b *bench) string { return claim("iss", []string{b.issuer.URL})(b) }, payload,
		"issuer (iss) is a list",
	},
	{"iss of another issuer", func(b *bench) string {
		return other(b).Sign(b.issuer.Claims(audience, b.clock.Now(), map[string]any{"iss": "https://evil.example"}))
	}, payload, "unknown trusted publishing issuer"},
	{
		"iss with a slash", func(b *bench) string { return claim("iss", b.issuer.URL+"/")(b) }, payload,
		"unknown trusted publishing issuer",
	},
	{
		"iss in capitals", func(b *bench) string { return claim("iss", strings.ToUpper(b.issuer.URL))(b) }, payload,
		"unknown trusted publishing issuer",
	},
	{
		"iss with a user",
		func(b *bench) string { return claim("iss", strings.Replace(b.issuer.URL, "//", "//evil@", 1))(b) }, payload,
		"unknown trusted publishing issuer",
	},
	{
		"iss with a lookalike", claim("iss", "https://token.аctions.githubusercontent.com"), payload,
		"unknown trusted publishing issuer",
	},
	{
		"iss by the other scheme",
		func(b *bench) string { return claim("iss", strings.Replace(b.issuer.URL, "http:", "https:", 1))(b) }, payload,
		"unknown trusted publishing issuer",
	},
	{
		"iss with a blank", func(b *bench) string { return claim("iss", b.issuer.URL+" ")(b) }, payload,
		"unknown trusted publishing issuer",
	},
}

var badHeaders = []hostile{
	{"alg none", unsigned("none"), invalid, `(alg) is "none"`},
	{"alg None", unsigned("None"), invalid, `(alg) is "None"`},
	{"alg missing", header("alg", issuertest.Absent), invalid, "(alg) is missing"},
	{"alg a list", header("alg", []string{"RS256"}), invalid, "(alg) is a list"},
	{"alg in small letters", header("alg", "rs256"), invalid, `(alg) is "rs256"`},
	{"HS256 with the public key", hmacWithPublicKey, invalid, `(alg) is "HS256"`},
	{"ES256 with an RSA kid", ecdsaSigned, invalid, `(alg) is "ES256"`},
	{"PS256", pssSigned("PS256"), invalid, `(alg) is "PS256"`},
	{"PS256 that says RS256", pssSigned("RS256"), invalid, "signature"},
	{"EdDSA", edSigned, invalid, `(alg) is "EdDSA"`},
	{"RS512", header("alg", "RS512"), invalid, `(alg) is "RS512"`},
	{"a key inside", func(b *bench) string {
		o := other(b)
		id, k := o.Key()
		return o.SignAs(b.issuer.Header(map[string]any{"jwk": issuertest.JWK(id, &k.PublicKey)}), b.good())
	}, invalid, `"jwk"`},
	{"jku", header("jku", "https://evil.example/keys"), invalid, `"jku"`},
	{"x5u", header("x5u", "https://evil.example/cert"), invalid, `"x5u"`},
	{"x5c", header("x5c", []string{"AA=="}), invalid, `"x5c"`},
	{"crit", header("crit", []string{"exp"}), invalid, `"crit"`},
	{"b64", header("b64", false), invalid, `"b64"`},
	{"typ of an access token", header("typ", "at+jwt"), invalid, "(typ)"},
	{"no kid", header("kid", issuertest.Absent), invalid, "no key id"},
	{"empty kid", header("kid", ""), invalid, "no key id"},
	{"kid a number", header("kid", 1), invalid, "no key id"},
	{"long kid", header("kid", strings.Repeat("k", 1000)), invalid, "longer than 256"},
	{"kid a path", header("kid", "../../etc/passwd"), invalid, `(kid) "../../etc/passwd" is not among`},
	{"kid of a key that is no RSA key", header("kid", "unusable"), invalid, "is not among"},
	{"signed by a stranger", otherKey, invalid, "signature"},
	{"signature flipped", part(2, flipLast), invalid, "signature"},
	{"signature empty", part(2, func(string) string { return "" }), invalid, "signature"},
	{"payload of another token", func(b *bench) string {
		p, q := strings.Split(b.token(nil).Reveal(), "."),
			strings.Split(b.token(map[string]any{"repository": "acme/other"}).Reveal(), ".")
		return p[0] + "." + q[1] + "." + p[2]
	}, invalid, "signature"},
}

var badStandard = []hostile{
	{"aud of another index", claim("aud", "pypi"), invalid, `(aud) is "pypi"`},
	{"aud missing", claim("aud", issuertest.Absent), invalid, "(aud) is missing"},
	{"aud a list of us", claim("aud", []string{audience}), invalid, "(aud) is a list"},
	{"aud a list with us", claim("aud", []string{"pypi", audience}), invalid, "(aud) is a list"},
	{"aud an empty list", claim("aud", []string{}), invalid, "(aud) is a list"},
	{"aud a number", claim("aud", 7), invalid, "(aud) is 7"},
	{"aud in capitals", claim("aud", strings.ToUpper(audience)), invalid, "(aud) is"},
	{"aud with a blank", claim("aud", audience+" "), invalid, "(aud) is"},
	{"aud empty", claim("aud", ""), invalid, `(aud) is ""`},
	{"AUD instead", written(`"aud"`, `"AUD"`), invalid, "is nearly \"aud\""},
	{"aud again in capitals", written(`"aud"`, `"AUD":"pypi","aud"`), invalid, `claim "AUD" is nearly "aud"`},
	{"exp missing", claim("exp", issuertest.Absent), invalid, "exp is missing"},
	{"exp null", claim("exp", nil), invalid, "exp is missing"},
	{"exp a string", claim("exp", "9999999999"), invalid, "exp is \"9999999999\", not a number"},
	{"exp a fraction", claim("exp", json.Number("1795000000.5")), invalid, "exp is 1795000000.5, not a whole"},
	{"exp 1e400", claim("exp", json.Number("1e400")), invalid, "exp is 1e400"},
	{"exp an exponent", claim("exp", json.Number("18e8")), invalid, "exp is 18e8"},
	{"exp negative", claim("exp", -1), invalid, "exp is -1"},
	{"exp past 64 bits", claim("exp", json.Number("36893488147419103232")), invalid, "exp is 36893488147419103232"},
	{"expired", later("exp", -30), invalid, "expired (exp)"},
	{"good for a century", later("exp", 100*365*86400), invalid, "more than 24 hours"},
	{"iat missing", claim("iat", issuertest.Absent), invalid, "iat is missing"},
	{"iat a bool", claim("iat", true), invalid, "iat is true"},
	{"issued in the future", later("iat", 31), invalid, "issued (iat) in the future"},
	{"expires before it was issued", func(b *bench) string {
		now := b.clock.Now().Unix()
		return claims(map[string]any{"iat": now + 20, "exp": now + 10})(b)
	}, invalid, "before it was issued"},
	{"not valid yet", later("nbf", 31), invalid, "not valid before (nbf)"},
	{"nbf a string", claim("nbf", "soon"), invalid, "nbf is \"soon\""},
	{"nbf null", claim("nbf", nil), invalid, "nbf is missing"},
	{"no jti", claim("jti", issuertest.Absent), invalid, "(jti) is missing"},
	{"jti empty", claim("jti", ""), invalid, `(jti) is ""`},
	{"jti a number", claim("jti", 7), invalid, "(jti) is 7"},
	{"jti with a NUL", claim("jti", "a\x00b"), invalid, "control characters"},
	{"jti long", claim("jti", strings.Repeat("j", 300)), invalid, "(jti) is longer"},
}

var unfit = []hostile{
	{"another repository", claim("repository", "acme/other"), unmatched, `trusts "acme/other"`},
	{"a longer repository", claim("repository", "acme/widgets2"), unmatched, `trusts "acme/widgets2"`},
	{"a repository with a slash", claim("repository", "acme/widgets/"), unmatched, "not owner/name"},
	{"a repository percent-encoded", claim("repository", "acme%2Fwidgets"), unmatched, "not owner/name"},
	{"a repository with a line break", claim("repository", "acme/widgets\n"), unmatched, "not owner/name"},
	{"a repository with a Kelvin sign", claim("repository", "acme/widgets\u212a"), unmatched, "not owner/name"},
	{"repository a list", claim("repository", []string{"acme/widgets"}), unmatched, "claim repository is a list"},
	{"repository missing", claim("repository", issuertest.Absent), unmatched, "claim repository is missing"},
	{"owner of another name", claim("repository_owner", "evil"), unmatched, `claim repository_owner is "evil"`},
	{"owner with a long s", claim("repository_owner", "acmeſ"), unmatched, "claim repository_owner is"},
	{"owner missing", claim("repository_owner", issuertest.Absent), unmatched, "claim repository_owner is missing"},
	{"owner re-registered", claim("repository_owner_id", "4243"), unmatched, `claim repository_owner_id is "4243"`},
	{"owner id a number", claim("repository_owner_id", 4242), unmatched, "claim repository_owner_id is 4242"},
	{"owner id with a nought", claim("repository_owner_id", "04242"), unmatched, "not a decimal number"},
	{"owner id with a blank", claim("repository_owner_id", "4242 "), unmatched, "not a decimal number"},
	{
		"owner id missing", claim("repository_owner_id", issuertest.Absent), unmatched,
		"claim repository_owner_id is missing",
	},
	{
		"another workflow", claim("job_workflow_ref", path("test.yml@refs/tags/v1.0")), unmatched,
		"claim job_workflow_ref is",
	},
	{
		"a workflow named like a ref",
		claims(map[string]any{"job_workflow_ref": path("release.yml@evil.yml@refs/x"), "ref": "refs/x"}), unmatched,
		"release.yml@evil.yml",
	},
	{
		"a ref named like a workflow",
		claims(map[string]any{"job_workflow_ref": path("release.yml@evil.yml@refs/x"), "ref": "evil.yml@refs/x"}), unmatched,
		"not a full name that begins with refs/",
	},
	{
		"a sha named like a workflow",
		claims(map[string]any{"job_workflow_ref": path("release.yml@evil.yml@refs/x"), "ref": "", "sha": "evil.yml@refs/x"}),
		unmatched, "not a commit",
	},
	{
		"a workflow with two endings", claim("job_workflow_ref", path("release.yml.yml@refs/tags/v1.0")), unmatched,
		"release.yml.yml",
	},
	{
		"a workflow in a folder", claim("job_workflow_ref", path("x/release.yml@refs/tags/v1.0")), unmatched, "x/release.yml",
	},
	{
		"a workflow in other letters", claim("job_workflow_ref", path("Release.yml@refs/tags/v1.0")), unmatched,
		"Release.yml",
	},
	{
		"a workflow of another repository",
		claim("job_workflow_ref", "acme/shared/.github/workflows/release.yml@refs/tags/v1.0"), unmatched, "acme/shared",
	},
	{
		"a workflow of a longer repository",
		claim("job_workflow_ref", "acme/widgets2/.github/workflows/release.yml@refs/tags/v1.0"), unmatched, "acme/widgets2",
	},
	{
		"a workflow at another ref", claim("job_workflow_ref", path("release.yml@refs/heads/main")), unmatched,
		"@refs/heads/main",
	},
	{
		"a workflow at a ref in other letters", claim("job_workflow_ref", path("release.yml@refs/tags/V1.0")), unmatched,
		"@refs/tags/V1.0",
	},
	{
		"a workflow at nothing", claims(map[string]any{"job_workflow_ref": path("release.yml@"), "ref": ""}), unmatched,
		`release.yml@"`,
	},
	{"a workflow without a ref", claim("job_workflow_ref", path("release.yml")), unmatched, "claim job_workflow_ref is"},
	{"workflow_ref alone", claim("job_workflow_ref", issuertest.Absent), unmatched, "claim job_workflow_ref is missing"},
	{"ref missing", claim("ref", issuertest.Absent), unmatched, "claim ref is missing"},
	{"sha missing", claim("sha", issuertest.Absent), unmatched, "claim sha is missing"},
	{"ref and sha empty", claims(map[string]any{"ref": "", "sha": ""}), unmatched, "sha is empty too"},
	{
		"pull_request_target", claim("event_name", "pull_request_target"), unmatched,
		`claim event_name is "pull_request_target"`,
	},
	{
		"pull_request_target in other letters", claim("event_name", "Pull_Request_Target "), unmatched, "claim event_name is",
	},
	{"event missing", claim("event_name", issuertest.Absent), unmatched, "claim event_name is missing"},
	{"event empty", claim("event_name", ""), unmatched, `claim event_name is ""`},
	{"no environment", claim("environment", issuertest.Absent), unmatched, "claim environment is missing"},
	{"environment null", claim("environment", nil), unmatched, "claim environment is null"},
	{"environment empty", claim("environment", ""), unmatched, `claim environment is ""`},
	{"another environment", claim("environment", "staging"), unmatched, `claim environment is "staging"`},
	{"environment with a blank", claim("environment", "release "), unmatched, `claim environment is "release "`},
	{"environment a list", claim("environment", []string{"release"}), unmatched, "claim environment is a list"},
	{"environment with a lookalike", claim("environment", "releaſe"), unmatched, "claim environment is"},
}

// TestHostile sends each hostile token to a registry that would take a good one, and wants its own reason; nothing may
// have been used up or made, and the record must say why.
func TestHostile(t *testing.T) {
	b := newBench(t)
	b.project("widgets", "")
	b.add("widgets")
	seen := 0
	for _, group := range [][]hostile{unreadable, foreign, badHeaders, badStandard, unfit} {
		for _, h := range group {
			seen++
			t.Run(h.name, func(t *testing.T) {
				b.clock.Pass(time.Second)
				raw := h.make(b)
				before := len(b.store.of("publisher.exchange"))
				m, err := b.exchange(access.Secret(raw))
				if m.Token != "" {
					t.Errorf("Exchange gave a token for %v", m.Projects)
				}
				refuse(t, err, h.code, h.word)
				_, _, _, unverified := b.verifier.Verify(t.Context(), access.Secret(raw))
				entries := b.store.of("publisher.exchange")[before:]
				if unverified == nil {
					recorded(t, entries, h, raw)
				} else if len(entries) != 0 {
					t.Errorf("a token that was not verified is in the record: %+v", entries)
				}
			})
		}
	}
	if seen < 60 {
		t.Errorf("%d hostile tokens, want sixty at least", seen)
	}
	if n := b.issuer.Counts().Keys; n > 3 {
		t.Errorf("%d hostile tokens made us fetch keys %d times", seen, n)
	}
	b.mint(nil)
}

func recorded(t *testing.T, entries []audit.Entry, h hostile, raw string) {
	t.Helper()
	if len(entries) != 1 {
		t.Fatalf("%d audit entries, want one", len(entries))
	}
	e := entries[0]
	if e.Outcome != audit.Refused || e.Detail["code"] != h.code || e.Actor.Address == "" {
		t.Errorf("audit entry %+v, want a refusal with code %s and an address", e, h.code)
	}
	if text := asJSON(e); len(raw) > 40 && strings.Contains(text, raw[:40]) || len(text) > 20_000 {
		t.Errorf("audit entry holds the token, or %d bytes: %.200s", len(text), text)
	}
}
