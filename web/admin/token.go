package admin

import (
	"cmp"
	"net/http"
	"slices"

	"pyindex/internal/access"
	"pyindex/web/ui"
)

type adminTokensView struct {
	ui.Frame
	Tokens []ui.TokenRow
	Marked int // number of tokens with a mark
	Total  int
	Longest,
	Usual string // lifetimes of new tokens, "" for no expiry
	Pages ui.Pages
}

const tokensPerPage = 100

// markOrder sorts the tokens that need attention first.
var markOrder = map[access.TokenMark]int{access.TokenEndless: 0, access.TokenTooLong: 1, access.TokenEndsSoon: 2, "": 3}

// adminTokens lists the active API tokens of all users. Tokens that never expire, exceed the allowed lifetime or expire
// soon come first.
func (s *Section) adminTokens(w http.ResponseWriter, r *http.Request, who access.Caller) error {
	all, err := s.o.Directory.Tokens(r.Context(), who)
	if err != nil {
		return err
	}
	v := adminTokensView{Frame: s.adminFrame(r, who, "tokens", "API tokens")}
	var live []ui.TokenRow
	for _, t := range all {
		row := ui.NewTokenRow(s.o.Directory, s.Now(), t, who)
		if !t.RevokedAt.IsZero() || row.Expired {
			continue
		}
		if row.Mark != "" {
			v.Marked++
		}
		live = append(live, row)
	}
	slices.SortStableFunc(live, func(a, b ui.TokenRow) int { return cmp.Compare(markOrder[a.Mark], markOrder[b.Mark]) })
	longest, usual := s.o.Directory.TokenLife()
	if longest > 0 {
		v.Longest = access.Days(longest)
	}
	if usual > 0 {
		v.Usual = access.Days(usual)
	}
	v.Total, v.Pages = len(live), ui.Paginate(r, ui.PageNumber(r), len(live), tokensPerPage)
	from := min((v.Pages.Page-1)*tokensPerPage, len(live))
	v.Tokens = live[from:min(from+tokensPerPage, len(live))]
	return s.Render(w, http.StatusOK, "admin-tokens", &v)
}
