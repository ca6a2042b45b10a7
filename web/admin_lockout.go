package web

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
)

type lockoutView struct {
	Frame
	Report  lockout.Report
	Subject string // who is locked out, to begin a sentence
	Parts   []string
	Undo    []string // text, and every second one a command
	Days    Field
	Uploads []catalog.Uploaded // the first of the report's
	More    int                // uploads beyond those
	Fresh   int                // uploads that are not in quarantine
	Box     Field              // whether the uploads go into quarantine
	Reason  Field
	Typed   Field
	Word    string // to be typed
}

// uploadsShown bounds the uploads that a page lists; the command lists all.
const uploadsShown = 200

// lockoutTabs are the tabs of administration that a lockout belongs to.
var lockoutTabs = map[lockout.Kind]string{lockout.User: "users", lockout.Token: "tokens", lockout.Publisher: "issuers"}

// lockoutDays are the choices of how far back uploads are listed, in days.
var lockoutDays = []int{1, 7, 30, 90, 365}

// lockoutTarget is who the address of a page is about.
func lockoutTarget(r *http.Request) (lockout.Target, error) {
	t := lockout.Target{Kind: lockout.Kind(r.PathValue("kind")), Name: r.PathValue("subject")}
	switch t.Kind {
	case lockout.User, lockout.Publisher, lockout.Token:
		return t, nil
	}
	return t, fault.New(fault.NotFound, "the address may be mistyped, or what was here is gone")
}

// lockoutWord is what somebody types who means it: a user's name, and for what has an id only, two words.
func lockoutWord(t lockout.Target) string {
	if t.Kind == lockout.User {
		return t.Name
	}
	return "lock out"
}

// daysBack is how far back uploads are listed: a week if nothing else was chosen.
func daysBack(text string) int {
	if n, err := strconv.Atoi(text); err == nil && n > 0 && n <= 3650 {
		return n
	}
	return 7
}

func (s *Site) since(days int) time.Time { return s.o.Now().Add(-time.Duration(days) * 24 * time.Hour) }

func (s *Site) adminLockout(w http.ResponseWriter, r *http.Request, who access.Caller) error {
	return s.lockoutPage(w, r, who, typed(r.URL.Query()))
}

// lockoutPage shows what a lockout would end, and what was uploaded.
func (s *Site) lockoutPage(w http.ResponseWriter, r *http.Request, who access.Caller, f form) error {
	t, err := lockoutTarget(r)
	if err != nil {
		return err
	}
	days := daysBack(f.get("days"))
	report, err := s.o.Desk.Preview(r.Context(), who, t, s.since(days))
	if err != nil {
		return err
	}
	v := lockoutView{Frame: s.adminFrame(r, who, lockoutTabs[t.Kind], "Lock out"), Report: report, Subject: capital(report.Sentence), Parts: report.Parts(), Undo: strings.Split(report.Undo(), "`"), Word: lockoutWord(t)}
	v.Uploads = report.Uploads[:min(len(report.Uploads), uploadsShown)]
	v.More = report.Uploaded - len(v.Uploads)
	v.Days = Field{ID: "f-days", Name: "days", Label: "Uploads of the last", Type: "select", Value: strconv.Itoa(days)}
	for _, n := range lockoutDays {
		v.Days.Options = append(v.Days.Options, Option{Value: strconv.Itoa(n), Label: plural(n, "day", "days"), Selected: n == days})
	}
	v.Fresh = report.Unquarantined()
	v.Box = f.field(Field{
		Name: "quarantine", Label: "Put " + plural(v.Fresh, "upload", "uploads") + " of the last " + plural(days, "day", "days") + " into quarantine", Type: "checkbox",
		Help: "Nobody can see or install them. An administrator can release them again.",
	})
	v.Reason = f.field(Field{Name: "reason", Label: "Reason", MaxLength: catalog.MaxReason, Help: "Administrators read it in the audit log."})
	v.Typed = f.field(Field{Name: "typed", Label: "To confirm, type " + v.Word, Required: true, Mono: true})
	v.Notice = cmp.Or(f.problem(), v.Notice)
	return s.render(w, f.status(), "admin-lockout", &v)
}

// adminLockOut ends what the page showed, once the name was typed and the administrator proved who they are.
func (s *Site) adminLockOut(w http.ResponseWriter, r *http.Request, who access.Caller) error {
	t, err := lockoutTarget(r)
	if err != nil {
		return err
	}
	f, err := readForm(w, r)
	if err != nil {
		return err
	}
	if word := lockoutWord(t); f.get("typed") != word {
		f.wrong("typed", "Type "+word+" here, exactly. Nobody was locked out.")
		return s.lockoutPage(w, r, who, f)
	}
	if err := s.confirmed(who); err != nil {
		return err
	}
	report, err := s.o.Desk.LockOut(r.Context(), who, lockout.Request{
		Target: t, Since: s.since(daysBack(f.get("days"))), Quarantine: f.on("quarantine"), Reason: f.get("reason"),
	})
	if err := f.refused(fault.FieldOf(err), err); err != nil {
		return err
	}
	if f.bad() {
		return s.lockoutPage(w, r, who, f)
	}
	said := Notice{"good", "Locked out: " + report.Sentence + "."}
	if report.Nothing() {
		said = Notice{"info", "Nothing was left to end: " + report.Sentence + " is already locked out."}
	}
	if report.Quarantined > 0 {
		said.Text += " " + plural(report.Quarantined, "file is", "files are") + " in quarantine now."
	}
	return s.tell(w, r, afterLockout(report), said)
}

// capital returns a sentence's text with a capital letter first.
func capital(s string) string {
	first, n := utf8.DecodeRuneInString(s)
	return string(unicode.ToUpper(first)) + s[n:]
}

// afterLockout is the page that shows what a lockout did.
func afterLockout(report lockout.Report) string {
	switch {
	case report.Quarantined > 0:
		return "/admin/quarantine/"
	case report.Account != "":
		return "/admin/user/" + report.Account + "/"
	case report.First.ID != "":
		return tree("", report.First.Repository.Name) + "/manage/project/" + report.First.Name.String() + "/settings/publishing/"
	}
	return "/admin/audit/?action=lockout." + string(report.Kind)
}

type quarantineView struct {
	Frame
	Files []catalog.Uploaded
	More  int
	Pages Pages
}

const quarantinePerPage = 100

func (s *Site) adminQuarantine(w http.ResponseWriter, r *http.Request, who access.Caller) error {
	all, err := s.o.Index.Quarantine(r.Context(), who)
	if err != nil {
		return err
	}
	v := quarantineView{Frame: s.adminFrame(r, who, "quarantine", "Quarantine")}
	v.Pages = pages(r, page(r), len(all), quarantinePerPage)
	from := min((v.Pages.Page-1)*quarantinePerPage, len(all))
	v.Files = all[from:min(from+quarantinePerPage, len(all))]
	return s.render(w, http.StatusOK, "admin-quarantine", &v)
}

// adminRelease takes one file out of quarantine.
func (s *Site) adminRelease(w http.ResponseWriter, r *http.Request, who access.Caller) error {
	if err := s.confirmed(who); err != nil {
		return err
	}
	f, err := readForm(w, r)
	if err != nil {
		return err
	}
	name, err := packaging.ParseProjectName(f.get("project"))
	if err != nil {
		return err
	}
	err = s.o.Index.ReleaseFile(r.Context(), who, f.get("repository"), name, f.get("file"))
	if fault.Is(err, fault.Conflict) {
		return s.tell(w, r, "/admin/quarantine/", Notice{"info", f.get("file") + " was already released."})
	} else if err != nil {
		return err
	}
	return s.done(w, r, "/admin/quarantine/", f.get("file")+" is available again.")
}
