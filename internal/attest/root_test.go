package attest_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pyindex/internal/attest"
	"pyindex/internal/attest/attesttest"
)

// changed writes the trusted root of s after a change of its document, and returns the path of the file.
func changed(t *testing.T, s *attesttest.Sigstore, change func(root map[string]any)) string {
	t.Helper()
	text, err := os.ReadFile(s.TrustedRoot())
	if err != nil {
		t.Fatal(err)
	}
	var document map[string]any
	if err := json.Unmarshal(text, &document); err != nil {
		t.Fatal(err)
	}
	change(document)
	if text, err = json.Marshal(document); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "root.json")
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// like returns a copy of the first element of a list of the document, with other values.
func like(t *testing.T, document map[string]any, list string, change func(x map[string]any)) []any {
	t.Helper()
	all, _ := document[list].([]any)
	if len(all) == 0 {
		t.Fatalf("the trusted root has no %s", list)
	}
	text, err := json.Marshal(all[0])
	if err != nil {
		t.Fatal(err)
	}
	var x map[string]any
	if err := json.Unmarshal(text, &x); err != nil {
		t.Fatal(err)
	}
	change(x)
	return append(all, x)
}

// A log of a new kind, or a member that we do not know, does not stop the index; what it supports it verifies as
// before.
func TestNewLogInTheRoot(t *testing.T) {
	s := attesttest.New(t)
	newKey := func(x map[string]any) {
		x["baseUrl"] = "https://new.example"
		x["publicKey"].(map[string]any)["keyDetails"] = "ML_DSA_65"
	}
	for name, c := range map[string]struct {
		change func(document map[string]any)
		left   string // "" for nothing
	}{
		"a transparency log": {
			func(d map[string]any) { d["tlogs"] = like(t, d, "tlogs", newKey) }, "the transparency log https://new.example",
		},
		"a certificate log": {
			func(d map[string]any) { d["ctlogs"] = like(t, d, "ctlogs", newKey) }, "the certificate log https://new.example",
		},
		"an authority": {func(d map[string]any) {
			d["certificateAuthorities"] = like(t, d, "certificateAuthorities", func(x map[string]any) {
				x["uri"], x["certChain"] = "https://new.example",
					map[string]any{"certificates": []any{map[string]any{"rawBytes": "AAAA"}}}
			})
		}, "the certificate authority https://new.example"},
		"a hash": {func(d map[string]any) {
			d["tlogs"] = like(t, d, "tlogs",
				func(x map[string]any) { x["baseUrl"], x["hashAlgorithm"] = "https://new.example", "SHA2_512" })
		}, "the transparency log https://new.example"},
		"a member":        {func(d map[string]any) { d["novelty"] = map[string]any{"x": 1} }, ""},
		"a member deeper": {func(d map[string]any) { d["tlogs"].([]any)[0].(map[string]any)["novelty"] = true }, ""},
	} {
		t.Run(name, func(t *testing.T) {
			v, err := attest.New(attest.Options{
				Policy: attest.VerifyIfPresent, TrustedRoot: changed(t, s, c.change), Kind: kinds,
			})
			if err != nil {
				t.Fatalf("New = %v", err)
			}
			if left := strings.Join(v.LeftOut(), "; "); (left == "") != (c.left == "") || !strings.Contains(left, c.left) {
				t.Errorf("LeftOut = %q, want %q", left, c.left)
			}
			keep, _, err := v.Attest(upload(t, attesttest.JSON(s.Attest(right()))))
			if err != nil || outcome(keep) != "verified" {
				t.Errorf("Attest = %+v, %v, want verified", keep, err)
			}
			evil := right()
			evil.Job = attesttest.GitHub("evil/widgets", "release.yml", "4242")
			refused(t, v, upload(t, attesttest.JSON(s.Attest(evil))), "source repository")
		})
	}
}

// A root of which nothing is left is refused, and the reason names the part that was left out.
func TestNothingLeftOfTheRoot(t *testing.T) {
	s := attesttest.New(t)
	for _, list := range []string{"tlogs", "ctlogs"} {
		path := changed(t, s, func(d map[string]any) {
			for _, x := range d[list].([]any) {
				x.(map[string]any)["publicKey"].(map[string]any)["keyDetails"] = "ML_DSA_65"
			}
		})
		_, err := attest.New(attest.Options{Policy: attest.VerifyIfPresent, TrustedRoot: path, Kind: kinds})
		if err == nil || !strings.Contains(err.Error(), "ML_DSA_65") {
			t.Errorf("%s all of a new kind: New = %v, want an error that names it", list, err)
		}
	}
}

// Where only the operator uploads, the root is not read: a broken one does not stop the administrator's commands.
func TestOperatorNeedsNoRoot(t *testing.T) {
	o := attest.Options{Policy: attest.Require, TrustedRoot: filepath.Join(t.TempDir(), "none"), Operator: true}
	if _, err := attest.New(o); err != nil {
		t.Errorf("New for the operator = %v", err)
	}
	o.Operator = false
	if _, err := attest.New(o); err == nil {
		t.Error("New for a server with a missing root succeeds")
	}
}

// A log entry may have members that we do not know, and is kept as it came.
func TestEntryWithANewMember(t *testing.T) {
	s := attesttest.New(t)
	v := verifier(t, s, attest.VerifyIfPresent)
	object := s.Attest(right())
	text := attesttest.JSON(object)
	for _, member := range []string{`"integratedTime"`, `"canonicalizedBody"`} {
		grown := strings.Replace(text, member, `"novelty":{"x":[1]},`+member, 1)
		if grown == text {
			t.Fatalf("the attestation has no %s: %s", member, text)
		}
		keep, _, err := v.Attest(upload(t, grown))
		if err != nil || outcome(keep) != "verified" || !strings.Contains(keep[0].Document, "novelty") {
			t.Errorf("an entry with a new member: Attest = %+v, %v, want verified and kept as it came", keep, err)
		}
	}
}
