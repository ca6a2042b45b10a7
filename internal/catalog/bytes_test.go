package catalog_test

import (
	"strings"
	"testing"

	"pyindex/internal/access"
	"pyindex/internal/catalog"
	"pyindex/internal/fault"
	"pyindex/internal/ingest"
	"pyindex/internal/packaging/packagingtest"
)

// TestHiddenBytes: an upload does not reveal whether a hidden project has the same content.
func TestHiddenBytes(t *testing.T) {
	w := newWorld(t, ingest.PrivatePolicy(), catalog.Limits{})
	ctx := t.Context()
	mustName(t, w.AddRepository(ctx, w.admin, catalog.NewRepository{Name: "team", Members: access.NoRole}))
	hidden, open := packagingtest.Wheel("hidden", "1.0", "x"), packagingtest.Wheel("open", "1.0", "x")
	for _, f := range []packagingtest.File{hidden, open, packagingtest.Wheel("mine", "0.1", "x")} {
		if _, err := w.uploadTo("team", w.admin, f); err != nil {
			t.Fatal(err)
		}
	}
	w.user("eve", access.NewAPIToken{Scope: access.ScopeUpload})
	mustName(t, w.Grant(ctx, w.admin, "team", name(t, "mine"), "eve", access.Owner))
	mustName(t, w.Grant(ctx, w.admin, "team", name(t, "open"), "eve", access.Reader))
	eve := w.token("eve", access.NewAPIToken{Scope: access.ScopeUpload})

	as := func(who access.Caller, f packagingtest.File) error {
		f.Project, f.Version, f.Name = "mine", "1.0", "mine-1.0-py3-none-any.whl"
		_, err := w.uploadTo("team", who, f)
		return err
	}
	there, absent := as(eve, hidden), as(eve, packagingtest.Wheel("hidden", "1.0", "y"))
	if there == nil || absent == nil || there.Error() != absent.Error() || fault.KindOf(there) != fault.KindOf(absent) {
		t.Errorf("content of a hidden project = %v, unknown content = %v, want the same", there, absent)
	}
	for who, c := range map[string]access.Caller{"a reader of that project": eve, "an administrator": w.admin} {
		if err := as(c, open); !fault.Is(err, fault.Conflict) || !strings.Contains(err.Error(), open.Name) {
			t.Errorf("existing content, from %s: %v, want its file name", who, err)
		}
	}
	if err := as(w.admin, hidden); !fault.Is(err, fault.Conflict) {
		t.Errorf("content of a hidden project, from an administrator: %v, want conflict", err)
	}
}
