package help

import (
	"cmp"
	"embed"
	"net/http"
	"path"
	"regexp"
	"slices"
	"strings"
	"sync"

	"pyindex/internal/access"
	"pyindex/internal/fault"
	"pyindex/internal/workload"
	"pyindex/internal/workload/ciconfig"
)

// address is a URL in a step. It is shown as code, because it need not be a page.
var address = regexp.MustCompile(`https?://[^\s,;]*[^\s,;.]`)

// platforms has what the pages of all platforms say before their fields, and after them.
//
//go:embed platforms/*.md
var platforms embed.FS

// trustedPublishing is the chapter above the pages of the platforms.
const trustedPublishing = "trusted-publishing"

// platform is the page of a kind of publishers.
type platform struct {
	chapter // its sections are all of the page, its HTML is what comes before the fields
	Kind    *workload.Kind
	Rest    chapter // comes after the fields
	Fields  []platformField
}

// platformField is a row of the table of fields.
type platformField struct {
	Label, Help, Pattern, Claim string
	Flag                        string
	Needed                      string // "required", "recommended" or "optional"
	Sort                        string // see workload.Field.Sort
}

// platformFilling has the values that the templates of a platform's page use.
type platformFilling struct {
	filling
	Kind             *workload.Kind
	Title, Platform  string
	Command          string
	Refused, Facts   []string
	File             ciconfig.File
	Language, Others string
	Steps            []string
	Needs, Login     string
	Kept             bool // login keeps the variables for the next steps
	Section, Where   string
	Audience         string // the only one of the issuer's tokens
	Shared           bool
}

// loadPlatforms fills in the page of each kind.
func (s *Section) loadPlatforms(fill filling) (out []platform, err error) {
	for _, k := range workload.All {
		p := platform{Kind: k}
		f := s.fillPlatform(fill, k)
		for name, into := range map[string]*chapter{"head": &p.chapter, "rest": &p.Rest} {
			b, err := platforms.ReadFile("platforms/" + name + ".md")
			if err != nil {
				return nil, err
			}
			markdown, err := filled(name, string(b), f)
			if err != nil {
				return nil, err
			}
			*into = chapterOf(trustedPublishing+"/"+k.Name(), markdown)
		}
		for _, field := range k.Forms()[0].Fields {
			p.Fields = append(p.Fields, fieldOf(k, field))
		}
		p.chapter = p.whole()
		out = append(out, p)
	}
	return out, nil
}

// whole returns the page's chapter with the sections of the fields and of what comes after them.
func (p platform) whole() chapter {
	head, rest := p.chapter, p.Rest
	c := chapter{Slug: head.Slug, Title: head.Title}
	c.texts = slices.Concat(head.texts, []string{p.words()}, rest.texts[1:])
	c.render = sync.OnceValue(func() rendered {
		fields := []section{{"Fields", "fields"}}
		return rendered{head.HTML(), slices.Concat(head.Sections(), fields, rest.Sections()[1:])}
	})
	return c
}

// words returns what the table of fields says, for the search.
func (p platform) words() string {
	var b strings.Builder
	for _, f := range p.Fields {
		b.WriteString(strings.Join([]string{f.Label, f.Flag, f.Claim, f.Help, ""}, "\n"))
	}
	return strings.ToLower("fields " + p.Title + "\n" + b.String())
}

func fieldOf(k *workload.Kind, f workload.Field) platformField {
	out := platformField{
		Label: f.Label, Help: f.Help, Pattern: f.Pattern, Claim: k.Concerns(f), Flag: "--" + k.Flag(f.Name),
		Needed: "optional", Sort: f.Sort(),
	}
	switch {
	case f.Required:
		out.Needed = "required"
	case f.Recommended:
		out.Needed = "recommended"
	}
	if k == workload.Generic {
		out.Flag, out.Claim = "--claim, --claim-prefix, --claim-has", ""
	}
	return out
}

func (s *Section) fillPlatform(fill filling, k *workload.Kind) platformFilling {
	m := k.Manual()
	title := k.Forms()[0].Title
	out := platformFilling{
		filling: fill, Kind: k, Title: title, Platform: cmp.Or(k.Title, "any other issuer"), Refused: m.Refused,
		Facts: m.Facts, Where: m.Where, Audience: k.FixedAudience(m.Issuer),
		Shared: k != workload.Generic && workload.Generic.Takes(k), Kept: m.Steps,
	}
	out.Command = sampleCommand(k, m.Issuer)
	out.Needs = strings.NewReplacer("{audience}", fill.Audience, "{variable}", variableOf(fill.Audience)).Replace(m.Needs)
	out.Login = "index login --url " + fill.URL + " --format env"
	if m.Steps {
		out.Login += " --write"
	} else {
		out.Login = `eval "$(` + out.Login + `)"`
	}
	out.Section = "[[oidc.issuers]]\nkind = \"" + k.Name() + "\"\nissuer = \"" + m.Issuer + "\"\n"
	if out.Audience != "" {
		out.Section += "audience = \"" + out.Audience + "\"\n"
	}
	rule, err := k.CompileNew(k.Sample())
	if err != nil {
		return out
	}
	g := ciconfig.For(ciconfig.Target{BaseURL: fill.URL, Project: "widgets", Audience: fill.Audience}, k.Name(), m.Issuer,
		rule.Fields)
	for _, step := range g.Steps {
		out.Steps = append(out.Steps, address.ReplaceAllString(step, "`$0`"))
	}
	if len(g.Files) == 0 {
		return out
	}
	out.File = g.Files[0]
	out.Language = languageOf(out.File)
	var others []string
	for _, file := range g.Files[1:] {
		others = append(others, strings.ToLower(file.Title[:1])+file.Title[1:])
	}
	out.Others = strings.Join(others, " and ")
	return out
}

// languageOf returns the name by which Markdown marks the language of a file.
func languageOf(f ciconfig.File) string {
	switch path.Ext(f.Path) {
	case ".yml", ".yaml":
		return "yaml"
	case "":
		if strings.HasPrefix(f.Text, "#!") {
			return "sh"
		}
	}
	return ""
}

var plainWord = regexp.MustCompile(`\A[A-Za-z0-9_./:@=-]+\z`)

// sampleCommand returns the command that adds a sample publisher.
func sampleCommand(k *workload.Kind, issuer string) string {
	words := []string{"index publisher add " + k.Name(), "--project widgets"}
	flags := k.SampleFlags()
	if k.Issuer() == "" {
		flags = append(flags, [2]string{"--issuer", issuer})
	}
	for _, f := range flags {
		v := f[1]
		if !plainWord.MatchString(v) {
			v = "'" + strings.ReplaceAll(v, "'", `'\''`) + "'"
		}
		words = append(words, f[0]+" "+v)
	}
	return strings.Join(words, " \\\n  ")
}

var notInVariable = regexp.MustCompile(`[^A-Z0-9]`)

// variableOf returns the name of the variable in which clients look for GitLab's token for an audience.
func variableOf(audience string) string {
	return notInVariable.ReplaceAllString(strings.ToUpper(audience), "_") + "_ID_TOKEN"
}

// helpPlatform shows the page of a platform.
func (s *Section) helpPlatform(w http.ResponseWriter, r *http.Request, who access.Caller) error {
	b, err := s.book()
	if err != nil {
		return err
	}
	i := slices.IndexFunc(b.platforms, func(p platform) bool { return p.Kind.Name() == r.PathValue("platform") })
	if i < 0 {
		return fault.New(fault.NotFound, "the manual has no such page")
	}
	p := b.platforms[i]
	v := struct {
		helpView
		Platform platform
	}{s.view(r, who, b, p.chapter), p}
	return s.Render(w, http.StatusOK, "help-platform", &v)
}
