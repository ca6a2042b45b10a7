package tlsserve

import (
	"crypto/tls"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"
)

// certFiles serves a certificate from two files and reloads them when they change, so that renewals need no restart. If
// the new pair is invalid, certFiles logs the error and keeps the old certificate.
type certFiles struct {
	cert, key string
	log       *slog.Logger
	now       func() time.Time

	mu      sync.Mutex
	current *tls.Certificate
	stamp   [2]time.Time // modification times of the loaded files
	looked  time.Time
}

// lookEvery is the minimum time between checks of the files' modification times.
const lookEvery = time.Second

// openCertFiles loads the certificate and key. Its errors name the settings.
func openCertFiles(cert, key string, log *slog.Logger) (*certFiles, error) {
	f := &certFiles{cert: cert, key: key, log: log, now: time.Now}
	if err := f.read(); err != nil {
		return nil, fmt.Errorf("tls_cert and tls_key: %w", err)
	}
	return f, nil
}

func (f *certFiles) read() error {
	stamp := f.stamps()
	pair, err := tls.LoadX509KeyPair(f.cert, f.key)
	if err != nil {
		return err
	}
	f.current, f.stamp = &pair, stamp
	return nil
}

func (f *certFiles) stamps() (s [2]time.Time) {
	for i, path := range []string{f.cert, f.key} {
		if info, err := os.Stat(path); err == nil {
			s[i] = info.ModTime()
		}
	}
	return s
}

// Reload reloads the files immediately. It is called on SIGHUP.
func (f *certFiles) Reload() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.reload()
}

func (f *certFiles) reload() {
	if err := f.read(); err != nil {
		f.stamp = f.stamps() // do not retry until they change
		f.log.Error("the certificate could not be reloaded; the old one remains in use", "cert", f.cert, "error", err)
		return
	}
	f.log.Info("certificate reloaded", "cert", f.cert)
}

// GetCertificate returns the current certificate. It implements the field of tls.Config.
func (f *certFiles) GetCertificate(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if now := f.now(); now.Sub(f.looked) >= lookEvery {
		f.looked = now
		if f.stamps() != f.stamp {
			f.reload()
		}
	}
	return f.current, nil
}
