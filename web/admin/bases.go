package admin

import (
	"cmp"
	"net/http"
	"net/url"
	"strings"

	"pyindex/internal/access"
	"pyindex/internal/catalog"
	"pyindex/web/ui"
)

type basesView struct {
	ui.Frame
	Of        catalog.Repository
	Drawn     []catalog.Base
	Possible  []string // bases to choose from
	Bases     ui.Field
	Hashes    ui.Field
	Readers   ui.Field
	Anonymous ui.Field
}

func (s *Section) adminBases(w http.ResponseWriter, r *http.Request, who access.Caller) error {
	of, bases, err := s.repositoryBases(r, who)
	if err != nil {
		return err
	}
	values := url.Values{"bases": {strings.Join(names(bases), "\n")}, "upstream_readers": {of.UpstreamReaders}}
	if of.RequireHashes {
		values.Set("require_hashes", "on")
	}
	if of.AnonymousFetch {
		values.Set("anonymous_fetch", "on")
	}
	return s.basesPage(w, r, who, ui.Typed(values))
}

// repositoryBases returns the repository of a request with its bases.
func (s *Section) repositoryBases(r *http.Request, who access.Caller) (catalog.Repository, []catalog.Base, error) {
	of, err := s.o.Index.Repository(r.Context(), who, r.PathValue("name"))
	if err != nil {
		return of, nil, err
	}
	all, err := s.o.Index.Bases(r.Context(), who)
	return of, all[of.Name], err
}

// names returns bases as people write them.
func names(bases []catalog.Base) (out []string) {
	for _, b := range bases {
		out = append(out, b.String())
	}
	return out
}

func (s *Section) basesPage(w http.ResponseWriter, r *http.Request, who access.Caller, f ui.Form) error {
	of, drawn, err := s.repositoryBases(r, who)
	if err != nil {
		return err
	}
	v := basesView{Frame: s.adminFrame(r, who, "repositories", "Bases of "+of.Name), Of: of, Drawn: drawn}
	repositories, err := s.o.Index.Repositories(r.Context(), who)
	if err != nil {
		return err
	}
	for _, x := range repositories {
		if x.Name != of.Name {
			v.Possible = append(v.Possible, x.Name)
		}
	}
	upstreams, err := s.o.Upstreams.List(r.Context(), who)
	if err != nil {
		return err
	}
	for _, u := range upstreams {
		v.Possible = append(v.Possible, catalog.Base{Upstream: u.Name}.String())
	}
	v.Notice = cmp.Or(f.Problem(), v.Notice)
	v.Bases = f.Field(ui.Field{
		Name: "bases", Label: "Bases", Type: "textarea", Mono: true, MaxLength: 4000,
		Help: "One on a line, in the order in which they are read: the name of a repository, or upstream: with the name of an upstream.",
	})
	v.Hashes = f.Field(ui.Field{
		Name: "require_hashes", Label: "List a file of an upstream only when its digest is known", Type: "checkbox",
		Help: "If an upstream states no digest, the file is fetched first. Otherwise it is pinned to the digest of its first download.",
	})
	v.Readers = f.Field(ui.Field{
		Name: "upstream_readers", Label: "Packages of upstreams can be read by", Type: "select", Options: []ui.Option{
			{Value: catalog.AnyReader, Label: "everyone who can read anything in the repository"},
			{Value: catalog.RepositoryReader, Label: "those who can read the whole repository"},
		},
	})
	v.Anonymous = f.Field(ui.Field{
		Name: "anonymous_fetch", Label: "Fetch from upstreams for callers without a token", Type: "checkbox",
		Help: "Otherwise they get what is kept. Takes effect only if the repository can be read without signing in.",
	})
	return s.Render(w, f.Status(), "admin-bases", &v)
}

func (s *Section) changeBases(w http.ResponseWriter, r *http.Request, who access.Caller, f ui.Form) error {
	bases := []catalog.Base{}
	for _, text := range strings.Fields(f.Get("bases")) {
		bases = append(bases, catalog.ParseBase(text))
	}
	hashes, anonymous, readers := f.On("require_hashes"), f.On("anonymous_fetch"), f.Get("upstream_readers")
	err := s.o.Index.ChangeRepository(r.Context(), who, r.PathValue("name"), catalog.RepositoryChange{
		Bases: &bases, RequireHashes: &hashes, UpstreamReaders: &readers, AnonymousFetch: &anonymous,
	})
	if err := f.Refused("bases", err); err != nil {
		return err
	}
	if f.Bad() {
		return s.basesPage(w, r, who, f)
	}
	return s.Done(w, r, s.Back(r), "Changed the bases of "+r.PathValue("name")+".")
}
