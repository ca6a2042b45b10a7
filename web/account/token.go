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
		{
			Method: http.MethodPost, Path: "/manage/account/token/regenerate/", Auth: route.Signed,
			Handle: s.Posted(s.regenerateToken),
		},
	}
}

type tokensView struct {
	ui.Frame
	List        tokenList
	Made        *madeToken
	Description ui.Field
	Scope       ui.Field
	Projects    ui.Field
	Expires     ui.Field
}

// madeToken is a new token, shown only once, with setup instructions.
type madeToken struct {
	Token    string
	Sentence string
	Blocks   []ui.Block
}

// lifetime is a choice of the expiry field. A zero life means no expiry.
type lifetime struct {
	value, label string
	life         time.Duration
}

// lifetimes returns the lifetimes that the settings allow, the default first.
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
			l.value, l.label = "never", "No expiry"
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
	v.Notice = cmp.Or(f.Problem(), v.Notice, ending(all, s.Now()))
	v.List = s.tokenList("/manage/account/token/", all, who)
	v.Description = f.Field(ui.Field{
		Name: "description", Label: "Description", Required: true, MaxLength: 100,
		Placeholder: "for example, laptop or nightly build", Help: "A name you will recognize later.",
	})
	v.Scope = f.Field(ui.Field{Name: "scope", Label: "Permissions", Type: "select", Options: []ui.Option{
		{Value: "read", Label: "Read: for pip, uv and poetry"},
		{Value: "upload", Label: "Read and upload: for twine and uv publish"},
		{Value: "admin", Label: "Everything I can do"},
	}})
	v.Projects = f.Field(ui.Field{
		Name: "projects", Label: "Projects", Mono: true, MaxLength: 2000, Placeholder: "widgets, gadgets",
		Help: "Project names, separated by commas. Leave empty for all your projects; only such a token can create a new project.",
	})
	v.Expires = f.Field(ui.Field{
		Name: "expires", Label: "Expires after", Type: "select", Options: s.lifetimeOptions(), Help: s.longestLife(),
	})
	return s.Render(w, f.Status(), "tokens", &v)
}

// longestLife describes the longest allowed lifetime. It returns "" if there is no limit.
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

// makeToken creates a token of the caller and shows it. The secret cannot be shown again.
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
	made := s.madeToken(access.TokenInfo{Token: t, Projects: n.Projects}, secret, who)
	s.letters.Alert(r, who, "An API token was created for your account. "+made.Sentence+".")
	return s.tokensPage(w, r, who, ui.Typed(nil), made)
}

// askedToken reads the form. It records invalid fields in f.
func (s *Section) askedToken(r *http.Request, who access.Caller, f ui.Form) (access.NewAPIToken, error) {
	n := access.NewAPIToken{User: who.Name(), Repository: catalog.MainRepository, Description: f.Get("description")}
	if n.Description == "" {
		f.Wrong("description", "Enter a description.")
	}
	var err error
	if n.Scope, err = access.ParseScope(f.Get("scope")); err != nil {
		f.Wrong("scope", fault.Sentence(err))
	}
	for _, text := range strings.FieldsFunc(f.Get("projects"),
		func(c rune) bool { return c == ',' || c == ' ' || c == '\n' }) {
		name, err := packaging.ParseProjectName(text)
		if err == nil {
			_, err = s.o.Index.Project(r.Context(), who, "", name) // not found if the caller may not see it
		}
		if fault.Is(err, fault.NotFound) || fault.Is(err, fault.Invalid) {
			f.Wrong("projects",
				fmt.Sprintf(
					"There is no project %.80q. Create it with an unrestricted token or a pending publisher.", text,
				))
		} else if err != nil {
			return n, err
		} else if !slices.Contains(n.Projects, name.String()) {
			n.Projects = append(n.Projects, name.String())
		}
	}
	n.Expires, n.Endless = s.askedLife(f)
	return n, nil
}

// askedLife reads the lifetime of a new token. It records an invalid one in f.
func (s *Section) askedLife(f ui.Form) (life time.Duration, endless bool) {
	for _, l := range s.lifetimes() {
		if l.value == f.Get("expires") {
			return l.life, l.life == 0
		}
	}
	f.Wrong("expires", "Choose an expiry.")
	return 0, false
}

// madeToken returns a new token as the page shows it.
func (s *Section) madeToken(t access.TokenInfo, secret access.Secret, who access.Caller) *madeToken {
	made := &madeToken{Token: secret.Reveal(), Blocks: s.tokenBlocks(t.Scope, secret.Reveal())}
	made.Sentence, _ = ui.TokenSentence(s.Now(), t, who)
	return made
}

// tokenBlocks returns setup instructions that contain the token.
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

// revokeToken revokes a token of the caller. It returns fault.NotFound for a token of another user, also if the caller
// is an administrator.
func (s *Section) revokeToken(w http.ResponseWriter, r *http.Request, who access.Caller, f ui.Form) error {
	own, err := s.o.Directory.OwnTokens(r.Context(), who)
	if err != nil {
		return err
	}
	id := f.Get("token")
	if !slices.ContainsFunc(own, func(t access.TokenInfo) bool { return t.ID == id }) {
		return fault.New(fault.NotFound, "you have no such token; it may already be revoked")
	}
	if err := s.o.Directory.RevokeToken(r.Context(), who, id); err != nil {
		return err
	}
	return s.Done(w, r, "/manage/account/token/", "Token revoked."+s.RevocationDelay())
}
