package attest_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"pyindex/internal/access"
	"pyindex/internal/attest"
	"pyindex/internal/attest/attesttest"
	"pyindex/internal/ingest"
)

// TestMalformed: malformed attestations are refused from a trusted publisher and discarded from other senders.
func TestMalformed(t *testing.T) {
	s := attesttest.New(t)
	v := verifier(t, s, attest.VerifyIfPresent)
	good := func() attesttest.Object { return s.Attest(right()) }
	// spoiled returns a valid attestation after a change.
	spoiled := func(change func(o, material, envelope attesttest.Object)) []string {
		o := good()
		change(o, o["verification_material"].(attesttest.Object), o["envelope"].(attesttest.Object))
		return []string{attesttest.JSON(o)}
	}
	text := attesttest.JSON(good())
	for name, c := range map[string]struct {
		sent []string
		says string
	}{
		"empty array":      {[]string{"[]"}, "there are 0"},
		"three":            {[]string{attesttest.JSON(good(), good(), good())}, "there are 3"},
		"two of a type":    {[]string{attesttest.JSON(good(), good())}, "two are of type"},
		"object":           {[]string{text[1 : len(text)-1]}, "not a JSON array"},
		"text":             {[]string{`"x"`}, "not a JSON array"},
		"null":             {[]string{"null"}, "not a JSON array"},
		"array of null":    {[]string{"[null]"}, "not an object"},
		"no JSON":          {[]string{"attested"}, "cannot be read"},
		"half":             {[]string{text[:len(text)/2]}, "cannot be read"},
		"two values":       {[]string{text + text}, "cannot be read"},
		"a member more":    {[]string{text + `,"x":1`}, "not a JSON array"},
		"itself again":     {[]string{text + `,"attestations":` + text}, "twice"},
		"an object closed": {[]string{text + `}{"x":1`}, "cannot be read"},
		"not UTF-8":        {[]string{`["` + "\xff" + `"]`}, "not UTF-8"},
		"deep":             {[]string{strings.Repeat("[", 100) + strings.Repeat("]", 100)}, "nested"},
		"long":             {[]string{"[" + strings.Repeat(" ", ingest.MaxAttestations) + "]"}, "longer than"},
		"sent twice":       {[]string{text, text}, "sent 2 times"},
		"member twice":     {[]string{strings.Replace(text, `"version":1`, `"version":1,"version":1`, 1)}, "twice"},
		"version 2": {
			spoiled(func(o, _, _ attesttest.Object) { o["version"] = json.Number("2") }), "version is not 1",
		},
		"version 1.0": {
			spoiled(func(o, _, _ attesttest.Object) { o["version"] = json.Number("1.0") }), "version is not 1",
		},
		"version in quotes": {spoiled(func(o, _, _ attesttest.Object) { o["version"] = "1" }), "version is not 1"},
		"no version":        {spoiled(func(o, _, _ attesttest.Object) { delete(o, "version") }), "has no version"},
		"Version": {spoiled(func(o, _, _ attesttest.Object) {
			delete(o, "version")
			o["Version"] = json.Number("1")
		}), "has no version"},
		"something else": {spoiled(func(o, _, _ attesttest.Object) { o["x"] = nil }), "other members"},
		"no material": {
			spoiled(func(o, _, _ attesttest.Object) { delete(o, "verification_material") }), "has no verification_material",
		},
		"material is a list": {
			spoiled(func(o, _, _ attesttest.Object) { o["verification_material"] = []any{} }), "not an object",
		},
		"more material":     {spoiled(func(_, m, _ attesttest.Object) { m["publicKey"] = "x" }), "other members"},
		"no certificate":    {spoiled(func(_, m, _ attesttest.Object) { delete(m, "certificate") }), "has no certificate"},
		"empty certificate": {spoiled(func(_, m, _ attesttest.Object) { m["certificate"] = "" }), "not base64"},
		"certificate in PEM": {spoiled(func(_, m, _ attesttest.Object) {
			m["certificate"] = "-----BEGIN CERTIFICATE-----"
		}), "not base64"},
		"broken certificate": {
			spoiled(func(_, m, _ attesttest.Object) { m["certificate"] = "AAAA" }), "certificate cannot be read",
		},
		"no entries": {
			spoiled(func(_, m, _ attesttest.Object) { m["transparency_entries"] = []any{} }), "list of 1 to",
		},
		"null entries": {spoiled(func(_, m, _ attesttest.Object) { m["transparency_entries"] = nil }), "list of 1 to"},
		"many entries": {
			spoiled(func(_, m, _ attesttest.Object) { m["transparency_entries"] = make([]any, 9) }), "list of 1 to",
		},
		"entry is a text": {
			spoiled(func(_, m, _ attesttest.Object) { m["transparency_entries"] = []any{"x"} }), "not an object",
		},
		"entry of other kind": {spoiled(func(_, m, _ attesttest.Object) {
			m["transparency_entries"] = []any{attesttest.Object{"x": "y"}}
		}), "not a Rekor entry"},
		"no envelope":  {spoiled(func(o, _, _ attesttest.Object) { o["envelope"] = nil }), "not an object"},
		"no statement": {spoiled(func(_, _, e attesttest.Object) { delete(e, "statement") }), "has no statement"},
		"statement as object": {
			spoiled(func(_, _, e attesttest.Object) { e["statement"] = attesttest.Object{} }), "not base64",
		},
		"no signature": {spoiled(func(_, _, e attesttest.Object) { e["signature"] = nil }), "not base64"},
		"base64 in lines": {
			spoiled(func(_, _, e attesttest.Object) { e["signature"] = e["signature"].(string) + "\n" }), "not base64",
		},
		"base64 unpadded": {spoiled(func(_, _, e attesttest.Object) { e["signature"] = "QQ" }), "not base64"},
	} {
		t.Run(name, func(t *testing.T) {
			refused(t, v, upload(t, c.sent...), c.says)
			u := upload(t, c.sent...)
			u.Uploader, u.Claims = access.KindUser, nil
			keep, warnings, err := v.Attest(u)
			if err != nil || len(keep) > 0 || len(warnings) != 1 || !strings.Contains(warnings[0], "not kept") ||
				!strings.Contains(warnings[0], c.says) {
				t.Errorf("Attest for an API token = %+v, %q, %v, want nothing kept and one warning", keep, warnings, err)
			}
		})
	}
}

// FuzzAttest: for any input, nothing unsigned is verified, and nothing panics.
func FuzzAttest(f *testing.F) {
	s := attesttest.New(f)
	v, err := attest.New(attest.Options{Policy: attest.VerifyIfPresent, TrustedRoot: s.TrustedRoot(), Kind: kinds})
	if err != nil {
		f.Fatal(err)
	}
	good := attesttest.JSON(s.Attest(right()))
	for _, seed := range []string{
		good, "[]", "[{}]", "null", good + good, strings.ReplaceAll(good, `"dsse"`, `"intoto"`),
		strings.ReplaceAll(good, "0.0.1", "0.0.2"),
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, sent string) {
		keep, _, err := v.Attest(upload(t, sent))
		if err != nil {
			return
		}
		for _, k := range keep {
			if !k.Verified || !json.Valid([]byte(k.Document)) ||
				!slices.Contains([]string{attest.PredicatePublish, attest.PredicateProvenance}, k.Predicate) {
				t.Errorf("kept %+v", k)
			}
		}
	})
}
