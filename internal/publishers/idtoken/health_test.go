package idtoken

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"strings"
	"syscall"
	"testing"
)

// A failed fetch is described in words, without addresses of the network.
func TestFailureWords(t *testing.T) {
	address := &net.TCPAddr{IP: net.IPv4(10, 0, 0, 53), Port: 53}
	for want, err := range map[string]error{
		"host name cannot be resolved": &net.OpError{
			Op: "dial", Addr: address, Err: &net.DNSError{Err: "server misbehaving", Server: "10.0.0.53:53", Name: "x"},
		},
		"unknown authority":        x509.UnknownAuthorityError{},
		"not valid for its host":   x509.HostnameError{Certificate: &x509.Certificate{}, Host: "x"},
		"has expired":              x509.CertificateInvalidError{Reason: x509.Expired},
		"did not answer in time":   context.DeadlineExceeded,
		"cannot be reached":        &net.OpError{Op: "dial", Addr: address, Err: syscall.ECONNREFUSED},
		"not with its keys. Check": errors.New("json: 10.0.0.53: unexpected end"),
	} {
		got := failureWords(fmt.Errorf("Get \"https://10.0.0.53/\": %w", err))
		if !strings.Contains(got, want) || strings.Contains(got, "10.0.0") || !strings.HasSuffix(got, ".") {
			t.Errorf("failureWords(%v) = %q, want %q", err, got, want)
		}
	}
}
