package mail

import (
	netmail "net/mail"
	"strings"
	"testing"

	"pyindex/internal/account/outbox"
)

// Whatever an address and a subject hold, a letter goes to one address and has the headers that are ours, or is
// refused.
func FuzzCompose(f *testing.F) {
	for _, seed := range [][2]string{
		{"ann@example.com", "x"},
		{"a@b\r\nBcc: b@c", "y"},
		{"a@b", "y\nBcc: b@c"},
		{"=?utf-8?q?a=0D=0ABcc:_b@c?= <a@b>", "\u2028"},
		{"a@b, c@d", "=?utf-8?q?=0A?="},
	} {
		f.Add(seed[0], seed[1])
	}
	s, err := New(Options{Server: "127.0.0.1:1", From: "index@example.com", TLS: None})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, to, subject string) {
		composed, err := s.compose(to, outbox.Letter{Subject: subject, Text: "text"})
		if err != nil {
			return
		}
		var b strings.Builder
		if _, err := composed.WriteTo(&b); err != nil {
			t.Fatalf("%q, %q: %v", to, subject, err)
		}
		m, err := netmail.ReadMessage(strings.NewReader(b.String()))
		if err != nil {
			t.Fatalf("%q, %q: %v", to, subject, err)
		}
		for name, n := range map[string]int{"From": 1, "To": 1, "Subject": 1, "Cc": 0, "Bcc": 0, "Reply-To": 0} {
			if len(m.Header[name]) != n {
				t.Errorf("%q, %q: %d headers %s in %v", to, subject, len(m.Header[name]), name, m.Header)
			}
		}
		if list, err := m.Header.AddressList("To"); err != nil || len(list) != 1 {
			t.Errorf("%q: recipients %v, %v", to, list, err)
		}
	})
}
