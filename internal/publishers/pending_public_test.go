package publishers_test

import (
	"context"
	"strings"
	"testing"

	"pyindex/internal/catalog"
	"pyindex/internal/packaging"
	"pyindex/internal/publishers/exchange"
)

// publicNames is the list of an upstream.
type publicNames map[string]bool

func (p publicNames) Listed(_ context.Context, name packaging.ProjectName) (by string, listed, known bool) {
	return "public", p[name.String()], true
}

// TestPendingForPublicName: a pending publisher creates no project of a name that has been on an upstream's list since
// it was registered, unless an administrator registered it although the name is public.
func TestPendingForPublicName(t *testing.T) {
	listed := publicNames{}
	b := newBench(t, func(o *settings) { o.rules.Policy = catalog.NamePolicy{Public: listed} })
	alice := b.user("alice")
	b.addPending(alice, "early")
	listed["early"], listed["ours"] = true, true
	_, err := b.exchange(b.token(nil))
	refuse(t, err, exchange.CodePublisher, "cannot be used now")
	if b.there("early") {
		t.Error("the exchange created a project of a public name")
	}
	if told := b.exchanges(alice, "early"); len(told) != 1 ||
		!strings.Contains(told[0].Description, "on the list of names of the upstream public") {
		t.Errorf("alice is told %+v, want the upstream", told)
	}
	req := b.request("ours")
	req.Pending, req.EvenIfPublic, req.Reason = true, true, "it was ours first"
	b.addRequest(b.operator, req)
	if m := b.mint(nil); !b.there("ours") || b.there("early") {
		t.Errorf("projects %v, want the one that an administrator allowed", m.Projects)
	}
	added := b.addPending(alice, "free")
	if m := b.mint(nil); !b.there("free") {
		t.Errorf("projects %v, want the free name of %s", m.Projects, added.ID)
	}
}
