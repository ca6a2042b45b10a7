package browser_test

import (
	"crypto/hmac"
	"crypto/sha1"
	"encoding/base32"
	"encoding/binary"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"pyindex/internal/clienttest"
	"pyindex/internal/clienttest/browser"
)

func TestMain(m *testing.M) { browser.Main(m) }

const words = "four plain words together"

// signUp follows the link that the server printed and creates the first administrator.
func signUp(t *testing.T, s *clienttest.Server, b *browser.Tab) {
	t.Helper()
	link := regexp.MustCompile(regexp.QuoteMeta(s.URL) + `(/setup/\S+)`).FindStringSubmatch(s.Log())
	if link == nil {
		t.Fatalf("the server printed no link:\n%s", s.Log())
	}
	b.Go(link[1])
	b.See("Create the first administrator")
	b.Fill("User name", "alice")
	b.Fill("Password", words)
	b.Fill("Password again", words)
	b.Press("Create account")
	b.See("Welcome, alice")
	b.Go(link[1])
	b.See("This link no longer works")
}

func signIn(b *browser.Tab, user, password string) {
	b.Go("/login/")
	b.Fill("User name", user)
	b.Fill("Password", password)
	b.Press("Sign in")
}

func signOut(b *browser.Tab) {
	b.Press("Sign out")
	b.See("You are signed out")
}

// Sign up by the printed link, out and in again, with wrong words in between.
func TestSignUp(t *testing.T) {
	s := clienttest.Serve(t, clienttest.Options{Host: "localhost"})
	b := browser.Open(t, s.URL)
	b.Go("/")
	b.At("/login/")
	signUp(t, s, b)
	b.Go("/manage/account/sessions/")
	b.See("this browser")
	signOut(b)
	b.Go("/manage/account/")
	b.At("/login/")
	b.Fill("User name", "alice")
	b.Fill("Password", "not the words")
	b.Press("Sign in")
	b.See("the user name or the password is wrong")
	b.Fill("Password", words)
	b.Press("Sign in")
	b.At("/manage/account/")
}

// A passkey is created, signs in without a name or password, confirms a dangerous action, and is removed.
func TestPasskey(t *testing.T) {
	s := clienttest.Serve(t, clienttest.Options{Host: "localhost"})
	b := browser.Open(t, s.URL)
	b.Authenticator()
	signUp(t, s, b)
	b.Go("/manage/account/security/")
	b.Fill("Device name", "my laptop")
	b.Press("Add a passkey")
	b.See("my laptop")
	b.See("never used")
	signOut(b)
	b.Go("/login/?next=/manage/account/security/")
	b.Press("Sign in with a passkey")
	b.At("/manage/account/security/")
	b.See("last used just now")
	b.Go("/confirm/?next=/manage/account/")
	b.Press("Confirm with a passkey")
	b.At("/manage/account/")
	b.Go("/manage/account/security/")
	b.Press("Remove my laptop")
	b.See("Passkey removed")
	signOut(b)
	b.Go("/login/")
	b.Press("Sign in with a passkey")
	b.See("this passkey cannot sign in")
}

// An account is created through an invitation, with a passkey and without a password. The name is checked, and the link
// works only once.
func TestInvitedWithAPasskey(t *testing.T) {
	s := clienttest.Serve(t, clienttest.Options{Host: "localhost"})
	boss := browser.Open(t, s.URL)
	signUp(t, s, boss)
	link := strings.TrimSpace(s.Index("user", "invite").OK(t).Stdout)
	path := link[strings.Index(link, "/invite/"):]
	b := browser.Open(t, s.URL)
	b.Authenticator()
	b.Go(path)
	b.Fill("User name", "alice")
	b.Press("Use a passkey instead of a password")
	b.See("user alice exists already")
	b.Go(path)
	b.Fill("User name", "bob")
	b.Press("Use a passkey instead of a password")
	b.See("Welcome, bob")
	b.At("/manage/account/security/")
	signOut(b)
	b.Go("/login/?next=/manage/account/security/")
	b.Press("Sign in with a passkey")
	b.At("/manage/account/security/")
	b.See("last used just now")
	b.Go(path)
	b.See("This link no longer works")
}

// code computes the code that an authenticator app shows.
func code(t *testing.T, secret string, at time.Time) string {
	t.Helper()
	key, err := base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(secret)
	if err != nil {
		t.Fatal(err)
	}
	mac := hmac.New(sha1.New, key)
	binary.Write(mac, binary.BigEndian, at.Unix()/30)
	sum := mac.Sum(nil)
	i := sum[19] & 15
	return fmt.Sprintf("%06d", binary.BigEndian.Uint32(sum[i:i+4])&0x7fffffff%1000000)
}

// An authenticator is set up by the shown key; a code signs in once, and a recovery code too.
func TestAuthenticatorApp(t *testing.T) {
	s := clienttest.Serve(t, clienttest.Options{Host: "localhost"})
	b := browser.Open(t, s.URL)
	signUp(t, s, b)
	b.Go("/manage/account/security/")
	b.Press("Set up an authenticator")
	b.See("Scan this code with your authenticator app")
	key := strings.ReplaceAll(b.Eval(`document.querySelector("#key").dataset.copy`), " ", "")
	b.Fill("Code", "000000")
	b.Press("Turn on")
	b.See("this code is wrong")
	b.Fill("Code", code(t, key, time.Now()))
	b.Press("Turn on")
	b.See("Your recovery codes")
	recovery := strings.Fields(b.Eval(`document.querySelector(".block code").textContent`))
	if len(recovery) != 10 {
		t.Fatalf("%d recovery codes are shown, want 10", len(recovery))
	}
	signOut(b)
	signIn(b, "alice", words)
	b.See("Enter a code")
	once := code(t, key, time.Now().Add(30*time.Second)) // the clock may be off by a step; the one of now was used
	b.Fill("Code", once)
	b.Press("Sign in")
	b.See("Sign out")
	signOut(b)
	signIn(b, "alice", words)
	b.See("Enter a code")
	b.Fill("Code", once)
	b.Press("Sign in")
	b.See("this code")
	b.Fill("Code", recovery[4])
	b.Press("Sign in")
	b.See("Sign out")
	b.Go("/manage/account/security/")
	b.See("9 codes left")
}

// A person is invited by a link, accepts, and receives the role of the invitation.
func TestInvited(t *testing.T) {
	s := clienttest.Serve(t, clienttest.Options{Host: "localhost"})
	boss := browser.Open(t, s.URL)
	signUp(t, s, boss)
	link := strings.TrimSpace(s.Index("user", "invite", "--email", "bob@example.com").OK(t).Stdout)
	path := link[strings.Index(link, "/invite/"):]
	b := browser.Open(t, s.URL)
	b.Go(path)
	b.See("You are invited")
	b.Fill("User name", "alice")
	b.Fill("Password", words)
	b.Fill("Password again", words)
	b.Press("Create account")
	b.See("user alice exists already")
	b.Fill("User name", "bob")
	b.Fill("Password", words)
	b.Fill("Password again", "other words, by mistake")
	b.Press("Create account")
	b.See("the passwords do not match")
	b.Fill("Password", words)
	b.Fill("Password again", words)
	b.Press("Create account")
	b.See("Welcome, bob")
	b.Go("/admin/")
	b.See("Page not found")
}
