package app

import (
	"context"
	"log/slog"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/alecthomas/kong"

	"pyindex/internal/access"
	"pyindex/internal/account"
	"pyindex/internal/account/onetime"
	"pyindex/internal/audit"
	"pyindex/internal/config"
	"pyindex/internal/holds"
	"pyindex/internal/mail"
	"pyindex/internal/mail/mailtest"
	"pyindex/internal/publishers/exchange"
)

// TestCreatedLetter: the owner of a project that a pending publisher created gets a letter with a link to the page on
// which the trust can be removed.
func TestCreatedLetter(t *testing.T) {
	server := mailtest.Serve(t, mailtest.Options{})
	var program struct {
		config.Config
		Serve struct{} `cmd:""`
	}
	parser, err := kong.New(&program, config.KongOptions())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := parser.Parse([]string{
		"serve", "--data-dir", t.TempDir(), "--mail-server", server.Addr, "--mail-from", "index@acme.example",
		"--mail-tls", mail.None,
	}); err != nil {
		t.Fatal(err)
	}
	base, log := &url.URL{Scheme: "http", Host: "index.example"}, slog.New(slog.DiscardHandler)
	a, err := Open(t.Context(), &program.Config, log, base)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	var posting sync.WaitGroup
	posting.Go(func() { a.post(ctx, log) })
	t.Cleanup(func() {
		stop()
		posting.Wait()
		a.Close()
	})
	_, secret, err := a.Accounts.Invite(ctx, a.Operator, account.NewInvitation{Name: "owner", Email: "owner@acme.example"})
	if err != nil {
		t.Fatal(err)
	}
	owner, err := a.Accounts.Accept(ctx, access.Guest(true), onetime.Invite, secret,
		account.Accepted{Password: "winter garden copper"})
	if err != nil {
		t.Fatal(err)
	}
	created, err := a.tellCreated(base, log)
	if err != nil {
		t.Fatal(err)
	}
	created(ctx, exchange.Created{Repository: "main", Project: "nobodys"})
	created(ctx, exchange.Created{
		Repository: "team", Project: "new-thing", Owner: owner.ID, Publisher: "workflow release.yml in acme/widgets",
		Address: "192.0.2.7",
	})
	asked := holds.Request{
		ID: "1", Repository: "team", Project: "rocket", Version: "2.0",
		By: audit.Actor{Kind: "user", ID: owner.ID, Name: owner.Name}, State: holds.Refused,
		DecidedBy: audit.Actor{Kind: "user", ID: "another", Name: "mia"}, Answer: "use 2.1",
	}
	letter := strings.ReplaceAll(server.Next(), "=\r\n", "")
	for _, want := range []string{
		"owner@acme.example", "new-thing", "workflow release.yml in acme/widgets", "192.0.2.7",
		"http://index.example/r/team/manage/project/new-thing/settings/publishing/",
	} {
		if !strings.Contains(letter, want) {
			t.Errorf("the letter lacks %q: %s", want, letter)
		}
	}
	own, ci := asked, asked
	own.DecidedBy.ID, ci.By.Kind = owner.ID, "publisher"
	for _, r := range []holds.Request{own, ci, asked} { // only the last one is told
		a.tellDecided(log)(ctx, r)
	}
	letter = strings.ReplaceAll(server.Next(), "=\r\n", "")
	for _, want := range []string{
		"owner@acme.example", "rocket=3D=3D2.0", "refused", "Answer: use 2.1", "mia",
		"http://index.example/r/team/project/rocket/",
	} {
		if !strings.Contains(letter, want) {
			t.Errorf("the letter about a request lacks %q: %s", want, letter)
		}
	}
}
