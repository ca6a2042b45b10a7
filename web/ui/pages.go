package ui

import (
	"net/http"
	"net/url"
	"strconv"
)

// Pages is where a reader is in a long list, and the links to its neighbours, "" where there is none.
type Pages struct {
	Page, Last     int // from 1
	Total          int // -1 where it is not known
	Previous, Next string
}

// maxPage bounds what a query may ask for.
const maxPage = 1_000_000

// PageNumber reads which page of a list is wanted, from 1.
func PageNumber(r *http.Request) int {
	n, err := strconv.Atoi(r.URL.Query().Get("page"))
	if err != nil || n < 1 || n > maxPage {
		return 1
	}
	return n
}

// Paginate says where page n of a list of total rows is. Other parts of the query stay.
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
