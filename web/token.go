package web

import (
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
)

func (s *Site) tokenRoutes() []route.Route {
	return []route.Route{
		{Method: http.MethodGet, Path: "/manage/account/token/", Auth: route.Signed, Handle: s.tokens},
		{Method: http.MethodPost, Path: "/manage/account/token/", Auth: route.Signed, Handle: s.makeToken},
		{Method: http.MethodPost, Path: "/manage/account/token/revoke/", Auth: route.Signed, Handle: s.revokeToken},
	}
}

type tokensView struct {
	Frame
	Tokens      []tokenRow
	Made        *madeToken
	Description Field
	Scope       Field
	Projects    Field
	Expires     Field
}

// madeToken is a token as it is shown once, with what to paste.
type madeToken struct {
	Token    string
	Sentence string
	Blocks   []Block
}

// lifetime is how long a token may live. The zero life is for ever.
type lifetime struct {
	value, label string
	life         time.Duration
}

// lifetimes are the lives that the settings allow, the usual one first.
func (s *Site) lifetimes() (out []lifetime) {
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

func (s *Site) tokens(w http.ResponseWriter, r *http.Request, who access.Caller) error {
	return s.tokensPage(w, r, who, typed(r.URL.Query()), nil)
}

func (s *Site) tokensPage(w http.ResponseWriter, r *http.Request, who access.Caller, f form, made *madeToken) error {
	all, err := s.o.Directory.OwnTokens(r.Context(), who)
	if err != nil {
		return err
	}
	v := tokensView{Frame: s.accountFrame(r, who, "tokens", "API tokens"), Made: made}
	if p := f.problem(); p != nil {
		v.Notice = p
	}
	for _, t := range all {
		v.Tokens = append(v.Tokens, newTokenRow(s.o.Directory, s.o.Now(), t, who))
	}
	v.Description = f.field(Field{Name: "description", Label: "What it is for", Required: true, MaxLength: 100, Placeholder: "laptop, or the nightly build", Help: "So that you know which one to revoke."})
	v.Scope = f.field(Field{Name: "scope", Label: "It may", Type: "select", Options: []Option{
		{Value: "read", Label: "read: for pip, uv and poetry"}, {Value: "upload", Label: "read and upload: for twine and uv publish"}, {Value: "admin", Label: "do everything that I may"},
	}})
	v.Projects = f.field(Field{Name: "projects", Label: "Only these projects", Mono: true, MaxLength: 2000, Placeholder: "widgets, gadgets", Help: "Names with commas between. Without any it is good for all that you may do; a new project needs such a one."})
	v.Expires = f.field(Field{Name: "expires", Label: "It expires after", Type: "select", Options: s.lifetimeOptions(), Help: s.longestLife()})
	return s.render(w, f.status(), "tokens", &v)
}

// longestLife says what the settings allow, "" if they allow everything.
func (s *Site) longestLife() string {
	longest, _ := s.o.Directory.TokenLife()
	if longest == 0 {
		return ""
	}
	return "At most " + access.Days(longest) + " on this index."
}

func (s *Site) lifetimeOptions() (out []Option) {
	for _, l := range s.lifetimes() {
		out = append(out, Option{Value: l.value, Label: l.label})
	}
	return out
}

// makeToken makes a token of the caller's and shows it, in this answer and never again.
func (s *Site) makeToken(w http.ResponseWriter, r *http.Request, who access.Caller) error {
	if err := s.confirmed(who); err != nil {
		return err
	}
	f, err := readForm(w, r)
	if err != nil {
		return err
	}
	n, err := s.askedToken(r, who, f)
	if err != nil {
		return err
	}
	if f.bad() {
		return s.tokensPage(w, r, who, f, nil)
	}
	t, secret, err := s.o.Directory.CreateToken(r.Context(), who, n)
	if err := f.refused(fault.FieldOf(err), err); err != nil {
		return err
	}
	if f.bad() {
		return s.tokensPage(w, r, who, f, nil)
	}
	made := &madeToken{Token: secret.Reveal(), Blocks: s.tokenBlocks(n.Scope, secret.Reveal())}
	made.Sentence, _ = tokenSentence(s.o.Now(), access.TokenInfo{Token: t, Projects: n.Projects}, who)
	s.alert(r, who, "An API token of yours was made. "+made.Sentence+".")
	return s.tokensPage(w, r, who, typed(nil), made)
}

// askedToken reads the form; what is wrong with it is noted beside the fields.
func (s *Site) askedToken(r *http.Request, who access.Caller, f form) (access.NewAPIToken, error) {
	n := access.NewAPIToken{User: who.Name(), Repository: catalog.MainRepository, Description: f.get("description")}
	if n.Description == "" {
		f.wrong("description", "say what the token is for")
	}
	var err error
	if n.Scope, err = access.ParseScope(f.get("scope")); err != nil {
		f.wrong("scope", fault.Message(err))
	}
	for _, text := range strings.FieldsFunc(f.get("projects"), func(c rune) bool { return c == ',' || c == ' ' || c == '\n' }) {
		name, err := packaging.ParseProjectName(text)
		if err == nil {
			_, err = s.o.Index.Project(r.Context(), who, "", name) // what one may not see is as what is not there
		}
		if fault.Is(err, fault.NotFound) || fault.Is(err, fault.Invalid) {
			f.wrong("projects", fmt.Sprintf("there is no project %.80q here: upload it once with a token for everything, or add a pending publisher", text))
		} else if err != nil {
			return n, err
		} else if !slices.Contains(n.Projects, name.String()) {
			n.Projects = append(n.Projects, name.String())
		}
	}
	known := false
	for _, l := range s.lifetimes() {
		if l.value == f.get("expires") {
			n.Expires, n.Endless, known = l.life, l.life == 0, true
		}
	}
	if !known {
		f.wrong("expires", "choose when it expires")
	}
	return n, nil
}

// tokenBlocks are lines to paste with the token in them.
func (s *Site) tokenBlocks(scope access.Scope, token string) []Block {
	put := func(text string) string { return strings.ReplaceAll(text, "TOKEN", token) }
	c := s.connection(s.base)
	index := put(c.signed)
	out := []Block{{"pip", "pip install --index-url " + index + " NAME"}, {"uv", "export UV_INDEX_INTERNAL_USERNAME=__token__ UV_INDEX_INTERNAL_PASSWORD=" + token + "\nuv add --index internal=" + c.index + " NAME"},
		{"poetry", "poetry config http-basic.internal __token__ " + token}}
	if scope >= access.ScopeUpload {
		upload := s.absolute("/legacy/")
		out = append([]Block{{"twine", "TWINE_USERNAME=__token__ TWINE_PASSWORD=" + token + " twine upload --repository-url " + upload + " dist/*"}, {"uv publish", "UV_PUBLISH_TOKEN=" + token + " uv publish --publish-url " + upload + " dist/*"}}, out...)
	}
	return out
}

// revokeToken ends a token of the caller's. Another's is as one that is not there, for administrators too: theirs is the
// account's page.
func (s *Site) revokeToken(w http.ResponseWriter, r *http.Request, who access.Caller) error {
	f, err := readForm(w, r)
	if err != nil {
		return err
	}
	own, err := s.o.Directory.OwnTokens(r.Context(), who)
	if err != nil {
		return err
	}
	id := f.get("token")
	if !slices.ContainsFunc(own, func(t access.TokenInfo) bool { return t.ID == id }) {
		return fault.New(fault.NotFound, "you have no such token: it may be revoked already")
	}
	if err := s.o.Directory.RevokeToken(r.Context(), who, id); err != nil {
		return err
	}
	return s.done(w, r, "/manage/account/token/", "The token is revoked."+s.believed())
}
