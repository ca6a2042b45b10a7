package manage

import (
	"cmp"
	"context"
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

// Limits of one form. The page's script sends each file in its own request.
const (
	maxUploads      = 50       // files
	maxUploadFields = 100      // parts that are not files
	maxUploadHeader = 8 << 10  // bytes of the header of one part
	maxUploadField  = 64 << 10 // bytes of a part that is not a file
	maxUploadForm   = 1 << 20  // bytes of all headers and of all parts that are not files
	maxUploadName   = 300      // bytes of a file name; names of distributions rarely exceed 100
	maxUploadSkip   = 1 << 30  // bytes of refused files that are read to reach the files after them
)

type uploadView struct {
	ui.Frame
	Project              catalog.Project // zero if the page accepts any project
	Limit                int64           // bytes of one file, 0 for no limit
	Closed               string          // reason why uploads are closed, "" if they are open
	Results              []uploaded
	Added, Refused, Most int
	Twine                string
	Near                 []catalog.LimitUse // limits of the project and its repository that are nearly used up
}

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

// uploadPage shows the form with the results of the previous upload.
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
	limits, err := s.o.Intake.Limits(r.Context(), who, ui.Repository(r), name)
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
		v.Near = s.near(v.Project)
	}
	for _, x := range results {
		if x.OK {
			v.Added++
		} else {
			v.Refused++
		}
	}
	v.Notice = cmp.Or(n, v.Notice)
	return s.Render(w, status, "upload", &v)
}

// closedTo returns the reason why a project accepts no uploads by people, "" if it does.
func closedTo(p catalog.Project) string {
	switch {
	case p.Status == catalog.Archived:
		return p.Name.String() + " is archived. An owner must make it active before it accepts uploads."
	case p.Status == catalog.Quarantined:
		return p.Name.String() + " is in quarantine and accepts no uploads."
	case p.TrustedOnly:
		return p.Name.String() +
			" accepts uploads only from its trusted publishers. Publish from a trusted workflow, or ask an owner to allow uploads by people."
	}
	return ""
}

// uploadOnly returns the project in the query, or the zero name if the page accepts any project.
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

// upload publishes the files of a form one by one while the request body is read, and reports the result of each.
func (s *Section) upload(w http.ResponseWriter, r *http.Request, who access.Caller) error {
	only, err := uploadOnly(r)
	if err != nil {
		return err
	}
	if err := s.o.Intake.MayUpload(r.Context(), who, ui.Repository(r)); err != nil {
		return s.refuseUpload(w, r, err)
	}
	meter := formdata.NewMeter(r.Body, maxUploadForm)
	r.Body = struct {
		io.Reader
		io.Closer
	}{meter, r.Body}
	parts, err := r.MultipartReader()
	if err != nil {
		return fault.Wrap(fault.Invalid, err, "the files cannot be read; reload the page and try again")
	}
	u := uploading{
		site: s, who: who, repository: ui.Repository(r), only: only, base: s.Frame(r, who, "").Root, meter: meter,
		parts: parts,
	}
	if err := u.all(r.Context()); err != nil && len(u.results) == 0 {
		return err
	}
	status, n := http.StatusOK, (*ui.Notice)(nil)
	if u.refused {
		status = http.StatusUnprocessableEntity
	} else if len(u.results) == 0 {
		status, n = http.StatusUnprocessableEntity, &ui.Notice{Kind: "bad", Text: "Choose at least one file."}
	}
	if byScript(r) {
		return s.uploadAnswer(w, status, u.results)
	}
	return s.uploadPage(w, r, who, status, u.results, n)
}

// byScript reports whether the page's script sent the form.
func byScript(r *http.Request) bool {
	accept := r.Header.Values("Accept")
	return route.Quality(accept, "application/json") > route.Quality(accept, "text/html")
}

// refuseUpload responds to a form whose body was not read.
func (s *Section) refuseUpload(w http.ResponseWriter, r *http.Request, err error) error {
	kind := fault.KindOf(err)
	if !byScript(r) || kind == fault.Internal || kind == fault.Unauthenticated {
		return err
	}
	return s.uploadAnswer(w, route.Status(kind), []uploaded{{Text: fault.Sentence(err)}})
}

// uploadAnswer writes the results as JSON for the page's script.
func (s *Section) uploadAnswer(w http.ResponseWriter, status int, results []uploaded) error {
	return s.JSON(w, status, map[string]any{"results": results})
}

// uploading is the state of a form that is being read.
type uploading struct {
	site       *Section
	who        access.Caller
	repository string
	only       packaging.ProjectName
	base       string // prefix of links to releases
	meter      *formdata.Meter
	parts      *multipart.Reader
	fields     int   // number of parts that were not files
	skipped    int64 // bytes of refused files read so far
	results    []uploaded
	refused    bool
	buffer     []byte
}

// errBroken is returned if the rest of the form cannot be read.
var errBroken = fault.New(fault.Invalid,
	"the connection was lost before the upload was complete; the file was discarded, try again")

// all publishes the files in turn. It returns early if the form is malformed or too large.
func (u *uploading) all(ctx context.Context) error {
	for {
		u.meter.Next("the name of a file", maxUploadHeader)
		p, err := u.parts.NextRawPart()
		if err == io.EOF {
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
				fault.New(fault.Invalid, "only %d files are accepted at once; send this file and those after it again", maxUploads))
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

// skip reads the rest of a refused file.
func (u *uploading) skip(p io.Reader) error {
	n, err := io.CopyN(io.Discard, p, maxUploadSkip-u.skipped+1)
	if u.skipped += n; u.skipped > maxUploadSkip {
		err = fault.New(fault.Invalid, "too many of the files were refused; send the other files again without these")
	}
	if err == io.EOF {
		return nil
	}
	return u.broken(err)
}

// broken returns the error for a form that cannot be read any further. It also adds the error to the results of earlier
// files, if there are any.
func (u *uploading) broken(err error) error {
	if fault.KindOf(u.meter.Err()) != fault.Internal {
		err = u.meter.Err()
	}
	if fault.KindOf(err) == fault.Internal {
		err = fault.Wrap(fault.Invalid, err, "the files cannot be read; reload the page and try again")
	}
	if len(u.results) > 0 {
		u.note("", err)
	}
	return err
}

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

func (u *uploading) note(file string, err error) {
	u.refused = true
	u.results = append(u.results, uploaded{File: shortName(file), Text: fault.Sentence(err)})
}

func shortName(name string) string {
	if len(name) <= maxUploadName {
		return name
	}
	return strings.ToValidUTF8(name[:maxUploadName-len("…")], "") + "…"
}

// file publishes one file and adds its result.
func (u *uploading) file(ctx context.Context, p *multipart.Part) error {
	x := uploaded{File: shortName(p.FileName())}
	u.meter.Open()
	receipt, err := u.publish(ctx, p)
	switch {
	case err != nil:
		u.refused = true
		x.Text = fault.Sentence(err)
		if x.Text == "" {
			u.site.Log.ErrorContext(ctx, "an upload in the browser failed", "file", x.File, "error", err)
			x.Text = "Something went wrong. The file was discarded. Try again, or ask an administrator to check the server log."
		}
	case receipt.Created:
		x.OK, x.Text = true, "Uploaded."
	default:
		x.OK, x.Text = true, "The identical file already exists; nothing changed."
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

// publish stores and publishes a file like any other upload. It checks the file name before it reads the content.
func (u *uploading) publish(ctx context.Context, p *multipart.Part) (ingest.Receipt, error) {
	if len(p.FileName()) > maxUploadName {
		return ingest.Receipt{}, fault.New(fault.Invalid, "the file name is longer than %d bytes", maxUploadName)
	}
	name, err := packaging.ProjectOf(p.FileName())
	if err == nil && !u.only.IsZero() && name != u.only {
		err = fault.New(fault.Invalid, "this file belongs to %s, but the page is for %s", name, u.only)
	}
	if err != nil {
		return ingest.Receipt{}, err
	}
	in, err := u.site.o.Intake.Begin(ctx, u.who, u.repository, name)
	if err != nil {
		return ingest.Receipt{}, err
	}
	defer func() { _ = in.Discard() }() // the sweeper removes leftovers
	if err := u.pour(in, p); err != nil {
		return ingest.Receipt{}, err
	}
	return u.site.o.Intake.Publish(ctx, in,
		ingest.Upload{Filename: p.FileName(), ContentType: p.Header.Get("Content-Type")})
}

// pourBytes is the read buffer size, as in the upload API.
const pourBytes = 256 << 10

// pour copies a file to its staging area. It returns errBroken if reading the form fails.
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
