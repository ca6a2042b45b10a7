package browser_test

import (
	"path/filepath"
	"testing"
	"time"

	"pyindex/internal/access"
	"pyindex/internal/clienttest"
	"pyindex/internal/clienttest/browser"
	"pyindex/internal/storage/db"
)

// unconfirm makes it long ago that people of a server confirmed who they are.
func unconfirm(t *testing.T, s *clienttest.Server, users ...string) {
	t.Helper()
	rows, err := db.Open(t.Context(), "sqlite:"+filepath.Join(s.DataDir, "index.db"), db.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	err = rows.Access().Update(t.Context(), func(tx access.Tx) error {
		for _, name := range users {
			u, err := tx.UserByName(t.Context(), name)
			if err != nil {
				return err
			}
			all, err := tx.SessionsOf(t.Context(), u.ID)
			for _, x := range all {
				if err == nil {
					err = tx.ConfirmSession(t.Context(), x.ID, time.Now().Add(-2*access.ConfirmedFor))
				}
			}
			if err != nil {
				return err
			}
		}
		_, err := tx.NextSerial(t.Context())
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// A form that needs a confirmation is completed after it: by itself with scripts, with one button without, and also if
// the person confirms with a passkey. A form with a password is to be sent again.
func TestConfirmCompletesTheForm(t *testing.T) {
	s := clienttest.Serve(t, clienttest.Options{Host: "localhost", OwnStores: true})
	b := browser.Open(t, s.URL)
	b.Authenticator()
	signUp(t, s, b)
	group := func(name string) {
		unconfirm(t, s, "alice")
		b.Go("/admin/groups/")
		b.Fill("Name", name)
		b.Fill("Description", "those of "+name)
		b.Press("Create group")
		b.At("/confirm/")
	}
	group("scripted")
	looks(b, b.Where(), "confirm-form")
	b.Fill("Password", "not the words")
	b.Press("Confirm")
	b.See("this is not your password")
	b.Fill("Password", words)
	b.Press("Confirm")
	b.At("/admin/group/scripted/")
	b.See("Created the group scripted")
	b.See("those of scripted")

	b.Scripts(false)
	group("plain")
	b.Fill("Password", words)
	b.Press("Confirm")
	b.See("Continue to complete the last step.")
	b.Shot("confirm-resume")
	b.Press("Continue")
	b.At("/admin/group/plain/")
	b.Scripts(true)

	unconfirm(t, s, "alice")
	b.Go("/confirm/?next=/manage/account/security/")
	b.Fill("Password", words)
	b.Press("Confirm")
	b.At("/manage/account/security/")
	b.Fill("Device name", "laptop")
	b.Press("Add a passkey")
	b.See("never used")
	group("keyed")
	b.Press("Confirm with a passkey")
	b.At("/admin/group/keyed/")

	b.Go("/manage/account/security/")
	b.Fill("Current password", words)
	b.Fill("New password", words+" too")
	b.Fill("New password again", words+" too")
	unconfirm(t, s, "alice")
	b.Press("Change password")
	b.At("/confirm/")
	b.Fill("Password", words)
	b.Press("Confirm")
	b.At("/manage/account/security/")
	b.See("Confirmed. Please repeat the last step.")
}
