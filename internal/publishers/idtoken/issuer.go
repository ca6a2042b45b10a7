package idtoken

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"net/url"
	"os"
	"slices"

	"pyindex/internal/workload"
)

// Issuer is a trusted issuer of identity tokens.
type Issuer struct {
	Kind      string   // the provider that interprets its claims: "github"
	URL       string   // the exact "iss"; https, or http on a loopback address
	Audiences []string // the exact "aud" of tokens for this index: one of these
	CAFile    string   // PEM certificates to trust in addition to the system's; "" for none
}

// lists reports whether an audience may be a list of one. The issuers of the specific kinds write a string.
func (i Issuer) lists() bool { return workload.Of(i.Kind).ListsAudience() }

// check returns an error that names the invalid setting.
func (i Issuer) check() error {
	if i.Kind == "" || len(i.Audiences) == 0 || slices.Contains(i.Audiences, "") {
		return fmt.Errorf("issuer %q needs a kind and an audience", i.URL)
	}
	u, err := parseURL(i.URL)
	if err != nil {
		return fmt.Errorf("issuer %q: %w", i.URL, err)
	}
	if u.RawQuery != "" || u.ForceQuery || u.Fragment != "" {
		return fmt.Errorf("issuer %q: an issuer has no query and no fragment", i.URL)
	}
	return nil
}

// tls returns the TLS settings for this issuer, or nil for the system's certificates.
func (i Issuer) tls() (*tls.Config, error) {
	if i.CAFile == "" {
		return nil, nil
	}
	pem, err := os.ReadFile(i.CAFile)
	if err != nil {
		return nil, fmt.Errorf("issuer %q: reading its CA file: %w", i.URL, err)
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool()
	}
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("issuer %q: %s holds no certificate in PEM", i.URL, i.CAFile)
	}
	return &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}, nil
}

// parseURL parses a URL that keys may be fetched from: https, or http on a loopback address.
func parseURL(s string) (*url.URL, error) {
	u, err := url.Parse(s)
	if err != nil || u.Host == "" || u.Opaque != "" {
		return nil, fmt.Errorf("not an absolute URL")
	}
	if u.User != nil {
		return nil, fmt.Errorf("a URL of keys carries no user")
	}
	if u.Scheme == "https" || u.Scheme == "http" && isLoopback(u.Hostname()) {
		return u, nil
	}
	return nil, fmt.Errorf("only https is allowed, and http on a loopback address")
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
