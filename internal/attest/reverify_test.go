package attest_test

import (
	"encoding/json"
	"strings"
	"testing"

	"pyindex/internal/attest"
	"pyindex/internal/attest/attesttest"
)

// widgets is the publisher that provenance documents name.
var widgets = map[string]any{
	"kind": "GitHub", "repository": "acme/widgets", "workflow": "release.yml", "environment": "pypi",
}

// document returns a provenance document with one bundle.
func document(t *testing.T, publisher map[string]any, all ...attesttest.Object) []byte {
	t.Helper()
	return documentOf(t, bundleOf(publisher, all...))
}

func bundleOf(publisher map[string]any, all ...attesttest.Object) any {
	return map[string]any{"publisher": publisher, "attestations": all}
}

func documentOf(t *testing.T, bundles ...any) []byte {
	t.Helper()
	b, err := json.Marshal(map[string]any{"version": 1, "attestation_bundles": bundles})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// The provenance of an imported file is verified again. The publisher is the one that the certificate proves, without
// the environment, which is in no certificate.
func TestReverifyValid(t *testing.T) {
	s := attesttest.New(t)
	provenance := right()
	provenance.Predicate = attest.PredicateProvenance
	publish, other := s.Attest(right()), s.Attest(provenance)
	for name, c := range map[string]struct {
		document []byte
		want     int
	}{
		"one":              {document(t, widgets, publish), 1},
		"two":              {document(t, widgets, publish, other), 2},
		"two bundles":      {documentOf(t, bundleOf(widgets, publish), bundleOf(widgets, other)), 2},
		"same one twice":   {documentOf(t, bundleOf(widgets, publish), bundleOf(widgets, publish)), 1},
		"no bundle at all": {documentOf(t), 0},
	} {
		t.Run(name, func(t *testing.T) {
			v := verifier(t, s, attest.VerifyIfPresent)
			keep, warnings := v.Reverify(c.document, upload(t).Filename, digest)
			if len(keep) != c.want || len(warnings) != 0 && c.want > 0 {
				t.Fatalf("Reverify = %+v, %q, want %d", keep, warnings, c.want)
			}
			for _, k := range keep {
				if env, ok := k.Publisher["environment"]; !k.Verified || k.Publisher["kind"] != "GitHub" || !ok || env != nil ||
					k.Publisher["repository"] != "acme/widgets" || k.Publisher["workflow"] != "release.yml" {
					t.Errorf("kept %+v", k)
				}
			}
		})
	}
}

// Provenance that is forged, of another file, or of somebody else is left out with a warning, and a valid bundle beside
// it is kept.
func TestReverifyRefuses(t *testing.T) {
	s := attesttest.New(t)
	v := verifier(t, s, attest.VerifyIfPresent)
	signed := func(by *attesttest.Sigstore, change func(*attesttest.Statement)) attesttest.Object {
		x := right()
		change(&x)
		return by.Attest(x)
	}
	with := func(changes map[string]any) map[string]any {
		p := map[string]any{}
		for _, m := range []map[string]any{widgets, changes} {
			for k, v := range m {
				p[k] = v
			}
		}
		return p
	}
	nothing := func(*attesttest.Statement) {}
	forged, other := signed(s, nothing), right()
	other.Predicate = attest.PredicateProvenance
	forged["envelope"].(attesttest.Object)["statement"] = s.Attest(other)["envelope"].(attesttest.Object)["statement"]
	mine := attesttest.GitHub("evil/widgets", "release.yml", "666")
	for name, c := range map[string]struct {
		publisher map[string]any
		sent      attesttest.Object
		says      string
	}{
		"forged statement": {widgets, forged, "cannot be verified"},
		"other content": {
			widgets, signed(s, func(x *attesttest.Statement) { x.Subjects[0].SHA256 = strings.Repeat("cd", 32) }), "sha256 cdcd",
		},
		"other file": {
			widgets, signed(s, func(x *attesttest.Statement) { x.Subjects[0].Name = "acme_widgets-1.1-py3-none-any.whl" }),
			"its subject is",
		},
		"other authority": {widgets, signed(s.OtherAuthority(), nothing), "leaf certificate verification failed"},
		"other Sigstore":  {widgets, signed(attesttest.New(t), nothing), "log"},
		"certificate of another repository": {
			widgets, signed(s, func(x *attesttest.Statement) { x.Job = mine }), "source repository",
		},
		"publisher names another repository": {
			with(map[string]any{"repository": "evil/widgets"}), signed(s, nothing), "source repository",
		},
		"publisher names another workflow": {
			with(map[string]any{"workflow": "test.yml"}), signed(s, nothing), "build config",
		},
		"publisher names another issuer": {
			with(map[string]any{"claims": map[string]any{"iss": "https://ghes.example/_services/token"}}), signed(s, nothing),
			"certificate's issuer",
		},
		"publisher of an issuer nobody knows": {
			with(map[string]any{"claims": map[string]any{"iss": "https://evil.example"}}), signed(s, nothing), "",
		},
		"publisher of another kind": {with(map[string]any{"kind": "GitLab"}), signed(s, nothing), ""},
		"publisher without a kind":  {with(map[string]any{"kind": ""}), signed(s, nothing), ""},
		"no publisher":              {nil, signed(s, nothing), ""},
	} {
		t.Run(name, func(t *testing.T) {
			file := upload(t).Filename
			keep, warnings := v.Reverify(document(t, c.publisher, c.sent), file, digest)
			if len(keep) != 0 || len(warnings) != 1 || !strings.Contains(warnings[0], c.says) {
				t.Fatalf("Reverify = %+v, %q, want nothing kept and %q", keep, warnings, c.says)
			}
			beside := documentOf(t, bundleOf(c.publisher, c.sent), bundleOf(widgets, signed(s, nothing)))
			keep, warnings = v.Reverify(beside, file, digest)
			if len(keep) != 1 || !keep[0].Verified || len(warnings) != 1 || !strings.Contains(warnings[0], "bundle 1") {
				t.Errorf("Reverify beside a valid one = %+v, %q", keep, warnings)
			}
		})
	}
}

// A document that is not provenance keeps nothing and is bounded.
func TestReverifyMalformed(t *testing.T) {
	s := attesttest.New(t)
	v := verifier(t, s, attest.VerifyIfPresent)
	var many []any
	for range 11 {
		many = append(many, bundleOf(widgets, s.Attest(right())))
	}
	for name, text := range map[string][]byte{
		"empty":            nil,
		"not JSON":         []byte("hello"),
		"a list":           []byte("[]"),
		"no bundles":       []byte(`{"version": 1}`),
		"a duplicate name": []byte(`{"attestation_bundles": [], "attestation_bundles": []}`),
		"bundle of text":   []byte(`{"attestation_bundles": ["x"]}`),
		"no attestations":  []byte(`{"attestation_bundles": [{"publisher": {"kind": "GitHub"}}]}`),
		"many bundles":     documentOf(t, many...),
		"a long document":  []byte(`{"attestation_bundles": []` + strings.Repeat(" ", 1<<20) + `}`),
		"deeply nested":    []byte(`{"attestation_bundles": ` + strings.Repeat("[", 50) + strings.Repeat("]", 50) + `}`),
		"many members":     []byte(`{"attestation_bundles": [` + strings.Repeat("0,", 6000) + `0]}`),
	} {
		t.Run(name, func(t *testing.T) {
			if keep, warnings := v.Reverify(text, upload(t).Filename, digest); len(keep) != 0 || len(warnings) != 1 {
				t.Errorf("Reverify = %+v, %q, want nothing kept and a warning", keep, warnings)
			}
		})
	}
}

// Without a trusted root, provenance is kept as unverified; if the index ignores attestations, nothing is kept.
func TestReverifyWithoutTrust(t *testing.T) {
	s := attesttest.New(t)
	for name, c := range map[string]struct {
		policy attest.Policy
		root   string
		kept   int
	}{
		"no root": {attest.VerifyIfPresent, "", 1},
		"ignored": {attest.Ignore, s.TrustedRoot(), 0},
	} {
		t.Run(name, func(t *testing.T) {
			v, err := attest.New(attest.Options{Policy: c.policy, TrustedRoot: c.root, Kind: kinds, Server: servers})
			if err != nil {
				t.Fatal(err)
			}
			keep, warnings := v.Reverify(document(t, widgets, s.Attest(right())), upload(t).Filename, digest)
			if len(keep) != c.kept || len(warnings) != 1 {
				t.Errorf("Reverify = %+v, %q, want %d kept and a warning", keep, warnings, c.kept)
			}
			for _, k := range keep {
				if k.Verified || len(k.Publisher) != 0 {
					t.Errorf("kept %+v as verified", k)
				}
			}
		})
	}
}
