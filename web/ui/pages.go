package ui

import (
	"net/http"
	"net/url"
	"strconv"
)

// Pages is the position in a paginated list. Previous and Next are links, or "" at the ends.
type Pages struct {
	Page, Last     int // from 1
	Total          int // -1 if unknown
	Previous, Next string
}

// maxPage is the largest accepted page number.
const maxPage = 1_000_000

// PageNumber returns the page number from the query, 1 if it is missing or invalid.
func PageNumber(r *http.Request) int {
	n, err := strconv.Atoi(r.URL.Query().Get("page"))
	if err != nil || n < 1 || n > maxPage {
		return 1
	}
	return n
}

// Paginate returns the position of page n in a list of total rows. Links keep the other query parameters.
func Paginate(r *http.Request, n, total, perPage int) Pages {
	p := Pages{Page: n, Total: total, Last: max(1, (total+perPage-1)/perPage)}
	if n > 1 {
		p.Previous = pageLink(r, min(n-1, p.Last))
	}
	if n < p.Last {
		p.Next = pageLink(r, n+1)
	}
	return p
}

func pageLink(r *http.Request, n int) string {
	q := url.Values{}
	for k, v := range r.URL.Query() {
		q[k] = v
	}
	q.Set("page", strconv.Itoa(n))
	if n == 1 {
		q.Del("page")
	}
	return "?" + q.Encode()
}
