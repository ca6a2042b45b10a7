// Package tlsserve provides the certificate of a server: from files, from Let's Encrypt, or signed by a small authority
// of our own.
//
// Certificates in files are read again when they change, and self-signed ones are renewed, without a restart. A broken
// replacement is logged and the old certificate stays in use.
package tlsserve

import (
	"context"
	"crypto/tls"
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

// Options are the choices for a server. At most one of CertFile, SelfSigned and ACMEHost is set; without any the
// server speaks plain HTTP.
type Options struct {
	CertFile, KeyFile string   // PEM
	SelfSigned        bool     // sign with an authority of our own, which is kept in Dir
	ACMEHost          string   // get certificates for this host from Let's Encrypt and keep them in Dir/acme
	Dir               string   // folder for keys and certificates
	Hosts             []string // names and addresses of a self-signed certificate
	Log               *slog.Logger
}

// Server is how a server speaks TLS.
type Server struct {
	Config    *tls.Config  // nil for plain HTTP
	Authority string       // path of the certificate that clients must trust, "" unless it is self-signed
	files     *certFiles   // read again on SIGHUP, or nil
	renew     func() error // makes a new server certificate when the old one nears its end, or nil
	log       *slog.Logger
}

// renewEvery is how often the age of a self-signed certificate is looked at.
const renewEvery = 12 * time.Hour

// New reads or makes the certificate of a server.
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
		return &Server{Config: m.TLSConfig()}, nil
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

// selfSigned serves a certificate that our own small authority signs.
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

// certHosts returns the names and addresses of a self-signed certificate: those given, and those of this machine.
func certHosts(given []string) []string {
	hosts := append([]string{"localhost", "127.0.0.1", "::1"}, given...)
	hosts = slices.DeleteFunc(hosts, func(h string) bool {
		ip := net.ParseIP(h)
		return h == "" || ip != nil && ip.IsUnspecified()
	})
	slices.Sort(hosts[3:])
	return slices.Compact(hosts)
}

// Watch reads the certificate again at each SIGHUP and renews a self-signed one, until ctx ends.
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
