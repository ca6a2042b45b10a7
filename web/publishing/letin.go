package publishing

import (
	"cmp"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"pyindex/internal/access"
	"pyindex/internal/catalog"
	"pyindex/internal/fault"
	"pyindex/internal/packaging"
	"pyindex/internal/publishers"
	"pyindex/internal/publishers/insight"
	"pyindex/web/ui"
)

// letInPath is the page about one publisher.
const letInPath = "/manage/project/:project/publisher/:publisher/"

// The number of requests on a page, and of files that can be chosen one by one.
const (
	letInPerPage = 25
	choosable    = 200
)

// letInView is the page of a publisher: what it let in, and its removal.
type letInView struct {
	ui.Frame
	Project   catalog.Project
	Publisher insight.Shown
	Attached  bool
	AddedAt   time.Time // of the oldest publisher of the lineage
	RemovedAt time.Time
	Narrowed  bool // it replaced a looser publisher
	Kept      time.Time
	Days      int // for which requests are recorded
	Whole     bool
	Requests  []insight.Entry
	Newest    string // link to the first page, "" on the first page
	Older     string
	Removal   *removalForm // nil if there is nothing to do
}

// Owns reports whether the caller owns the project, for the tabs.
func (v *letInView) Owns() bool { return true }

// removalForm removes the publisher, and sets aside what came through it.
type removalForm struct {
	Attached   bool
	Then       ui.Field
	Reason     ui.Field
	Files      []choice // newest first
	Older      *ui.Field
	Seen, Last string // microseconds: when the list was made, and of its oldest file
	Error      string
}

// keepFiles is the choice to keep the files as they are.
const keepFiles = "keep"

// choice is a file that can be set aside.
type choice struct {
	Filename, Version string
	Uploaded          time.Time
	State             insight.FileState
	Chosen            bool
}

func (s *Section) letIn(w http.ResponseWriter, r *http.Request, who access.Caller) error {
	return s.letInPage(w, r, who, ui.Typed(r.URL.Query()))
}

func (s *Section) letInPage(w http.ResponseWriter, r *http.Request, who access.Caller, f ui.Form) error {
	before := r.URL.Query().Get("before")
	got, err := s.insight.LetIn(r.Context(), who, insight.LetInRequest{
		Repository: ui.Repository(r), Project: r.PathValue("project"), Publisher: r.PathValue("publisher"),
		Before: before, Limit: letInPerPage,
	})
	if err != nil {
		return err
	}
	l := got.Lineage
	v := letInView{
		Frame: s.Frame(r, who, "Publisher of "+got.Project.Name.String()), Project: got.Project, Publisher: got.Publisher,
		Attached: l.Attached, AddedAt: l.AddedAt, RemovedAt: l.RemovedAt, Narrowed: len(l.IDs) > 1, Kept: got.Kept,
		Days: int(s.o.Registry.Options().KeepExchanges / (24 * time.Hour)), Whole: got.Whole, Requests: got.Requests,
	}
	v.Section, v.Tab, v.Mine = "projects", "publishing", who.RoleIn(got.Project.Object())
	if before != "" {
		v.Newest = v.Here + "?"
	}
	if got.Older != "" {
		v.Older = v.Here + "?before=" + url.QueryEscape(got.Older)
	}
	if v.Removal, err = s.removalForm(r, who, l.Attached && !l.Wide, f); err != nil {
		return err
	}
	if r.Method == http.MethodPost {
		v.Notice = cmp.Or(f.Problem(), v.Notice)
	}
	return s.Render(w, f.Status(), "publisher", &v)
}

func (s *Section) removalForm(r *http.Request, who access.Caller, attached bool, f ui.Form) (*removalForm, error) {
	through, err := s.o.Registry.Through(r.Context(), who, ui.Repository(r), r.PathValue("project"),
		r.PathValue("publisher"), choosable)
	if err != nil || !attached && len(through.Files) == 0 {
		return nil, err
	}
	out := removalForm{Attached: attached, Seen: micros(s.Now()), Error: f.Errs["file"]}
	options := []ui.Option{{Value: keepFiles, Label: "Keep them"}}
	if !attached {
		options = nil
	}
	options = append(options, ui.Option{Value: string(catalog.YankFiles), Label: "Yank them"})
	help := "Installers skip yanked files unless their exact version is requested. " +
		"Only an administrator can put files into quarantine, so that nobody can install them."
	if who.Admin() {
		options = append(options, ui.Option{Value: string(catalog.QuarantineFiles), Label: "Put them into quarantine"})
		help = "Installers skip yanked files unless their exact version is requested. " +
			"Nobody can see or install files in quarantine, and an administrator can release them again."
	}
	out.Then = f.Field(ui.Field{
		Name: "then", Label: "Files that came through it", Type: "select", Options: options, Help: help,
	})
	out.Reason = f.Field(ui.Field{
		Name: "reason", Label: "Reason", MaxLength: catalog.MaxReason,
		Help: "Installers show the reason of a yank. Only administrators see that of a quarantine.",
	})
	chosen := map[string]bool{}
	for _, name := range f.Values["file"] {
		chosen[name] = true
	}
	for _, x := range through.Files {
		out.Files = append(out.Files, choice{
			Filename: x.Filename, Version: x.Version, Uploaded: x.UploadedAt, State: insight.StateOf(x),
			Chosen: r.Method != http.MethodPost || chosen[x.Filename],
		})
		out.Last = micros(x.UploadedAt)
	}
	if through.More {
		older := f.Field(ui.Field{
			Name: "older", Label: "Also all older files that came through it", Type: "checkbox",
			Checked: r.Method != http.MethodPost,
		})
		out.Older = &older
	}
	return &out, nil
}

func micros(t time.Time) string { return strconv.FormatInt(t.UnixMicro(), 10) }

// moment returns the time of a hidden field, or the zero time if it is malformed.
func moment(f ui.Form, name string) time.Time {
	us, err := strconv.ParseInt(f.Get(name), 10, 64)
	if err != nil || us <= 0 {
		return time.Time{}
	}
	return time.UnixMicro(us).UTC()
}

// removeFrom removes the publisher, and sets aside the chosen files that came through it.
func (s *Section) removeFrom(w http.ResponseWriter, r *http.Request, who access.Caller, f ui.Form) error {
	name, err := packaging.ParseProjectName(r.PathValue("project"))
	if err != nil {
		return err
	}
	// Return the same error as the page if the caller may not manage the project.
	through, err := s.o.Registry.Through(r.Context(), who, ui.Repository(r), name.String(), r.PathValue("publisher"), 1)
	if err != nil {
		return err
	}
	then := catalog.SetAside(f.Get("then"))
	switch f.Get("then") {
	case keepFiles:
		then = catalog.KeepFiles
	case string(catalog.YankFiles), string(catalog.QuarantineFiles):
	default: // an empty form must not remove anything
		f.Wrong("then", "Choose one of these.")
		return s.letInPage(w, r, who, f)
	}
	if (!through.Lineage.Attached || through.Lineage.Wide) && then == catalog.KeepFiles {
		f.Wrong("then", "This removes no publisher. Choose what happens to the files.")
	}
	if then != catalog.KeepFiles && len(f.Values["file"]) == 0 && !f.On("older") {
		f.Wrong("file", "Choose at least one file.")
	}
	if f.Bad() {
		return s.letInPage(w, r, who, f)
	}
	if err := s.Confirmed(who); err != nil {
		return err
	}
	oldest, from := time.Time{}, moment(f, "last")
	if f.On("older") {
		oldest, from = from, time.Time{}
	}
	got, err := s.o.Registry.RemoveWith(r.Context(), who, publishers.Removal{
		ID: r.PathValue("publisher"), Repository: ui.Repository(r), Project: name.String(), Files: then,
		Reason: f.Get("reason"), From: from, Which: publishers.Selected(f.Values["file"], moment(f, "seen"), oldest),
	})
	if err := f.Refused(fault.FieldOf(err), err); err != nil {
		return err
	}
	if f.Bad() {
		return s.letInPage(w, r, who, f)
	}
	to := s.Back(r)
	if len(got.Projects) > 0 {
		to = ui.Tree("", cmp.Or(ui.Repository(r), catalog.MainRepository)) + "/manage/project/" + name.String() +
			"/settings/publishing/"
	}
	return s.Done(w, r, to, removedText(got, then, name.String()))
}

func removedText(got publishers.Removed, then catalog.SetAside, project string) string {
	text := ""
	if len(got.Projects) > 0 {
		text = "Publisher removed. Tokens already issued to it can no longer upload to " + project + "."
	}
	if then == catalog.KeepFiles {
		return text
	}
	if text != "" {
		text += " "
	}
	done := map[catalog.SetAside]string{catalog.YankFiles: "yanked", catalog.QuarantineFiles: "put into quarantine"}[then]
	text += ui.Plural(got.SetAside, "file was ", "files were ") + done + "."
	if already := got.Selected - got.SetAside; already > 0 {
		text += " " + ui.Plural(already, "file was", "files were") + " already."
	}
	return text
}
