package web_test

import (
	"log/slog"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"pyindex/internal/access"
	"pyindex/internal/account"
	"pyindex/internal/account/signin"
	"pyindex/internal/catalog"
)

// between returns what stands between two texts, "" without them.
func between(s, before, after string) string {
	_, rest, _ := strings.Cut(s, before)
	out, _, _ := strings.Cut(rest, after)
	return out
}

// An owner's link makes no account until an administrator approves it in the list of users, and never if they refuse
// it.
func TestOwnersInvitationIsApprovedInTheListOfUsers(t *testing.T) {
	const password = "four words that differ"
	for _, approve := range []bool{true, false} {
		x := newShop(t, catalog.Limits{}, nil)
		made := x.post("owner", "/manage/project/demo/collaboration/invite/", "invited_role", "uploader").Body.String()
		link := "/invite/" + between(made, shopHost+"/invite/", "/") + "/"
		if !strings.Contains(made, "must first approve the invitation") {
			t.Errorf("the answer does not say that the invitation waits:\n%s", made)
		}
		if got := x.get("nobody", link); got.Code != http.StatusOK ||
			!strings.Contains(got.Body.String(), "must approve this invitation first") ||
			strings.Contains(got.Body.String(), "<form") {
			t.Errorf("following the link = %d:\n%s", got.Code, got.Body)
		}
		if got := x.post("nobody", link, "name", "puppet", "password", password, "again",
			password); got.Code != http.StatusForbidden {
			t.Errorf("using the link = %d, want 403", got.Code)
		}
		page := x.get("root", "/admin/users/").Body.String()
		id := between(page, `name="invitation" value="`, `"`)
		if !strings.Contains(page, "owner invited anyone with the link") || id == "" {
			t.Errorf("the list of users:\n%s", page)
		}
		const notice = `<a href="/admin/users/#waiting">1 invitation is awaiting approval</a>`
		if page := x.get("root", "/admin/").Body.String(); !strings.Contains(page, notice) {
			t.Errorf("the overview does not tell of the invitation:\n%s", page)
		}
		for user, want := range map[string]int{"owner": 404, "stranger": 404, "nobody": 303} {
			if got := x.post(user, "/admin/users/approve/", "invitation", id); got.Code != want {
				t.Errorf("approving as %s = %d, want %d", user, got.Code, want)
			}
		}
		path, want := "/admin/users/uninvite/", "user.refuse-invitation"
		if approve {
			path, want = "/admin/users/approve/", "user.approve-invitation"
		}
		if got := x.grew(func() {
			if got := x.post("root", path, "invitation", id); got.Code != http.StatusSeeOther {
				t.Errorf("POST %s = %d:\n%s", path, got.Code, got.Body)
			}
		}); got != want {
			t.Errorf("the record grew by %q, want %q", got, want)
		}
		if page := x.get("root", "/admin/").Body.String(); strings.Contains(page, "awaiting approval") {
			t.Errorf("the overview tells of an invitation that does not wait:\n%s", page)
		}
		got := x.post("nobody", link, "name", "puppet", "password", password, "again", password)
		if !approve {
			if got.Code != http.StatusNotFound {
				t.Errorf("using a refused link = %d, want 404", got.Code)
			}
			continue
		}
		if got.Code != http.StatusSeeOther {
			t.Errorf("using an approved link = %d:\n%s", got.Code, got.Body)
		}
		if page := x.get("root", "/admin/users/").Body.String(); !strings.Contains(page, "<td>owner</td>") {
			t.Errorf("the list of users does not say who invited puppet:\n%s", page)
		}
		if page := x.get("root", "/admin/user/puppet/").Body.String(); !strings.Contains(page, "invited by owner") {
			t.Errorf("the page of puppet:\n%s", page)
		}
		if page := x.get("root", "/admin/user/owner/").Body.String(); !strings.Contains(page, "Invited accounts") ||
			!strings.Contains(page, `/admin/user/puppet/`) {
			t.Errorf("the page of owner:\n%s", page)
		}
	}
}

// An administrator's invitation to a project works at once.
func TestAdministratorsInvitationDoesNotWait(t *testing.T) {
	x := newShop(t, catalog.Limits{}, nil)
	made := x.post("root", "/manage/project/demo/collaboration/invite/", "invited", "zoe", "invited_role",
		"uploader").Body.String()
	link := "/invite/" + between(made, shopHost+"/invite/", "/") + "/"
	if got := x.get("nobody", link); got.Code != http.StatusOK ||
		!strings.Contains(got.Body.String(), "Your user name is <strong>zoe") {
		t.Errorf("following the link = %d:\n%s", got.Code, got.Body)
	}
}

// Administrators learn by mail of an invitation that waits, and its maker of the approval.
func TestLettersAboutAnInvitation(t *testing.T) {
	letters := &box{}
	x := newShop(t, catalog.Limits{}, nil, mailing(letters))
	for _, user := range []string{"owner", "root", "reader"} {
		x.post(user, "/manage/account/", "email", user+"@example.com")
	}
	x.post("owner", "/manage/project/demo/collaboration/invite/", "invited", "zoe", "invited_role", "uploader")
	letter := x.newest(letters)
	if !strings.HasPrefix(letter, "root@example.com: owner invited zoe to Shop as uploader of demo.") ||
		!strings.Contains(letter, shopHost+"/admin/users/") || strings.Contains(letter, "/invite/") {
		t.Errorf("the letter to administrators is %q", letter)
	}
	id := between(x.get("root", "/admin/users/").Body.String(), `name="invitation" value="`, `"`)
	x.post("root", "/admin/users/approve/", "invitation", id)
	if letter := x.newest(letters); !strings.HasPrefix(letter,
		"owner@example.com: Your invitation to Shop as uploader of demo was approved.") ||
		strings.Contains(letter, "/invite/") {
		t.Errorf("the letter to the owner is %q", letter)
	}
	if len(letters.sent) != 2 {
		t.Errorf("%d letters were sent: %q", len(letters.sent), letters.sent)
	}
	x.post("root", "/manage/project/demo/collaboration/invite/", "invited", "kim", "invited_role", "uploader")
	x.post("owner", "/manage/project/demo/collaboration/invite/", "invited", "lee", "invited_role", "reader")
	if letter := x.newest(letters); !strings.Contains(letter, "invited lee") || len(letters.sent) != 3 {
		t.Errorf("after an administrator's own invitation the letters are %q", letters.sent)
	}
}

// However many invitations an owner makes, administrators get one letter about them a day, until one of them decided.
func TestOneLetterADayAboutWaitingInvitations(t *testing.T) {
	letters := &box{}
	x := newShop(t, catalog.Limits{}, nil, mailing(letters))
	x.post("root", "/manage/account/", "email", "root@example.com")
	const page = "/manage/project/demo/collaboration/"
	deliver := func(what string, want int) {
		t.Helper()
		before := len(letters.sent)
		if err := x.outbox.Deliver(t.Context(), slog.New(slog.DiscardHandler), letters.Send); err != nil ||
			len(letters.sent)-before != want {
			t.Errorf("%s: %d letters, %v, want %d", what, len(letters.sent)-before, err, want)
		}
	}
	statuses := map[int]int{}
	for range 15 {
		statuses[x.post("owner", page+"invite/", "invited_role", "reader").Code]++
	}
	if statuses[http.StatusOK] != 10 || statuses[http.StatusUnprocessableEntity] != 5 {
		t.Errorf("15 invitations were answered %v, want ten 200 and five 422", statuses)
	}
	deliver("ten invitations", 1)
	for range 5 { // its maker empties the list, which says nothing about administrators
		id := between(x.get("owner", page).Body.String(), `name="invitation" value="`, `"`)
		x.post("owner", page+"revoke/", "invitation", id)
		x.post("owner", page+"invite/", "invited_role", "reader")
	}
	deliver("after some were revoked by their maker", 0)
	id := between(x.get("root", "/admin/users/").Body.String(), `name="invitation" value="`, `"`)
	x.post("root", "/admin/users/uninvite/", "invitation", id)
	x.post("owner", page+"invite/", "invited_role", "reader")
	deliver("after an administrator refused one", 1)
}

// Recovery codes are refused without a second factor, and a letter tells the owner of new ones.
func TestNewRecoveryCodesAreToldByMail(t *testing.T) {
	letters := &box{}
	x := newShop(t, catalog.Limits{}, nil, mailing(letters))
	x.post("owner", "/manage/account/", "email", "owner@example.com")
	const path = "/manage/account/security/recovery/"
	if got := x.post("owner", path); got.Code != http.StatusSeeOther || len(codesIn(got.Body.String())) != 0 {
		t.Errorf("recovery codes without a second factor = %d", got.Code)
	}
	x.post("owner", "/manage/account/security/totp/begin/")
	if got := x.post("owner", path); got.Code != http.StatusSeeOther || len(codesIn(got.Body.String())) != 0 {
		t.Errorf("recovery codes while an authenticator is set up = %d", got.Code)
	}
	owner := x.user(t, "owner")
	err := x.db.Accounts().Update(t.Context(), func(tx account.Tx) error {
		return tx.InsertPasskey(t.Context(),
			signin.Passkey{ID: "p", UserID: owner.ID, CredentialID: "c", Name: "key", CreatedAt: owner.CreatedAt})
	})
	if err != nil {
		t.Fatal(err)
	}
	if got := x.post("owner", path); got.Code != http.StatusOK || len(codesIn(got.Body.String())) != 10 {
		t.Errorf("recovery codes with a passkey = %d:\n%s", got.Code, got.Body)
	}
	if letter := x.newest(letters); !strings.HasPrefix(letter,
		"owner@example.com: New recovery codes were created for your account") {
		t.Errorf("the letter is %q", letter)
	}
}

func codesIn(page string) []string {
	return regexp.MustCompile(`\b[a-z2-7]{4}-[a-z2-7]{4}-[a-z2-7]{4}-[a-z2-7]{4}\b`).FindAllString(page, -1)
}

func (x *shop) user(t *testing.T, name string) (u access.User) {
	t.Helper()
	err := x.db.Access().View(t.Context(), func(tx access.Tx) (err error) {
		u, err = tx.UserByName(t.Context(), name)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return u
}
