package tlsserve

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// Validity of our certificates, and the time before their expiry at which they are renewed. Clients refuse server
// certificates that are valid for more than 398 days.
const (
	authorityYears = 10
	serverDays     = 365
	renewBefore    = 30 * 24 * time.Hour
)

// authority is a private certificate authority in a folder. Clients trust its ca.pem; ca-key.pem is its key.
type authority struct {
	dir  string
	now  func() time.Time
	cert *x509.Certificate
	key  crypto.Signer
}

func (a *authority) path(name string) string { return filepath.Join(a.dir, name) }

// openAuthority opens the authority in dir, or creates one if there is none.
func openAuthority(dir string, now func() time.Time) (*authority, error) {
	a := &authority{dir: dir, now: now}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	cert, key, err := readPair(a.path("ca.pem"), a.path("ca-key.pem"))
	if err == nil {
		if now().After(cert.NotAfter) {
			return nil, fmt.Errorf(
				"the certificate authority %s expired on %s: remove the folder %s to create a new one, and make clients trust it",
				a.path("ca.pem"), cert.NotAfter.Format(time.DateOnly), dir,
			)
		}
		a.cert, a.key = cert, key
		return a, nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	return a, a.create()
}

func (a *authority) create() (err error) {
	if a.key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
		return err
	}
	t := a.template(pkix.Name{CommonName: "index self-signed authority " + a.now().UTC().Format(time.DateOnly)},
		a.now().AddDate(authorityYears, 0, 0))
	t.IsCA, t.BasicConstraintsValid, t.MaxPathLenZero = true, true, true
	t.KeyUsage = x509.KeyUsageCertSign | x509.KeyUsageCRLSign
	der, err := x509.CreateCertificate(rand.Reader, t, t, a.key.Public(), a.key)
	if err != nil {
		return err
	}
	if a.cert, err = x509.ParseCertificate(der); err != nil {
		return err
	}
	return writePair(a.path("ca.pem"), a.path("ca-key.pem"), a.key, der)
}

func (a *authority) template(name pkix.Name, until time.Time) *x509.Certificate {
	serial, _ := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127)) // crypto/rand does not fail
	return &x509.Certificate{
		SerialNumber: serial.Add(serial, big.NewInt(1)), Subject: name, NotBefore: a.now().Add(-time.Hour), NotAfter: until,
	}
}

// server returns the paths of a certificate and key for all hosts. It renews the certificate if it expires soon or
// lacks a host.
func (a *authority) server(hosts []string) (cert, key string, err error) {
	cert, key = a.path("cert.pem"), a.path("key.pem")
	old, _, err := readPair(cert, key)
	if err == nil && a.covers(old, hosts) {
		return cert, key, nil
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", "", err
	}
	return cert, key, a.sign(cert, key, hosts)
}

func (a *authority) covers(c *x509.Certificate, hosts []string) bool {
	missing := func(host string) bool { return c.VerifyHostname(host) != nil }
	return c.CheckSignatureFrom(a.cert) == nil && a.now().Add(renewBefore).Before(c.NotAfter) &&
		!slices.ContainsFunc(hosts, missing)
}

func (a *authority) sign(cert, key string, hosts []string) error {
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	until := a.now().AddDate(0, 0, serverDays)
	if until.After(a.cert.NotAfter) {
		until = a.cert.NotAfter
	}
	t := a.template(pkix.Name{CommonName: hosts[0]}, until)
	t.KeyUsage, t.ExtKeyUsage = x509.KeyUsageDigitalSignature, []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	for _, h := range hosts {
		if ip := net.ParseIP(h); ip != nil {
			t.IPAddresses = append(t.IPAddresses, ip)
		} else {
			t.DNSNames = append(t.DNSNames, h)
		}
	}
	der, err := x509.CreateCertificate(rand.Reader, t, a.cert, k.Public(), a.key)
	if err != nil {
		return err
	}
	return writePair(cert, key, k, der)
}

// readPair reads a certificate and its key. It returns fs.ErrNotExist if either is missing.
func readPair(cert, key string) (*x509.Certificate, crypto.Signer, error) {
	c, err := ReadPEM(cert)
	if err != nil {
		return nil, nil, err
	}
	k, err := ReadPEM(key)
	if err != nil {
		return nil, nil, err
	}
	parsed, err := x509.ParseCertificate(c)
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", cert, err)
	}
	private, err := x509.ParsePKCS8PrivateKey(k)
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", key, err)
	}
	signer, ok := private.(crypto.Signer)
	if !ok {
		return nil, nil, fmt.Errorf("%s: the key cannot sign", key)
	}
	return parsed, signer, nil
}

// ReadPEM returns the content of the first PEM block of a file.
func ReadPEM(path string) ([]byte, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(b)
	if block == nil {
		return nil, fmt.Errorf("%s: not PEM", path)
	}
	return block.Bytes, nil
}

// writePair writes the key first, so that a certificate never exists without its key.
func writePair(cert, key string, k crypto.Signer, der []byte) error {
	private, err := x509.MarshalPKCS8PrivateKey(k)
	if err != nil {
		return err
	}
	if err := writePEM(key, "PRIVATE KEY", private, 0o600); err != nil {
		return err
	}
	return writePEM(cert, "CERTIFICATE", der, 0o644)
}

// writePEM writes the file atomically.
func writePEM(path, kind string, der []byte, mode os.FileMode) error {
	temporary := path + ".new"
	if err := os.WriteFile(temporary, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), mode); err != nil {
		return err
	}
	return os.Rename(temporary, path)
}
