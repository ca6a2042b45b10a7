package manage

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"strings"

	"pyindex/internal/access"
	"pyindex/internal/catalog"
	"pyindex/internal/fault"
	"pyindex/internal/formdata"
	"pyindex/internal/ingest"
	"pyindex/internal/packaging"
	"pyindex/internal/route"
	"pyindex/web/ui"
)

// Bounds of one form; the page's script sends one file in each request.
const (
	maxUploads      = 50       // files
	maxUploadFields = 100      // parts that are no files
	maxUploadHeader = 8 << 10  // bytes of one part's header
	maxUploadField  = 64 << 10 // bytes of a part that is no file
	maxUploadForm   = 1 << 20  // bytes of all headers and of all parts that are no files
	maxUploadName   = 300      // bytes of a file's name, of which distributions have some hundred at most
	maxUploadSkip   = 1 << 30  // bytes of refused files that are read to come to those after them
)

type uploadView struct {
	ui.Frame
	Project catalog.Project // zero where any will do
	Limit   int64           // bytes of one file, 0 for no bound
	Closed  string          // why nothing can be uploaded here, "" where something can
	Results []uploaded
	Added   int
	Refused int
	Most    int
	Twine   string
}

// uploaded is what became of one file.
type uploaded struct {
	File     string   `json:"file"`
	OK       bool     `json:"ok"`
	Text     string   `json:"text"`
	Warnings []string `json:"warnings,omitempty"`
	Link     string   `json:"link,omitempty"` // to the release
}

func (s *Section) uploadForm(w http.ResponseWriter, r *http.Request, who access.Caller) error {
	return s.uploadPage(w, r, who, http.StatusOK, nil, nil)
}

// uploadPage shows the form, with what became of the files that were sent.
func (s *Section) uploadPage(w http.ResponseWriter, r *http.Request, who access.Caller, status int, results []uploaded,
	n *ui.Notice,
) error {
	v := uploadView{Frame: s.Frame(r, who, "Upload files"), Results: results, Most: maxUploads}
	v.Section, v.Scripts = "projects", []string{"upload.js"}
	v.Twine = "uvx twine upload --repository-url " + s.Absolute(v.Tree()+"/legacy/") + " dist/*"
	name, err := uploadOnly(r)
	if err != nil {
		return err
	}
	limits, err := s.o.Index.Limits(r.Context(), who, ui.Repository(r), name)
	if err != nil {
		return err
	}
	v.Limit = limits.FileSize
	if !name.IsZero() {
		if v.Project, err = s.o.Index.Project(r.Context(), who, ui.Repository(r), name); err != nil {
			return err
		}
		v.Title = "Upload to " + name.String()
		v.Closed = closedTo(v.Project)
	}
	for _, x := range results {
		if x.OK {
			v.Added++
		} else {
			v.Refused++
		}
	}
	if n != nil {
		v.Notice = n
	}
	return s.Render(w, status, "upload", &v)
}

// closedTo says why a project takes nothing from people, "" where it does.
func closedTo(p catalog.Project) string {
	switch {
	case p.Status == catalog.Archived:
		return p.Name.String() + " is archived: it takes no uploads until an owner makes it active again."
	case p.Status == catalog.Quarantined:
		return p.Name.String() + " is in quarantine: it takes no uploads."
	case p.TrustedOnly:
		return p.Name.String() +
			" takes uploads from its trusted publishers alone: publish from the workflow that it trusts, or have an owner let people upload again."
	}
	return ""
}

// uploadOnly is the project that the page is for, the zero name where any will do.
func uploadOnly(r *http.Request) (packaging.ProjectName, error) {
	text := r.URL.Query().Get("project")
	if text == "" {
		return packaging.ProjectName{}, nil
	}
	name, err := packaging.ParseProjectName(text)
	if err != nil {
		return name, fault.New(fault.NotFound, "there is no project of that name here")
	}
	return name, nil
}

// upload takes the files of a form, one after the other as they come, and tells of each what became of it.
func (s *Section) upload(w http.ResponseWriter, r *http.Request, who access.Caller) error {
	only, err := uploadOnly(r)
	if err != nil {
		return err
	}
	if err := s.o.Index.MayUpload(r.Context(), who, ui.Repository(r)); err != nil {
		return s.refuseUpload(w, r, err)
	}
	meter := formdata.NewMeter(r.Body, maxUploadForm)
	r.Body = struct {
		io.Reader
		io.Closer
	}{meter, r.Body}
	parts, err := r.MultipartReader()
	if err != nil {
		return fault.Wrap(fault.Invalid, err, "the files cannot be read: send the form as it is")
	}
	u := uploading{
		site:       s,
		who:        who,
		repository: ui.Repository(r),
		only:       only,
		base:       s.Frame(r, who, "").Root,
		meter:      meter,
		parts:      parts,
	}
	if err := u.all(r.Context()); err != nil && len(u.results) == 0 {
		return err
	}
	status, n := http.StatusOK, (*ui.Notice)(nil)
	if u.refused {
		status = http.StatusUnprocessableEntity
	}
	if len(u.results) == 0 {
		status, n = http.StatusUnprocessableEntity, &ui.Notice{Kind: "bad", Text: "Choose at least one file."}
	}
	if byScript(r) {
		return s.uploadAnswer(w, status, u.results)
	}
	return s.uploadPage(w, r, who, status, u.results, n)
}

// byScript reports whether the page's script sent a form.
func byScript(r *http.Request) bool {
	accept := r.Header.Values("Accept")
	return route.Quality(accept, "application/json") > route.Quality(accept, "text/html")
}

// refuseUpload answers a form of which nothing was read.
func (s *Section) refuseUpload(w http.ResponseWriter, r *http.Request, err error) error {
	kind := fault.KindOf(err)
	if !byScript(r) || kind == fault.Internal || kind == fault.Unauthenticated {
		return err
	}
	return s.uploadAnswer(w, route.Status(kind), []uploaded{{Text: fault.Message(err)}})
}

// uploadAnswer tells the page's script what the page would show.
func (s *Section) uploadAnswer(w http.ResponseWriter, status int, results []uploaded) error {
	b, err := json.Marshal(map[string]any{"results": results})
	if err != nil {
		return err
	}
	s.PageHeaders(w)
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, err = w.Write(b)
	return err
}

// uploading is a form on its way in.
type uploading struct {
	site       *Section
	who        access.Caller
	repository string
	only       packaging.ProjectName
	base       string // of links to releases
	meter      *formdata.Meter
	parts      *multipart.Reader
	fields     int   // parts that were no files
	skipped    int64 // bytes of refused files
	results    []uploaded
	refused    bool
	buffer     []byte
}

// errBroken ends a form whose rest cannot be read.
var errBroken = fault.New(fault.Invalid,
	"the connection broke off before the file was here: nothing of it was kept, try again")

// all takes the files in turn. It ends early if the form itself breaks or is larger than a form may be.
func (u *uploading) all(ctx context.Context) error {
	for {
		u.meter.Next("the name of a file", maxUploadHeader)
		p, err := u.parts.NextRawPart()
		if errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return u.broken(err)
		}
		if p.FileName() == "" {
			if err := u.field(p); err != nil {
				return err
			}
			continue
		}
		if len(u.results) == maxUploads {
			u.note(p.FileName(),
				fault.New(fault.Invalid, "only %d files are taken at once: send this file and those after it again", maxUploads))
			return nil
		}
		if err := u.file(ctx, p); errors.Is(err, errBroken) {
			return err
		}
		if err := u.skip(p); err != nil {
			return err
		}
	}
}

// skip reads what is left of a file that was refused.
func (u *uploading) skip(p io.Reader) error {
	n, err := io.CopyN(io.Discard, p, maxUploadSkip-u.skipped+1)
	if u.skipped += n; u.skipped > maxUploadSkip {
		err = fault.New(fault.Invalid, "too much of the form was refused: send the other files again, without these")
	}
	if err == io.EOF {
		return nil
	}
	return u.broken(err)
}

// broken notes that the form cannot be read any further, beside what became of its files so far.
func (u *uploading) broken(err error) error {
	if fault.KindOf(u.meter.Err()) != fault.Internal {
		err = u.meter.Err()
	}
	if fault.KindOf(err) == fault.Internal {
		err = fault.Wrap(fault.Invalid, err, "the files cannot be read: send the form as it is")
	}
	if len(u.results) > 0 {
		u.note("", err)
	}
	return err
}

// field passes over a part that is no file.
func (u *uploading) field(p io.Reader) error {
	if u.fields++; u.fields > maxUploadFields {
		return u.broken(fault.New(fault.Invalid, "the form is too large: it has more than %d fields", maxUploadFields))
	}
	u.meter.Next("a field", maxUploadField)
	if _, err := io.Copy(io.Discard, p); err != nil {
		return u.broken(err)
	}
	return nil
}

// note adds what became of a file that was refused.
func (u *uploading) note(file string, err error) {
	u.refused = true
	u.results = append(u.results, uploaded{File: shortName(file), Text: fault.Message(err)})
}

// shortName is a file's name as results show it.
func shortName(name string) string {
	if len(name) <= maxUploadName {
		return name
	}
	return strings.ToValidUTF8(name[:maxUploadName-len("…")], "") + "…"
}

// file takes one file and notes what became of it.
func (u *uploading) file(ctx context.Context, p *multipart.Part) error {
	x := uploaded{File: shortName(p.FileName())}
	u.meter.Open()
	receipt, err := u.publish(ctx, p)
	switch {
	case err != nil:
		u.refused = true
		x.Text = fault.Message(err)
		if x.Text == "" {
			u.site.Log.ErrorContext(ctx, "an upload in the browser failed", "file", x.File, "error", err)
			x.Text = "Something broke here, and the log has the details. Nothing was kept: try again, or tell the operator."
		}
	case receipt.Created:
		x.OK, x.Text = true, "Added."
	default:
		x.OK, x.Text = true, "The identical file was here already; nothing changed."
	}
	if err == nil {
		x.Warnings = receipt.Warnings
		if name, err := packaging.ProjectOf(receipt.File.Filename); err == nil {
			x.Link = u.base + "/project/" + name.String() + "/" + receipt.File.Version + "/"
		}
	}
	u.results = append(u.results, x)
	return err
}

// publish sends a file through the gate that every upload passes. What its name tells is looked at before its bytes
// come.
func (u *uploading) publish(ctx context.Context, p *multipart.Part) (ingest.Receipt, error) {
	if len(p.FileName()) > maxUploadName {
		return ingest.Receipt{}, fault.New(fault.Invalid, "the file name is longer than %d bytes", maxUploadName)
	}
	name, err := packaging.ProjectOf(p.FileName())
	if err == nil && !u.only.IsZero() && name != u.only {
		err = fault.New(fault.Invalid, "this is a file of %s, and the page is for %s", name, u.only)
	}
	if err != nil {
		return ingest.Receipt{}, err
	}
	in, err := u.site.o.Index.Begin(ctx, u.who, u.repository, name)
	if err != nil {
		return ingest.Receipt{}, err
	}
	defer func() { _ = in.Discard() }() // the sweeper finds what stays behind
	if err := u.pour(in, p); err != nil {
		return ingest.Receipt{}, err
	}
	return u.site.o.Index.Publish(ctx, in,
		ingest.Upload{Filename: p.FileName(), ContentType: p.Header.Get("Content-Type")})
}

// pourBytes is how much is read at once, as in the protocol of other clients.
const pourBytes = 256 << 10

// pour copies a file into its stage. An error of the form's own is errBroken.
func (u *uploading) pour(to io.Writer, p io.Reader) error {
	if u.buffer == nil {
		u.buffer = make([]byte, pourBytes)
	}
	for {
		n, err := formdata.Fill(p, u.buffer)
		if _, err := to.Write(u.buffer[:n]); err != nil {
			return err
		}
		if err == io.EOF {
			return nil
		} else if err != nil {
			return fmt.Errorf("%w (%w)", errBroken, err)
		}
	}
}
