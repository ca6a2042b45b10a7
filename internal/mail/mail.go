// Package mail sends short letters of plain text through a server of SMTP.
//
// It promises that a letter goes to one address and holds nothing that its text and subject do not say: what would
// begin another header is refused. A server whose certificate is not trusted gets neither the password nor the letter.
package mail

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	netmail "net/mail"
	"strconv"
	"strings"
	"time"
	"unicode"

	gomail "github.com/wneessen/go-mail"

	"pyindex/internal/access"
	"pyindex/internal/account/outbox"
	"pyindex/internal/fault"
)

// The ways to speak with a server.
const (
	StartTLS = "starttls" // plain at first; nothing is said before TLS is up
	TLS      = "tls"      // from the first byte
	None     = "none"     // never; for a server on this machine
)

// Options are the server and who writes. Server, From and TLS are needed.
type Options struct {
	Server   string // host and port
	From     string // an address, with or without a name
	User     string // "" for a server that asks for none
	Password access.Secret
	TLS      string
	Roots    *x509.CertPool // nil for those of the system
}

// Sender sends letters. It is safe for concurrent use.
type Sender struct {
	o    Options
	host string
	port int
	from *netmail.Address
}

// timeout bounds one letter, from the connection to the server's last word.
const timeout = 30 * time.Second

// New returns what sends by a server. An error says which of the options cannot be.
func New(o Options) (*Sender, error) {
	host, port, err := net.SplitHostPort(o.Server)
	n, e := strconv.ParseUint(port, 10, 16)
	if err != nil || e != nil || n == 0 || host == "" {
		return nil, fmt.Errorf("server: %q is not a host with a port: write for example smtp.example.com:587", o.Server)
	}
	from, err := parse(o.From)
	if err != nil {
		return nil, fmt.Errorf("from: %w", err)
	}
	if (o.User == "") != (o.Password == "") {
		return nil, errors.New("user: a user and a password need each other")
	}
	if ip := net.ParseIP(host); o.TLS == None && host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return nil, fmt.Errorf("tls: only a server on this machine may be spoken to without TLS, and %s is not on it", host)
	}
	if o.TLS != StartTLS && o.TLS != TLS && o.TLS != None {
		return nil, fmt.Errorf("tls: %q is none of starttls, tls and none", o.TLS)
	}
	return &Sender{o: o, host: host, port: int(n), from: from}, nil
}

// parse reads one address. What holds a control character is none.
func parse(s string) (*netmail.Address, error) {
	a, err := netmail.ParseAddress(s)
	if err != nil || len(s) > 320 || strings.ContainsFunc(s, unicode.IsControl) ||
		strings.ContainsFunc(a.Name+a.Address, unicode.IsControl) {
		return nil, fault.New(fault.Invalid, "%.100q is not an e-mail address", s)
	}
	return a, nil
}

// Send sends a letter to one address and returns once the server took it, after half a minute at most.
// fault.Invalid is for one that no server could take, or that this one refused for good; fault.Unavailable for what may
// pass.
func (s *Sender) Send(ctx context.Context, to string, l outbox.Letter) error {
	m, err := s.compose(to, l)
	if err != nil {
		return err
	}
	c, err := s.client()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	if err := c.DialAndSendWithContext(ctx, m); err != nil {
		return explain(err)
	}
	return nil
}

// explain keeps what the server answered, and says whether it will answer the same again.
func explain(err error) error {
	if sent, ok := errors.AsType[*gomail.SendError](err); ok && !sent.IsTemp() && sent.ErrorCode() >= 500 {
		return fault.Wrap(fault.Invalid, err, "the mail server refuses the message: %.300s", oneLine(err.Error()))
	}
	return fault.Wrap(fault.Unavailable, err, "the mail server did not take the message: %.300s", oneLine(err.Error()))
}

func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }

func (s *Sender) compose(address string, l outbox.Letter) (*gomail.Msg, error) {
	to, err := parse(address)
	if err != nil {
		return nil, err
	}
	if strings.ContainsFunc(l.Subject, unicode.IsControl) || len(l.Subject) > 500 {
		return nil, fault.New(fault.Invalid, "%.100q cannot be the subject of a message", l.Subject)
	}
	m := gomail.NewMsg(gomail.WithNoDefaultUserAgent())
	m.FromMailAddress(s.from)
	m.SetAddrHeaderFromMailAddress(gomail.HeaderTo, to)
	m.Subject(l.Subject)
	m.SetDate()
	m.SetMessageID()
	m.SetGenHeader("Auto-Submitted", "auto-generated") // so that no holiday answers it (RFC 3834)
	m.SetBodyString(gomail.TypeTextPlain, l.Text)
	return m, nil
}

func (s *Sender) client() (*gomail.Client, error) {
	o := []gomail.Option{
		gomail.WithPort(s.port), gomail.WithTimeout(timeout),
		gomail.WithTLSConfig(&tls.Config{ServerName: s.host, RootCAs: s.o.Roots, MinVersion: tls.VersionTLS12}),
	}
	switch s.o.TLS {
	case TLS:
		o = append(o, gomail.WithSSL())
	case None:
		o = append(o, gomail.WithTLSPolicy(gomail.NoTLS))
	default:
		o = append(o, gomail.WithTLSPolicy(gomail.TLSMandatory))
	}
	if s.o.User != "" {
		kind := gomail.SMTPAuthAutoDiscover
		if s.o.TLS == None {
			kind = gomail.SMTPAuthPlainNoEnc // which the loopback address makes safe
		}
		o = append(o, gomail.WithSMTPAuth(kind), gomail.WithUsername(s.o.User), gomail.WithPassword(s.o.Password.Reveal()))
	}
	return gomail.NewClient(s.host, o...)
}
