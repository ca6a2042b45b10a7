package account

import (
	"cmp"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"pyindex/internal/access"
	"pyindex/internal/catalog"
	"pyindex/internal/fault"
	"pyindex/internal/packaging"
	"pyindex/internal/route"
	"pyindex/web/ui"
)

func (s *Section) tokenRoutes() []route.Route {
	return []route.Route{
		{Method: http.MethodGet, Path: "/manage/account/token/", Auth: route.Signed, Handle: s.tokens},
		{Method: http.MethodPost, Path: "/manage/account/token/", Auth: route.Signed, Handle: s.Posted(s.makeToken)},
		{Method: http.MethodPost, Path: "/manage/account/token/revoke/", Auth: route.Signed, Handle: s.Posted(s.revokeToken)},
	}
}

type tokensView struct {
	ui.Frame
	Tokens      []ui.TokenRow
	Made        *madeToken
	Description ui.Field
	Scope       ui.Field
	Projects    ui.Field
	Expires     ui.Field
}

// madeToken is a token as it is shown once, with what to paste.
type madeToken struct {
	Token    string
	Sentence string
	Blocks   []ui.Block
}

// lifetime is how long a token may live. The zero life is for ever.
type lifetime struct {
	value, label string
	life         time.Duration
}

// lifetimes are the lives that the settings allow, the usual one first.
func (s *Section) lifetimes() (out []lifetime) {
	longest, usual := s.o.Directory.TokenLife()
	lives := []time.Duration{usual}
	for _, days := range []time.Duration{7, 30, 90, 365} {
		if life := days * 24 * time.Hour; life != usual && (longest == 0 || life <= longest) {
			lives = append(lives, life)
		}
	}
	if longest != usual && !slices.Contains(lives, longest) {
		lives = append(lives, longest)
	}
	for _, life := range lives {
		l := lifetime{value: life.String(), label: access.Days(life), life: life}
		if days := life / (24 * time.Hour); life == days*24*time.Hour {
			l.value = strconv.Itoa(int(days))
		}
		if life == 0 {
			l.value, l.label = "never", "Never, until it is revoked"
		}
		out = append(out, l)
	}
	return out
}

func (s *Section) tokens(w http.ResponseWriter, r *http.Request, who access.Caller) error {
	return s.tokensPage(w, r, who, ui.Typed(r.URL.Query()), nil)
}

func (s *Section) tokensPage(w http.ResponseWriter, r *http.Request, who access.Caller, f ui.Form,
	made *madeToken,
) error {
	all, err := s.o.Directory.OwnTokens(r.Context(), who)
	if err != nil {
		return err
	}
	v := tokensView{Frame: s.accountFrame(r, who, "tokens", "API tokens"), Made: made}
	v.Notice = cmp.Or(f.Problem(), v.Notice)
	for _, t := range all {
		v.Tokens = append(v.Tokens, ui.NewTokenRow(s.o.Directory, s.Now(), t, who))
	}
	v.Description = f.Field(ui.Field{
		Name:        "description",
		Label:       "What it is for",
		Required:    true,
		MaxLength:   100,
		Placeholder: "laptop, or the nightly build",
		Help:        "So that you know which one to revoke.",
	})
	v.Scope = f.Field(ui.Field{Name: "scope", Label: "It may", Type: "select", Options: []ui.Option{
		{Value: "read", Label: "read: for pip, uv and poetry"},
		{Value: "upload", Label: "read and upload: for twine and uv publish"},
		{Value: "admin", Label: "do everything that I may"},
	}})
	v.Projects = f.Field(ui.Field{
		Name:        "projects",
		Label:       "Only these projects",
		Mono:        true,
		MaxLength:   2000,
		Placeholder: "widgets, gadgets",
		Help:        "Names with commas between. Without any it is good for all that you may do; a new project needs such a one.",
	})
	v.Expires = f.Field(ui.Field{
		Name:    "expires",
		Label:   "It expires after",
		Type:    "select",
		Options: s.lifetimeOptions(),
		Help:    s.longestLife(),
	})
	return s.Render(w, f.Status(), "tokens", &v)
}

// longestLife says what the settings allow, "" if they allow everything.
func (s *Section) longestLife() string {
	longest, _ := s.o.Directory.TokenLife()
	if longest == 0 {
		return ""
	}
	return "At most " + access.Days(longest) + " on this index."
}

func (s *Section) lifetimeOptions() (out []ui.Option) {
	for _, l := range s.lifetimes() {
		out = append(out, ui.Option{Value: l.value, Label: l.label})
	}
	return out
}

// makeToken makes a token of the caller's and shows it, in this answer and never again.
func (s *Section) makeToken(w http.ResponseWriter, r *http.Request, who access.Caller, f ui.Form) error {
	if err := s.Confirmed(who); err != nil {
		return err
	}
	n, err := s.askedToken(r, who, f)
	if err != nil {
		return err
	}
	if f.Bad() {
		return s.tokensPage(w, r, who, f, nil)
	}
	t, secret, err := s.o.Directory.CreateToken(r.Context(), who, n)
	if err := f.Refused(fault.FieldOf(err), err); err != nil {
		return err
	}
	if f.Bad() {
		return s.tokensPage(w, r, who, f, nil)
	}
	made := &madeToken{Token: secret.Reveal(), Blocks: s.tokenBlocks(n.Scope, secret.Reveal())}
	made.Sentence, _ = ui.TokenSentence(s.Now(), access.TokenInfo{Token: t, Projects: n.Projects}, who)
	s.letters.Alert(r, who, "An API token of yours was made. "+made.Sentence+".")
	return s.tokensPage(w, r, who, ui.Typed(nil), made)
}

// askedToken reads the form; what is wrong with it is noted beside the fields.
func (s *Section) askedToken(r *http.Request, who access.Caller, f ui.Form) (access.NewAPIToken, error) {
	n := access.NewAPIToken{User: who.Name(), Repository: catalog.MainRepository, Description: f.Get("description")}
	if n.Description == "" {
		f.Wrong("description", "say what the token is for")
	}
	var err error
	if n.Scope, err = access.ParseScope(f.Get("scope")); err != nil {
		f.Wrong("scope", fault.Message(err))
	}
	for _, text := range strings.FieldsFunc(f.Get("projects"),
		func(c rune) bool { return c == ',' || c == ' ' || c == '\n' }) {
		name, err := packaging.ParseProjectName(text)
		if err == nil {
			_, err = s.o.Index.Project(r.Context(), who, "", name) // what one may not see is as what is not there
		}
		if fault.Is(err, fault.NotFound) || fault.Is(err, fault.Invalid) {
			f.Wrong("projects",
				fmt.Sprintf(
					"there is no project %.80q here: upload it once with a token for everything, or add a pending publisher", text,
				))
		} else if err != nil {
			return n, err
		} else if !slices.Contains(n.Projects, name.String()) {
			n.Projects = append(n.Projects, name.String())
		}
	}
	known := false
	for _, l := range s.lifetimes() {
		if l.value == f.Get("expires") {
			n.Expires, n.Endless, known = l.life, l.life == 0, true
		}
	}
	if !known {
		f.Wrong("expires", "choose when it expires")
	}
	return n, nil
}

// tokenBlocks are lines to paste with the token in them.
func (s *Section) tokenBlocks(scope access.Scope, token string) []ui.Block {
	put := func(text string) string { return strings.ReplaceAll(text, "TOKEN", token) }
	c := s.Connection(s.Base)
	index := put(c.Signed)
	out := []ui.Block{
		{Label: "pip", Text: "pip install --index-url " + index + " NAME"},
		{Label: "uv", Text: "export UV_INDEX_INTERNAL_USERNAME=__token__ UV_INDEX_INTERNAL_PASSWORD=" + token +
			"\nuv add --index internal=" + c.Index + " NAME"},
		{Label: "poetry", Text: "poetry config http-basic.internal __token__ " + token},
	}
	if scope >= access.ScopeUpload {
		upload := s.Absolute("/legacy/")
		out = append([]ui.Block{{
			Label: "twine", Text: "TWINE_USERNAME=__token__ TWINE_PASSWORD=" + token + " twine upload --repository-url " +
				upload + " dist/*",
		}, {Label: "uv publish", Text: "UV_PUBLISH_TOKEN=" + token + " uv publish --publish-url " + upload + " dist/*"}},
			out...)
	}
	return out
}

// revokeToken ends a token of the caller's. Another's is as one that is not there, for administrators too: theirs is
// the account's page.
func (s *Section) revokeToken(w http.ResponseWriter, r *http.Request, who access.Caller, f ui.Form) error {
	own, err := s.o.Directory.OwnTokens(r.Context(), who)
	if err != nil {
		return err
	}
	id := f.Get("token")
	if !slices.ContainsFunc(own, func(t access.TokenInfo) bool { return t.ID == id }) {
		return fault.New(fault.NotFound, "you have no such token: it may be revoked already")
	}
	if err := s.o.Directory.RevokeToken(r.Context(), who, id); err != nil {
		return err
	}
	return s.Done(w, r, "/manage/account/token/", "The token is revoked."+s.RevocationDelay())
}
