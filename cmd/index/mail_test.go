//go:build !windows

package main

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"

	"pyindex/internal/access"
	"pyindex/internal/account/outbox"
	"pyindex/internal/mail"
	"pyindex/internal/mail/mailtest"
)

// mailing is a fixture whose index sends mail, with the people of the pages' tests.
func mailing(t *testing.T) (*fixture, *mailtest.Server) {
	t.Helper()
	server := mailtest.Serve(t, mailtest.Options{})
	x := newFixture(t, "http://index.example", true, "--mail-server", server.Addr, "--mail-from", "index@acme.example",
		"--mail-tls", mail.None)
	x.people(t)
	ctx, stop := context.WithCancel(context.Background())
	var posting sync.WaitGroup
	sender, err := x.app.Config.Mail.Sender()
	if err != nil {
		t.Fatal(err)
	}
	posting.Go(func() {
		for ctx.Err() == nil {
			x.app.Outbox.Deliver(ctx, slog.New(slog.DiscardHandler), sender.Send)
			select {
			case <-ctx.Done():
			case <-x.app.Outbox.Letters():
			}
		}
	})
	t.Cleanup(func() { stop(); posting.Wait() })
	return x, server
}

var resetLink = regexp.MustCompile(`http://index\.example(/reset/[^/\s]+/)`)

func (x *fixture) forgotten(t *testing.T, name string) *httptest.ResponseRecorder {
	t.Helper()
	return x.visit(t, "POST", "/login/forgotten/", "nobody", url.Values{"user": {name}}.Encode())
}

// reachable gives the owner a password, and an address by the page for it.
func (x *fixture) reachable(t *testing.T) {
	t.Helper()
	secret, err := x.app.Accounts.ResetLink(t.Context(), x.app.Operator, "owner")
	if err == nil {
		_, _, err = x.app.Accounts.Reset(t.Context(), access.Guest(true), secret, "winter garden copper", false)
	}
	if err != nil {
		t.Fatal(err)
	}
	if got := x.visit(t, "POST", "/manage/account/", "owner",
		"email=owner%40acme.example"); got.Code != http.StatusSeeOther {
		t.Fatalf("%d %s", got.Code, got.Body)
	}
}

// Who forgot a password gets a link by mail that sets a new one, and the page tells nobody who has an account.
func TestForgotten(t *testing.T) {
	x, server := mailing(t)
	x.reachable(t)
	want := x.forgotten(t, "nobody-of-that-name")
	if want.Code != http.StatusOK {
		t.Fatalf("%d %s", want.Code, want.Body)
	}
	shown := want.Body.String()
	for _, name := range []string{"gone", "member", "root", "", "'; --", "owner"} {
		if got := x.forgotten(t, name); got.Code != want.Code || got.Body.String() != shown {
			t.Errorf("the answer about %q differs: %d", name, got.Code)
		}
	}
	letter := server.Next()
	if !strings.Contains(letter, "owner@acme.example") {
		t.Fatalf("the letter is %q", letter)
	}
	path := resetLink.FindStringSubmatch(strings.ReplaceAll(letter, "=\r\n", ""))
	if path == nil {
		t.Fatalf("no link is in %q", letter)
	}
	password := "quiet river stone lamp"
	set := url.Values{"password": {password}, "again": {password}}.Encode()
	if got := x.visit(t, "POST", path[1], "nobody", set); got.Code != http.StatusSeeOther {
		t.Errorf("the link answers %d: %s", got.Code, got.Body)
	}
	if got := x.visit(t, "POST", path[1], "nobody", set); got.Code != http.StatusNotFound {
		t.Errorf("the link works twice: %d", got.Code)
	}
}

// However often a link is asked for, a person gets few messages, and a network is told to wait.
func TestForgottenIsBounded(t *testing.T) {
	x, server := mailing(t)
	x.reachable(t)
	refused := 0
	for range 40 {
		switch got := x.forgotten(t, "owner"); got.Code {
		case http.StatusOK, http.StatusServiceUnavailable:
		default:
			refused++
		}
	}
	if refused < 15 {
		t.Errorf("%d of 40 were refused", refused)
	}
	if n := len(server.All()); n > 3 {
		t.Errorf("%d messages came", n)
	}
}

// What an index without a mail server answers sends people to an administrator.
func TestForgottenWithoutMail(t *testing.T) {
	x := newFixture(t, "http://index.example", true)
	x.people(t)
	if got := x.visit(t, "GET", "/login/forgotten/", "nobody", ""); got.Code != http.StatusOK ||
		!strings.Contains(got.Body.String(), "does not send e-mail") {
		t.Errorf("%d %s", got.Code, got.Body)
	}
	if got := x.forgotten(t, "owner"); got.Code != http.StatusNotFound {
		t.Errorf("asked for: %d", got.Code)
	}
}

// An invitation with an address is sent and shown; where the server refuses it, it is shown all the same.
func TestInvitationIsSent(t *testing.T) {
	x, server := mailing(t)
	got := x.visit(t, "POST", "/admin/users/", "administrator", url.Values{"email": {"dora@acme.example"}}.Encode())
	if got.Code != http.StatusOK || !strings.Contains(got.Body.String(), "/invite/") ||
		!strings.Contains(got.Body.String(), "was sent to dora@acme.example") {
		t.Fatalf("%d %s", got.Code, got.Body)
	}
	if letter := server.Next(); !strings.Contains(letter, "To: <dora@acme.example>") ||
		!strings.Contains(letter, "http://index.example/invite/") {
		t.Errorf("the letter is %q", letter)
	}
	got = x.visit(t, "POST", "/admin/users/", "administrator", url.Values{"email": {"dora@refused.example"}}.Encode())
	if !strings.Contains(got.Body.String(), "/invite/") || !strings.Contains(got.Body.String(), "no such mailbox") {
		t.Errorf("refused by the server: %d %s", got.Code, got.Body)
	}
}

// index mail test says what the server answered, and sends nothing where no server is set.
func TestMailTest(t *testing.T) {
	server := mailtest.Serve(t, mailtest.Options{})
	set := []string{
		"mail", "test", "--mail-server=" + server.Addr, "--mail-from=index@acme.example", "--mail-tls=none",
		"--base-url=https://pypi.example",
	}
	for _, c := range []struct {
		name   string
		args   []string
		status int
		says   string
	}{
		{"no server is set", []string{"mail", "test", "--to=ann@acme.example"}, statusRefused, "mail.server"},
		{"nobody is named", set, statusMisused, "--to"},
		{"no address", append(set, "--to=ann"), statusRefused, "not an e-mail address"},
		{
			"another header", append(set, "--to=ann@acme.example\r\nBcc: bob@acme.example"), statusRefused,
			"not an e-mail address",
		},
		{"a mailbox that is not there", append(set, "--to=ann@refused.example"), statusRefused, "no such mailbox"},
		{"one that is", append(set, "--to=ann@acme.example"), statusDone, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			var out, errs bytes.Buffer
			if status := run(t.Context(), c.args, strings.NewReader(""), &out, &errs); status != c.status ||
				!strings.Contains(errs.String(), c.says) {
				t.Errorf("%s: status %d, %q, %q", c.name, status, out.String(), errs.String())
			}
			if took := strings.Contains(out.String(),
				"accepted the message to ann@acme.example"); took != (c.status == statusDone) {
				t.Errorf("%s: it says %q", c.name, out.String())
			}
		})
	}
	if got := server.All(); len(got) != 1 || !strings.Contains(got[0], "https://pypi.example/") {
		t.Errorf("the server took %q", got)
	}
	var out, errs bytes.Buffer
	if status := run(t.Context(), append(set, "--to=ann@acme.example", "--json"), strings.NewReader(""), &out,
		&errs); status != statusDone ||
		!strings.Contains(out.String(), `"to": "ann@acme.example"`) {
		t.Errorf("with --json: status %d, %q, %q", status, out.String(), errs.String())
	}
}

// What changes how an account is entered is told to its address, and a changed address to the one before; without an
// address, and for what was refused, nothing is sent.
func TestAlerts(t *testing.T) {
	x, server := mailing(t)
	send := func(path, visitor string, form url.Values, status int) {
		t.Helper()
		if got := x.visit(t, "POST", path, visitor, form.Encode(), "Origin", "http://index.example", "Sec-Fetch-Site",
			"same-origin", "User-Agent", "Firefox/150 \r\n evil"); got.Code != status {
			t.Fatalf("%s: %d %s", path, got.Code, got.Body)
		}
	}
	token := url.Values{"description": {"evil"}, "scope": {"read"}, "expires": {"30"}}
	send("/manage/account/token/", "reader", token, http.StatusOK) // has no address
	x.reachable(t)
	send("/manage/account/security/password/", "owner",
		url.Values{
			"current": {"wrong words here"}, "password": {"quiet river stone lamp"}, "again": {"quiet river stone lamp"},
		}, http.StatusUnprocessableEntity)
	if got := server.All(); len(got) > 0 {
		t.Fatalf("nothing was changed and %q came", got)
	}
	for _, c := range []struct {
		path, want string
		form       url.Values
		status     int
	}{
		{"/manage/account/token/", "API token", token, http.StatusOK},
		{
			"/manage/account/security/password/", "password was changed",
			url.Values{
				"current": {"winter garden copper"}, "password": {"quiet river stone lamp"}, "again": {"quiet river stone lamp"},
			},
			http.StatusSeeOther,
		},
		{
			"/manage/account/", "address of your account was changed",
			url.Values{"email": {"new@acme.example"}},
			http.StatusSeeOther,
		},
	} {
		send(c.path, "owner", c.form, c.status)
		got := strings.ReplaceAll(server.Next(), "=\r\n", "")
		for _, want := range []string{
			"To: <owner@acme.example>", c.want, "Account: owner", "From: 192.0.2.1, Firefox",
			"http://index.example/manage/account/security/",
		} {
			if !strings.Contains(got, want) {
				t.Errorf("%s: the message lacks %q:\n%s", c.path, want, got)
			}
		}
		if strings.Contains(got, "evil") {
			t.Errorf("%s: what a stranger may choose is in the message:\n%s", c.path, got)
		}
	}
}

// While the mail server is away, warnings wait, each of them, and go once it is back; none of them holds up a page.
func TestWarningsWaitForTheServer(t *testing.T) {
	x := newFixture(t, "http://index.example", true, "--mail-server", "127.0.0.1:1", "--mail-from", "index@acme.example",
		"--mail-tls", mail.None)
	x.people(t)
	x.reachable(t)
	const made = 15 // more than are sent at once
	for i := range made {
		form := url.Values{"description": {fmt.Sprint("ci ", i)}, "scope": {"read"}, "expires": {"30"}}.Encode()
		if got := x.visit(t, "POST", "/manage/account/token/", "owner", form); got.Code != http.StatusOK {
			t.Fatalf("%d %s", got.Code, got.Body)
		}
	}
	sent := 0
	err := x.app.Outbox.Deliver(t.Context(), slog.New(slog.DiscardHandler),
		func(_ context.Context, to string, l outbox.Letter) error {
			if to == "owner@acme.example" && strings.Contains(l.Text, "API token") &&
				!strings.Contains(l.Text, access.TokenPrefix) {
				sent++
			}
			return nil
		})
	if err != nil || sent != made {
		t.Errorf("%d of %d warnings were sent, %v", sent, made, err)
	}
}

// TestDecidedOnTheCommandLine: granting or refusing a request for an exemption on the command line sends the letter
// that a decision on the page sends. Without a mail server in the settings of the command, nothing is kept.
func TestDecidedOnTheCommandLine(t *testing.T) {
	x, server := mailing(t)
	x.reachable(t)
	x.cooling(t)
	ask := func(file string) string {
		t.Helper()
		contains(t, x.visit(t, http.MethodPost, "/r/team/held/rocket/2.0/ask/", "owner",
			url.Values{"ask_reason": {"a fix that we need"}, "ask_file": {file}}.Encode()), http.StatusSeeOther)
		var all []struct{ ID, State string }
		x.command(t, &all, "exempt", "requests", "team")
		if len(all) == 0 || all[0].State != "open" {
			t.Fatalf("index exempt requests = %+v", all)
		}
		return all[0].ID
	}
	mails := []string{
		"--mail-server", x.app.Config.Mail.Server, "--mail-from", "index@acme.example", "--mail-tls", mail.None,
		"--base-url", "http://index.example",
	}
	const wheel, sdist = "rocket-2.0-py3-none-any.whl", "rocket-2.0.tar.gz"
	for _, c := range []struct {
		file string
		args []string
		want []string
	}{
		{
			wheel,
			[]string{"exempt", "grant", ask(wheel)},
			[]string{"The request was granted.", "Later files are decided anew"},
		},
		{
			sdist,
			[]string{"exempt", "refuse", ask(sdist), "--answer", "use the wheel"},
			[]string{"The request was refused.", "Answer: use the wheel"},
		},
	} {
		x.text(t, statusDone, append(c.args, mails...)...)
		x.app.Outbox.Wake() // a server looks every half minute
		got := strings.ReplaceAll(server.Next(), "=\r\n", "")
		for _, want := range append(c.want, "To: <owner@acme.example>", "exemption of "+c.file, "Account: owner",
			"Decided by: ", "http://index.example/r/team/project/rocket/") {
			if !strings.Contains(got, want) {
				t.Errorf("index %s %s: the letter lacks %q:\n%s", c.args[0], c.args[1], want, got)
			}
		}
	}
	last := ask(sdist)
	x.text(t, statusDone, "exempt", "refuse", last, "--answer", "no")
	x.app.Outbox.Wake()
	if err := x.app.Outbox.Deliver(t.Context(), slog.New(slog.DiscardHandler),
		func(context.Context, string, outbox.Letter) error { t.Error("a letter was kept"); return nil }); err != nil {
		t.Fatal(err)
	}
	if got := server.All(); len(got) != 2 {
		t.Errorf("%d letters came, want the two before: %q", len(got), got)
	}
}
