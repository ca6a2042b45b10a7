package osvapi

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"pyindex/internal/access"
	"pyindex/internal/advisory"
	"pyindex/internal/fault"
	"pyindex/internal/packaging"
	"pyindex/internal/resolve"
	"pyindex/internal/route"
)

// Rate is the number of questions per minute from one address. pip-audit asks once for each package.
const Rate = 6000

// Limits of a question, as the OSV API has them.
const (
	maxBody    = 2 << 20 // bytes
	maxQueries = 1000    // in a batch
	maxPage    = 1000    // vulnerabilities in an answer
)

// API answers questions about vulnerabilities.
type API struct {
	reader     *resolve.Reader
	advisories *advisory.Advisories
}

// New returns an API for what x reads and the feeds state.
func New(x *resolve.Reader, a *advisory.Advisories) *API { return &API{x, a} }

// Table returns the routes, which exist in every repository.
func (a *API) Table() route.Table {
	return route.Table{Name: "osvapi", Fail: fail, Routes: route.NoFiles.Mark([]route.Route{
		{
			Method: http.MethodPost, Path: "/_/osv/v1/query", Auth: route.Reader, Limit: route.LimitQuery, Tree: true,
			Handle: a.query,
		},
		{
			Method: http.MethodPost, Path: "/_/osv/v1/querybatch", Auth: route.Reader, Limit: route.LimitQuery, Tree: true,
			Handle: a.batch,
		},
		{Method: http.MethodGet, Path: "/_/osv/v1/vulns/:id", Auth: route.Reader, Tree: true, Handle: a.vulnerability},
	})}
}

// question is a question about one package. A tool states the package by ecosystem and name, or by its purl.
type question struct {
	Package struct {
		Ecosystem string `json:"ecosystem"`
		Name      string `json:"name"`
		PURL      string `json:"purl"`
	} `json:"package"`
	Version   string `json:"version"`
	Commit    string `json:"commit"`
	PageToken string `json:"page_token"`
}

// found is a part of an answer.
type found[T any] struct {
	Vulns         []T    `json:"vulns,omitempty"`
	NextPageToken string `json:"next_page_token,omitempty"`
}

func (a *API) query(w http.ResponseWriter, r *http.Request, who access.Caller) error {
	var q question
	if err := read(r, &q); err != nil {
		return err
	}
	asking, err := a.reader.Asking(r.Context(), who, r.PathValue("repository"))
	if err != nil {
		return err
	}
	all, next, err := a.find(r.Context(), asking, q)
	if err != nil {
		return err
	}
	return write(w, found[*advisory.Record]{all, next})
}

// mention is a vulnerability in the answer to a batch, which has no details.
type mention struct {
	ID       string `json:"id"`
	Modified string `json:"modified,omitempty"`
}

func (a *API) batch(w http.ResponseWriter, r *http.Request, who access.Caller) error {
	var q struct {
		Queries []question `json:"queries"`
	}
	if err := read(r, &q); err != nil {
		return err
	}
	if len(q.Queries) > maxQueries {
		return fault.New(fault.Invalid, "a batch has at most %d queries", maxQueries)
	}
	asking, err := a.reader.Asking(r.Context(), who, r.PathValue("repository"))
	if err != nil {
		return err
	}
	out := struct {
		Results []found[mention] `json:"results"`
	}{Results: make([]found[mention], 0, len(q.Queries))}
	for _, one := range q.Queries {
		all, next, err := a.find(r.Context(), asking, one)
		if err != nil {
			return err
		}
		f := found[mention]{NextPageToken: next}
		for _, record := range all {
			f.Vulns = append(f.Vulns, mention{record.ID, record.Modified})
		}
		out.Results = append(out.Results, f)
	}
	return write(w, out)
}

// find returns a page of the records that answer a question, and the token of the next page.
func (a *API) find(ctx context.Context, asking *resolve.Asking, q question) ([]*advisory.Record, string, error) {
	name, version, err := q.subject()
	if err != nil || name.IsZero() {
		return nil, "", err
	}
	start := 0
	if q.PageToken != "" {
		if start, err = strconv.Atoi(q.PageToken); err != nil || start < 0 {
			return nil, "", fault.New(fault.Invalid, "page_token is not one of this index")
		}
	}
	own, err := asking.Own(ctx, name, version)
	if own || err != nil {
		return nil, "", err
	}
	about, _, err := a.advisories.About(ctx, asking.At(), name)
	if about == nil || err != nil {
		return nil, "", err
	}
	all := about.All()
	if version != "" {
		all = about.Records(version)
	}
	all = all[min(start, len(all)):]
	if len(all) <= maxPage {
		return all, "", nil
	}
	return all[:maxPage], strconv.Itoa(start + maxPage), nil
}

var errNoPURL = fault.New(fault.Invalid, "package.purl is not a package URL")

// subject returns the project and the version that a question is about. The project is zero if it is about no Python
// package.
func (q *question) subject() (parsed packaging.ProjectName, _ string, err error) {
	ecosystem, name, version := q.Package.Ecosystem, q.Package.Name, q.Version
	if q.Package.PURL != "" {
		if name != "" || ecosystem != "" {
			return packaging.ProjectName{}, "", fault.New(fault.Invalid, "package has both a purl and a name")
		}
		rest, ok := strings.CutPrefix(q.Package.PURL, "pkg:")
		kind, rest, more := strings.Cut(strings.TrimLeft(rest, "/"), "/") // "pkg://pypi/demo" is allowed, too
		if !ok || !more {
			return packaging.ProjectName{}, "", errNoPURL
		}
		if !strings.EqualFold(kind, "pypi") {
			return packaging.ProjectName{}, "", nil
		}
		rest, _, _ = strings.Cut(rest, "#")
		rest, _, _ = strings.Cut(rest, "?")
		at := ""
		name, at, _ = strings.Cut(rest, "@")
		if name, err = url.PathUnescape(name); err != nil {
			return packaging.ProjectName{}, "", errNoPURL
		}
		if at != "" && version != "" {
			return packaging.ProjectName{}, "", fault.New(fault.Invalid, "the version is in the purl and beside it")
		}
		if at != "" {
			if version, err = url.PathUnescape(at); err != nil {
				return packaging.ProjectName{}, "", errNoPURL
			}
		}
		ecosystem = "PyPI"
	}
	if q.Commit != "" && name == "" {
		return packaging.ProjectName{}, "", nil // feeds of Python packages state no commits
	}
	if name == "" || ecosystem == "" {
		return packaging.ProjectName{}, "", fault.New(fault.Invalid, "package has no ecosystem and name")
	}
	if kind, _, _ := strings.Cut(ecosystem, ":"); !strings.EqualFold(kind, "PyPI") {
		return packaging.ProjectName{}, "", nil
	}
	if parsed, err = packaging.ParseProjectName(name); err != nil {
		return parsed, "", fault.New(fault.Invalid, "%.80q is not the name of a project", name)
	}
	return parsed, version, nil
}

// vulnerability answers with one record.
func (a *API) vulnerability(w http.ResponseWriter, r *http.Request, who access.Caller) error {
	if _, err := a.reader.Asking(r.Context(), who, r.PathValue("repository")); err != nil {
		return err
	}
	record, err := a.advisories.Record(r.Context(), r.PathValue("id"))
	if err != nil {
		return err
	}
	return write(w, record)
}

// read reads the body of a request, which is JSON whatever its type says.
func read(r *http.Request, into any) error {
	body, err := io.ReadAll(http.MaxBytesReader(nil, r.Body, maxBody))
	if _, large := errors.AsType[*http.MaxBytesError](err); large {
		return fault.New(fault.TooLarge, "a question has at most %d MiB", maxBody>>20)
	}
	if err != nil {
		return fault.New(fault.Invalid, "the question did not arrive whole")
	}
	if err := json.Unmarshal(body, into); err != nil {
		return fault.New(fault.Invalid, "the question is not JSON of the OSV API")
	}
	return nil
}

func write(w http.ResponseWriter, answer any) error {
	body, err := json.Marshal(answer)
	if err != nil {
		return err
	}
	h := w.Header()
	h.Set("Cache-Control", "private, no-cache")
	h.Set("Vary", "Authorization")
	h.Set("Content-Type", "application/json")
	h.Set("Content-Length", strconv.Itoa(len(body)))
	w.Write(body) // an error means that the client is gone
	return nil
}

// fail writes an error as {"code": …, "message": …}, with the codes of gRPC that the OSV API uses. The server adds the
// challenge of a 401.
func fail(w http.ResponseWriter, r *http.Request, err error) {
	h := w.Header()
	status, message := route.Status(fault.KindOf(err)), fault.Message(err)
	if status == http.StatusInternalServerError {
		message = "something went wrong here; tell the administrator the request id " + h.Get("X-Request-Id")
	}
	code := map[int]int{
		http.StatusBadRequest: 3, http.StatusRequestEntityTooLarge: 3, http.StatusNotFound: 5, http.StatusForbidden: 7,
		http.StatusTooManyRequests: 8, http.StatusServiceUnavailable: 14, http.StatusUnauthorized: 16,
	}[status]
	if code == 0 {
		code = 13
	}
	body, _ := json.Marshal(struct {
		Code    int    `json:"code"`
		Message string `json:"message"`
	}{code, message})
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Type", "application/json")
	h.Set("Content-Length", strconv.Itoa(len(body)))
	route.RetryLater(h, status, "5")
	w.WriteHeader(status)
	if r.Method != http.MethodHead {
		w.Write(body) // an error means that the client is gone
	}
}
