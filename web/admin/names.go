package admin

import (
	"cmp"
	"net/http"

	"pyindex/internal/access"
	"pyindex/internal/catalog"
	"pyindex/internal/fault"
	"pyindex/internal/packaging"
	"pyindex/web/ui"
)

type namesView struct {
	ui.Frame
	Reservations []catalog.NamedReservation
	Rulings      []catalog.NamedRuling
	Collisions   []catalog.Collision // in the repository In
	More         int                 // collisions that are not shown
	In           string
	Others       []string // names of the other repositories
	Compared     bool     // whether every upstream has a list of names

	Project, Place, Origin, Versions, Why, Sure ui.Field // the form for decisions
	Prefix, For, Reason, EvenIfPublic           ui.Field // the form for reservations
}

const collisionsShown = 200

func (s *Section) adminNames(w http.ResponseWriter, r *http.Request, who access.Caller) error {
	return s.namesPage(w, r, who, ui.Typed(nil))
}

func (s *Section) namesPage(w http.ResponseWriter, r *http.Request, who access.Caller, f ui.Form) error {
	ctx := r.Context()
	v := namesView{
		Frame: s.adminFrame(r, who, "names", "Names"), In: cmp.Or(r.URL.Query().Get("in"), catalog.MainRepository),
	}
	var err error
	if v.Reservations, err = s.o.Index.Reservations(ctx, who); err != nil {
		return err
	}
	if v.Rulings, err = s.o.Index.Rulings(ctx, who); err != nil {
		return err
	}
	if v.Collisions, v.Compared, err = s.o.Index.Collisions(ctx, who, v.In); err != nil {
		return err
	}
	v.More = max(0, len(v.Collisions)-collisionsShown)
	v.Collisions = v.Collisions[:len(v.Collisions)-v.More]
	all, err := s.o.Index.Repositories(ctx, who)
	if err != nil {
		return err
	}
	places := make([]ui.Option, 0, len(all))
	for _, one := range all {
		places = append(places, ui.Option{Value: one.Name, Label: one.Name})
		if one.Name != v.In {
			v.Others = append(v.Others, one.Name)
		}
	}
	v.Notice = cmp.Or(f.Problem(), v.Notice)
	v.decisionFields(f, places)
	v.reservationFields(f, places)
	return s.Render(w, f.Status(), "admin-names", &v)
}

func (v *namesView) decisionFields(f ui.Form, places []ui.Option) {
	v.Project = f.Field(ui.Field{Name: "project", Label: "Project", Required: true, Mono: true, MaxLength: 200})
	v.Place = f.Field(ui.Field{
		Name: "repository", Label: "Repository", Type: "select", Value: catalog.MainRepository, Options: places,
	})
	v.Origin = f.Field(ui.Field{
		Name: "origin", Label: "The name belongs to", Type: "select", Options: []ui.Option{
			{Value: "own", Label: "this index, in every repository"},
			{Value: "upstream", Label: "an upstream, in this repository"},
			{Value: "both", Label: "both, in this repository"},
		},
	})
	v.Versions = f.Field(ui.Field{
		Name: "versions", Label: "Versions that may be uploaded", Mono: true, MaxLength: 200, Placeholder: ">=2.0,<3",
		Help: "Only for both. Leave empty to allow local versions only, such as 1.26.4+acme.1.",
	})
	v.Why = f.Field(ui.Field{
		Name: "why", Label: "Reason", Required: true, MaxLength: catalog.MaxReason,
		Help: "If both, everyone who can read the project can read it. Otherwise the people who manage it can.",
	})
	v.Sure = f.Field(ui.Field{
		Name: "sure", Label: "If both: change it although it affects everyone who installs the project", Type: "checkbox",
		Help: "The first local version moves existing locks of uv and pipenv to it, stops uv pip install --require-hashes" +
			" for everyone who pins the public version, and is installed by pdm under the number of the public version.",
	})
}

func (v *namesView) reservationFields(f ui.Form, places []ui.Option) {
	v.Prefix = f.Field(ui.Field{
		Name: "prefix", Label: "Prefix", Required: true, Mono: true, MaxLength: 200, Placeholder: "acme",
		Help: "acme reserves acme and all names that begin with acme-.",
	})
	v.For = f.Field(ui.Field{
		ID: "f-for", Name: "for", Label: "Repository", Type: "select", Value: catalog.MainRepository, Options: places,
	})
	v.Reason = f.Field(ui.Field{Name: "reason", Label: "Reason", Required: true, MaxLength: catalog.MaxReason})
	v.EvenIfPublic = f.Field(ui.Field{
		Name: "public", Label: "Reserve the names although an upstream has some of them", Type: "checkbox",
		Help: "They are no longer read from there.",
	})
}

// decideName decides whose a name is.
func (s *Section) decideName(w http.ResponseWriter, r *http.Request, who access.Caller, f ui.Form) error {
	name, err := packaging.ParseProjectName(f.Get("project"))
	if err != nil {
		f.Wrong("project", "Enter the name of a project.")
	}
	n := catalog.NewRuling{
		Repository: f.Get("repository"), Name: name, Origin: catalog.Origin(f.Get("origin")), Versions: f.Get("versions"),
		Reason: f.Get("why"),
	}
	if n.Reason == "" {
		f.Wrong("why", "Give a reason.")
	}
	if _, err := packaging.ParseSpecifiers(n.Versions); n.Versions != "" && err != nil {
		f.Wrong("versions", fault.Sentence(err))
	} else if n.Versions != "" && n.Origin != catalog.Both {
		f.Wrong("versions", "Only a name that belongs to both has versions that may be uploaded.")
	}
	if n.Origin == catalog.Both && !f.On("sure") {
		f.Wrong("sure", "Read what own versions of the name do, and tick this box.")
	}
	if f.Bad() {
		return s.namesPage(w, r, who, f)
	}
	if err := f.Refused("project", s.o.Index.SetOrigin(r.Context(), who, n)); err != nil {
		return err
	}
	if f.Bad() {
		return s.namesPage(w, r, who, f)
	}
	said := map[catalog.Origin]string{
		catalog.Own:     name.String() + " belongs to this index now, and no upstream is asked about it.",
		catalog.Foreign: name.String() + " is read from an upstream now, in repository " + n.Repository + ".",
		catalog.Both: name.String() + " has own versions beside those of an upstream now, in repository " + n.Repository +
			".",
	}
	return s.Done(w, r, "/admin/names/", said[n.Origin])
}

// reserveNames reserves a prefix.
func (s *Section) reserveNames(w http.ResponseWriter, r *http.Request, who access.Caller, f ui.Form) error {
	if _, err := packaging.ParseNamePrefix(f.Get("prefix")); err != nil {
		f.Wrong("prefix", "Enter the beginning of names, such as acme.")
	}
	if f.Get("reason") == "" {
		f.Wrong("reason", "Give a reason.")
	}
	if f.Bad() {
		return s.namesPage(w, r, who, f)
	}
	made, err := s.o.Index.Reserve(r.Context(), who, catalog.NewReservation{
		Repository: f.Get("for"), Pattern: f.Get("prefix"), Reason: f.Get("reason"), EvenIfPublic: f.On("public"),
	})
	if err := f.Refused("prefix", err); err != nil {
		return err
	}
	if f.Bad() {
		return s.namesPage(w, r, who, f)
	}
	return s.Done(w, r, "/admin/names/", "Reserved "+made.Text()+" for repository "+made.Repository+".")
}

// unreserveNames removes the reservation of a prefix.
func (s *Section) unreserveNames(w http.ResponseWriter, r *http.Request, who access.Caller, f ui.Form) error {
	if err := s.o.Index.Unreserve(r.Context(), who, f.Get("for"), f.Get("prefix")); err != nil {
		return err
	}
	return s.Done(w, r, "/admin/names/", "The names are no longer reserved for repository "+f.Get("for")+".")
}
