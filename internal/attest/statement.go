package attest

import (
	"errors"
	"fmt"
	"regexp"

	"pyindex/internal/ingest"
	"pyindex/internal/packaging"
	"pyindex/internal/strictjson"
)

// The predicates of PEP 740: "this was published by", and how the file was built. They are only names; nothing is
// fetched from these URLs.
const (
	PredicatePublish    = "https://docs.pypi" + ".org/attestations/publish/v1"
	PredicateProvenance = "https://slsa.dev/provenance/v1"
)

// statementType is the in-toto statement type, version 1, and payloadType the media type of its signed form.
const (
	statementType = "https://in-toto.io/Statement/v1"
	payloadType   = "application/vnd.in-toto+json"
)

// statement is the statement of an attestation about a file.
type statement struct {
	predicate string
	filename  string
	sha256    string // lower-case hex
}

var hexDigest = regexp.MustCompile(`\A[0-9a-f]{64}\z`)

// readStatement parses an in-toto statement with one subject and a known predicate type. It does not check the
// predicate's content.
func readStatement(payload []byte) (s statement, err error) {
	o, err := strictjson.Object(payload)
	if err != nil {
		return s, fmt.Errorf("its statement cannot be read: %w", err)
	}
	if t, _ := o["_type"].(string); t != statementType {
		return s, errors.New("its statement is not an in-toto statement, version 1")
	}
	s.predicate, _ = o["predicateType"].(string)
	if s.predicate != PredicatePublish && s.predicate != PredicateProvenance {
		return s, fmt.Errorf("its type %.80q is not accepted: send %s or %s", s.predicate, PredicatePublish,
			PredicateProvenance)
	}
	list, _ := o["subject"].([]any)
	if len(list) != 1 {
		return s, fmt.Errorf("its statement has %d subjects, but must have one", len(list))
	}
	return s, s.readSubject(list[0])
}

func (s *statement) readSubject(v any) error {
	subject, _ := v.(map[string]any)
	digests, _ := subject["digest"].(map[string]any)
	s.filename, _ = subject["name"].(string)
	s.sha256, _ = digests["sha256"].(string)
	if s.filename == "" {
		return errors.New("its subject has no name")
	}
	if !hexDigest.MatchString(s.sha256) {
		return errors.New("its subject has no sha256 digest in lower-case hex")
	}
	return nil
}

// about returns an error if the statement is not about the upload. Two spellings of the same file name are equal.
func (s statement) about(u ingest.Attested) error {
	name, err := packaging.ParseFilename(s.filename, u.Filename.Name())
	if err != nil || name.Key() != u.Filename.Key() {
		return fmt.Errorf("its subject is %.100q, not %s", s.filename, u.Filename)
	}
	if s.sha256 != u.SHA256 {
		return fmt.Errorf("its subject has sha256 %s, but the file has %s", s.sha256, u.SHA256)
	}
	return nil
}
