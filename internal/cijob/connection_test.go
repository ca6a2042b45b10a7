package cijob

import (
	"crypto/x509"
	"net"
	"net/url"
	"os"
	"strings"
	"testing"
)

// TestExplainConnection: an error of the network is told in words that say what to do.
func TestExplainConnection(t *testing.T) {
	u, err := url.Parse("https://index.example:8443/team")
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range []struct {
		name         string
		err          error
		text, advice string
	}{
		{
			"unknown authority",
			x509.UnknownAuthorityError{},
			"signed by an unknown authority, which this machine does not trust",
			"REQUESTS_CA_BUNDLE  for twine",
		},
		{
			"no name", &net.DNSError{Name: "index.example", IsNotFound: true}, "index.example cannot be resolved",
			"runner inside that network",
		},
		{"late", &net.OpError{Op: "dial", Err: os.ErrDeadlineExceeded}, "does not respond in time", "firewall"},
		{
			"a certificate for something else",
			x509.CertificateInvalidError{Reason: x509.IncompatibleUsage},
			"is invalid",
			"",
		},
		{"other", os.ErrPermission, "cannot be reached", "Check that the index is running"},
	} {
		t.Run(x.name, func(t *testing.T) {
			text, advice := explainConnection(x.err, u)
			if !strings.Contains(text, x.text) || !strings.Contains(advice, x.advice) {
				t.Errorf("%s: %q and %q, want %q and %q", x.name, text, advice, x.text, x.advice)
			}
		})
	}
}
