package attesttest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"math/big"
	"net/url"
	"time"

	ct "github.com/google/certificate-transparency-go"
	"github.com/google/certificate-transparency-go/tls"
	ctx509 "github.com/google/certificate-transparency-go/x509"
	"github.com/google/certificate-transparency-go/x509util"
)

// Job is the identity in a certificate.
type Job struct {
	Issuer     string
	Email      string // of a person or service account, instead of the fields below
	Repository string // URI
	Config     string // URI of the workflow, with its revision
	Ref, SHA   string
	OwnerID    string
}

// GitHub returns the job of a workflow on github.com, on branch main.
func GitHub(repository, workflow, ownerID string) Job {
	return At("https://token.actions.githubusercontent.com", "https://github.com", repository, workflow, ownerID)
}

// At is GitHub for a server with its own issuer.
func At(issuer, server, repository, workflow, ownerID string) Job {
	j := Job{
		Issuer:     issuer,
		Repository: server + "/" + repository,
		Ref:        "refs/heads/main",
		SHA:        "0123456789abcdef0123456789abcdef01234567",
		OwnerID:    ownerID,
	}
	j.Config = j.Repository + "/.github/workflows/" + workflow + "@" + j.Ref
	return j
}

// fulcio returns the object identifier of a Sigstore certificate extension.
func fulcio(n int) asn1.ObjectIdentifier { return asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 57264, 1, n} }

func (s *Sigstore) extensions(j Job) []pkix.Extension {
	s.t.Helper()
	var all []pkix.Extension
	for n, text := range map[int]string{8: j.Issuer, 12: j.Repository, 13: j.SHA, 14: j.Ref, 17: j.OwnerID, 18: j.Config} {
		if text == "" {
			continue
		}
		value, err := asn1.MarshalWithParams(text, "utf8")
		must(s.t, err)
		all = append(all, pkix.Extension{Id: fulcio(n), Value: value})
	}
	return all
}

// Certificate returns a certificate for a key, encoded as in an attestation.
func (s *Sigstore) Certificate(j Job, key crypto.PublicKey) string {
	s.t.Helper()
	return encode(s.certify(j, key, time.Now().Add(-time.Second), true).Raw)
}

// certify issues a certificate for ten minutes, with a proof that it is logged if sct is true.
func (s *Sigstore) certify(j Job, key crypto.PublicKey, from time.Time, sct bool) *x509.Certificate {
	s.t.Helper()
	serial, err := rand.Int(rand.Reader, big.NewInt(1<<62))
	must(s.t, err)
	template := &x509.Certificate{
		SerialNumber: serial, NotBefore: from, NotAfter: from.Add(10 * time.Minute), KeyUsage: x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageCodeSigning}, ExtraExtensions: s.extensions(j),
	}
	if j.Email != "" {
		template.EmailAddresses = []string{j.Email}
	} else {
		u, err := url.Parse(j.Config)
		must(s.t, err)
		template.URIs = []*url.URL{u}
	}
	cert := s.sign(template, key)
	if !sct {
		return cert
	}
	template.ExtraExtensions = append(template.ExtraExtensions, s.logged(cert))
	return s.sign(template, key)
}

func (s *Sigstore) sign(template *x509.Certificate, key crypto.PublicKey) *x509.Certificate {
	s.t.Helper()
	der, err := x509.CreateCertificate(rand.Reader, template, s.authority, key, s.key)
	must(s.t, err)
	cert, err := x509.ParseCertificate(der)
	must(s.t, err)
	return cert
}

// logged returns the extension with the log's signed timestamp for a certificate without it (RFC 6962, section 3.3).
func (s *Sigstore) logged(cert *x509.Certificate) pkix.Extension {
	s.t.Helper()
	sct := ct.SignedCertificateTimestamp{
		SCTVersion: ct.V1, LogID: ct.LogID{KeyID: keyID(s.t, s.ctKey.Public())}, Timestamp: uint64(time.Now().UnixMilli()),
	}
	input, err := ct.SerializeSCTSignatureInput(sct, ct.LogEntry{Leaf: ct.MerkleTreeLeaf{
		Version: ct.V1, LeafType: ct.TimestampedEntryLeafType,
		TimestampedEntry: &ct.TimestampedEntry{
			Timestamp: sct.Timestamp, EntryType: ct.PrecertLogEntryType,
			PrecertEntry: &ct.PreCert{
				IssuerKeyHash: sha256.Sum256(s.authority.RawSubjectPublicKeyInfo), TBSCertificate: cert.RawTBSCertificate,
			},
		},
	}})
	must(s.t, err)
	sum := sha256.Sum256(input)
	signature, err := ecdsa.SignASN1(rand.Reader, s.ctKey, sum[:])
	must(s.t, err)
	sct.Signature = ct.DigitallySigned{
		Algorithm: tls.SignatureAndHashAlgorithm{Hash: tls.SHA256, Signature: tls.ECDSA}, Signature: signature,
	}
	list, err := x509util.MarshalSCTsIntoSCTList([]*ct.SignedCertificateTimestamp{&sct})
	must(s.t, err)
	inner, err := tls.Marshal(*list)
	must(s.t, err)
	value, err := asn1.Marshal(inner)
	must(s.t, err)
	return pkix.Extension{Id: asn1.ObjectIdentifier(ctx509.OIDExtensionCTSCT), Value: value}
}
