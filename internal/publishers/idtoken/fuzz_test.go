package idtoken_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"pyindex/internal/access"
	"pyindex/internal/publishers/exchange"
	"pyindex/internal/workload"
)

// FuzzToken edits a good token, up to replacing all of it: the result is refused with a reason that does not repeat it,
// or is byte for byte the token that the issuer signed.
func FuzzToken(f *testing.F) {
	b := newBench(f)
	good := b.token()
	f.Add(uint16(0), uint16(0), "")
	f.Add(uint16(0), uint16(9999), "e30.e30.e30")
	f.Add(uint16(0), uint16(9999), strings.Repeat(".", 100))
	f.Add(uint16(9999), uint16(0), "=")
	f.Add(uint16(3), uint16(0), "\n")
	f.Add(uint16(len(good)-1), uint16(1), "A")
	b.accept("at first")
	f.Fuzz(func(t *testing.T, at, cut uint16, put string) {
		from := min(int(at), len(good))
		raw := good[:from] + put + good[min(from+int(cut), len(good)):]
		_, _, _, err := b.verifier.Verify(t.Context(), access.Secret(raw))
		if err == nil {
			if raw != good {
				t.Fatalf("Verify(%q) = nil of a token that nobody signed", raw)
			}
			return
		}
		r, ok := errors.AsType[*exchange.Refusal](err)
		if !ok || r.Code == "" || len(r.Description) > 1000 {
			t.Fatalf("Verify(%q) = %v, want a short refusal", raw, err)
		}
		if p := strings.Split(raw, "."); len(p) == 3 && len(p[2]) > 20 && strings.Contains(r.Description, p[2]) {
			t.Fatalf("Verify(%q) repeats the signature: %v", raw, err)
		}
	})
}

// FuzzClaims signs any payload for real, with ISSUER standing for the issuer, which is another in every process: what
// passes has one issuer, one audience and times that hold, and reads the same to encoding/json.
func FuzzClaims(f *testing.F) {
	b := newBench(f)
	good, err := json.Marshal(b.issuer.Claims(audience, b.now(), nil))
	if err != nil {
		f.Fatal(err)
	}
	good = []byte(strings.ReplaceAll(string(good), b.issuer.URL, "ISSUER"))
	header, err := json.Marshal(b.issuer.Header(nil))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(string(good))
	f.Add(strings.Replace(string(good), `"aud"`, `"AUD"`, 1))
	f.Add(strings.Replace(string(good), `"aud":`, `"aud":["x"],"aud":`, 1))
	f.Add(string(good) + " ")
	f.Add(`{"iss":` + string(good) + `}`)
	f.Fuzz(func(t *testing.T, payload string) {
		payload = strings.ReplaceAll(payload, "ISSUER", b.issuer.URL)
		raw := b.issuer.SignText(string(header), payload)
		provider, issuer, c, err := b.verifier.Verify(t.Context(), access.Secret(raw))
		if err != nil {
			if _, ok := errors.AsType[*exchange.Refusal](err); !ok {
				t.Fatalf("Verify(signed %q) = %v, want a refusal", payload, err)
			}
			return
		}
		var loose struct{ Iss, Aud string }
		if err := json.Unmarshal([]byte(payload), &loose); err != nil || loose.Iss != b.issuer.URL || loose.Aud != audience {
			t.Fatalf("Verify(signed %q) passes, and encoding/json reads %+v, %v", payload, loose, err)
		}
		if provider != "github" || issuer != b.issuer.URL || c["iss"] != issuer || c["aud"] != audience {
			t.Fatalf("Verify(signed %q) = %q, %q, %v", payload, provider, issuer, c)
		}
		// What the provider makes of the claims must not panic, and admits no owner but the rule's.
		rule, err := workload.GitHub.Compile(map[string]string{
			"owner": "acme", "repository": "widgets", "workflow": "release.yml", "owner_id": "4242",
		})
		if err != nil {
			t.Fatal(err)
		}
		if err := workload.GitHub.Admits(rule, c); err == nil && c["repository_owner_id"] != "4242" {
			t.Fatalf("Admits(%v) = nil", c)
		}
	})
}
