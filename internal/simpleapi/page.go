package simpleapi

import (
	"context"
	"net/http"
	"strconv"
	"sync/atomic"
	"time"

	"pyindex/internal/access"
	"pyindex/internal/resolve"
	"pyindex/internal/simpleapi/ready"
	"pyindex/internal/upstream"
)

// vary is shared, so that a cached page is served without allocation.
var vary = []string{"Accept, Accept-Encoding, Authorization"}

// listForms is the first Form of a list in the cache. The Form of a project page is its format.
const listForms = uint8(formats)

// pageHeaders sets the headers of every page.
func (a *API) pageHeaders(w http.ResponseWriter, who access.Caller) {
	h := w.Header()
	h["Vary"] = vary
	if who.Known() {
		h["Cache-Control"] = a.private
	} else {
		h["Cache-Control"] = a.public
	}
}

// limitAge lets no client use a page beyond the moment at which a decision about one of its files changes, or may.
func (a *API) limitAge(h http.Header, who access.Caller, until time.Time) {
	if a.maxAge <= 0 || until.IsZero() {
		return
	}
	left := until.Sub(a.now())
	if left >= a.maxAge {
		return
	}
	share := "public, "
	if who.Known() {
		share = "private, "
	}
	if left < time.Second {
		h["Cache-Control"] = []string{share + "no-cache"}
		return
	}
	h["Cache-Control"] = []string{share + "max-age=" + seconds(left)}
}

func (a *API) project(w http.ResponseWriter, r *http.Request, who access.Caller) error {
	w.Header()["Vary"] = vary
	f, err := choose(r)
	if err != nil {
		return err
	}
	name, err := projectName(r)
	if err != nil {
		return err
	}
	if name.String() != r.PathValue("project") {
		return a.redirectProject(w, r, who)
	}
	var v resolve.View
	if err := a.reader.ViewInto(r.Context(), who, r.PathValue("repository"), name, a.askedOf(w, r), &v); err != nil {
		return err
	}
	k := ready.Key{ID: v.ID(), Variant: v.Variant(), Form: uint8(f)}
	e := ready.ChooseEncoding(r.Header["Accept-Encoding"])
	answer := a.cache.Find(k, e, v.Stamp())
	if answer == nil {
		kept := v // a page is rendered beside the request that needs it first
		if answer, err = a.cache.Fill(r.Context(), k, e, v.Stamp(), a.renderProject(f, who, &kept, k)); err != nil {
			return err
		}
	}
	a.pageHeaders(w, who)
	a.limitAge(w.Header(), who, v.Until())
	ageHeaders(w.Header(), &v)
	answer.ServeHTTP(w, r)
	return nil
}

// ageHeaders says how old the upstream's page is, and by how much it is older than it should be.
func ageHeaders(h http.Header, v *resolve.View) {
	if v.Upstream.Name == "" {
		return
	}
	age, stale := v.Age()
	h["Age"] = secondsHeader(age)
	if stale > 0 {
		h["X-Index-Stale"] = secondsHeader(stale)
	}
}

func seconds(d time.Duration) string { return strconv.FormatInt(int64(d/time.Second), 10) }

// secondsValues are the header values of short times, in seconds, made when they are first needed.
var secondsValues [1024]atomic.Pointer[[]string]

// secondsHeader returns the value of a header with a time in whole seconds. It is shared.
func secondsHeader(d time.Duration) []string {
	n := int64(d / time.Second)
	if n < 0 || n >= int64(len(secondsValues)) {
		return []string{seconds(d)}
	}
	if known := secondsValues[n].Load(); known != nil {
		return *known
	}
	v := []string{seconds(d)}
	secondsValues[n].Store(&v)
	return v
}

// asked returns how a request wants names of upstreams to be answered.
func (a *API) asked(r *http.Request) resolve.Ask {
	return resolve.AskOf(r.Header["Cache-Control"], r.Header["Via"], a.instance)
}

// askedOf is asked for a page. The answer names the indexes that asked no upstream for it, so that the asking index
// does not take it for complete.
func (a *API) askedOf(w http.ResponseWriter, r *http.Request) resolve.Ask {
	ask := a.asked(r)
	if len(ask.Visited) == 0 {
		return ask
	}
	ask.Limited = func(by upstream.Visited) {
		if by == nil {
			by = upstream.Visited{a.instance}
		}
		all := append(w.Header()[upstream.LimitedHeader], by.Limited())
		w.Header()[upstream.LimitedHeader] = []string{upstream.ParseLimited(all, "").Limited()}
	}
	return ask
}

// renderProject returns the function that renders a page missing from the cache. It queries the catalog again, as the
// same caller. Of a long page, it renders only what differs from the latest page of the key.
func (a *API) renderProject(f format, who access.Caller, v *resolve.View,
	k ready.Key,
) func(context.Context) (*ready.Answer, error) {
	return func(ctx context.Context) (*ready.Answer, error) {
		c, err := a.reader.Shown(ctx, who, v)
		if err != nil {
			return nil, err
		}
		t := tree{a.prefix(v.Repository.Name), a.origin}
		return f.projectPage(t, c, a.cache.Latest(k, ready.Identity)), nil
	}
}

// list serves the page of a repository. A caller who may not see all projects gets a page rendered for this request.
func (a *API) list(w http.ResponseWriter, r *http.Request, who access.Caller) error {
	w.Header()["Vary"] = vary
	f, err := choose(r)
	if err != nil {
		return err
	}
	l, err := a.reader.ListView(r.Context(), who, r.PathValue("repository"))
	if err != nil {
		return err
	}
	k := ready.Key{ID: l.Repository.ID, Variant: l.Variant, Form: listForms + uint8(f)}
	e := ready.ChooseEncoding(r.Header["Accept-Encoding"])
	answer := a.cache.Find(k, e, l.At)
	switch {
	case !l.Whole:
		answer, err = a.ownList(r.Context(), who, l, f, e)
	case answer == nil:
		answer, err = a.cache.Fill(r.Context(), k, e, l.At, a.renderList(f, who, l, k))
	}
	if err != nil {
		return err
	}
	a.pageHeaders(w, who)
	answer.ServeHTTP(w, r)
	return nil
}

// renderList returns the function that renders a list. It renders only what differs from the latest page of the key.
func (a *API) renderList(f format, who access.Caller, v resolve.ListView,
	k ready.Key,
) func(context.Context) (*ready.Answer, error) {
	return func(ctx context.Context) (*ready.Answer, error) {
		l, err := a.reader.Listing(ctx, who, v)
		if err != nil {
			return nil, err
		}
		return f.listPage(a.prefix(v.Repository.Name), l, a.cache.Latest(k, ready.Identity)), nil
	}
}

func (a *API) ownList(ctx context.Context, who access.Caller, v resolve.ListView, f format,
	e ready.Encoding,
) (*ready.Answer, error) {
	answer, err := a.renderList(f, who, v, ready.Key{})(ctx)
	if err != nil {
		return nil, err
	}
	return answer.Encoded(e), nil
}
