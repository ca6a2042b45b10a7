package e2e

import (
	"testing"

	"pyindex/internal/clienttest"
)

// The server's own authority is all that clients need to be told of: publish and install over TLS.
func TestSelfSignedTLS(t *testing.T) {
	t.Parallel()
	s := open(t, clienttest.Options{TLS: true})
	files := clienttest.Sample(t, "setuptools", "1.0")
	twine(t, s, s.upload, "", files[0]).OK(t)
	uv(t, s, s.upload, "", files[1]).OK(t)

	pip, target := clienttest.NewestPip(t), t.TempDir()
	pip.Run(t, target, "install", "--target", target, "--cert", s.CA, "--index-url", s.simple(), "acme-greeter").OK(t)
	// The second time pip's own cache revalidates, which it does over https only.
	pip.Run(t, target, "install", "--upgrade", "--target", target, "--cert", s.CA, "--index-url", s.simple(),
		"acme-greeter").OK(t)

	c, target := clienttest.UV(t).Set("SSL_CERT_FILE="+s.CA), t.TempDir()
	c.Run(t, target, "pip", "install", "--python", c.Interpreter(), "--target", target, "--index-url", s.simple(),
		"acme-greeter").OK(t)
	if got := installed(t, target); got != "1.0" {
		t.Errorf("uv over TLS installed %s, want 1.0", got)
	}
}

// Without that authority a client does not connect, and so never sends its token.
func TestSelfSignedTLSUntrusted(t *testing.T) {
	t.Parallel()
	s := open(t, clienttest.Options{TLS: true})
	pip, target := clienttest.NewestPip(t), t.TempDir()
	pip.Run(t, target, "install", "--target", target, "--retries", "0", "--index-url", s.simple(),
		"acme-greeter").Refused(t, "certificate")
}
