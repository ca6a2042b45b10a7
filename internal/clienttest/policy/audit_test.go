package policy

import (
	"strings"
	"testing"

	"pyindex/internal/clienttest"
)

// uv audit asks this index, by the lock, and prints the advisories of the feed: also about a release that is denied by
// now, and beside one that is held.
func TestUVAudit(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.person(t, tool{
		name: "uv", client: func(t *testing.T) *clienttest.Client { return clienttest.UV(t).Set("UV_HTTP_RETRIES=0") },
	})
	audit := func() clienttest.Result {
		return p.run("audit", "--locked", "--service-url", w.server.With(w.token, "/r/"+p.tree.name+"/_/osv/"))
	}
	uvLock(p, affected, cooling, hostile).OK(t)
	w.feed()
	p.cool()
	r := audit().Refused(t, affected, vulnerability)
	if said := r.Stdout + r.Stderr; !strings.Contains(said, advisory) {
		t.Errorf("uv audit does not name %s:\n%s", advisory, said)
	}
	t.Logf("%s%s", r.Stdout, r.Stderr)
	uvLock(p, affected+"==1.0", cooling, hostile+"==1.0").OK(t)
	audit().OK(t).Says(t, "no known vulnerabilities")
}

// pip-audit asks this index about requirements with digests, and prints the advisories of the feed, also about a release
// that is denied. It finds nothing about one that is held.
func TestPipAudit(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.feed()
	team := w.repository(t, "team")
	client := clienttest.Audit(t).Set("HTTPS_PROXY=http://127.0.0.1:9", "HTTP_PROXY=http://127.0.0.1:9")
	audit := func(release string) clienttest.Result {
		dir := t.TempDir()
		write(t, dir, "requirements.txt", release+" --hash=sha256:"+w.wheels[release].SHA256()+"\n")
		return client.Shell(t, dir, "pip-audit --disable-pip --require-hashes --requirement requirements.txt "+
			"--vulnerability-service osv --osv-url "+w.server.With(w.token, "/r/"+team.name+"/_/osv/v1/query"))
	}
	r := audit(affected+"==2.0").Refused(t, affected, vulnerability)
	t.Logf("%s%s", r.Stdout, r.Stderr)
	audit(hostile+"==2.0").Refused(t, hostile, advisory)
	team.cool()
	audit(cooling+"==2.0").OK(t).Says(t, "No known vulnerabilities found")
	audit(affected+"==1.0").OK(t).Says(t, "No known vulnerabilities found")
}
