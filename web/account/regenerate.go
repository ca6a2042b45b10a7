package account

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"pyindex/internal/access"
	"pyindex/internal/fault"
	"pyindex/web/ui"
)

// tokenList is a list of tokens with forms. Path is the page that the forms belong to.
type tokenList struct {
	Path   string
	Tokens []tokenRow
}

// tokenRow is a token with the fields of its form.
type tokenRow struct {
	ui.TokenRow
	Overlap, Life ui.Field
}

func (s *Section) tokenList(path string, tokens []access.TokenInfo, who access.Caller) tokenList {
	l := tokenList{Path: s.Base + path}
	for _, t := range tokens {
		l.Tokens = append(l.Tokens, tokenRow{
			TokenRow: ui.NewTokenRow(s.o.Directory, s.Now(), t, who),
			Overlap: ui.Field{
				ID: "overlap-" + t.ID, Name: "overlap", Label: "The old token stops working", Type: "select",
				Options: overlapOptions(),
			},
			Life: ui.Field{
				ID: "expires-" + t.ID, Name: "expires", Label: "The new token expires after", Type: "select",
				Options: s.lifetimeOptions(),
			},
		})
	}
	return l
}

// overlaps are the choices of how long a replaced token continues to work.
var overlaps = []struct {
	value, label string
	life         time.Duration
}{
	{"0", "immediately", 0},
	{"1h", "in an hour", time.Hour},
	{"1d", "in a day", 24 * time.Hour},
	{"7d", "in a week", access.MaxTokenOverlap},
}

func overlapOptions() (out []ui.Option) {
	for _, o := range overlaps {
		out = append(out, ui.Option{Value: o.value, Label: o.label})
	}
	return out
}

// askedRegeneration reads the form of a token. Its error is about the whole form, because each row of the page has one.
func (s *Section) askedRegeneration(f ui.Form) (g access.Regeneration, err error) {
	g.ID = f.Get("token")
	for _, o := range overlaps {
		if o.value == f.Get("overlap") {
			g.Overlap = o.life
			if g.Expires, g.Endless = s.askedLife(f); f.Bad() {
				break
			}
			return g, nil
		}
	}
	return g, fault.New(fault.Invalid, "choose when the old token ends, and a lifetime")
}

// regenerateToken replaces a token of the caller and shows the new one. It returns fault.NotFound for a token of
// another user, also if the caller is an administrator.
func (s *Section) regenerateToken(w http.ResponseWriter, r *http.Request, who access.Caller, f ui.Form) error {
	if err := s.ownToken(r, who, f.Get("token")); err != nil {
		return err
	}
	if err := s.Confirmed(who); err != nil {
		return err
	}
	t, secret, err := s.regenerate(r, who, f)
	if err := f.Refused("", err); err != nil {
		return err
	}
	if f.Bad() {
		return s.tokensPage(w, r, who, ui.Form{Values: nil, Errs: map[string]string{"": f.Errs[""]}}, nil)
	}
	made := s.madeToken(t, secret, who)
	s.letters.Alert(r, who, "An API token of your account was regenerated. "+made.Sentence+".")
	return s.tokensPage(w, r, who, ui.Typed(nil), made)
}

func (s *Section) regenerate(r *http.Request, who access.Caller, f ui.Form) (access.TokenInfo, access.Secret, error) {
	g, err := s.askedRegeneration(f)
	if err != nil {
		return access.TokenInfo{}, "", err
	}
	return s.o.Directory.RegenerateToken(r.Context(), who, g)
}

// ownToken returns fault.NotFound unless the caller has the token.
func (s *Section) ownToken(r *http.Request, who access.Caller, id string) error {
	own, err := s.o.Directory.OwnTokens(r.Context(), who)
	if err == nil && !slices.ContainsFunc(own, func(t access.TokenInfo) bool { return t.ID == id }) {
		err = fault.New(fault.NotFound, "you have no such token; it may already be revoked")
	}
	return err
}

// endingWithin is how long before a token's expiry the account pages warn about it.
const endingWithin = 14 * 24 * time.Hour

// ending returns a warning about tokens that expire soon and were not replaced, or nil.
func ending(tokens []access.TokenInfo, now time.Time) *ui.Notice {
	var names []string
	var first time.Time
	for _, t := range tokens {
		due := max(t.EndsSoonFrom().Unix(), t.ExpiresAt.Add(-endingWithin).Unix())
		if t.ExpiresAt.IsZero() || t.ReplacedBy != "" || !now.Before(t.ExpiresAt) || now.Unix() < due {
			continue
		}
		if first.IsZero() || t.ExpiresAt.Before(first) {
			first = t.ExpiresAt
		}
		name := t.Description
		if name == "" {
			name = "one without a description"
		}
		names = append(names, name)
	}
	const fewTokens = 5
	switch {
	case len(names) == 0:
		return nil
	case len(names) == 1:
		return &ui.Notice{Kind: "warn", Text: "The API token " + names[0] + " expires on " + ui.Day(first) +
			". Regenerate it before then, on the page API tokens."}
	case len(names) > fewTokens:
		names = append(names[:fewTokens], fmt.Sprintf("%d more", len(names)-fewTokens))
	}
	return &ui.Notice{Kind: "warn", Text: "Several API tokens expire soon, the first on " + ui.Day(first) + ": " +
		strings.Join(names, ", ") + ". Regenerate them before then, on the page API tokens."}
}
