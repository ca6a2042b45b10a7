package legacyupload_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"pyindex/internal/access"
	"pyindex/internal/assembly"
	"pyindex/internal/catalog"
	"pyindex/internal/ingest"
)

// TestUploadIsNoOracle checks that an uploader cannot find out which private names exist: the answers for a project of
// others and for a name without a project agree in every field, whatever the state of the project is.
func TestUploadIsNoOracle(t *testing.T) {
	s := newSite(t, setting{catalog: assembly.Options{Policy: ingest.Policy{
		NamePolicy: catalog.NamePolicy{SimilarNames: true, ReservedNames: true},
	}}})
	s.upload(demo)
	states := map[string]catalog.Status{
		"priva": catalog.Active, "archi": catalog.Archived, "quara": catalog.Quarantined, "depre": catalog.Deprecated,
	}
	for name, status := range states {
		if a := s.upload(wheel(name, "1.0", "x")); a.status != http.StatusOK {
			t.Fatalf("the upload of %s = %v", name, a)
		}
		check(t, s.index.SetStatus(t.Context(), operator, "", s.project(name), status, ""))
	}
	s.upload(wheel("delet", "1.0", "x"))
	check(t, s.index.DeleteProject(t.Context(), operator, "", s.project("delet")))
	s.upload(wheel("onlyp", "1.0", "x"))
	check(t, s.index.SetTrustedOnly(t.Context(), operator, "", s.project("onlyp"), true))
	s.user("bob") // owns demo beside alice, and may create nothing
	check(t, s.index.SetRepository(t.Context(), operator, "main", access.NoRole, false))
	check(t, s.index.Grant(t.Context(), operator, "", s.project("demo"), "bob", access.Owner))

	names := []string{"absen", "priva", "archi", "quara", "depre", "delet", "onlyp", "queue", "pr1va"}
	for caller, token := range map[string]access.Secret{
		"minted":                s.trust(false),
		"an API token of bob's": s.newToken(access.NewAPIToken{User: "bob", Scope: access.ScopeUpload}),
		"bound to demo": s.newToken(access.NewAPIToken{
			User: "alice", Repository: "main", Scope: access.ScopeUpload, Projects: []string{"demo"},
		}),
		"of scope admin": s.newToken(access.NewAPIToken{User: "bob", Scope: access.ScopeAdmin}),
	} {
		t.Run(caller, func(t *testing.T) {
			if a := s.send(request{token: token, parts: demo.parts()}); a.status != http.StatusOK {
				t.Fatalf("its own project = %v, want 200", a)
			}
			for form, parts := range map[string]func(distribution) []part{
				"the file last":  distribution.parts,
				"the file first": func(d distribution) []part { p := d.parts(); slices.Reverse(p); return p },
				"a bad digest":   func(d distribution) []part { return with(d.parts(), "sha256_digest", strings.Repeat("0", 64)) },
				"not a wheel": func(d distribution) []part {
					return append(without(d.parts(), "content"), fileField("content", d.filename, []byte("x")))
				},
			} {
				var absent answer
				for i, name := range names {
					a := s.send(request{token: token, parts: parts(wheel(name, "1.0", "y"))})
					a.body, a.reason = strings.ReplaceAll(a.body, name, "NAME"), strings.ReplaceAll(a.reason, name, "NAME")
					a.header.Del("Date")
					a.header.Del("X-Request-Id")
					if i == 0 {
						absent = a
						if a.status != http.StatusForbidden {
							t.Errorf("%s, no such project = %v, want 403", form, a)
						}
						continue
					}
					if !sameAnswer(a, absent) {
						t.Errorf("%s, %s = %v %v,\nwant as for a name that does not exist %v %v", form, name, a, a.header, absent,
							absent.header)
					}
				}
			}
		})
	}
	if _, err := s.index.Project(t.Context(), operator, "", s.project("absen")); err == nil {
		t.Error("a refused upload created a project")
	}
}

func sameAnswer(a, b answer) bool {
	if a.status != b.status || a.reason != b.reason || a.body != b.body || len(a.header) != len(b.header) {
		return false
	}
	for name, v := range a.header {
		if !slices.Equal(v, b.header[name]) {
			return false
		}
	}
	return true
}
