package mail_test

import (
	"net"
	"strings"
	"testing"

	"pyindex/internal/access"
	"pyindex/internal/account/outbox"
	"pyindex/internal/fault"
	"pyindex/internal/mail"
	"pyindex/internal/mail/mailtest"
)

func sender(t *testing.T, o mail.Options) *mail.Sender {
	t.Helper()
	s, err := mail.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func options(s *mailtest.Server) mail.Options {
	return mail.Options{
		Server:   s.Addr,
		From:     "Packages <packages@acme.example>",
		User:     "index",
		Password: "long secret",
		TLS:      mail.StartTLS,
		Roots:    s.Roots,
	}
}

// A message comes over TLS after a password, with its text as it is.
func TestSend(t *testing.T) {
	server := mailtest.Serve(t, mailtest.Options{TLS: true, User: "index", Password: "long secret"})
	if err := sender(t, options(server)).Send(t.Context(), "bob@acme.example",
		outbox.Letter{Subject: "Größe", Text: "Follow\n\nhttps://index.example/reset/secret/\n"}); err != nil {
		t.Fatal(err)
	}
	got := server.Next()
	for _, want := range []string{
		"To: <bob@acme.example>", "packages@acme.example", "Auto-Submitted: auto-generated",
		"https://index.example/reset/secret/", "text/plain",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("the message lacks %q:\n%s", want, got)
		}
	}
}

// Nothing is said to a server that cannot be trusted, and what it refuses is told.
func TestRefused(t *testing.T) {
	secure := mailtest.Serve(t, mailtest.Options{TLS: true, User: "index", Password: "long secret"})
	plain := mailtest.Serve(t, mailtest.Options{User: "index", Password: "long secret"})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	with := func(s *mailtest.Server, f func(*mail.Options)) mail.Options {
		o := options(s)
		f(&o)
		return o
	}
	for name, c := range map[string]struct {
		o    mail.Options
		to   string
		kind fault.Kind
	}{
		"another password": {
			with(secure, func(o *mail.Options) { o.Password = "another" }), "bob@acme.example", fault.Unavailable,
		},
		"no password": {
			with(secure, func(o *mail.Options) { o.User, o.Password = "", "" }), "bob@acme.example", fault.Invalid,
		},
		"a certificate of nobody's": {
			with(secure, func(o *mail.Options) { o.Roots = nil }), "bob@acme.example", fault.Unavailable,
		},
		"no TLS": {options(plain), "bob@acme.example", fault.Unavailable},
		"TLS from the first byte": {
			with(secure, func(o *mail.Options) { o.TLS = mail.TLS }), "bob@acme.example", fault.Unavailable,
		},
		"nobody there": {
			with(secure, func(o *mail.Options) { o.Server = l.Addr().String() }), "bob@acme.example", fault.Unavailable,
		},
		"an unknown mailbox": {options(secure), "bob@refused.example", fault.Invalid},
		"no address":         {options(secure), "bob", fault.Invalid},
		"two addresses":      {options(secure), "bob@acme.example, eve@evil.example", fault.Invalid},
		"another header":     {options(secure), "bob@acme.example\r\nBcc: eve@evil.example", fault.Invalid},
	} {
		t.Run(name, func(t *testing.T) {
			err := sender(t, c.o).Send(t.Context(), c.to, outbox.Letter{Subject: "Hello", Text: "text"})
			if !fault.Is(err, c.kind) {
				t.Errorf("%s: %v, want %v", name, err, c.kind)
			}
			if err != nil && strings.Contains(err.Error(), "long secret") {
				t.Errorf("%s: the password is in %v", name, err)
			}
		})
	}
	if err := sender(t, options(secure)).Send(t.Context(), "bob@acme.example",
		outbox.Letter{Subject: "Hello\r\nBcc: eve@evil.example", Text: "text"}); !fault.Is(err, fault.Invalid) {
		t.Errorf("a subject of two lines: %v", err)
	}
	if got := append(secure.All(), plain.All()...); len(got) > 0 {
		t.Errorf("%d messages came, the first %q", len(got), got[0])
	}
}

func TestOptions(t *testing.T) {
	good := mail.Options{Server: "smtp.acme.example:587", From: "index@acme.example", TLS: mail.StartTLS}
	if _, err := mail.New(good); err != nil {
		t.Fatal(err)
	}
	for want, f := range map[string]func(*mail.Options){
		"server": func(o *mail.Options) { o.Server = "smtp.acme.example" },
		"port":   func(o *mail.Options) { o.Server = "smtp.acme.example:smtp" },
		"from":   func(o *mail.Options) { o.From = "" },
		"from: ": func(o *mail.Options) { o.From = "index@acme.example\r\nBcc: eve@evil.example" },
		"user":   func(o *mail.Options) { o.User = "index" },
		"user: ": func(o *mail.Options) { o.Password = access.Secret("alone") },
		"tls":    func(o *mail.Options) { o.TLS = mail.None },
		"tls: ":  func(o *mail.Options) { o.TLS = "perhaps" },
	} {
		o := good
		f(&o)
		if _, err := mail.New(o); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
}

// After the server accepted a message, nothing that it says or does makes it unsent.
func TestAcceptedIsSent(t *testing.T) {
	for name, c := range map[string]struct {
		after  map[string]string // answers to commands after the message; "" closes the connection
		closes bool              // right after the message
		answer string            // to the message
		ok     bool
	}{
		"well":              {nil, false, "250 queued", true},
		"closes after it":   {nil, true, "250 queued", true},
		"RSET unknown":      {map[string]string{"RSET": "502 no"}, false, "250 queued", true},
		"RSET unavailable":  {map[string]string{"RSET": "421 bye"}, false, "250 queued", true},
		"NOOP unknown":      {map[string]string{"NOOP": "502 no"}, false, "250 queued", true},
		"QUIT closes":       {map[string]string{"QUIT": ""}, false, "250 queued", true},
		"QUIT refused":      {map[string]string{"QUIT": "500 stay"}, false, "250 queued", true},
		"message refused":   {nil, false, "554 no", false},
		"message postponed": {nil, false, "451 later", false},
		"closes in between": {nil, true, "", false},
	} {
		t.Run(name, func(t *testing.T) {
			server := mailtest.Script(t, c.answer, c.closes, c.after)
			o := mail.Options{Server: server.Addr, From: "index@acme.example", TLS: mail.None}
			err := sender(t, o).Send(t.Context(), "bob@acme.example", outbox.Letter{Subject: "Hello", Text: "text"})
			if (err == nil) != c.ok {
				t.Errorf("Send = %v, want success %v; the server saw %q", err, c.ok, server.Commands())
			}
		})
	}
}

// An address goes to a server without SMTPUTF8 in ASCII, or not at all.
func TestAddressesAreASCII(t *testing.T) {
	for to, want := range map[string]string{
		"zoe@bücher.example":       "RCPT TO:<zoe@xn--bcher-kva.example>",
		"Zoë <zoe@BÜCHER.example>": "RCPT TO:<zoe@xn--bcher-kva.example>",
		"zoe@acme.example":         "RCPT TO:<zoe@acme.example>",
		"zoë@acme.example":         "",
		"\"zo ë\"@acme.example":    "",
		"zoe@a\u202eb.example":     "",
		"zoe@\u00ad\u00ad.example": "",
		"zoë@bücher.example":       "",
	} {
		server := mailtest.Script(t, "250 queued", false, nil)
		o := mail.Options{Server: server.Addr, From: "index@bücher.example", TLS: mail.None}
		err := sender(t, o).Send(t.Context(), to, outbox.Letter{Subject: "Hello", Text: "text"})
		said := strings.Join(server.Commands(), "\n")
		switch {
		case want == "" && (!fault.Is(err, fault.Invalid) || strings.Contains(said, "RCPT")):
			t.Errorf("to %q: %v, and the server saw %q; want a refusal", to, err, said)
		case want != "" &&
			(err != nil || !strings.Contains(said, want) || !strings.Contains(said, "<index@xn--bcher-kva.example>")):
			t.Errorf("to %q: %v, and the server saw %q; want %s", to, err, said, want)
		}
		for _, c := range said {
			if c > 127 {
				t.Errorf("to %q: the server got text outside ASCII: %q", to, said)
				break
			}
		}
	}
}
