package attest

import (
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/sigstore/sigstore-go/pkg/verify"

	"pyindex/internal/access"
	"pyindex/internal/catalog"
	"pyindex/internal/fault"
	"pyindex/internal/ingest"
)

// Policy determines how attestations are handled.
type Policy string

// The policies.
const (
	Ignore          Policy = "ignore"            // attestations are discarded
	VerifyIfPresent Policy = "verify-if-present" // optional, but those of a trusted publisher must be valid
	Require         Policy = "require"           // every upload needs a verified attestation
)

// Options are the settings of a Verifier. The zero value ignores attestations.
type Options struct {
	Policy      Policy
	TrustedRoot string // path of the trusted root; if "", nothing is verified
	// WithoutSCT accepts certificates of a private authority without proof that they are logged.
	WithoutSCT bool
	// Operator is set in programs whose only uploader is the operator, whose attestations are not verified. The trusted
	// root is then not read.
	Operator bool
	// Kind returns the kind of an issuer, which determines the format of its claims: "github", "gitlab", "google", or ""
	// if it is unknown.
	Kind func(issuer string) string
	// Server returns the base URL of an issuer's platform if it is not the issuer's own address, or "". If it is nil, none
	// has another address.
	Server func(issuer string) string
}

// Verifier handles the attestations of uploads. It is safe for concurrent use.
type Verifier struct {
	policy Policy
	rooted bool             // a trusted root is configured
	trust  *verify.Verifier // nil without a trusted root, or if it was not read
	left   []string
	root   string // path of the trusted root
	sct    bool   // certificates must be logged
	late   sync.Once
	kind   func(string) string
	server func(string) string
}

var _ ingest.Attester = (*Verifier)(nil)

// New returns a verifier. It returns an error if the options or the trusted root are invalid.
func New(o Options) (*Verifier, error) {
	v := &Verifier{policy: o.Policy, kind: o.Kind, server: o.Server}
	if v.policy == "" {
		v.policy = Ignore
	}
	if v.kind == nil {
		v.kind = func(string) string { return "" }
	}
	if v.server == nil {
		v.server = func(string) string { return "" }
	}
	if o.TrustedRoot == "" {
		if v.policy == Require {
			return nil, errors.New("a trusted root is needed if attestations are required")
		}
		return v, nil
	}
	if v.policy == Ignore {
		return v, nil
	}
	v.rooted, v.root, v.sct = true, o.TrustedRoot, !o.WithoutSCT
	if o.Operator {
		return v, nil
	}
	var err error
	v.trust, v.left, err = load(o.TrustedRoot, !o.WithoutSCT)
	return v, err
}

// LeftOut describes the logs and authorities of the trusted root that this program does not support. Attestations that
// depend on them cannot be verified.
func (v *Verifier) LeftOut() []string { return v.left }

// Warnings for the sender.
const (
	ignored    = "the attestations were not kept: this index ignores them"
	unread     = "the attestations were not kept: %v"
	untrusted  = "the attestations were kept, but not verified, so they are not shown: this index has no trusted root for them"
	noIdentity = "the attestations were kept, but not verified, so they are not shown: %v"
	noWorkload = "an API token does not identify the job that uses it; publish through a trusted publisher"
)

// Attest implements ingest.Attester.
//
// Only attestations from a trusted publisher can be verified, and only if the index has a trusted root; Attest refuses
// the upload with fault.Invalid if verification fails. Attestations from other senders are stored as unverified, or
// discarded if they cannot be parsed: clients attach the attestations that they find without being asked. Under the
// policy Require, every upload except the operator's own needs a verified attestation.
func (v *Verifier) Attest(u ingest.Attested) ([]catalog.Attestation, []string, error) {
	keep, warnings, err := v.judge(u)
	if err != nil {
		return nil, nil, invalid(err)
	}
	if v.policy == Require && u.Uploader != access.KindOperator && !proven(keep) {
		return nil, nil, invalid(missing(u, warnings))
	}
	return keep, warnings, nil
}

func (v *Verifier) judge(u ingest.Attested) ([]catalog.Attestation, []string, error) {
	if len(u.Sent) == 0 {
		return nil, nil, nil
	}
	if v.policy == Ignore {
		return nil, []string{ignored}, nil
	}
	all, err := read(u.Sent)
	if v.trust == nil || u.Uploader != access.KindPublisher {
		return lenient(all, err, v.rooted)
	}
	if err != nil {
		return nil, nil, err
	}
	id, err := identify(v.kind(issuer(u)), v.server(issuer(u)), u.Claims)
	if errors.Is(err, errUnverifiable) {
		return unverified(all), []string{fmt.Sprintf(noIdentity, err)}, nil
	} else if err != nil {
		return nil, nil, err
	}
	return v.verified(all, id, u)
}

func issuer(u ingest.Attested) string {
	s, _ := u.Claims["iss"].(string)
	return s
}

func read(sent []string) ([]attestation, error) {
	if len(sent) > 1 {
		return nil, fmt.Errorf("the field was sent %d times", len(sent))
	}
	return parse(sent[0])
}

// lenient handles attestations that cannot be verified: it keeps them if they can be parsed, and otherwise warns.
func lenient(all []attestation, err error, trust bool) ([]catalog.Attestation, []string, error) {
	switch {
	case err != nil:
		return nil, []string{fmt.Sprintf(unread, err)}, nil
	case trust:
		return unverified(all), []string{fmt.Sprintf(noIdentity, noWorkload)}, nil
	}
	return unverified(all), []string{untrusted}, nil
}

func unverified(all []attestation) []catalog.Attestation {
	keep := make([]catalog.Attestation, 0, len(all))
	for _, a := range all {
		keep = append(keep, catalog.Attestation{Predicate: a.statement.predicate, Document: a.document})
	}
	return keep
}

// verified returns all attestations as verified, or an error for the first one that is invalid.
func (v *Verifier) verified(all []attestation, id identity,
	u ingest.Attested,
) ([]catalog.Attestation, []string, error) {
	keep := unverified(all)
	for i, a := range all {
		if err := v.check(a, id, u); err != nil {
			return nil, nil, fmt.Errorf("number %d: %w", i+1, err)
		}
		keep[i].Verified, keep[i].Publisher = true, id.publisher
	}
	return keep, nil, nil
}

func (v *Verifier) check(a attestation, id identity, u ingest.Attested) error {
	if err := a.statement.about(u); err != nil {
		return err
	}
	s, err := a.signer(v.trust, u.SHA256)
	if err != nil {
		return err
	}
	return id.fits(s)
}

func proven(keep []catalog.Attestation) bool {
	return slices.ContainsFunc(keep, func(a catalog.Attestation) bool { return a.Verified })
}

func missing(u ingest.Attested, warnings []string) error {
	if len(warnings) > 0 {
		return fmt.Errorf("this index requires verified ones, and %s", warnings[0])
	}
	if u.Uploader != access.KindPublisher {
		return errors.New("this index requires verified ones: " + noWorkload)
	}
	return errors.New(
		"this index requires them, and none were sent: let the publish action or python -m pypi_attestations sign the files first",
	)
}

func invalid(why error) error {
	return fault.Wrap(fault.Invalid, why, "Invalid attestations supplied during upload: %s", oneLine(why))
}

// oneLine truncates a reason, part of which may come from a library.
func oneLine(why error) string { return fmt.Sprintf("%.400s", why.Error()) }
