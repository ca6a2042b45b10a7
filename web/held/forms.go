package held

import (
	"net/http"

	"pyindex/internal/access"
	"pyindex/internal/catalog"
	"pyindex/internal/fault"
	"pyindex/internal/holds"
	"pyindex/internal/packaging"
	"pyindex/web/ui"
)

// target returns what a form of the page is about: the file that it names, or else all files of the version.
func (f found) target(filename string) (t holds.Target, err error) {
	t = holds.Target{Project: f.name, Filename: filename}
	t.Version, err = packaging.ParseVersion(f.version)
	return t, err
}

// in returns the repositories whose settings hold the files that a form is about. It is the one that was asked if none
// of them is held.
func (s *Section) in(r *http.Request, f found, filename string) []string {
	var wanted found
	for _, one := range f.files {
		if one.Decision != nil && one.Decision.Exemptable() && (filename == "" || one.Filename == filename) {
			wanted.files = append(wanted.files, one)
		}
	}
	return s.deciders(r, wanted)
}

// errNoMaintainer refuses a form that is not filled in. A complete one is refused by package holds, which records it.
var errNoMaintainer = fault.New(fault.Denied,
	"only a maintainer of the repository, or an administrator, may exempt files from its holds")

// mayExempt reports whether the caller may exempt the files of a version in a repository that concerns them.
func (s *Section) mayExempt(r *http.Request, who access.Caller, f found) bool {
	for _, repo := range s.visible(r, who, s.deciders(r, f)) {
		if s.o.Holds.Manages(who, repo) {
			return true
		}
	}
	return false
}

// refused makes an error the message of the field that it is about, or of the whole form. It returns errors that the
// reader cannot correct.
func refused(w http.ResponseWriter, f ui.Form, fields map[string]string, err error) error {
	f.Late(w, err)
	return f.Refused(fields[fault.FieldOf(err)], err)
}

// ask asks for an exemption, in each repository that holds the files.
func (s *Section) ask(w http.ResponseWriter, r *http.Request, who access.Caller, form ui.Form) error {
	f, err := s.find(w, r, who)
	if err != nil {
		return err
	}
	filename := form.Get("ask_file")
	t, err := f.target(filename)
	if err != nil {
		return err
	}
	for _, name := range s.in(r, f, filename) {
		_, err := s.o.Holds.Ask(r.Context(), who, holds.Ask{Repository: name, Target: t, Reason: form.Get("ask_reason")})
		if fault.Is(err, fault.NotFound) {
			form.Wrong("", "You cannot ask here: the files are held by a repository that you may not read. Ask its maintainers.")
			continue
		}
		if err := refused(w, form, map[string]string{"reason": "ask_reason", "filename": "ask_file"}, err); err != nil {
			return err
		}
	}
	if form.Bad() {
		return s.show(w, r, who, form)
	}
	return s.Done(w, r, s.path(r, f), "You asked for an exemption. The maintainers of the repository see it.")
}

// exempt exempts files from the holds of each repository that holds them.
func (s *Section) exempt(w http.ResponseWriter, r *http.Request, who access.Caller, form ui.Form) error {
	f, err := s.find(w, r, who)
	if err != nil {
		return err
	}
	filename := form.Get("exempt_file")
	t, err := f.target(filename)
	if err != nil {
		return err
	}
	last := life(form)
	if form.Get("exempt_reason") == "" {
		form.Wrong("exempt_reason", "Give a reason.")
	}
	switch {
	case form.Bad() && !s.mayExempt(r, who, f):
		return errNoMaintainer
	case form.Bad():
		return s.show(w, r, who, form)
	}
	for _, name := range s.in(r, f, filename) {
		_, err := s.o.Holds.Exempt(r.Context(), who, holds.NewExemption{
			Repository: name, Target: t, Reason: form.Get("exempt_reason"), For: last,
		})
		fields := map[string]string{"reason": "exempt_reason", "filename": "exempt_file", "expires": "days"}
		if err := refused(w, form, fields, err); err != nil {
			return err
		}
	}
	if form.Bad() {
		return s.show(w, r, who, form)
	}
	return s.Done(w, r, s.path(r, f), "Exempted "+t.String()+". It is served from now on, unless another rule holds it.")
}

// lift lifts the denial of one file.
func (s *Section) lift(w http.ResponseWriter, r *http.Request, who access.Caller, form ui.Form) error {
	f, err := s.find(w, r, who)
	if err != nil {
		return err
	}
	if err := s.Confirmed(who); err != nil && who.Admin() {
		return err
	}
	t, err := f.target(form.Get("lift_file"))
	if err != nil {
		return err
	}
	if t.Filename == "" {
		form.Wrong("lift_file", "Choose a file. A denial is lifted for one file at a time.")
	}
	if form.Get("lift_reason") == "" {
		form.Wrong("lift_reason", "Give a reason.")
	}
	switch {
	case form.Bad() && !who.Admin():
		return fault.New(fault.Denied, "only an administrator may lift a denial")
	case form.Bad():
		return s.show(w, r, who, form)
	}
	_, err = s.o.Holds.Lift(r.Context(), who, holds.NewLift{
		Repository: repository(r), Target: t, SHA256: digestOf(f.files, t.Filename), Reason: form.Get("lift_reason"),
	})
	if err := refused(w, form, map[string]string{"reason": "lift_reason", "filename": "lift_file"}, err); err != nil {
		return err
	}
	if form.Bad() {
		return s.show(w, r, who, form)
	}
	return s.Done(w, r, s.path(r, f), "Lifted the denial of "+t.Filename+", in all repositories.")
}

// digestOf returns the digest of a file as the page of the form shows it, "" if it is not there.
func digestOf(files []catalog.File, filename string) string {
	for _, f := range files {
		if f.Filename == filename {
			return f.SHA256
		}
	}
	return ""
}
