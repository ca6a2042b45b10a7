package attesttest

import (
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"time"

	"github.com/secure-systems-lab/go-securesystemslib/dsse"
	protorekor "github.com/sigstore/protobuf-specs/gen/pb-go/rekor/v1"
	"google.golang.org/protobuf/encoding/protojson"
)

// Subject is the file of a statement.
type Subject struct{ Name, SHA256 string }

// Statement is the statement to sign. A zero field takes a valid default.
type Statement struct {
	Job
	Predicate string // PyPI's own
	Subjects  []Subject
	Payload   []byte        // replaces the statement built from the fields above
	Type      string        // of the payload, as signed
	Age       time.Duration // age of the certificate at the log entry; it is valid for ten minutes
	NoSCT     bool          // omit the proof that the certificate is logged
}

const (
	publish     = "https://docs.pypi" + ".org/attestations/publish/v1"
	payloadType = "application/vnd.in-toto+json"
)

// Object is a JSON object.
type Object = map[string]any

// Attest signs a statement and returns the attestation object, which the caller may modify.
func (s *Sigstore) Attest(x Statement) Object {
	s.t.Helper()
	now := time.Now()
	if x.Payload == nil {
		x.Payload = x.payload()
	}
	if x.Type == "" {
		x.Type = payloadType
	}
	key := newKey(s.t)
	cert := s.certify(x.Job, key.Public(), now.Add(-x.Age-time.Second), !x.NoSCT)
	sum := sha256.Sum256(dsse.PAE(x.Type, x.Payload))
	signature, err := ecdsa.SignASN1(rand.Reader, key, sum[:])
	must(s.t, err)
	envelope := &dsse.Envelope{
		PayloadType: x.Type, Payload: encode(x.Payload), Signatures: []dsse.Signature{{Sig: encode(signature)}},
	}
	entry, err := s.log.GenerateTlogEntry(cert, envelope, signature, now.Unix(), true)
	must(s.t, err)
	return Object{
		"version": json.Number("1"),
		"verification_material": Object{
			"certificate": encode(cert.Raw), "transparency_entries": []any{s.entry(entry.TransparencyLogEntry(), entry.Body())},
		},
		"envelope": Object{"statement": encode(x.Payload), "signature": encode(signature)},
	}
}

func encode(b []byte) string { return base64.StdEncoding.EncodeToString(b) }

// payload returns the in-toto statement.
func (x Statement) payload() []byte {
	var subjects []any
	for _, f := range x.Subjects {
		subjects = append(subjects, Object{"name": f.Name, "digest": Object{"sha256": f.SHA256}})
	}
	if x.Predicate == "" {
		x.Predicate = publish
	}
	b, err := json.Marshal(Object{
		"_type": "https://in-toto.io/Statement/v1", "subject": subjects, "predicateType": x.Predicate, "predicate": nil,
	})
	if err != nil {
		panic(err) // texts always marshal
	}
	return b
}

// entry adds the fields that the virtual log omits, and returns the entry as clients write it.
func (s *Sigstore) entry(e *protorekor.TransparencyLogEntry, body any) Object {
	s.t.Helper()
	e.KindVersion = &protorekor.KindVersion{Kind: "dsse", Version: "0.0.1"}
	e.InclusionPromise = &protorekor.InclusionPromise{SignedEntryTimestamp: s.promise(e, body)}
	b, err := protojson.Marshal(e)
	must(s.t, err)
	var o Object
	must(s.t, json.Unmarshal(b, &o))
	return o
}

// JSON returns attestations as a form field value.
func JSON(all ...Object) string {
	b, err := json.Marshal(all)
	if err != nil {
		panic(err) // objects of texts always marshal
	}
	return string(b)
}
