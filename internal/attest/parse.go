package attest

import (
	"bytes"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	protorekor "github.com/sigstore/protobuf-specs/gen/pb-go/rekor/v1"
	"google.golang.org/protobuf/encoding/protojson"

	"pyindex/internal/ingest"
	"pyindex/internal/strictjson"
)

const (
	maxItems   = 2 // one for each predicate
	maxEntries = 8 // transparency log entries in one attestation
)

// attestation is one parsed but unverified attestation object.
type attestation struct {
	document    string // the object as canonical JSON
	certificate *x509.Certificate
	entries     []*protorekor.TransparencyLogEntry
	payload     []byte // the signed statement
	signature   []byte
	statement   statement
}

// parse parses the attestations field of an upload form: a JSON array of one or two attestation objects with different
// predicates. Ambiguous JSON and members unknown to the specification are errors. Errors are written for people.
func parse(text string) ([]attestation, error) {
	if len(text) > ingest.MaxAttestations {
		return nil, fmt.Errorf("they are longer than %d bytes", ingest.MaxAttestations)
	}
	// strictjson reads objects; text with more than one value cannot be a single member.
	o, err := strictjson.Object([]byte(`{"attestations":` + text + `}`))
	if err != nil {
		return nil, fmt.Errorf("they cannot be read: %w", err)
	}
	list, ok := o["attestations"].([]any)
	if !ok || len(o) != 1 {
		return nil, errors.New("they are not a JSON array")
	}
	if len(list) == 0 || len(list) > maxItems {
		return nil, fmt.Errorf("there are %d, but an upload has one or two", len(list))
	}
	var all []attestation
	for i, item := range list {
		a, err := parseItem(item)
		if err != nil {
			return nil, fmt.Errorf("number %d: %w", i+1, err)
		}
		if i > 0 && all[0].statement.predicate == a.statement.predicate {
			return nil, fmt.Errorf("two are of type %s: one of each is enough", a.statement.predicate)
		}
		all = append(all, a)
	}
	return all, nil
}

func parseItem(item any) (a attestation, err error) {
	o, err := members("it", item, "version", "verification_material", "envelope")
	if err != nil {
		return a, err
	}
	if n, ok := o["version"].(json.Number); !ok || n != "1" {
		return a, errors.New("its version is not 1")
	}
	if err := a.readMaterial(o["verification_material"]); err != nil {
		return a, err
	}
	if err := a.readEnvelope(o["envelope"]); err != nil {
		return a, err
	}
	if a.statement, err = readStatement(a.payload); err != nil {
		return a, err
	}
	document, err := write(item)
	a.document = string(document)
	return a, err
}

func (a *attestation) readMaterial(v any) error {
	o, err := members("verification_material", v, "certificate", "transparency_entries")
	if err != nil {
		return err
	}
	der, err := decode("certificate", o["certificate"])
	if err != nil {
		return err
	}
	if a.certificate, err = x509.ParseCertificate(der); err != nil {
		return errors.New("its certificate cannot be read")
	}
	list, ok := o["transparency_entries"].([]any)
	if !ok || len(list) == 0 || len(list) > maxEntries {
		return fmt.Errorf("its transparency_entries are not a list of 1 to %d", maxEntries)
	}
	for _, item := range list {
		e, err := readEntry(item)
		if err != nil {
			return err
		}
		a.entries = append(a.entries, e)
	}
	return nil
}

// readEntry parses a log entry in protocol buffer JSON, as clients write it. Members that it does not know are ignored:
// entries come from the log, which may add some. The document is kept as it came.
func readEntry(v any) (*protorekor.TransparencyLogEntry, error) {
	if _, ok := v.(map[string]any); !ok {
		return nil, errors.New("a transparency entry is not an object")
	}
	b, err := write(v)
	if err != nil {
		return nil, err
	}
	e := new(protorekor.TransparencyLogEntry)
	if (protojson.UnmarshalOptions{DiscardUnknown: true}).Unmarshal(b, e) != nil || len(e.GetCanonicalizedBody()) == 0 {
		return nil, errors.New("a transparency entry is not a Rekor entry")
	}
	return e, nil
}

func (a *attestation) readEnvelope(v any) error {
	o, err := members("envelope", v, "statement", "signature")
	if err != nil {
		return err
	}
	if a.payload, err = decode("statement", o["statement"]); err != nil {
		return err
	}
	a.signature, err = decode("signature", o["signature"])
	return err
}

// members returns v as an object with exactly the given member names.
func members(what string, v any, names ...string) (map[string]any, error) {
	o, ok := v.(map[string]any)
	if !ok {
		return nil, fmt.Errorf("%s is not an object", what)
	}
	for _, name := range names {
		if _, ok := o[name]; !ok {
			return nil, fmt.Errorf("%s has no %s", what, name)
		}
	}
	if len(o) != len(names) {
		return nil, fmt.Errorf("%s has other members than %s", what, strings.Join(names, ", "))
	}
	return o, nil
}

// decode decodes canonical base64 (RFC 4648, section 4), with padding and without line breaks.
func decode(what string, v any) ([]byte, error) {
	s, ok := v.(string)
	b, err := base64.StdEncoding.Strict().DecodeString(s)
	if !ok || err != nil || len(b) == 0 || strings.ContainsAny(s, "\r\n") {
		return nil, fmt.Errorf("its %s is not base64", what)
	}
	return b, nil
}

func write(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(v)
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), err
}
