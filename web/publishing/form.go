package publishing

import (
	"cmp"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"pyindex/internal/access"
	"pyindex/internal/fault"
	"pyindex/internal/packaging"
	"pyindex/internal/publishers"
	"pyindex/internal/workload"
	"pyindex/web/ui"
)

// adding is the form of a new publisher, filled in by the user or by a link.
type adding struct {
	kind     workload.Form
	known    bool // kind was found
	request  publishers.AddRequest
	form     ui.Form
	compiled map[string]string // fields of the added publisher
	filled   bool              // at least one field has a value
}

// queryNames maps the field names that other tools use in links to ours. formFields has the field names of all forms,
// so that values survive a change of tabs.
var queryNames, formFields = func() (map[string]string, map[string]bool) {
	ours, all := map[string]string{"issuer_url": "issuer"}, map[string]bool{}
	for _, k := range workload.All {
		for _, f := range k.Forms() {
			for _, field := range f.Fields {
				all[field.Name] = true
				if field.Alias != "" {
					ours[field.Alias] = field.Name
				}
			}
		}
	}
	return ours, all
}()

// addFrom reads the values of a prefilling link or a posted form. It does not validate them.
func (s *Section) addFrom(values url.Values) adding { return addFrom(values, s.o.Registry.Server) }

// addFrom is Section.addFrom. server returns the address of an issuer's platform if it is not the issuer's.
func addFrom(values url.Values, server func(issuer string) string) adding {
	q := url.Values{}
	for name, v := range values {
		if our := queryNames[name]; our != "" && len(v) > 0 && values.Get(our) == "" {
			name = our
		}
		q[name] = v
	}
	provider := strings.ToLower(strings.TrimSpace(q.Get("provider")))
	provider = ofPreset(provider, q)
	a := adding{form: ui.Typed(q)}
	a.kind, a.known = workload.FormFor(provider, "")
	if pair, ok := a.kind.Pair(); ok {
		issuer := cmp.Or(a.form.Get("issuer"), defaultIssuer(provider))
		both := a.kind.Split(cmp.Or(server(issuer), issuer), [2]string{q.Get(pair[0]), q.Get(pair[1])})
		q.Set(pair[0], both[0])
		q.Set(pair[1], both[1])
	}
	a.request = publishers.AddRequest{
		Provider: provider, Issuer: a.form.Get("issuer"), Project: a.form.Get("project_name"), Fields: map[string]string{},
	}
	fields, err := a.kind.Read(a.value)
	if err != nil {
		a.form.Wrong(fault.FieldOf(err), fault.Sentence(err))
	}
	a.request.Fields = fields
	a.filled = a.form.Get("project_name") != ""
	for _, field := range a.kind.Fields {
		a.filled = a.filled || a.form.Get(field.Name) != ""
	}
	return a
}

// ofPreset returns the provider of a link or form that names a platform by the field "preset" of provider generic, and
// renames its fields. Other links keep theirs.
func ofPreset(provider string, q url.Values) string {
	values := map[string]string{}
	for name, v := range q {
		if len(v) > 0 {
			values[name] = v[0]
		}
	}
	now, fields := workload.OfPreset(provider, values)
	if now == provider {
		return provider
	}
	clear(q)
	for name, v := range fields {
		q.Set(name, v)
	}
	return now
}

// defaultIssuer returns the issuer of a provider if the form names none.
func defaultIssuer(provider string) string {
	if kind := workload.Find(provider); kind != nil {
		return kind.Issuer()
	}
	return ""
}

// value returns the value of a field. A ticked checkbox is "true": forms post "on" for it, links use "true".
func (a adding) value(name string) string {
	field, _ := a.kind.Field(name)
	if v := a.form.Get(name); !field.Check || v == "" || v == "false" {
		return strings.TrimSuffix(v, "false")
	}
	return "true"
}

// query returns the query of a link that restores this form and the values of the other tabs.
func (a adding) query() url.Values {
	q := url.Values{"provider": {a.kind.Provider}}
	for _, name := range append([]string{"issuer", "preset", "project_name", "repository_name"}, wideFields...) {
		if v := a.form.Get(name); v != "" {
			q.Set(name, v)
		}
	}
	for name := range a.form.Values {
		if v := a.form.Get(name); v != "" && formFields[name] {
			q.Set(name, v)
		}
	}
	return q
}

// addForm is the form that adds a publisher.
type addForm struct {
	Provider, Issuer string
	Title, Place     string // CI service and its host, for example "GitHub Actions" and "github.com"
	Tabs, Platforms  []formTab
	Main, Stricter   []ui.Field
	StricterLabel    string
	Open             bool // the stricter fields are expanded
	Prefilled        bool // the values come from a link
	Preview          previewView
	Action           string
	Site             string // host of the forge's pages, for pasted addresses
}

// formTab is a link to the form for another kind of issuer.
type formTab struct {
	Label, Link string
	Current     bool
}

// previewView is the preview of the publisher as a sentence.
type previewView struct {
	Project  string
	Names    string // instead of a project: the projects of a repository, in words
	Pending  bool
	Words    workload.Words
	Warnings []workload.Warning
	Missing  []string // labels of empty required fields
	Wrong    []string // error messages
	Empty    bool     // no field is filled in
	Comma    bool     // the sentence contains a comma
}

// addForm returns the form for a. If a has no known kind, the form is that of the first issuer. Without issuers it is
// zero.
func (s *Section) addForm(r *http.Request, who access.Caller, a adding) (addForm, error) {
	issuers := s.o.Registry.Issuers()
	if len(issuers) == 0 {
		return addForm{}, nil
	}
	issuer := chooseIssuer(issuers, a)
	configured := workload.Of(issuer.Provider)
	if !a.known || !configured.Takes(workload.Of(a.kind.Provider)) {
		a.kind, _ = workload.FormFor(issuer.Provider, "")
	}
	if a.kind.Provider == "generic" && !a.form.Values.Has(workload.FieldClaims) && !a.form.Values.Has("preset") {
		a.kind = platformForm(issuer.URL)
	}
	a.request.Provider, a.request.Issuer = a.kind.Provider, issuer.URL
	out := addForm{
		Provider: a.kind.Provider, Issuer: issuer.URL, Title: a.kind.Title,
		Place:  workload.IssuerHost(issuer.URL),
		Site:   workload.ScriptSite(cmp.Or(issuer.Server, issuer.URL)),
		Action: r.URL.Path, Tabs: issuerTabs(issuers, issuer, a), Prefilled: a.filled && r.Method != http.MethodPost,
	}
	if configured == workload.Generic {
		out.Platforms = platformTabs(a)
	}
	for _, field := range a.kind.Fields {
		x := a.input(field)
		if field.Stricter {
			out.Stricter, out.Open = append(out.Stricter, x), out.Open || x.Value != "" || x.Checked || x.Error != ""
		} else {
			out.Main = append(out.Main, x)
		}
	}
	out.StricterLabel = someLabels(out.Stricter)
	focusFirst(out.Main, out.Stricter)
	var err error
	out.Preview, err = s.preview(r, who, a)
	return out, err
}

// platformForm returns the form for the platform of an issuer of kind generic, or the one for rules on claims.
func platformForm(issuer string) workload.Form {
	form, ok := workload.FormFor(workload.PlatformOf(issuer, nil), "")
	if !ok {
		form, _ = workload.FormFor("generic", "")
	}
	return form
}

// someLabels joins the labels of the first three fields.
func someLabels(fields []ui.Field) string {
	var labels []string
	for _, f := range fields[:min(3, len(fields))] {
		labels = append(labels, strings.ToLower(f.Label[:1])+f.Label[1:])
	}
	s := strings.Join(labels, ", ")
	if len(fields) > 3 {
		s += ", and more"
	}
	return s
}

// focusFirst sets the focus to the first field with an error.
func focusFirst(all ...[]ui.Field) {
	done := false
	for _, fields := range all {
		for i := range fields {
			fields[i].Focus = fields[i].Error != "" && !done
			done = done || fields[i].Focus
		}
	}
}

// chooseIssuer returns the issuer that a names. Otherwise it returns the default or first issuer that is configured as
// the provider, one of kind generic that is or could be of the provider's platform, or the first issuer of all.
func chooseIssuer(all []publishers.Issuer, a adding) publishers.Issuer {
	provider := workload.Find(a.request.Provider)
	takes := func(i publishers.Issuer) bool {
		return provider != nil && workload.Of(i.Provider).Takes(provider)
	}
	own := func(i publishers.Issuer) bool { return i.Provider == a.request.Provider }
	for _, wanted := range []func(publishers.Issuer) bool{
		func(i publishers.Issuer) bool { return own(i) && i.URL == a.request.Issuer },
		func(i publishers.Issuer) bool { return takes(i) && i.URL == a.request.Issuer },
		func(i publishers.Issuer) bool { return own(i) && i.URL == workload.Of(i.Provider).Issuer() },
		own,
		func(i publishers.Issuer) bool { return takes(i) && workload.PlatformOf(i.URL, nil) == provider.Name() },
		takes,
	} {
		if n := slices.IndexFunc(all, wanted); n >= 0 {
			return all[n]
		}
	}
	return all[0]
}

// issuerTabs returns links to the forms of all issuers. The links keep the current values.
func issuerTabs(all []publishers.Issuer, current publishers.Issuer, a adding) []formTab {
	var out []formTab
	for _, i := range all {
		kind, host := workload.Of(i.Provider), workload.IssuerHost(i.URL)
		label := kind.Short
		if i.Provider == "generic" {
			label = host
			if platform := workload.PlatformOf(i.URL, nil); platform != "" {
				label = platformForm(i.URL).Title
			}
		}
		if detail := issuerDetail(all, i); detail != "" && label != host {
			label += " (" + detail + ")"
		}
		q := a.query()
		q.Del("preset")
		q.Set("provider", i.Provider)
		q.Set("issuer", i.URL)
		if i.URL == kind.Issuer() {
			q.Del("issuer")
		}
		out = append(out, formTab{Label: label, Link: "?" + q.Encode() + "#add", Current: i == current})
	}
	return out
}

// issuerDetail returns what tells an issuer from the others of its kind: its host, or its URL if they have one host. It
// returns "" for the default issuer, and for the only one of a kind without a default.
func issuerDetail(all []publishers.Issuer, i publishers.Issuer) string {
	kind := workload.Of(i.Provider)
	if i.URL == kind.Issuer() {
		return ""
	}
	alone := kind != workload.Generic && kind.Issuer() == ""
	for _, other := range all {
		if other == i || other.Provider != i.Provider {
			continue
		}
		if alone = false; workload.IssuerHost(other.URL) == workload.IssuerHost(i.URL) {
			return strings.TrimPrefix(i.URL, "https://")
		}
	}
	if alone {
		return ""
	}
	return workload.IssuerHost(i.URL)
}

// platformTabs returns links to the forms of all kinds that an issuer of kind generic may have publishers of. The first
// is the kind of the platform that the issuer probably belongs to.
func platformTabs(a adding) []formTab {
	var out []formTab
	all := slices.Clone(workload.All)
	probable := workload.PlatformOf(a.request.Issuer, nil)
	slices.SortStableFunc(all, func(x, y *workload.Kind) int {
		return boolRank(y.Name() == probable) - boolRank(x.Name() == probable)
	})
	for _, k := range all {
		if !workload.Generic.Takes(k) {
			continue
		}
		f := k.Forms()[0]
		q := a.query()
		q.Set("provider", f.Provider)
		q.Set("issuer", a.request.Issuer)
		q.Del("preset")
		if k == workload.Generic {
			q.Set("preset", "") // no platform, even if the issuer's URL looks like one
		}
		out = append(out, formTab{Label: f.Title, Link: "?" + q.Encode() + "#add", Current: f.Provider == a.kind.Provider})
	}
	return out
}

func boolRank(b bool) int {
	if b {
		return 1
	}
	return 0
}

// input returns a form field with its current value.
func (a adding) input(field workload.Field) ui.Field {
	x := ui.Field{
		Name: field.Name, Label: field.Label, Help: field.Help, Placeholder: field.Example, Required: field.Required,
		Recommended: field.Recommended, Mono: !field.Check, MaxLength: 600, Wide: field.Recommended || field.Lines,
	}
	switch {
	case field.Pattern == "a number":
		x.InputMode = "numeric"
	case field.Check:
		x.Type = "checkbox"
	case field.Lines:
		x.Type, x.MaxLength = "textarea", 10_000
	}
	out := a.form.Field(x)
	if field.Check {
		out.Checked = a.value(field.Name) != ""
	}
	return out
}

// preview returns the preview of the form.
func (s *Section) preview(r *http.Request, who access.Caller, a adding) (previewView, error) {
	v := previewView{Project: a.request.Project, Pending: a.request.Pending, Empty: !a.filled}
	p, err := s.o.Registry.Preview(r.Context(), who, a.kind, a.request)
	if err != nil || !a.filled {
		return v, err
	}
	kind := workload.Of(a.kind.Provider)
	if a.request.Wide {
		prefix, _ := packaging.ParseNamePrefix(a.request.Names)
		v.Names = publishers.Names(prefix.String(), a.request.Repository, a.request.Creates)
		if a.request.Names == "" {
			v.Missing = append(v.Missing, "Name prefix")
			delete(p.Problems, publishers.FieldNames)
		}
	}
	v.Comma = strings.Contains(p.Words.String(), ", ")
	v.Words, v.Warnings = p.Words, slices.DeleteFunc(p.Warnings, func(w workload.Warning) bool {
		// The account ID is looked up when the publisher is added.
		return w.Degree == workload.CouldBeStricter || w.Field != "" && w.Field == kind.PinField() && kind.Account != ""
	})
	for _, field := range a.kind.Fields {
		message, wrong := p.Problems[field.Name]
		switch {
		case wrong && field.Required && a.form.Get(field.Name) == "":
			v.Missing = append(v.Missing, field.Label)
		case wrong:
			v.Wrong = append(v.Wrong, message)
		}
		delete(p.Problems, field.Name)
	}
	for _, name := range slices.Sorted(maps.Keys(p.Problems)) {
		v.Wrong = append(v.Wrong, p.Problems[name])
	}
	if len(a.form.Errs) > 0 {
		v.Wrong = nil // the form shows them next to the fields
	}
	return v, nil
}

// publishingPreview returns only the preview, for the script that updates it while the user types.
func (s *Section) publishingPreview(w http.ResponseWriter, r *http.Request, who access.Caller, f ui.Form) error {
	a := s.addFrom(f.Values)
	a.request.Repository, a.request.Project = ui.Repository(r), r.PathValue("project")
	return s.writePreview(w, r, who, a)
}

func (s *Section) writePreview(w http.ResponseWriter, r *http.Request, who access.Caller, a adding) error {
	issuer := chooseIssuer(append(s.o.Registry.Issuers(), publishers.Issuer{}), a)
	a.request.Issuer = cmp.Or(issuer.URL, a.request.Issuer)
	a.form.Errs = map[string]string{}
	v, err := s.preview(r, who, a)
	if err != nil {
		return err
	}
	return s.RenderPart(w, "publishing", "publisher-preview", v)
}
