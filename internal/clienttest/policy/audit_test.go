package policy

import (
	"testing"

	"pyindex/internal/clienttest"
)

// uv audit asks this index, by the lock, and prints the advisory of the feed.
func TestUVAudit(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.feed()
	p := w.person(t, tool{
		name: "uv", client: func(t *testing.T) *clienttest.Client { return clienttest.UV(t).Set("UV_HTTP_RETRIES=0") },
	})
	audit := func() clienttest.Result {
		return p.run("audit", "--locked", "--service-url", w.server.With(w.token, "/r/"+p.tree.name+"/_/osv/"))
	}
	uvLock(p, affected, cooling).OK(t)
	r := audit().Refused(t, affected, vulnerability)
	t.Logf("%s%s", r.Stdout, r.Stderr)
	uvLock(p, affected+"==1.0", cooling).OK(t)
	r = audit().OK(t)
	t.Logf("%s%s", r.Stdout, r.Stderr)
}
