package page

import (
	"bytes"
	"errors"
	"fmt"
	"mime"
	"net/url"
	"strings"
	"unicode/utf8"

	"pyindex/internal/packaging"
)

// Parse reads the page of a project from the body of a response with status 200. at is the URL that answered, after
// redirects; relative links are resolved against it. The content type decides between JSON and HTML, and the first
// bytes if it does not.
//
// Every error means that the upstream answered wrongly: a page of another project or of an unknown major version, an
// error page, invalid JSON, or a page beyond the bounds. It is never an empty page.
func Parse(body []byte, contentType string, at *url.URL, project packaging.ProjectName, b Bounds) (Page, error) {
	if project.IsZero() {
		return Page{}, errors.New("page of no project")
	}
	f, body, err := formatOf(body, contentType)
	if err != nil {
		return Page{}, err
	}
	r := newReader(at, project, b.orDefault())
	if f == formatJSON {
		err = r.readJSON(body)
	} else {
		err = r.readHTML(body)
	}
	if err != nil {
		return Page{}, err
	}
	if len(r.page.Files) == 0 {
		r.page.Files = nil
	}
	return r.page, nil
}

type format int

const (
	formatJSON format = iota + 1
	formatHTML
)

// formatOf returns the format of a body, and the body without a byte order mark and leading blanks.
func formatOf(body []byte, contentType string) (format, []byte, error) {
	body = bytes.TrimLeft(bytes.TrimPrefix(body, []byte("\xef\xbb\xbf")), " \t\r\n")
	if len(body) == 0 {
		return 0, nil, errors.New("the answer is empty")
	}
	stated, err := statedFormat(contentType)
	if err != nil {
		return 0, nil, err
	}
	switch {
	case body[0] == '{':
		if !utf8.Valid(body) {
			return 0, nil, errors.New("the answer is not valid UTF-8")
		}
		return formatJSON, body, nil
	case body[0] == '<' && stated != formatJSON:
		return formatHTML, body, nil
	case stated == formatJSON:
		return 0, nil, errors.New("the answer is said to be JSON but is not a JSON object")
	}
	return 0, nil, errors.New("the answer is neither a JSON object nor HTML")
}

// statedFormat returns the format that a content type names, or zero if it names neither.
func statedFormat(contentType string) (format, error) {
	media, _, err := mime.ParseMediaType(contentType)
	if err != nil {
		return 0, nil
	}
	if simple, ok := strings.CutPrefix(media, "application/vnd.pypi.simple."); ok {
		switch simple {
		case "v1+json", "latest+json":
			return formatJSON, nil
		case "v1+html", "latest+html":
			return formatHTML, nil
		}
		return 0, fmt.Errorf("unknown version of the simple API: content type %.100q", media)
	}
	switch {
	case media == "application/json", strings.HasSuffix(media, "+json"):
		return formatJSON, nil
	case media == "text/html", media == "application/xhtml+xml":
		return formatHTML, nil
	}
	return 0, nil
}

// checkVersion returns an error unless v is a version of the simple API with the major number 1 (PEP 629).
func checkVersion(v string) error {
	major, minor, _ := strings.Cut(strings.TrimSpace(v), ".")
	if major != "1" || len(minor) > 10 || strings.Trim(minor, "0123456789") != "" {
		return fmt.Errorf("unknown version %.20q of the simple API", v)
	}
	return nil
}

// checkName returns an error if a page states the name of another project.
func (r *reader) checkName(name string) error {
	if n, err := packaging.ParseProjectName(name); err != nil || n != r.project {
		return fmt.Errorf("the page is that of project %.100q", name)
	}
	return nil
}

// setStatus keeps a status of PEP 792 and its reason. An unknown status is dropped.
func (r *reader) setStatus(status, reason string) {
	switch status {
	case "active", "archived", "deprecated", "quarantined":
		r.page.Status, r.page.StatusReason = status, Text(reason)
	}
}

// setSerial keeps a serial of decimal digits.
func (r *reader) setSerial(s string) {
	if s != "" && len(s) <= maxSerial && strings.Trim(s, "0123456789") == "" {
		r.page.Serial = s
	}
}
