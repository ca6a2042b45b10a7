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

// By default pip installs a release as soon as it is published, although it has the project's page in its cache. With
// access.page_max_age it may reuse the page for that time, and --refresh-package asks again.
func TestPageCacheOfPip(t *testing.T) {
	t.Parallel()
	first, second := clienttest.Sample(t, "setuptools", "1.0"), clienttest.Sample(t, "setuptools", "1.1")
	for _, c := range []struct {
		name string
		args []string
		want string
	}{
		{"default", nil, "1.1"},
		{"page_max_age", []string{"--access-page-max-age", "10m"}, "1.0"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := open(t, clienttest.Options{TLS: true, Args: c.args})
			pip := clienttest.NewestPip(t).Set("PIP_CACHE_DIR=" + t.TempDir())
			install := func(more ...string) string {
				target := t.TempDir()
				args := []string{"install", "--target", target, "--cert", s.CA, "--index-url", s.simple(), "acme-greeter"}
				pip.Run(t, target, append(args, more...)...).OK(t)
				return installed(t, target)
			}
			s.publish(t, first...)
			if got := install(); got != "1.0" {
				t.Fatalf("pip installed %s, want 1.0", got)
			}
			s.publish(t, second...)
			if got := install(); got != c.want {
				t.Errorf("after 1.1 was published pip installed %s, want %s", got, c.want)
			}
			if got := install("--refresh-package", "acme-greeter"); got != "1.1" {
				t.Errorf("with --refresh-package pip installed %s, want 1.1", got)
			}
		})
	}
}
