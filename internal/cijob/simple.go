package cijob

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"pyindex/internal/lockfile/lockcheck"
	"pyindex/internal/packaging"
	"pyindex/internal/terminal"
)

// simpleJSON is the media type of a page of the simple API (PEP 691).
const simpleJSON = "application/vnd.pypi.simple.v1+json"

// Bounds for reading pages: bytes of one, tries after an answer that asks for patience, and the longest wait between
// them.
const (
	maxPage      = 64 << 20
	maxTries     = 3
	longestPause = 5 * time.Second
)

// simpleIndex reads the pages of an index over the network.
type simpleIndex struct {
	site   lockcheck.Site
	user   *url.Userinfo
	client *http.Client
	pause  func(context.Context, time.Duration) error
}

func newSimpleIndex(site lockcheck.Site, user *url.Userinfo) *simpleIndex {
	client := newLoginHTTP()
	client.Timeout = time.Minute // the index may have to ask an upstream
	if t, ok := http.DefaultTransport.(*http.Transport); ok {
		t = t.Clone()
		t.MaxIdleConnsPerHost = t.MaxIdleConns // several requests run at once, and each would open a connection
		client.Transport = t
	}
	return &simpleIndex{site, user, client, pause}
}

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// ask sends a request. If the index asks for patience, it sends it again after a pause. The caller closes the body.
func (x *simpleIndex) ask(ctx context.Context, method string, u *url.URL) (*http.Response, error) {
	for try := 1; ; try++ {
		r, err := http.NewRequestWithContext(ctx, method, u.String(), nil)
		if err != nil {
			return nil, err
		}
		r.Header.Set("Accept", simpleJSON)
		r.Header.Set("User-Agent", "index-check-lock")
		if x.user != nil {
			password, _ := x.user.Password()
			r.SetBasicAuth(x.user.Username(), password)
		}
		answer, err := x.client.Do(r)
		if err != nil {
			if of, ok := errors.AsType[*url.Error](err); ok {
				err = of.Err
			}
			text, advice := explainConnection(err, u)
			return nil, fmt.Errorf("%s. %s", strings.TrimSuffix(text, "."), strings.ReplaceAll(advice, "\n", " "))
		}
		busy := answer.StatusCode == http.StatusTooManyRequests || answer.StatusCode == http.StatusServiceUnavailable
		if !busy || try == maxTries {
			return answer, nil
		}
		seconds, _ := strconv.Atoi(answer.Header.Get("Retry-After"))
		_ = answer.Body.Close()
		if err := x.pause(ctx, min(max(time.Duration(seconds)*time.Second, time.Second), longestPause)); err != nil {
			return nil, err
		}
	}
}

// Project reads the page of a project.
func (x *simpleIndex) Project(ctx context.Context, name packaging.ProjectName) (lockcheck.Project, error) {
	var p lockcheck.Project
	u := x.site.Root().JoinPath("simple", name.String()+"/")
	answer, err := x.ask(ctx, http.MethodGet, u)
	if err != nil {
		return p, err
	}
	defer answer.Body.Close()
	switch code := answer.StatusCode; {
	case code == http.StatusNotFound:
		return lockcheck.Project{Missing: true}, nil
	case code == http.StatusUnauthorized, code == http.StatusForbidden:
		if x.user == nil {
			return p, fmt.Errorf("%s needs a token to read: set INDEX_TOKEN, or add an entry to netrc", u.Host)
		}
		return p, fmt.Errorf("%s refused the credentials (status %d): check that the token can read this repository", u.Host,
			code)
	case code >= 300 && code < 400:
		return p, fmt.Errorf("%s redirects to another address: specify the final URL of the index", u.Host)
	case code != http.StatusOK:
		return p, &lockcheck.Unchecked{Reason: fmt.Sprintf("the index answered with status %d", code)}
	}
	media, _, _ := mime.ParseMediaType(answer.Header.Get("Content-Type"))
	if media != simpleJSON {
		return p, fmt.Errorf("%s has no package index in JSON there: check the URL", u.Host)
	}
	return readPage(answer, u)
}

// page is the part of a project's page that matters.
type page struct {
	Files []struct {
		Filename string            `json:"filename"`
		URL      string            `json:"url"`
		Hashes   map[string]string `json:"hashes"`
		Yanked   any               `json:"yanked"` // a boolean, or the reason
	} `json:"files"`
	ProjectStatus struct {
		Status string `json:"status"`
		Reason string `json:"reason"`
	} `json:"project-status"`
}

func readPage(answer *http.Response, at *url.URL) (lockcheck.Project, error) {
	var doc page
	body := io.LimitReader(answer.Body, maxPage)
	if err := json.NewDecoder(body).Decode(&doc); err != nil {
		return lockcheck.Project{}, &lockcheck.Unchecked{Reason: "the page of the project is incomplete"}
	}
	p := lockcheck.Project{
		Quarantined: doc.ProjectStatus.Status == "quarantined",
		Reason:      doc.ProjectStatus.Reason,
		// Only projects of the index itself have a serial: an upstream's page has none.
		Own: answer.Header.Get("X-PyPI-Last-Serial") != "",
	}
	for _, f := range doc.Files {
		u, err := at.Parse(f.URL)
		if err != nil {
			continue
		}
		listed := lockcheck.Listed{Name: f.Filename, URL: u.String(), SHA256: strings.ToLower(f.Hashes["sha256"])}
		switch y := f.Yanked.(type) {
		case bool:
			listed.Yanked = y
		case string:
			listed.Yanked, listed.Reason = true, y
		}
		if lockcheck.OwnPath(listed.URL) {
			p.Own = true
		} else {
			p.Upstream = true
		}
		p.Files = append(p.Files, listed)
	}
	return p, nil
}

// Refusal asks for a file without its content.
func (x *simpleIndex) Refusal(ctx context.Context, raw string) (string, error) {
	u, err := url.Parse(raw)
	if err != nil {
		return "", nil
	}
	u.User = nil
	answer, err := x.ask(ctx, http.MethodHead, u)
	if err != nil {
		return "", err
	}
	_ = answer.Body.Close()
	if answer.StatusCode != http.StatusForbidden {
		return "", nil
	}
	if text := x.problem(ctx, u); text != "" {
		return terminal.Printable(text), nil
	}
	_, phrase, _ := strings.Cut(answer.Status, " ")
	if phrase == "" || phrase == http.StatusText(http.StatusForbidden) { // HTTP/2 has no reason phrase
		if phrase = answer.Header.Get("X-Index-Hold"); phrase != "" {
			kind := "denied: "
			if strings.Contains(phrase, "until=") {
				kind = "held: "
			}
			phrase = kind + phrase
		} else {
			phrase = "denied: the index refuses this file"
		}
	}
	return terminal.Printable(phrase), nil
}

// maxProblem limits the size of an error in JSON, in bytes.
const maxProblem = 64 << 10

// problem returns the whole reason for which a file is refused, with the address of the page that explains it, or "" if
// the index does not state one. It does not depend on the version of HTTP, and the reason phrase may be cut.
func (x *simpleIndex) problem(ctx context.Context, u *url.URL) string {
	answer, err := x.ask(ctx, http.MethodGet, u)
	if err != nil {
		return ""
	}
	defer answer.Body.Close()
	var doc struct{ Type, Title, Rule string }
	media, _, _ := mime.ParseMediaType(answer.Header.Get("Content-Type"))
	if answer.StatusCode != http.StatusForbidden || media != "application/problem+json" ||
		json.NewDecoder(io.LimitReader(answer.Body, maxProblem)).Decode(&doc) != nil || doc.Rule == "" {
		return ""
	}
	if at, err := url.Parse(doc.Type); err != nil || at.Host == "" {
		return doc.Title
	}
	return doc.Title + " " + doc.Type
}
