package admin

import (
	"cmp"
	"net/http"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"pyindex/internal/access"
	"pyindex/internal/catalog"
	"pyindex/internal/fault"
	"pyindex/internal/lockout"
	"pyindex/internal/packaging"
	"pyindex/web/ui"
)

type lockoutView struct {
	ui.Frame
	Report  lockout.Report
	Subject string // of the lockout, capitalized
	Parts   []string
	Undo    []string // alternating text and commands
	Days    ui.Field
	Uploads []catalog.Uploaded // the first uploads of the report
	More    int                // number of further uploads
	Fresh   int                // number of uploads that are not in quarantine
	Box     ui.Field           // checkbox: put the uploads into quarantine
	Reason  ui.Field
	Typed   ui.Field
	Word    string // text that the user must type
}

// uploadsShown is the largest number of uploads on the page. The command lists all.
const uploadsShown = 200

// lockoutTabs are the administration tabs to highlight.
var lockoutTabs = map[lockout.Kind]string{lockout.User: "users", lockout.Token: "tokens", lockout.Publisher: "issuers"}

// lockoutDays are the choices for the age of listed uploads, in days.
var lockoutDays = []int{1, 7, 30, 90, 365}

// lockoutTarget returns the target that the path names.
func lockoutTarget(r *http.Request) (lockout.Target, error) {
	t := lockout.Target{Kind: lockout.Kind(r.PathValue("kind")), Name: r.PathValue("subject")}
	switch t.Kind {
	case lockout.User, lockout.Publisher, lockout.Token:
		return t, nil
	}
	return t, fault.New(fault.NotFound, "check the address; the page may have been moved or deleted")
}

// lockoutWord returns the text to type as confirmation: the user name, or "lock out" for targets without a name.
func lockoutWord(t lockout.Target) string {
	if t.Kind == lockout.User {
		return t.Name
	}
	return "lock out"
}

// daysBack parses the chosen number of days. The default is 7.
func daysBack(text string) int {
	if n, err := strconv.Atoi(text); err == nil && n > 0 && n <= 3650 {
		return n
	}
	return 7
}

func (s *Section) since(days int) time.Time {
	return s.Now().Add(-time.Duration(days) * 24 * time.Hour)
}

func (s *Section) adminLockout(w http.ResponseWriter, r *http.Request, who access.Caller) error {
	return s.lockoutPage(w, r, who, ui.Typed(r.URL.Query()))
}

// lockoutPage shows the effect of a lockout and the recent uploads.
func (s *Section) lockoutPage(w http.ResponseWriter, r *http.Request, who access.Caller, f ui.Form) error {
	t, err := lockoutTarget(r)
	if err != nil {
		return err
	}
	days := daysBack(f.Get("days"))
	report, err := s.o.Desk.Preview(r.Context(), who, t, s.since(days))
	if err != nil {
		return err
	}
	v := lockoutView{
		Frame: s.adminFrame(r, who, lockoutTabs[t.Kind], "Lock out"), Report: report, Subject: capital(report.Sentence),
		Parts: report.Parts(), Undo: strings.Split(report.Undo(), "`"), Word: lockoutWord(t),
	}
	v.Uploads = report.Uploads[:min(len(report.Uploads), uploadsShown)]
	v.More = report.Uploaded - len(v.Uploads)
	v.Days = ui.Field{ID: "f-days", Name: "days", Label: "Uploads of the last", Type: "select", Value: strconv.Itoa(days)}
	for _, n := range lockoutDays {
		v.Days.Options = append(v.Days.Options,
			ui.Option{Value: strconv.Itoa(n), Label: ui.Plural(n, "day", "days"), Selected: n == days})
	}
	v.Fresh = report.Unquarantined()
	v.Box = f.Field(ui.Field{
		Name: "quarantine",
		Label: "Put " + ui.Plural(v.Fresh, "upload", "uploads") + " of the last " + ui.Plural(days, "day", "days") +
			" into quarantine", Type: "checkbox",
		Help: "Nobody can see or install them. An administrator can release them again.",
	})
	v.Reason = f.Field(ui.Field{
		Name: "reason", Label: "Reason", MaxLength: catalog.MaxReason, Help: "Administrators read it in the audit log.",
	})
	v.Typed = f.Field(ui.Field{Name: "typed", Label: "To confirm, type " + v.Word, Required: true, Mono: true})
	v.Notice = cmp.Or(f.Problem(), v.Notice)
	return s.Render(w, f.Status(), "admin-lockout", &v)
}

// adminLockOut carries out the lockout after the administrator has typed the confirmation and re-authenticated.
func (s *Section) adminLockOut(w http.ResponseWriter, r *http.Request, who access.Caller, f ui.Form) error {
	t, err := lockoutTarget(r)
	if err != nil {
		return err
	}
	if word := lockoutWord(t); f.Get("typed") != word {
		f.Wrong("typed", "Type "+word+" exactly. Nobody was locked out.")
		return s.lockoutPage(w, r, who, f)
	}
	if err := s.Confirmed(who); err != nil {
		return err
	}
	report, err := s.o.Desk.LockOut(r.Context(), who, lockout.Request{
		Target: t, Since: s.since(daysBack(f.Get("days"))), Quarantine: f.On("quarantine"), Reason: f.Get("reason"),
	})
	if err := f.Refused(fault.FieldOf(err), err); err != nil {
		return err
	}
	if f.Bad() {
		return s.lockoutPage(w, r, who, f)
	}
	said := ui.Notice{Kind: "good", Text: "Locked out: " + report.Sentence + "."}
	if report.Nothing() {
		said = ui.Notice{Kind: "info", Text: "Nothing to do: " + report.Sentence + " is already locked out."}
	}
	if report.Quarantined > 0 {
		said.Text += " " + ui.Plural(report.Quarantined, "file is", "files are") + " now in quarantine."
	}
	return s.Tell(w, r, afterLockout(report), said)
}

// capital returns s with its first letter in upper case.
func capital(s string) string {
	first, n := utf8.DecodeRuneInString(s)
	return string(unicode.ToUpper(first)) + s[n:]
}

// afterLockout returns the page that shows the result of a lockout.
func afterLockout(report lockout.Report) string {
	switch {
	case report.Quarantined > 0:
		return "/admin/quarantine/"
	case report.Account != "":
		return "/admin/user/" + report.Account + "/"
	case report.First.ID != "":
		return ui.Tree("", report.First.Repository.Name) + "/manage/project/" + report.First.Name.String() +
			"/settings/publishing/"
	}
	return "/admin/audit/?action=lockout." + string(report.Kind)
}

type quarantineView struct {
	ui.Frame
	Files []catalog.Uploaded
	More  int
	Pages ui.Pages
}

const quarantinePerPage = 100

func (s *Section) adminQuarantine(w http.ResponseWriter, r *http.Request, who access.Caller) error {
	all, err := s.o.Index.Quarantine(r.Context(), who)
	if err != nil {
		return err
	}
	v := quarantineView{Frame: s.adminFrame(r, who, "quarantine", "Quarantine")}
	v.Pages = ui.Paginate(r, ui.PageNumber(r), len(all), quarantinePerPage)
	from := min((v.Pages.Page-1)*quarantinePerPage, len(all))
	v.Files = all[from:min(from+quarantinePerPage, len(all))]
	return s.Render(w, http.StatusOK, "admin-quarantine", &v)
}

// adminRelease releases one file from quarantine.
func (s *Section) adminRelease(w http.ResponseWriter, r *http.Request, who access.Caller, f ui.Form) error {
	name, err := packaging.ParseProjectName(f.Get("project"))
	if err != nil {
		return err
	}
	err = s.o.Index.ReleaseFile(r.Context(), who, f.Get("repository"), name, f.Get("file"))
	if fault.Is(err, fault.Conflict) {
		return s.Tell(w, r, "/admin/quarantine/", ui.Notice{Kind: "info", Text: f.Get("file") + " was already released."})
	} else if err != nil {
		return err
	}
	return s.Done(w, r, "/admin/quarantine/", f.Get("file")+" is available again.")
}
