package admin

import (
	"cmp"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"pyindex/internal/access"
	"pyindex/internal/fault"
	"pyindex/internal/upstream"
	"pyindex/web/ui"
)

// upstreamHealth is an upstream with what this server has seen of it.
type upstreamHealth struct {
	upstream.Listed
	Health upstream.Health
	Known  bool // whether Health has anything

	ListRead time.Time // when the upstream's list of names was read
}

// latencyShown is the accuracy of the latencies that pages show, which are estimates.
const latencyShown = 100 * time.Microsecond

// health returns an upstream with its health, if somebody knows it.
func (s *Section) health(r *http.Request, u upstream.Listed) (h upstreamHealth, err error) {
	h.Listed = u
	if s.o.Health != nil {
		h.Health, h.Known, err = s.o.Health.Health(r.Context(), u.Upstream)
		h.Health.Latency50 = h.Health.Latency50.Round(latencyShown)
		h.Health.Latency90 = h.Health.Latency90.Round(latencyShown)
		h.ListRead = s.Now().Add(-h.Health.ListAge)
	}
	return h, err
}

type upstreamsView struct {
	ui.Frame
	Upstreams []upstreamHealth
	NameField ui.Field
	upstreamFields
}

// upstreamFields are the fields of the settings that pages can change. Credentials, certificates and the proxy are set
// by the command line or the configuration file, because they are files of the server or contain secrets.
type upstreamFields struct {
	URL, Kind, Probe, Names, Allow, Deny, ArtifactBase            ui.Field
	AllowPrivate, TrustTimes                                      ui.Field
	TTLField, NegativeTTL, StaleWhileRevalidate, StaleIfErrorTime ui.Field
}

// formKeys are the keys of the settings that pages can change.
var formKeys = []string{
	"url", "kind", "probe", "names", "allow", "deny", "artifact_base", "allow_private", "trust_times", "ttl",
	"negative_ttl", "stale_while_revalidate", "stale_if_error",
}

func upstreamFieldsOf(f ui.Form) upstreamFields {
	patterns := "One on a line: a name, a prefix such as acme-*, or re: with a regular expression."
	span := func(name, label, help string) ui.Field {
		return f.Field(ui.Field{Name: name, Label: label, Required: true, Mono: true, MaxLength: 20, Help: help})
	}
	return upstreamFields{
		URL: f.Field(ui.Field{
			Name: "url", Label: "URL of the simple root", Type: "url", Required: true, Mono: true, MaxLength: 2000,
			Placeholder: "https://HOST/simple/", Help: "It is used literally and ends with a slash.",
		}),
		Kind: f.Field(ui.Field{
			Name: "kind", Label: "Its names", Type: "select", Help: "Private upstreams are asked first.", Options: []ui.Option{
				{Value: "public", Label: "may belong to anyone (public)"},
				{Value: "private", Label: "are your own: no public upstream is asked about them (private)"},
			},
		}),
		Probe: f.Field(ui.Field{
			Name: "probe", Label: "Probe", Mono: true, MaxLength: 200,
			Help: "Project that a private upstream certainly has. A missing project counts only while this one is there.",
		}),
		Names: f.Field(ui.Field{
			Name: "names", Label: "Ask for", Type: "select", Options: []ui.Option{
				{Value: "any", Label: "any name"},
				{Value: "listed", Label: "the names below only, which it then owns"},
			}, Help: "A repository reads from one public upstream for any name. Each further one lists its names.",
		}),
		Allow: f.Field(ui.Field{
			Name: "allow", Label: "Names to ask for", Type: "textarea", Mono: true, Help: patterns,
		}),
		Deny: f.Field(ui.Field{Name: "deny", Label: "Names never to ask for", Type: "textarea", Mono: true, Help: patterns}),
		ArtifactBase: f.Field(ui.Field{
			Name: "artifact_base", Label: "URL prefix of its files", Type: "url", Mono: true, MaxLength: 2000,
			Help: "Needed only if their URLs have an unusual layout and should be stable.",
		}),
		AllowPrivate: f.Field(ui.Field{
			Name: "allow_private", Label: "It may be in a private network or use plain http", Type: "checkbox",
			Help: "Otherwise this server does not connect to local and private addresses for it.",
		}),
		TrustTimes: f.Field(ui.Field{
			Name: "trust_times", Label: "Believe its upload times", Type: "checkbox",
			Help: "Otherwise a file is as old as this index has known it.",
		}),
		TTLField:    span("ttl", "Use a page for", "Before the upstream is asked again, such as 10m."),
		NegativeTTL: span("negative_ttl", "Remember a missing project for", "Such as 1m."),
		StaleWhileRevalidate: span("stale_while_revalidate", "Use an older page while asking for",
			"Such as 1h; 0s to wait for the answer."),
		StaleIfErrorTime: span("stale_if_error", "Use an older page while it fails for", "Such as 7d; 0s not to."),
	}
}

// formOf returns the settings of an upstream as values of a form.
func formOf(u upstream.Upstream) ui.Form {
	values := url.Values{}
	for _, key := range formKeys {
		switch v := u.Shown(key).(type) {
		case bool:
			if v {
				values.Set(key, "on")
			}
		case []string:
			values.Set(key, strings.Join(v, "\n"))
		default:
			values.Set(key, u.Text(key))
		}
	}
	return ui.Typed(values)
}

// fill sets the settings of a form, and marks the fields whose values cannot be read.
func fill(u *upstream.Upstream, f ui.Form) error {
	for _, key := range formKeys {
		var value any = f.Get(key)
		if _, is := u.Value(key).(bool); is {
			value = f.On(key)
		}
		if err := u.Set(key, value); err != nil {
			return err
		}
	}
	return nil
}

// wrongSetting makes an error about a setting the message of its field, and returns other errors.
func wrongSetting(f ui.Form, err error) error {
	if key := fault.FieldOf(err); key != "" {
		f.Wrong(key, fault.AsSentence(strings.TrimPrefix(fault.Message(err), key+": ")))
		return nil
	}
	return f.Refused("", err)
}

func (s *Section) adminUpstreams(w http.ResponseWriter, r *http.Request, who access.Caller) error {
	return s.upstreamsPage(w, r, who, formOf(upstream.Default()))
}

func (s *Section) upstreamsPage(w http.ResponseWriter, r *http.Request, who access.Caller, f ui.Form) error {
	all, err := s.o.Upstreams.List(r.Context(), who)
	if err != nil {
		return err
	}
	v := upstreamsView{Frame: s.adminFrame(r, who, "upstreams", "Upstreams")}
	for _, u := range all {
		h, err := s.health(r, u)
		if err != nil {
			return err
		}
		v.Upstreams = append(v.Upstreams, h)
	}
	v.Notice = cmp.Or(f.Problem(), v.Notice)
	v.NameField = f.Field(ui.Field{
		Name: "name", Label: "Name", Required: true, Mono: true, MaxLength: 64,
		Help: "Lower-case letters, digits and dashes. It is part of the URLs of files and cannot be changed.",
	})
	v.upstreamFields = upstreamFieldsOf(f)
	return s.Render(w, f.Status(), "admin-upstreams", &v)
}

func (s *Section) addUpstream(w http.ResponseWriter, r *http.Request, who access.Caller, f ui.Form) error {
	u := upstream.Default()
	u.Name = f.Get("name")
	err := fill(&u, f)
	if err == nil {
		err = s.o.Upstreams.Add(r.Context(), who, u)
	}
	if fault.Is(err, fault.Conflict) {
		f.Wrong("name", fault.Sentence(err))
	} else if err := wrongSetting(f, err); err != nil {
		return err
	}
	if f.Bad() {
		return s.upstreamsPage(w, r, who, f)
	}
	return s.Done(w, r, "/admin/upstream/"+u.Name+"/",
		"Added the upstream "+u.Name+". Make it a base of a repository to read through it.")
}

type upstreamView struct {
	ui.Frame
	upstreamHealth
	upstreamFields
	Credential string
	Other      []shownSetting // settings with their values that the page does not change
}

// shownSetting is a setting of an upstream, by its key.
type shownSetting struct{ Key, Value string }

func (s *Section) adminUpstream(w http.ResponseWriter, r *http.Request, who access.Caller) error {
	u, err := s.o.Upstreams.Show(r.Context(), who, r.PathValue("upstream"))
	if err != nil {
		return err
	}
	return s.upstreamPage(w, r, who, formOf(u.Upstream))
}

func (s *Section) upstreamPage(w http.ResponseWriter, r *http.Request, who access.Caller, f ui.Form) error {
	u, err := s.o.Upstreams.Show(r.Context(), who, r.PathValue("upstream"))
	if err != nil {
		return err
	}
	v := upstreamView{
		Frame: s.adminFrame(r, who, "upstreams", "Upstream "+u.Name), upstreamFields: upstreamFieldsOf(f),
		Credential: u.Credential(),
	}
	if v.upstreamHealth, err = s.health(r, u); err != nil {
		return err
	}
	for _, key := range upstream.Keys()[2:] { // without name and url
		text := u.Text(key)
		if text != upstream.Default().Text(key) && (u.Declared || !slices.Contains(formKeys, key)) {
			v.Other = append(v.Other, shownSetting{key, text})
		}
	}
	v.Notice = cmp.Or(f.Problem(), v.Notice)
	return s.Render(w, f.Status(), "admin-upstream", &v)
}

func (s *Section) changeUpstream(w http.ResponseWriter, r *http.Request, who access.Caller, f ui.Form) error {
	name := r.PathValue("upstream")
	changed, err := s.o.Upstreams.Set(r.Context(), who, name, func(u *upstream.Upstream) error { return fill(u, f) })
	if err := wrongSetting(f, err); err != nil {
		return err
	}
	if f.Bad() {
		return s.upstreamPage(w, r, who, f)
	}
	if changed.Dropped {
		return s.Tell(w, r, "/admin/upstream/"+name+"/", ui.Notice{
			Kind: "warn", Text: "Changed the upstream " + name +
				". Its URL has another origin now, so its credential was removed: set it again if the new server may have it.",
		})
	}
	return s.Done(w, r, "/admin/upstream/"+name+"/", "Changed the upstream "+name+".")
}

func (s *Section) removeUpstream(w http.ResponseWriter, r *http.Request, who access.Caller, f ui.Form) error {
	name := r.PathValue("upstream")
	if err := f.Refused("", s.o.Upstreams.Remove(r.Context(), who, name)); err != nil {
		return err
	}
	if f.Bad() {
		u, err := s.o.Upstreams.Show(r.Context(), who, name)
		if err != nil {
			return err
		}
		again := formOf(u.Upstream)
		again.Wrong("", f.Errs[""])
		return s.upstreamPage(w, r, who, again)
	}
	return s.Done(w, r, "/admin/upstreams/", "Removed the upstream "+name+".")
}
