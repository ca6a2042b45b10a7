package mintapi_test

import (
	"strings"
	"testing"

	"pyindex/internal/access"
	"pyindex/internal/publishers"
	"pyindex/internal/publishers/exchange"
)

// reading is a site with a publisher and a reader that fit the issuer's ordinary claims.
func reading(t *testing.T) *site {
	t.Helper()
	s := trusting(t)
	_, err := s.registry.AddReader(t.Context(), access.Operator("tester"), publishers.ReaderRequest{
		Provider: "github", Issuer: s.issuer.URL,
		Fields: map[string]string{"owner": "acme", "repository": "widgets", "workflow": "release.yml", "owner_id": "4242"},
	})
	s.must(err)
	return s
}

// TestMintScope: a token is of the scope that was asked for, and for uploading where none was.
func TestMintScope(t *testing.T) {
	s := reading(t)
	for _, path := range []string{mintPath, "/team" + mintPath, "/_/oidc/github/mint-token"} {
		for sent, want := range map[string]access.Kind{
			``: access.KindPublisher, `, "scope": "upload"`: access.KindPublisher, `, "scope": "read"`: access.KindReader,
			`, "scope": "read", "features": ["multi-use-token"]`: access.KindReader,
		} {
			r := s.ask("POST", path, "application/json", `{"token": "`+s.token(nil)+`"`+sent+`}`)
			token, _ := r.json["token"].(string)
			who, err := s.keyring.Identify(t.Context(), "__token__", access.Secret(token))
			if r.status != 200 || r.json["success"] != true || r.json["expires"] == nil || err != nil || who.Kind() != want ||
				who.Uploads() != (want == access.KindPublisher) {
				t.Errorf("POST %s with %s = %d, a token of %v, %v, want one of %v", path, sent, r.status, who.Kind(), err, want)
			}
		}
	}
}

// TestMintScopeRefuses: a scope that nobody knows gives no token at all, and uses none up.
func TestMintScopeRefuses(t *testing.T) {
	s := reading(t)
	token := s.token(nil)
	for _, sent := range []string{
		`"admin"`, `"Read"`, `"read "`, `""`, `null`, `true`, `1`, `["read"]`, `{"read": true}`, `"read upload"`,
	} {
		r := s.ask("POST", mintPath, "application/json", `{"token": "`+token+`", "scope": `+sent+`}`)
		s.refused("scope "+sent, r, 422, exchange.CodePayload, `"scope"`)
		if strings.Contains(r.body, token) {
			t.Errorf("scope %s: the answer repeats the token", sent)
		}
	}
	r := s.ask("POST", mintPath, "application/json",
		`{"token": "`+token+`", "scope": "read", "features": ["single-use-token"]}`)
	s.refused("a read token for one upload", r, 422, exchange.CodePayload, "single-use-token")
	r = s.ask("POST", mintPath, "application/json", `{"token": "`+token+`", "scope": "read", "scope": "upload"}`)
	s.refused("scope twice", r, 422, exchange.CodePayload, "there twice")
	other := s.token(map[string]any{"repository": "evil/fork", "repository_owner": "evil"})
	r = s.ask("POST", mintPath, "application/json", `{"token": "`+other+`", "scope": "read"}`)
	s.refused("a stranger", r, 422, exchange.CodePublisher, "evil/fork")
	if r = s.ask("POST", mintPath, "application/json", `{"token": "`+token+`", "scope": "read"}`); r.status != 200 {
		t.Errorf("the token after refusals = %d %s", r.status, r.body)
	}
}
