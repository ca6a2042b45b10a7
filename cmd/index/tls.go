package main

import (
	"context"
	"crypto/tls"
	"log/slog"
	"net"
	"net/url"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	"golang.org/x/crypto/acme/autocert"
)

// encryption is how serve speaks TLS; the zero value is plain HTTP.
type encryption struct {
	config    *tls.Config
	authority string       // path of the certificate that clients must trust, "" where they trust it anyway
	files     *certFiles   // to read again on SIGHUP, or nil
	renew     func() error // makes a new server certificate when the old one nears its end, or nil
}

// overTLS reports whether the server itself speaks TLS.
func (c *Config) overTLS() bool { return c.TLSCert != "" || c.TLSSelfSigned || c.TLSACME != "" }

// encrypt sets up TLS as the configuration says.
func (c *Config) encrypt(base *url.URL, log *slog.Logger) (encryption, error) {
	switch {
	case c.TLSCert != "":
		return fromFiles(c.TLSCert, c.TLSKey, log)
	case c.TLSSelfSigned:
		return c.selfSigned(base, log)
	case c.TLSACME != "":
		m := &autocert.Manager{
			Prompt: autocert.AcceptTOS, HostPolicy: autocert.HostWhitelist(c.TLSACME),
			Cache: autocert.DirCache(filepath.Join(c.DataDir, "tls", "acme")),
		}
		return encryption{config: m.TLSConfig()}, nil
	}
	return encryption{}, nil
}

func fromFiles(cert, key string, log *slog.Logger) (encryption, error) {
	files, err := openCertFiles(cert, key, log)
	if err != nil {
		return encryption{}, err
	}
	return encryption{config: &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: files.GetCertificate}, files: files}, nil
}

// selfSigned serves what our own small authority signs.
func (c *Config) selfSigned(base *url.URL, log *slog.Logger) (encryption, error) {
	ca, err := openAuthority(filepath.Join(c.DataDir, "tls"), time.Now)
	if err != nil {
		return encryption{}, err
	}
	hosts := c.certHosts(base)
	cert, key, err := ca.server(hosts)
	if err != nil {
		return encryption{}, err
	}
	e, err := fromFiles(cert, key, log)
	e.authority = ca.path("ca.pem")
	e.renew = func() error { _, _, err := ca.server(hosts); return err }
	return e, err
}

// certHosts are the names that clients may reach a self-signed server by.
func (c *Config) certHosts(base *url.URL) []string {
	hosts := []string{"localhost", "127.0.0.1", "::1"}
	if host, _, err := net.SplitHostPort(c.Listen); err == nil {
		hosts = append(hosts, host)
	}
	hosts = append(hosts, base.Hostname())
	hosts = slices.DeleteFunc(hosts, func(h string) bool {
		ip := net.ParseIP(h)
		return h == "" || ip != nil && ip.IsUnspecified()
	})
	slices.Sort(hosts[3:])
	return slices.Compact(hosts)
}

// onHangup reads the certificate again at each SIGHUP until ctx ends.
func (e encryption) onHangup(ctx context.Context) {
	hangup := make(chan os.Signal, 1)
	signal.Notify(hangup, syscall.SIGHUP)
	defer signal.Stop(hangup)
	for {
		select {
		case <-ctx.Done():
			return
		case <-hangup:
			if e.files != nil {
				e.files.Reload()
			}
		}
	}
}
