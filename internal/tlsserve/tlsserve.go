// Package tlsserve provides the certificate of a server: from files, from Let's Encrypt, or signed by a private
// authority of our own.
//
// Certificates in files are reloaded when they change, and self-signed ones are renewed, without a restart. If a
// replacement is invalid, the error is logged and the old certificate remains in use.
package tlsserve

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	"golang.org/x/crypto/acme/autocert"
)

// Options configure a server. At most one of CertFile, SelfSigned and ACMEHost may be set. If none is set, the server
// uses plain HTTP.
type Options struct {
	CertFile, KeyFile string   // PEM
	SelfSigned        bool     // sign with our own authority, stored in Dir
	ACMEHost          string   // obtain certificates for this host from Let's Encrypt and store them in Dir/acme
	Dir               string   // folder for keys and certificates
	Hosts             []string // names and addresses of a self-signed certificate
	Log               *slog.Logger
}

// Server is the TLS configuration of a server.
type Server struct {
	Config    *tls.Config  // nil for plain HTTP
	Authority string       // path of the authority's certificate for clients to trust, "" unless SelfSigned is set
	files     *certFiles   // reloaded on SIGHUP, or nil
	renew     func() error // renews the server certificate if it expires soon, or nil
	acme      *autocert.Manager
	host      string // of acme
	log       *slog.Logger
}

// Expiry returns when the certificate that is in use expires. It returns the zero time for plain HTTP, and before
// Let's Encrypt has issued a certificate.
func (s *Server) Expiry() time.Time {
	var chain [][]byte
	switch {
	case s.files != nil:
		c, err := s.files.GetCertificate(nil)
		if err != nil {
			return time.Time{}
		}
		chain = c.Certificate
	case s.acme != nil:
		chain = s.kept()
	}
	if len(chain) == 0 {
		return time.Time{}
	}
	leaf, err := x509.ParseCertificate(chain[0])
	if err != nil {
		return time.Time{}
	}
	return leaf.NotAfter
}

// kept returns the certificate that the manager keeps in its folder. Asking the manager itself could make it request
// one.
func (s *Server) kept() (chain [][]byte) {
	text, err := s.acme.Cache.Get(context.Background(), s.host)
	for block := new(pem.Block); err == nil && block != nil; {
		if block, text = pem.Decode(text); block != nil && block.Type == "CERTIFICATE" {
			chain = append(chain, block.Bytes)
		}
	}
	return chain
}

// renewEvery is the interval for checking the age of a self-signed certificate.
const renewEvery = 12 * time.Hour

// New loads or creates the certificate of a server.
func New(o Options) (*Server, error) {
	switch {
	case o.CertFile != "":
		return fromFiles(o.CertFile, o.KeyFile, o.Log)
	case o.SelfSigned:
		return selfSigned(o)
	case o.ACMEHost != "":
		m := &autocert.Manager{
			Prompt: autocert.AcceptTOS, HostPolicy: autocert.HostWhitelist(o.ACMEHost),
			Cache: autocert.DirCache(filepath.Join(o.Dir, "acme")),
		}
		return &Server{Config: m.TLSConfig(), acme: m, host: o.ACMEHost}, nil
	}
	return &Server{}, nil
}

func fromFiles(cert, key string, log *slog.Logger) (*Server, error) {
	files, err := openCertFiles(cert, key, log)
	if err != nil {
		return nil, err
	}
	return &Server{
		Config: &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: files.GetCertificate}, files: files, log: log,
	}, nil
}

// selfSigned returns a server with a certificate signed by our own authority.
func selfSigned(o Options) (*Server, error) {
	ca, err := openAuthority(o.Dir, time.Now)
	if err != nil {
		return nil, err
	}
	hosts := certHosts(o.Hosts)
	cert, key, err := ca.server(hosts)
	if err != nil {
		return nil, err
	}
	s, err := fromFiles(cert, key, o.Log)
	if err != nil {
		return nil, err
	}
	s.Authority = ca.path("ca.pem")
	s.renew = func() error { _, _, err := ca.server(hosts); return err }
	return s, nil
}

// certHosts returns the hosts of a self-signed certificate: those of this machine, and the given ones.
func certHosts(given []string) []string {
	hosts := append([]string{"localhost", "127.0.0.1", "::1"}, given...)
	hosts = slices.DeleteFunc(hosts, func(h string) bool {
		ip := net.ParseIP(h)
		return h == "" || ip != nil && ip.IsUnspecified()
	})
	slices.Sort(hosts[3:])
	return slices.Compact(hosts)
}

// Watch reloads the certificate on each SIGHUP and renews a self-signed one, until ctx ends.
func (s *Server) Watch(ctx context.Context) {
	hangup := make(chan os.Signal, 1)
	signal.Notify(hangup, syscall.SIGHUP)
	defer signal.Stop(hangup)
	tick := time.NewTicker(renewEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-hangup:
			if s.files != nil {
				s.files.Reload()
			}
		case <-tick.C:
			if s.renew == nil {
				continue
			}
			if err := s.renew(); err != nil {
				s.log.Error("renewing the certificate", "error", err)
			}
		}
	}
}
