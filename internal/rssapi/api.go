// Package rssapi serves a feed of each project's releases: /rss/project/{project}/releases.xml, as PyPI does.
//
// Feed readers authenticate as installers do. A browser may also use its session, because people open the feed from the
// project page; reading a feed changes nothing. Permission is checked on every request, and a feed shows only what the
// project page shows its reader.
package rssapi

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/xml"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"pyindex/internal/access"
	"pyindex/internal/catalog"
	"pyindex/internal/fault"
	"pyindex/internal/packaging"
	"pyindex/internal/resolve"
	"pyindex/internal/route"
)

// maxItems is the number of releases in a feed, as on PyPI.
const maxItems = 40

// maxSummary bounds the summary of a project, in characters.
const maxSummary = 500

// Options configure an API. BaseURL is required.
type Options struct {
	BaseURL string // absolute, with the path prefix
	Name    string // display name of the index
}

// API serves the feeds. It is safe for concurrent use.
type API struct {
	reader *resolve.Reader
	base   string // without a trailing slash
	name   string
}

// New returns the API of the projects that x reads.
func New(x *resolve.Reader, o Options) *API {
	return &API{reader: x, base: strings.TrimRight(o.BaseURL, "/"), name: o.Name}
}

// Table returns the routes.
func (a *API) Table() route.Table {
	return route.Table{Name: "rssapi", Fail: fail, Routes: []route.Route{{
		Method: http.MethodGet, Path: "/rss/project/:project/releases.xml", Auth: route.Feed, Decides: route.ByPolicy,
		Tree:   true,
		Handle: a.releases,
	}}}
}

type document struct {
	XMLName xml.Name `xml:"rss"`
	Version string   `xml:"version,attr"`
	Atom    string   `xml:"xmlns:atom,attr"`
	Channel channel  `xml:"channel"`
}

type channel struct {
	Title       string   `xml:"title"`
	Link        string   `xml:"link"`
	Self        selfLink `xml:"atom:link"`
	Description string   `xml:"description"`
	Language    string   `xml:"language"`
	Items       []item   `xml:"item"`
}

type selfLink struct {
	Href string `xml:"href,attr"`
	Rel  string `xml:"rel,attr"`
	Type string `xml:"type,attr"`
}

type item struct {
	Title       string `xml:"title"`
	Link        string `xml:"link"`
	GUID        string `xml:"guid"`
	Description string `xml:"description"`
	PubDate     string `xml:"pubDate"`
}

// releases writes the newest releases of a project.
func (a *API) releases(w http.ResponseWriter, r *http.Request, who access.Caller) error {
	name, err := packaging.ParseProjectName(r.PathValue("project"))
	if err != nil {
		return fault.Wrap(fault.NotFound, err, "there is no project of that name here")
	}
	repo := r.PathValue("repository")
	o, err := a.reader.OwnOverview(r.Context(), who, repo, name, "")
	if err != nil {
		return err
	}
	body, err := a.render(o.Overview)
	if err != nil {
		return err
	}
	sum := sha256.Sum256(body)
	h := w.Header()
	h.Set("Content-Type", "text/xml; charset=utf-8")
	h.Set("Cache-Control", "private, no-cache")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("ETag", `"`+hex.EncodeToString(sum[:16])+`"`)
	h["Vary"] = []string{"Authorization, Cookie"}
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(body))
	return nil
}

func (a *API) render(o catalog.Overview) ([]byte, error) {
	tree := a.base
	if repo := o.Project.Repository.Name; repo != catalog.MainRepository {
		tree += "/r/" + url.PathEscape(repo)
	}
	page := tree + "/project/" + o.Project.Name.String() + "/"
	d := document{Version: "2.0", Atom: "http://www.w3.org/2005/Atom", Channel: channel{
		Title: "Releases of " + o.Project.Display + " at " + a.name, Link: page, Language: "en",
		Self: selfLink{
			Href: tree + "/rss/project/" + o.Project.Name.String() + "/releases.xml", Rel: "self", Type: "application/rss+xml",
		},
		Description: cut(o.Metadata.Summary),
	}}
	newest := slices.Clone(o.Releases)
	slices.SortStableFunc(newest, func(x, y catalog.Summary) int { return y.CreatedAt.Compare(x.CreatedAt) })
	for _, s := range newest[:min(len(newest), maxItems)] {
		link := page + url.PathEscape(s.Version) + "/"
		about := fmt.Sprintf("%d files, %d bytes", s.Files, s.Size)
		if s.Files == 1 {
			about = fmt.Sprintf("1 file, %d bytes", s.Size)
		}
		switch {
		case s.Held:
			about += ". This release is not served: " + s.YankedReason
		case s.Yanked:
			about += ". This release was yanked."
		}
		d.Channel.Items = append(d.Channel.Items, item{
			Title: o.Project.Display + " " + s.Version, Link: link, GUID: link, Description: about,
			PubDate: s.CreatedAt.UTC().Format(time.RFC1123Z),
		})
	}
	out, err := xml.MarshalIndent(d, "", " ")
	return append([]byte(xml.Header), append(out, '\n')...), err
}

// cut returns a text of at most maxSummary characters.
func cut(s string) string {
	if utf8.RuneCountInString(s) <= maxSummary {
		return s
	}
	return string([]rune(s)[:maxSummary-1]) + "…"
}

// fail writes an error as a line of text. The server adds the challenge of a 401.
func fail(w http.ResponseWriter, r *http.Request, err error) {
	h := w.Header()
	status, message := route.Status(fault.KindOf(err)), fault.Message(err)
	if status == http.StatusInternalServerError {
		message = "something went wrong here; tell the administrator the request id " + h.Get("X-Request-Id")
	}
	route.RetryLater(h, status, "5")
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Type", "text/plain; charset=utf-8")
	h.Set("Content-Length", strconv.Itoa(len(message)+1))
	w.WriteHeader(status)
	if r.Method != http.MethodHead {
		_, _ = w.Write([]byte(message + "\n")) // an error means that the client is gone
	}
}
