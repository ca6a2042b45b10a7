package attest_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"strings"
	"testing"
	"time"

	"pyindex/internal/access"
	"pyindex/internal/attest"
	"pyindex/internal/attest/attesttest"
	"pyindex/internal/fault"
	"pyindex/internal/ingest"
	"pyindex/internal/packaging"
)

const (
	filename = "acme_widgets-1.0-py3-none-any.whl"
	github   = "https://token.actions.githubusercontent.com"
	sha      = "0123456789abcdef0123456789abcdef01234567"
)

var digest = strings.Repeat("ab", 32)

// claims returns the claims of a token of acme/widgets' release workflow, with changes; nil removes a claim.
func claims(changes map[string]any) map[string]any {
	c := map[string]any{
		"iss": github, "repository": "acme/widgets", "repository_owner": "acme", "repository_owner_id": "4242",
		"ref": "refs/heads/main", "sha": sha,
		"job_workflow_ref": "acme/widgets/.github/workflows/release.yml@refs/heads/main", "environment": "pypi",
	}
	for name, v := range changes {
		c[name] = v
	}
	return c
}

// upload returns a trusted publisher's upload of the file above, with attestations.
func upload(t *testing.T, sent ...string) ingest.Attested {
	t.Helper()
	name, err := packaging.ParseProjectName("acme-widgets")
	if err != nil {
		t.Fatal(err)
	}
	f, err := packaging.ParseFilename(filename, name)
	if err != nil {
		t.Fatal(err)
	}
	return ingest.Attested{Sent: sent, Filename: f, SHA256: digest, Uploader: access.KindPublisher, Claims: claims(nil)}
}

// right returns a statement that matches upload.
func right() attesttest.Statement {
	return attesttest.Statement{
		Job:      attesttest.GitHub("acme/widgets", "release.yml", "4242"),
		Subjects: []attesttest.Subject{{Name: filename, SHA256: digest}},
	}
}

// kinds returns the kind of an issuer.
func kinds(issuer string) string {
	return map[string]string{
		github: "github", "https://ghes.example/_services/token": "github", "https://token.actions.acme.ghe.com": "github",
		"https://gitlab.example": "gitlab", "https://accounts.google.com": "google", "https://ci.example": "generic",
		"https://acme.example/gitlab": "gitlab", "https://storage.example/bucket": "gitlab",
	}[issuer]
}

// servers returns the address of an issuer's platform if it is not the issuer's.
func servers(issuer string) string {
	return map[string]string{"https://storage.example/bucket": "https://gitlab.internal.example/git"}[issuer]
}

// verifier returns a verifier that trusts s, as strictly as for the public instance.
func verifier(t *testing.T, s *attesttest.Sigstore, policy attest.Policy) *attest.Verifier {
	t.Helper()
	v, err := attest.New(attest.Options{Policy: policy, TrustedRoot: s.TrustedRoot(), Kind: kinds, Server: servers})
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// refused fails the test unless the verifier refuses an upload with the given text.
func refused(t *testing.T, v *attest.Verifier, u ingest.Attested, says string) {
	t.Helper()
	keep, _, err := v.Attest(u)
	if !fault.Is(err, fault.Invalid) || len(keep) > 0 {
		t.Fatalf("Attest = %+v, %v, want fault.Invalid and nothing kept", keep, err)
	}
	if text := err.Error(); !strings.HasPrefix(text, "Invalid attestations supplied during upload: ") ||
		!strings.Contains(text, says) {
		t.Errorf("Attest = %q, want %q", text, says)
	}
}

func TestVerified(t *testing.T) {
	s := attesttest.New(t)
	provenance := right()
	provenance.Predicate = attest.PredicateProvenance
	spelled := right()
	spelled.Subjects[0].Name = "Acme.Widgets-1.0.0-py3-none-any.whl"
	commit := right()
	commit.Config = strings.Replace(commit.Config, "@refs/heads/main", "@"+sha, 1)
	for name, sent := range map[string][]attesttest.Object{
		"publish":                      {s.Attest(right())},
		"provenance":                   {s.Attest(provenance)},
		"both":                         {s.Attest(right()), s.Attest(provenance)},
		"another spelling of the file": {s.Attest(spelled)},
		"by commit":                    {s.Attest(commit)},
	} {
		t.Run(name, func(t *testing.T) {
			keep, warnings, err := verifier(t, s, attest.VerifyIfPresent).Attest(upload(t, attesttest.JSON(sent...)))
			if err != nil || len(keep) != len(sent) || len(warnings) > 0 {
				t.Fatalf("Attest = %+v, %q, %v, want all kept", keep, warnings, err)
			}
			for _, k := range keep {
				if !k.Verified || k.Publisher["kind"] != "GitHub" || k.Publisher["repository"] != "acme/widgets" ||
					k.Publisher["workflow"] != "release.yml" || k.Publisher["environment"] != "pypi" ||
					!strings.HasPrefix(k.Document, `{"envelope":{`) {
					t.Errorf("kept %+v", k)
				}
			}
		})
	}
}

// TestNotVerified: each attestation has one error and is refused for it.
func TestNotVerified(t *testing.T) {
	s := attesttest.New(t)
	v := verifier(t, s, attest.VerifyIfPresent)
	const config = "certificate's build config"
	for name, c := range map[string]struct {
		by     *attesttest.Sigstore
		change func(*attesttest.Statement)
		says   string
	}{
		"wrong digest": {
			s, func(x *attesttest.Statement) { x.Subjects[0].SHA256 = strings.Repeat("cd", 32) }, "subject has sha256 cdcd",
		},
		"digest in capitals": {
			s, func(x *attesttest.Statement) { x.Subjects[0].SHA256 = strings.ToUpper(digest) }, "no sha256 digest",
		},
		"no digest": {s, func(x *attesttest.Statement) { x.Subjects[0].SHA256 = "" }, "no sha256 digest"},
		"wrong file": {
			s, func(x *attesttest.Statement) { x.Subjects[0].Name = "acme_widgets-1.1-py3-none-any.whl" }, "its subject is",
		},
		"sdist of the same": {
			s, func(x *attesttest.Statement) { x.Subjects[0].Name = "acme_widgets-1.0.tar.gz" }, "its subject is",
		},
		"other tags": {
			s, func(x *attesttest.Statement) { x.Subjects[0].Name = "acme_widgets-1.0-py2-none-any.whl" }, "its subject is",
		},
		"a path": {
			s, func(x *attesttest.Statement) { x.Subjects[0].Name = "dist/" + filename }, "its subject is",
		},
		"no name": {s, func(x *attesttest.Statement) { x.Subjects[0].Name = "" }, "no name"},
		"two subjects": {
			s, func(x *attesttest.Statement) { x.Subjects = append(x.Subjects, x.Subjects[0]) }, "2 subjects",
		},
		"no subject": {s, func(x *attesttest.Statement) { x.Subjects = nil }, "0 subjects"},
		"other predicate": {
			s, func(x *attesttest.Statement) { x.Predicate = "https://slsa.dev/provenance/v0.2" }, "is not accepted",
		},
		"not in-toto": {
			s, func(x *attesttest.Statement) { x.Payload = []byte(`{"_type":"https://in-toto.io/Statement/v0.1"}`) },
			"not an in-toto statement",
		},
		"not JSON": {
			s, func(x *attesttest.Statement) { x.Payload = []byte("hello") }, "its statement cannot be read",
		},
		"other payload type": {s, func(x *attesttest.Statement) { x.Type = "application/json" }, "cannot be verified"},
		"expired certificate": {
			s, func(x *attesttest.Statement) { x.Age = 20 * time.Minute }, "integrated time outside certificate validity",
		},
		"not yet valid": {
			s, func(x *attesttest.Statement) { x.Age = -time.Hour }, "integrated time outside certificate validity",
		},
		"other authority": {s.OtherAuthority(), func(*attesttest.Statement) {}, "leaf certificate verification failed"},
		"other Sigstore":  {attesttest.New(t), func(*attesttest.Statement) {}, "log"},
		"not logged":      {s, func(x *attesttest.Statement) { x.NoSCT = true }, "SCT"},
		"other issuer": {
			s, func(x *attesttest.Statement) { x.Issuer = "https://ghes.example/_services/token" }, "certificate's issuer",
		},
		"no issuer":          {s, func(x *attesttest.Statement) { x.Issuer = "" }, "certificate's issuer"},
		"issuer and a slash": {s, func(x *attesttest.Statement) { x.Issuer += "/" }, "certificate's issuer"},
		"other repository": {
			s, func(x *attesttest.Statement) { x.Job = attesttest.GitHub("evil/widgets", "release.yml", "4242") },
			"source repository",
		},
		"longer repository": {
			s, func(x *attesttest.Statement) { x.Job = attesttest.GitHub("acme/widgets2", "release.yml", "4242") },
			"source repository",
		},
		"other server": {s, func(x *attesttest.Statement) {
			x.Job = attesttest.At(github, "https://ghes.example", "acme/widgets", "release.yml", "4242")
		}, "source repository"},
		"no repository":    {s, func(x *attesttest.Statement) { x.Repository = "" }, "source repository"},
		"other owner's id": {s, func(x *attesttest.Statement) { x.OwnerID = "666" }, "source repository owner"},
		"other workflow": {
			s, func(x *attesttest.Statement) { x.Job = attesttest.GitHub("acme/widgets", "test.yml", "4242") }, config,
		},
		"workflow elsewhere": {s, func(x *attesttest.Statement) {
			x.Config = "https://github.com/evil/x/.github/workflows/release.yml@refs/heads/main"
		}, config},
		"other revision": {s, func(x *attesttest.Statement) { x.Ref = "refs/heads/evil" }, config},
		"no revision":    {s, func(x *attesttest.Statement) { x.Config, _, _ = strings.Cut(x.Config, "@") }, config},
		"certificate for mail": {
			s, func(x *attesttest.Statement) { x.Job = attesttest.Job{Issuer: github, Email: "a@acme.example"} },
			"source repository",
		},
	} {
		t.Run(name, func(t *testing.T) {
			x := right()
			c.change(&x)
			refused(t, v, upload(t, attesttest.JSON(c.by.Attest(x))), c.says)
			first := right()
			first.Predicate = attest.PredicateProvenance
			refused(t, v, upload(t, attesttest.JSON(s.Attest(first), c.by.Attest(x))), "number 2: ")
		})
	}
}

// TestTampered: attestations that are changed after signing are refused.
func TestTampered(t *testing.T) {
	s := attesttest.New(t)
	v := verifier(t, s, attest.VerifyIfPresent)
	part := func(o attesttest.Object, name string) attesttest.Object { return o[name].(attesttest.Object) }
	entry := func(o attesttest.Object) attesttest.Object {
		return part(o, "verification_material")["transparency_entries"].([]any)[0].(attesttest.Object)
	}
	for name, change := range map[string]func(o, other attesttest.Object){
		"statement of another": func(o, other attesttest.Object) {
			part(o, "envelope")["statement"] = part(other, "envelope")["statement"]
		},
		"signature of another": func(o, other attesttest.Object) {
			part(o, "envelope")["signature"] = part(other, "envelope")["signature"]
		},
		"envelope of another": func(o, other attesttest.Object) { o["envelope"] = other["envelope"] },
		"certificate of another": func(o, other attesttest.Object) {
			part(o, "verification_material")["certificate"] = part(other, "verification_material")["certificate"]
		},
		"log entry of another": func(o, other attesttest.Object) {
			part(o, "verification_material")["transparency_entries"] = part(other,
				"verification_material")["transparency_entries"]
		},
		"certificate for a larger key": func(o, _ attesttest.Object) {
			key, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
			if err != nil {
				t.Fatal(err)
			}
			part(o, "verification_material")["certificate"] = s.Certificate(right().Job, key.Public())
		},
		"same entry twice": func(o, _ attesttest.Object) {
			m := part(o, "verification_material")
			m["transparency_entries"] = append(m["transparency_entries"].([]any), m["transparency_entries"].([]any)...)
		},
		"no promise":  func(o, _ attesttest.Object) { delete(entry(o), "inclusionPromise") },
		"no proof":    func(o, _ attesttest.Object) { delete(entry(o), "inclusionProof") },
		"no kind":     func(o, _ attesttest.Object) { delete(entry(o), "kindVersion") },
		"no body":     func(o, _ attesttest.Object) { delete(entry(o), "canonicalizedBody") },
		"no log":      func(o, _ attesttest.Object) { delete(entry(o), "logId") },
		"other time":  func(o, _ attesttest.Object) { entry(o)["integratedTime"] = "1" },
		"empty entry": func(o, _ attesttest.Object) { clear(entry(o)) },
	} {
		t.Run(name, func(t *testing.T) {
			other := right()
			other.Predicate = attest.PredicateProvenance
			o := s.Attest(right())
			change(o, s.Attest(other))
			says := "number 1: "
			if strings.Contains(name, "larger key") {
				says += "its certificate is not for a P-256 key"
			}
			refused(t, v, upload(t, attesttest.JSON(o)), says)
		})
	}
}
