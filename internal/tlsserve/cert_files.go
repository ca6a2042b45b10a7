package tlsserve

import (
	"crypto/tls"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"
)

// certFiles serves a certificate from two files and reads them again when they change, so that renewals need no
// restart. A pair that cannot be read is logged and the old one goes on.
type certFiles struct {
	cert, key string
	log       *slog.Logger
	now       func() time.Time

	mu      sync.Mutex
	current *tls.Certificate
	stamp   [2]time.Time // of the files as read
	looked  time.Time
}

// lookEvery is how often handshakes look at the files' times.
const lookEvery = time.Second

// openCertFiles reads the pair; an error names the setting.
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

// Reload reads the files now: on SIGHUP.
func (f *certFiles) Reload() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.reload()
}

func (f *certFiles) reload() {
	if err := f.read(); err != nil {
		f.stamp = f.stamps() // do not try again before they change
		f.log.Error("the certificate could not be read again; the old one stays", "cert", f.cert, "error", err)
		return
	}
	f.log.Info("certificate read again", "cert", f.cert)
}

// GetCertificate is for tls.Config.
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
