package client

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"pyindex/internal/packaging"
	"pyindex/internal/upstream"
	"pyindex/internal/upstream/page"
)

// Result says what a check found.
type Result string

// Only Failed means that the upstream cannot be used as it is configured.
const (
	Yes     Result = "yes"
	No      Result = "no"      // the upstream does not offer it; reading works without
	Failed  Result = "failed"  // reading does not work
	Unknown Result = "unknown" // it could not be tried
)

// The subjects of findings, in the order of a report.
const (
	SubjectConnection  = "connection"
	SubjectTLS         = "TLS"
	SubjectProxy       = "proxy"
	SubjectCredential  = "credential"
	SubjectRoot        = "root list"
	SubjectPage        = "project page"
	SubjectFormat      = "format"
	SubjectConditional = "conditional requests"
	SubjectDigests     = "digests"
	SubjectSizes       = "sizes"
	SubjectTimes       = "upload times"
	SubjectMetadata    = "metadata"
	SubjectProvenance  = "provenance"
	SubjectYanks       = "yanks"
	SubjectFiles       = "files"
	SubjectRanges      = "ranges"
)

// Finding is one line of a Report.
type Finding struct {
	Subject string               `json:"subject"`
	Result  Result               `json:"result"`
	Detail  string               `json:"detail"`            // a sentence without its full stop; never a credential
	Failure upstream.FailureKind `json:"failure,omitempty"` // if Result is Failed
}

// Report is what Check found out about an upstream.
type Report struct {
	Upstream string    `json:"upstream"`
	URL      string    `json:"url"`
	Project  string    `json:"project"` // whose page was the sample, "" if there was none
	Usable   bool      `json:"usable"`  // nothing failed
	Findings []Finding `json:"findings"`
}

// Check asks an upstream for its root list, for the page of a project and for one file of it, and reports what the
// upstream offers. Without a project it takes the upstream's probe. The caller must not pass a project that belongs to
// this index: an upstream is never asked about one.
func (c *Client) Check(ctx context.Context, u upstream.Upstream, project packaging.ProjectName) Report {
	k := &check{
		c: c, u: u, ctx: ctx,
		report: Report{Upstream: u.Name, URL: u.URL, Usable: true, Findings: []Finding{}},
	}
	if project.IsZero() && u.Probe != "" {
		project, _ = packaging.ParseProjectName(u.Probe)
	}
	root := k.root()
	if project.IsZero() {
		k.connection(root, nil)
		k.rootList(root)
		k.add(SubjectPage, Unknown, "no project was named, and the upstream has no probe")
		return k.report
	}
	k.report.Project, k.sampled = project.String(), project
	sample := k.page(project)
	k.connection(sample, root)
	k.credential(project, sample)
	k.rootList(root)
	k.sample(project, sample)
	return k.report
}

// check is one run of Check.
type check struct {
	c       *Client
	u       upstream.Upstream
	ctx     context.Context
	sampled packaging.ProjectName
	report  Report
}

// asked is the answer to one question of a check.
type asked struct {
	q        *question
	response upstream.Response
	err      error
}

func (k *check) add(subject string, r Result, format string, args ...any) {
	f := Finding{Subject: subject, Result: r, Detail: fmt.Sprintf(format, args...)}
	k.report.Findings = append(k.report.Findings, f)
}

// failed adds a finding about a failure.
func (k *check) failed(subject string, err error) {
	f := Finding{Subject: subject, Result: Failed, Detail: err.Error()}
	if failure, ok := errors.AsType[*upstream.Failure](err); ok {
		f.Detail, f.Failure = failure.Err.Error(), failure.Kind
	}
	k.report.Usable = false
	k.report.Findings = append(k.report.Findings, f)
}

func (k *check) root() *asked {
	a := &asked{q: k.c.ask(k.u)}
	a.response, a.err = a.q.list(k.ctx, upstream.Validators{})
	return a
}

func (k *check) page(project packaging.ProjectName) *asked {
	a := &asked{q: k.c.ask(k.u)}
	a.response, a.err = a.q.project(k.ctx, project, upstream.Validators{})
	return a
}

// connection reports how the upstream was reached, by the first of two questions, or by the second if that had no
// response.
func (k *check) connection(first, second *asked) {
	a := first
	if a.q.last == nil && second != nil && second.q.last != nil {
		a = second
	}
	if a.q.last == nil {
		k.failed(SubjectConnection, a.err)
	} else {
		k.add(SubjectConnection, Yes, "%s answers with %s", hostOf(a.q.last.at), a.q.last.Proto)
		k.tls(a.q.last)
	}
	if a.q.proxy != "" {
		k.add(SubjectProxy, Yes,
			"requests go through the proxy %s, which resolves names: the hosts of pages and files are checked by name only, not by address",
			a.q.proxy)
	}
}

var versionNames = map[uint16]string{tls.VersionTLS12: "TLS 1.2", tls.VersionTLS13: "TLS 1.3"}

func (k *check) tls(r *response) {
	switch s := r.TLS; {
	case s == nil:
		k.add(SubjectTLS, No, "the upstream is read by plain http: pages can be changed on the way")
	case len(s.PeerCertificates) == 0:
		k.add(SubjectTLS, Yes, "%s", versionNames[s.Version])
	default:
		k.add(SubjectTLS, Yes, "%s with a certificate until %s", versionNames[s.Version],
			s.PeerCertificates[0].NotAfter.UTC().Format("2006-01-02"))
	}
}

// credential asks for the page once without the credential, because an upstream that is open ignores a wrong one.
func (k *check) credential(project packaging.ProjectName, sample *asked) {
	if !hasCredential(k.u) {
		return
	}
	f, _ := errors.AsType[*upstream.Failure](sample.err)
	switch {
	case f != nil && f.Kind == upstream.Refused:
		k.failed(SubjectCredential, f)
		return
	case sample.q.last == nil:
		k.add(SubjectCredential, Unknown, "the upstream did not answer")
		return
	}
	open := &question{c: k.c, u: k.u, origin: sample.q.origin, anonymous: true}
	_, err := open.project(k.ctx, project, upstream.Validators{})
	if g, ok := errors.AsType[*upstream.Failure](err); ok && g.Kind == upstream.Refused {
		k.add(SubjectCredential, Yes, "it is accepted")
	} else if err == nil {
		k.add(SubjectCredential, No, "it is not needed for this page: the upstream answers without it as well")
	} else {
		k.add(SubjectCredential, Unknown, "the upstream refuses neither requests with it nor requests without it")
	}
}

func (k *check) rootList(a *asked) {
	if f, ok := errors.AsType[*upstream.Failure](a.err); ok {
		k.add(SubjectRoot, No, "it cannot be read, so names cannot be compared: %v", f.Err)
		return
	} else if a.err != nil {
		k.add(SubjectRoot, Unknown, "%v", a.err)
		return
	}
	names, err := page.ParseList(a.response.Body, a.response.ContentType, page.DefaultBounds())
	switch {
	case err != nil:
		k.add(SubjectRoot, No, "it cannot be read, so names cannot be compared: %v", a.q.clean(err.Error()))
	case !k.sampled.IsZero() && !names.Contains(k.sampled):
		k.add(SubjectRoot, Yes, "%s with %s, of which %s is none", formatOf(a.response),
			counted(names.Count(), "project"), k.sampled)
	default:
		k.add(SubjectRoot, Yes, "%s with %s", formatOf(a.response), counted(names.Count(), "project"))
	}
}

// formatOf names the format of a page.
func formatOf(r upstream.Response) string {
	if strings.Contains(r.ContentType, "json") {
		return "JSON"
	}
	return "HTML"
}

// sample reports what a project page and its files offer.
func (k *check) sample(project packaging.ProjectName, a *asked) {
	f, _ := errors.AsType[*upstream.Failure](a.err)
	switch {
	case f != nil && f.Kind == upstream.Absent && project.String() != k.u.Probe:
		k.add(SubjectPage, Unknown, "the upstream has no project %s: name one that it has", project)
		return
	case a.err != nil:
		k.failed(SubjectPage, a.err)
		return
	}
	p, err := page.Parse(a.response.Body, a.response.ContentType, a.response.URL, project, page.DefaultBounds())
	if err != nil {
		k.failed(SubjectPage, a.q.fail(upstream.Wrong, http.StatusOK, "%v", err))
		return
	}
	detail := fmt.Sprintf("%s has %s", project, counted(len(p.Files), "file"))
	if p.Dropped > 0 {
		detail += fmt.Sprintf(", and %s that cannot be used", plural(p.Dropped, "entry", "entries"))
	}
	k.add(SubjectPage, Yes, "%s", detail)
	k.add(SubjectFormat, Yes, "%s", formatOf(a.response))
	k.conditional(project, a.response.Validators)
	if len(p.Files) == 0 {
		return
	}
	k.count(SubjectDigests, p.Files, "SHA-256", func(f page.File) bool { return f.SHA256 != "" })
	k.count(SubjectSizes, p.Files, "a size", func(f page.File) bool { return f.Size >= 0 })
	k.count(SubjectTimes, p.Files, "an upload time", func(f page.File) bool { return !f.Uploaded.IsZero() })
	k.metadata(p.Files)
	k.count(SubjectProvenance, p.Files, "provenance", func(f page.File) bool { return f.Provenance != "" })
	yanked := 0
	for _, f := range p.Files {
		if f.Yanked {
			yanked++
		}
	}
	if yanked == 0 {
		k.add(SubjectYanks, Unknown, "no file of this page is yanked")
	} else {
		k.add(SubjectYanks, Yes, "%d of %d files are yanked", yanked, len(p.Files))
	}
	k.files(p.Files)
}

func counted(n int, what string) string { return plural(n, what, what+"s") }

func plural(n int, one, more string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, more)
}

// count reports for how many files the page states something.
func (k *check) count(subject string, files []page.File, what string, has func(page.File) bool) {
	n := 0
	for _, f := range files {
		if has(f) {
			n++
		}
	}
	r := Yes
	if n == 0 {
		r = No
	}
	k.add(subject, r, "%d of %d files have %s", n, len(files), what)
}

func (k *check) conditional(project packaging.ProjectName, v upstream.Validators) {
	if v == (upstream.Validators{}) {
		k.add(SubjectConditional, No, "pages have neither ETag nor Last-Modified: every page is fetched anew")
		return
	}
	again, err := k.c.Page(k.ctx, k.u, project, v)
	switch {
	case err != nil:
		k.add(SubjectConditional, Unknown, "the second request failed: %v", err)
	case again.NotModified:
		k.add(SubjectConditional, Yes, "an unchanged page is not sent again")
	default:
		k.add(SubjectConditional, No, "the page was sent again although it has validators")
	}
}

// metadata fetches one file's metadata and compares its digest.
func (k *check) metadata(files []page.File) {
	for _, f := range files {
		if !f.Metadata {
			continue
		}
		b, err := k.bytes(f.MetadataURL(), maxErrorPage)
		if err != nil {
			k.failed(SubjectMetadata, err)
			return
		}
		if sum := sha256.Sum256(b); f.MetadataSHA256 != "" && f.MetadataSHA256 != hex.EncodeToString(sum[:]) {
			k.failed(SubjectMetadata, fmt.Errorf("the metadata of %s has another digest than the page states", f.Filename))
			return
		}
		break
	}
	k.count(SubjectMetadata, files, "metadata of their own", func(f page.File) bool { return f.Metadata })
}

// bytes fetches a small file.
func (k *check) bytes(at string, limit int64) ([]byte, error) {
	b, err := k.c.Open(k.ctx, k.u, at, limit)
	if err != nil {
		return nil, err
	}
	defer b.Close()
	return io.ReadAll(b)
}

// files asks for the first byte of the smallest file. A server without ranges begins to send the whole.
func (k *check) files(files []page.File) {
	smallest := files[0]
	for _, f := range files {
		if f.Size >= 0 && (f.Size < smallest.Size || smallest.Size < 0) {
			smallest = f
		}
	}
	q := k.c.ask(k.u)
	at, err := url.Parse(smallest.URL)
	if err != nil {
		k.failed(SubjectFiles, err)
		return
	}
	header := http.Header{"Accept": {"*/*"}, "Accept-Encoding": {"identity"}, "Range": {"bytes=0-0"}}
	r, err := q.get(k.ctx, at, header, true)
	if err != nil {
		k.failed(SubjectFiles, err)
		return
	}
	defer r.Close()
	ranged := r.StatusCode == http.StatusPartialContent
	if ranged {
		r.StatusCode = http.StatusOK
	}
	if err := q.checkFile(r, 0); err != nil {
		k.failed(SubjectFiles, err)
		return
	}
	k.add(SubjectFiles, Yes, "files are at %s", hostOf(r.at))
	if ranged && strings.HasPrefix(r.Header.Get("Content-Range"), "bytes 0-0/") {
		k.add(SubjectRanges, Yes, "parts of a file can be asked for")
	} else {
		k.add(SubjectRanges, No, "the server of the files sends them whole")
	}
}
