package admin

import (
	"cmp"
	"net/http"
	"net/url"
	"slices"
	"time"

	"pyindex/internal/access"
	"pyindex/internal/catalog"
	"pyindex/internal/policy"
	"pyindex/internal/span"
	"pyindex/web/ui"
)

type servedView struct {
	ui.Frame
	Of      catalog.Repository
	Draws   bool     // on an upstream, itself or through a base
	Direct  bool     // on an upstream itself
	Effects []string // what the settings do now, one sentence for each

	Cooldown, Since, Observe, Startup, ShowHeld, KeepRemoved ui.Field
}

func (s *Section) adminServed(w http.ResponseWriter, r *http.Request, who access.Caller) error {
	of, err := s.o.Index.Repository(r.Context(), who, r.PathValue("name"))
	if err != nil {
		return err
	}
	values := url.Values{"cooldown_since": {catalog.SinceText(of.CooldownSince)}}
	if of.Cooldown > 0 {
		values.Set("cooldown", span.Text(of.Cooldown))
	}
	if of.Observe {
		values.Set("observe", "on")
	}
	return s.servedPage(w, r, who, ui.Typed(values))
}

func (s *Section) servedPage(w http.ResponseWriter, r *http.Request, who access.Caller, f ui.Form) error {
	of, err := s.o.Index.Repository(r.Context(), who, r.PathValue("name"))
	if err != nil {
		return err
	}
	bases, err := s.o.Index.Bases(r.Context(), who)
	if err != nil {
		return err
	}
	v := servedView{
		Frame: s.adminFrame(r, who, "repositories", "Packages of upstreams in "+of.Name), Of: of,
		Direct: direct(bases[of.Name]), Draws: draws(bases, of.Name),
	}
	v.Effects = of.Effects(v.Direct)
	v.Notice = cmp.Or(f.Problem(), v.Notice)
	v.fields(f)
	return s.Render(w, f.Status(), "admin-served", &v)
}

func (v *servedView) fields(f ui.Form) {
	choice := func(x ui.Field, now string) ui.Field {
		x.Type, x.Value = "select", now
		return f.Field(x)
	}
	v.Cooldown = f.Field(ui.Field{
		Name: "cooldown", Label: "Hold files of upstreams until they are this old", Mono: true, MaxLength: 20,
		Placeholder: "72h", Help: "Such as 72h or 7d. Leave it empty to serve files of any age.",
	})
	v.Since = f.Field(ui.Field{
		Name: "cooldown_since", Label: "Except files that this index knew before", Mono: true, MaxLength: 40,
		Placeholder: "2026-12-01", Help: "A date, which begins at midnight UTC. The age of these files does not count.",
	})
	v.Startup = choice(ui.Field{
		Name: "startup_files", Label: "Wheels with start-up files", Options: withNone(v.Of.StartupFiles == "" && !v.Direct,
			ui.Option{Value: string(policy.KnownStartup), Label: "are held if no earlier version has such a file"},
			ui.Option{Value: string(policy.RefuseStartup), Label: "are held"},
			ui.Option{Value: string(policy.AllowStartup), Label: "are served"}),
		Help: "Start-up files, such as .pth files with an import line, run code whenever Python starts.",
	}, v.Of.StartupOf(v.Direct))
	v.KeepRemoved = choice(ui.Field{
		Name: "keep_removed", Label: "Files that their upstream removed", Options: withNone(
			v.Of.KeepRemoved == "" && !v.Direct,
			ui.Option{Value: string(policy.KeepOld), Label: "are held if they were younger than 30 days"},
			ui.Option{Value: string(policy.KeepNone), Label: "are held"},
			ui.Option{Value: string(policy.KeepAll), Label: "are served"}),
		Help: "They are no longer listed. This is about clients that ask for their URL, which is in lock files.",
	}, v.Of.RemovedOf(v.Direct))
	v.ShowHeld = choice(ui.Field{
		Name: "show_held", Label: "On the pages that installers read, held and denied files", Options: []ui.Option{
			{Value: catalog.ShowYanked, Label: "are listed as yanked, with the reason"},
			{Value: catalog.ShowHidden, Label: "are left out"},
		}, Help: "If they are left out, a tool that needs one reports that it does not exist.",
	}, cmp.Or(v.Of.ShowHeld, catalog.ShowYanked))
	v.Observe = f.Field(ui.Field{
		Name: "observe", Label: "Observe only", Type: "checkbox",
		Help: "What these rules and the advisories would hold or deny is counted, and everything is served. Denials and pins of administrators remain in effect.",
	})
}

// withNone returns choices, after one for a repository that leaves the rule to those that it draws on.
func withNone(none bool, all ...ui.Option) []ui.Option {
	if none {
		return slices.Insert(all, 0, ui.Option{Label: "follow the rules of its bases"})
	}
	return all
}

func direct(bases []catalog.Base) bool {
	return slices.ContainsFunc(bases, func(b catalog.Base) bool { return b.Upstream != "" })
}

// draws reports whether a repository draws on an upstream, itself or through its bases.
func draws(bases map[string][]catalog.Base, name string) bool {
	seen := map[string]bool{}
	var walk func(string) bool
	walk = func(name string) bool {
		if seen[name] {
			return false
		}
		seen[name] = true
		return slices.ContainsFunc(bases[name],
			func(b catalog.Base) bool { return b.Upstream != "" || walk(b.Repository) })
	}
	return walk(name)
}

// changeServed changes the settings of what a repository serves of upstreams. Those that the form repeats are left as
// they are, so that a default remains one.
func (s *Section) changeServed(w http.ResponseWriter, r *http.Request, who access.Caller, f ui.Form) error {
	name := r.PathValue("name")
	of, err := s.o.Index.Repository(r.Context(), who, name)
	if err != nil {
		return err
	}
	bases, err := s.o.Index.Bases(r.Context(), who)
	if err != nil {
		return err
	}
	c, changed := servedChange(f, of, direct(bases[name]))
	if !f.Bad() && changed {
		if err := f.Refused("", s.o.Index.ChangeRepository(r.Context(), who, name, c)); err != nil {
			return err
		}
	}
	switch {
	case f.Bad():
		return s.servedPage(w, r, who, f)
	case !changed:
		return s.Done(w, r, s.Back(r), "Nothing was changed: these are the settings of "+name+" already.")
	}
	return s.Done(w, r, s.Back(r), "Changed what "+name+" serves of upstreams. It is in effect now.")
}

// servedChange reads a form, and marks its wrong fields. It also reports whether the form changes anything.
func servedChange(f ui.Form, of catalog.Repository, direct bool) (c catalog.RepositoryChange, changed bool) {
	if wait, ok := cooldownOf(f); ok && wait != of.Cooldown {
		c.Cooldown, changed = &wait, true
	}
	since, err := catalog.ParseSince(f.Get("cooldown_since"))
	if err != nil {
		f.Wrong("cooldown_since", "Write a date such as 2026-12-01, or a time such as 2026-12-01T12:00:00Z.")
	} else if !since.Equal(of.CooldownSince) {
		c.CooldownSince, changed = &since, true
	}
	if on := f.On("observe"); on != of.Observe {
		c.Observe, changed = &on, true
	}
	if mode := f.Get("startup_files"); mode != of.StartupOf(direct) && oneOf(f, "startup_files", mode,
		string(policy.AllowStartup), string(policy.KnownStartup), string(policy.RefuseStartup)) {
		c.StartupFiles, changed = new(policy.Startup(mode)), true
	}
	if mode := f.Get("keep_removed"); mode != of.RemovedOf(direct) && oneOf(f, "keep_removed", mode,
		string(policy.KeepAll), string(policy.KeepOld), string(policy.KeepNone)) {
		c.KeepRemoved, changed = new(policy.Removed(mode)), true
	}
	if show := f.Get("show_held"); show != cmp.Or(of.ShowHeld, catalog.ShowYanked) &&
		oneOf(f, "show_held", show, catalog.ShowYanked, catalog.ShowHidden) {
		c.ShowHeld, changed = &show, true
	}
	return c, changed
}

// cooldownOf reads the cooldown of a form. It marks the field and returns false if it is no duration.
func cooldownOf(f ui.Form) (time.Duration, bool) {
	text := f.Get("cooldown")
	if text == "" {
		return 0, true
	}
	wait, err := span.Parse(text)
	switch {
	case err != nil:
		f.Wrong("cooldown", "Write a number of hours or days, such as 72h or 7d.")
		return 0, false
	case wait < 0 || wait > catalog.MaxCooldown:
		f.Wrong("cooldown", "The longest cooldown is "+ui.AgeWords(catalog.MaxCooldown)+", the shortest 0s.")
		return 0, false
	}
	return wait, true
}

// oneOf reports whether a value is one of those that a field can have, and marks the field if not.
func oneOf(f ui.Form, name, value string, all ...string) bool {
	if !slices.Contains(all, value) {
		f.Wrong(name, "Choose one of the options.")
		return false
	}
	return true
}
