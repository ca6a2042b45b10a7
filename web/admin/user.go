package admin

import (
	"cmp"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"pyindex/internal/access"
	"pyindex/internal/account"
	"pyindex/internal/account/onetime"
	"pyindex/internal/account/outbox"
	"pyindex/internal/browse"
	"pyindex/internal/fault"
	"pyindex/web/ui"
)

type usersView struct {
	ui.Frame
	Users            []access.User
	Inviters         map[string]string // user names by ID, of the inviters of Users
	Waiting          []account.OpenInvitation
	Pages            ui.Pages
	Filter           string
	Invitations      []account.OpenInvitation
	Link             string // of a new invitation, shown only once
	NameField, Email ui.Field
	Admin            ui.Field
}

const usersPerPage = 50

func (s *Section) adminUsers(w http.ResponseWriter, r *http.Request, who access.Caller) error {
	return s.usersPage(w, r, who, ui.Typed(nil), "", nil)
}

func (s *Section) usersPage(w http.ResponseWriter, r *http.Request, who access.Caller, f ui.Form, link string,
	n *ui.Notice,
) error {
	all, err := s.o.Directory.Users(r.Context(), who)
	if err != nil {
		return err
	}
	v := usersView{Frame: s.adminFrame(r, who, "users", "Users"), Filter: r.URL.Query().Get("filter"), Link: link}
	v.Notice = cmp.Or(n, f.Problem(), v.Notice)
	var found []access.User
	for _, u := range all {
		if strings.Contains(u.Name, strings.ToLower(strings.TrimSpace(v.Filter))) {
			found = append(found, u)
		}
	}
	v.Pages = ui.Paginate(r, ui.PageNumber(r), len(found), usersPerPage)
	from := min((v.Pages.Page-1)*usersPerPage, len(found))
	v.Users = found[from:min(from+usersPerPage, len(found))]
	v.Inviters = inviters(all, v.Users)
	open, err := s.o.Accounts.Invitations(r.Context(), who)
	if err != nil {
		return err
	}
	for _, o := range open {
		if o.Waiting {
			v.Waiting = append(v.Waiting, o)
		} else {
			v.Invitations = append(v.Invitations, o)
		}
	}
	v.NameField = f.Field(ui.Field{
		Name: "name", Label: "User name", Mono: true, MaxLength: 64, Help: "Leave empty to let the recipient choose.",
	})
	help := "A note for administrators. Nothing is sent."
	if s.letters.Enabled() {
		help = "The link is sent to this address."
	}
	v.Email = f.Field(ui.Field{Name: "email", Label: "E-mail", Type: "email", MaxLength: 254, Help: help})
	v.Admin = f.Field(ui.Field{Name: "admin", Label: "Administrator", Type: "checkbox"})
	return s.Render(w, f.Status(), "admin-users", &v)
}

// inviters returns the names of the inviters of some users, by ID.
func inviters(all, some []access.User) map[string]string {
	out := map[string]string{}
	for _, u := range some {
		if u.InvitedBy != "" {
			out[u.InvitedBy] = "a deleted account"
		}
	}
	for _, u := range all {
		if _, ok := out[u.ID]; ok {
			out[u.ID] = u.Name
		}
	}
	return out
}

// adminInvite creates an invitation and shows its link. The link cannot be shown again.
func (s *Section) adminInvite(w http.ResponseWriter, r *http.Request, who access.Caller, f ui.Form) error {
	o, secret, err := s.o.Accounts.Invite(r.Context(), who,
		account.NewInvitation{Name: f.Get("name"), Email: f.Get("email"), Admin: f.On("admin")})
	if err := f.Refused(fault.FieldOf(err), err); err != nil {
		return err
	}
	if f.Bad() {
		return s.usersPage(w, r, who, f, "", nil)
	}
	link := s.Absolute(ui.LinkPath(onetime.Invite, secret))
	letter := outbox.InvitationLetter(s.Name, who.Name(), o.Invitation.Roles(), link)
	return s.usersPage(w, r, who, ui.Typed(nil), link, s.letters.SendLink(r.Context(), f.Get("email"), letter))
}

func (s *Section) adminUninvite(w http.ResponseWriter, r *http.Request, who access.Caller, f ui.Form) error {
	o, err := s.o.Accounts.RevokeInvitation(r.Context(), who, f.Get("invitation"))
	if err != nil {
		return err
	}
	if o.Waiting {
		return s.Done(w, r, "/admin/users/", "The invitation by "+o.By+" is refused. Its link no longer works.")
	}
	return s.Done(w, r, "/admin/users/", "The invitation is revoked.")
}

// adminApprove activates the link of an invitation by a project owner.
func (s *Section) adminApprove(w http.ResponseWriter, r *http.Request, who access.Caller, f ui.Form) error {
	o, err := s.o.Accounts.ApproveInvitation(r.Context(), who, f.Get("invitation"))
	if fault.Is(err, fault.Conflict) {
		return s.Tell(w, r, "/admin/users/", ui.Notice{Kind: "bad", Text: fault.Sentence(err)})
	} else if err != nil {
		return err
	}
	s.letters.ToUser(r, o.By, account.ApprovedLetter(s.Name, o))
	return s.Done(w, r, "/admin/users/", "The invitation by "+o.By+" is approved. Its link works for a week.")
}

type userView struct {
	ui.Frame
	User       access.User
	Inviter    string           // user name, "" if nobody invited the user
	Invitees   []access.Invitee // directly or indirectly invited users
	Identities []account.LinkedIdentity
	Tokens     []ui.TokenRow
	Sessions   []ui.SessionView
	Grants     []grantRow
	Groups     []access.GroupDetail
	SignedIn   time.Time // last sign-in in the audit log, or zero
	Link       string    // password link, shown only once
	Self       bool
	Factors    string // description of the second factors, "" for none
}

// adminUser shows an account. A service account has a page of its own.
func (s *Section) adminUser(w http.ResponseWriter, r *http.Request, who access.Caller) error {
	if short, ok := strings.CutPrefix(r.PathValue("user"), access.ServicePrefix); ok {
		s.See(w, r, "/manage/service-account/"+url.PathEscape(short)+"/")
		return nil
	}
	return s.userPage(w, r, who, "", nil)
}

func (s *Section) userPage(w http.ResponseWriter, r *http.Request, who access.Caller, link string, n *ui.Notice) error {
	u, err := s.o.Directory.User(r.Context(), who, r.PathValue("user"))
	if err != nil {
		return err
	}
	v := userView{Frame: s.adminFrame(r, who, "users", u.Name), User: u, Link: link, Self: u.ID == who.ID()}
	status := http.StatusOK
	if n != nil {
		v.Notice = n
		if n.Kind == "bad" {
			status = http.StatusUnprocessableEntity
		}
	}
	if v.Invitees, err = s.o.Directory.Invitees(r.Context(), who, u.Name); err != nil {
		return err
	}
	if u.InvitedBy != "" {
		all, err := s.o.Directory.Users(r.Context(), who)
		if err != nil {
			return err
		}
		v.Inviter = inviters(all, []access.User{u})[u.InvitedBy]
	}
	factors, err := s.o.Accounts.FactorsOf(r.Context(), who, u.Name)
	if err != nil {
		return err
	}
	v.Factors = ui.List(factorWords(factors))
	if v.Identities, err = s.o.Accounts.IdentitiesOf(r.Context(), who, u.Name); err != nil {
		return err
	}
	tokens, err := s.o.Directory.TokensOf(r.Context(), who, u.Name)
	if err != nil {
		return err
	}
	for _, t := range tokens {
		v.Tokens = append(v.Tokens, ui.NewTokenRow(s.o.Directory, s.Now(), t, who))
	}
	sessions, err := s.o.Directory.SessionsOf(r.Context(), who, u.Name)
	if err != nil {
		return err
	}
	for _, x := range sessions {
		v.Sessions = append(v.Sessions, ui.NewSessionView(x, who))
	}
	if v.Grants, err = s.grantsOf(r, who, u.Name); err != nil {
		return err
	}
	if v.Groups, err = s.o.Directory.GroupsOf(r.Context(), who, u.Name); err != nil {
		return err
	}
	if v.SignedIn, err = s.lastSignIn(r, who, u.Name); err != nil {
		return err
	}
	return s.Render(w, status, "admin-user", &v)
}

// lastSignIn returns the time of a user's last sign-in in the audit log, or the zero time.
func (s *Section) lastSignIn(r *http.Request, who access.Caller, name string) (time.Time, error) {
	h, err := s.o.Browser.Record(r.Context(), who,
		browse.HistoryFilter{Actions: []string{"session.begin"}, Actor: name, Limit: 1})
	if err != nil || len(h.Entries) == 0 {
		return time.Time{}, err
	}
	return h.Entries[0].At, nil
}

// factorWords describes the second factors of an account.
func factorWords(f account.Factors) (words []string) {
	if f.TOTP {
		words = append(words, "the authenticator")
	}
	if f.Recovery > 0 {
		words = append(words, ui.Plural(f.Recovery, "recovery code", "recovery codes"))
	}
	if f.Passkeys > 0 {
		words = append(words, ui.Plural(f.Passkeys, "passkey", "passkeys"))
	}
	return words
}

func (s *Section) grantsOf(r *http.Request, who access.Caller, user string) (out []grantRow, err error) {
	repos, err := s.o.Index.Repositories(r.Context(), who)
	if err != nil {
		return nil, err
	}
	out, err = s.allGrants(r, who, repos)
	return slices.DeleteFunc(out, func(g grantRow) bool { return g.User != user }), err
}

// userAct changes an account and returns the success notice.
type userAct func(r *http.Request, who access.Caller, name string, f ui.Form) (said string, err error)

func (s *Section) userForm(act userAct) ui.FormHandler {
	return func(w http.ResponseWriter, r *http.Request, who access.Caller, f ui.Form) error {
		said, err := act(r, who, r.PathValue("user"), f)
		if fault.Is(err, fault.Conflict) {
			return s.userPage(w, r, who, "", &ui.Notice{Kind: "bad", Text: fault.Sentence(err)})
		} else if err != nil {
			return err
		}
		if f.Get("from") == "tokens" {
			return s.Done(w, r, "/admin/tokens/", said)
		}
		return s.Done(w, r, s.Back(r), said)
	}
}

func (s *Section) enable(r *http.Request, who access.Caller, name string, _ ui.Form) (string, error) {
	return name + " can sign in again.", s.o.Directory.EnableUser(r.Context(), who, name)
}

func (s *Section) promote(r *http.Request, who access.Caller, name string, _ ui.Form) (string, error) {
	return name + " is now an administrator.", s.o.Directory.SetAdmin(r.Context(), who, name, true)
}

func (s *Section) demote(r *http.Request, who access.Caller, name string, _ ui.Form) (string, error) {
	return name + " is no longer an administrator.", s.o.Directory.SetAdmin(r.Context(), who, name, false)
}

func (s *Section) endSessions(r *http.Request, who access.Caller, name string, _ ui.Form) (string, error) {
	return name + " is signed out everywhere." + s.RevocationDelay(), s.o.Directory.EndSessionsOf(r.Context(), who, name)
}

func (s *Section) unlink(r *http.Request, who access.Caller, name string, f ui.Form) (string, error) {
	return name + " can no longer sign in with that identity.",
		s.o.Accounts.UnlinkOf(r.Context(), who, name, f.Get("issuer"), f.Get("subject"))
}

func (s *Section) removeFactors(r *http.Request, who access.Caller, name string, _ ui.Form) (string, error) {
	if err := s.o.Accounts.RemoveFactors(r.Context(), who, name); err != nil {
		return "", err
	}
	seen := outbox.Seen{At: s.Now(), Address: who.Address(), Browser: ui.Browser(r.UserAgent())}
	s.letters.ToUser(r, name, outbox.AlertLetter(s.Name, name,
		"An administrator removed the second factors and passkeys of your account and signed you out everywhere.",
		seen, s.Absolute("/manage/account/security/")))
	return "Removed all second factors and passkeys of " + name + ". If " + name +
		" has no password, send a password link.", nil
}

// disable disables an account. The notice names the accounts that it invited, because they stay active.
func (s *Section) disable(r *http.Request, who access.Caller, name string, _ ui.Form) (said string, err error) {
	if err := s.o.Directory.DisableUser(r.Context(), who, name); err != nil {
		return "", err
	}
	said = name + " is disabled. All sessions, tokens and open invitations of the account are revoked." +
		s.RevocationDelay()
	all, err := s.o.Directory.Invitees(r.Context(), who, name)
	var names []string
	for _, u := range all {
		if u.Active() {
			names = append(names, u.Name)
		}
	}
	if len(names) > maxNamed {
		names = append(names[:maxNamed], ui.Count(len(names)-maxNamed)+" more")
	}
	if len(names) > 0 {
		said += " Accounts that " + name + " invited are still active: " + ui.List(names) + "."
	}
	return said, err
}

// maxNamed is the largest number of accounts named in a notice.
const maxNamed = 8

// resetLink creates a password link, shows it and sends it if the user has an e-mail address. The link cannot be shown
// again.
func (s *Section) resetLink(w http.ResponseWriter, r *http.Request, who access.Caller, _ ui.Form) error {
	name := r.PathValue("user")
	secret, err := s.o.Accounts.ResetLink(r.Context(), who, name)
	if err != nil {
		return err
	}
	to, err := s.o.Accounts.EmailOf(r.Context(), who, name)
	if err != nil {
		return err
	}
	link := s.Absolute(ui.LinkPath(onetime.Reset, secret))
	return s.userPage(w, r, who, link,
		s.letters.SendLink(r.Context(), to, outbox.ResetLetter(s.Name, name, link, "a day")))
}

// revoke revokes a token of the user. It returns fault.NotFound for a token of another user.
func (s *Section) revoke(r *http.Request, who access.Caller, name string, f ui.Form) (string, error) {
	tokens, err := s.o.Directory.TokensOf(r.Context(), who, name)
	if err != nil {
		return "", err
	}
	for _, t := range tokens {
		if t.ID == f.Get("token") {
			return "The token is revoked." + s.RevocationDelay(), s.o.Directory.RevokeToken(r.Context(), who, t.ID)
		}
	}
	return "", fault.New(fault.NotFound, "%s has no such token", name)
}
