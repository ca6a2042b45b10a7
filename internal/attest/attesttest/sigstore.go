package attesttest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"math/big"
	"os"
	"path/filepath"
	"testing"
	"time"

	protorekor "github.com/sigstore/protobuf-specs/gen/pb-go/rekor/v1"
	"github.com/sigstore/sigstore-go/pkg/root"
	"github.com/sigstore/sigstore-go/pkg/testing/ca"
	"github.com/sigstore/sigstore-go/pkg/tlog"
)

// Sigstore is a certificate authority with its logs.
type Sigstore struct {
	t         testing.TB
	log       *ca.VirtualSigstore // used only for its transparency log
	ctKey     *ecdsa.PrivateKey
	authority *x509.Certificate
	key       *ecdsa.PrivateKey
	uri       string
}

// New returns an authority with its own logs.
func New(t testing.TB) *Sigstore {
	t.Helper()
	log, err := ca.NewVirtualSigstore()
	must(t, err)
	s := &Sigstore{t: t, log: log, ctKey: newKey(t), uri: "https://fulcio.example"}
	s.certifyItself("sigstore.example")
	return s
}

// OtherAuthority returns an authority with other keys and the same logs.
func (s *Sigstore) OtherAuthority() *Sigstore {
	s.t.Helper()
	other := *s
	other.certifyItself("sigstore.example")
	return &other
}

// Public returns an authority with the same logs that names itself like the public instance.
func (s *Sigstore) Public() *Sigstore {
	s.t.Helper()
	other := *s
	other.certifyItself("sigstore.dev")
	return &other
}

func (s *Sigstore) certifyItself(organization string) {
	s.t.Helper()
	s.key = newKey(s.t)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "sigstore", Organization: []string{organization}},
		NotBefore: time.Now().Add(-5 * time.Hour), NotAfter: time.Now().Add(5 * time.Hour), KeyUsage: x509.KeyUsageCertSign,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageCodeSigning}, BasicConstraintsValid: true, IsCA: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, s.key.Public(), s.key)
	must(s.t, err)
	s.authority, err = x509.ParseCertificate(der)
	must(s.t, err)
}

func newKey(t testing.TB) *ecdsa.PrivateKey {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	return k
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// keyID returns the id of a log: the hash of its key (RFC 6962).
func keyID(t testing.TB, key crypto.PublicKey) [sha256.Size]byte {
	t.Helper()
	der, err := x509.MarshalPKIXPublicKey(key)
	must(t, err)
	return sha256.Sum256(der)
}

// TrustedRoot writes a trusted root for s, and returns the path of the file.
func (s *Sigstore) TrustedRoot() string {
	s.t.Helper()
	return s.write(s.certificateLogs())
}

// TrustedRootWithoutCT is TrustedRoot without a log of certificates.
func (s *Sigstore) TrustedRootWithoutCT() string {
	s.t.Helper()
	return s.write(nil)
}

func (s *Sigstore) write(ct map[string]*root.TransparencyLog) string {
	s.t.Helper()
	authority := &root.FulcioCertificateAuthority{
		Root: s.authority, ValidityPeriodStart: s.authority.NotBefore, ValidityPeriodEnd: s.authority.NotAfter, URI: s.uri,
	}
	logs := s.log.RekorLogs()
	for _, l := range logs { // the virtual log has its id in hex, but a trusted root needs the raw bytes
		id := keyID(s.t, l.PublicKey)
		l.ID = id[:]
	}
	r, err := root.NewTrustedRoot(root.TrustedRootMediaType01, []root.CertificateAuthority{authority}, ct, nil, logs)
	must(s.t, err)
	text, err := r.MarshalJSON()
	must(s.t, err)
	path := filepath.Join(s.t.TempDir(), "trusted_root.json")
	must(s.t, os.WriteFile(path, text, 0o600))
	return path
}

func (s *Sigstore) certificateLogs() map[string]*root.TransparencyLog {
	id := keyID(s.t, s.ctKey.Public())
	return map[string]*root.TransparencyLog{"ct": {
		BaseURL: "https://ct.example", ID: id[:], PublicKey: s.ctKey.Public(), HashFunc: crypto.SHA256,
		SignatureHashFunc:   crypto.SHA256,
		ValidityPeriodStart: time.Now().Add(-time.Hour), ValidityPeriodEnd: time.Now().Add(time.Hour),
	}}
}

// promise signs the time of a log entry.
func (s *Sigstore) promise(e *protorekor.TransparencyLogEntry, body any) []byte {
	s.t.Helper()
	signature, err := s.log.RekorSignPayload(tlog.RekorPayload{
		Body: body, IntegratedTime: e.IntegratedTime, LogIndex: e.LogIndex, LogID: hex.EncodeToString(e.LogId.KeyId),
	})
	must(s.t, err)
	return signature
}
