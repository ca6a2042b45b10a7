// Package mail sends plain-text e-mail through an SMTP server.
//
// A letter has exactly one recipient. Control characters in its address and subject are refused, so that they cannot
// add headers. A server with an untrusted certificate receives neither the password nor the letter.
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
	"golang.org/x/net/idna"

	"pyindex/internal/access"
	"pyindex/internal/account/outbox"
	"pyindex/internal/fault"
)

// Modes of encryption for the connection to a server.
const (
	StartTLS = "starttls" // upgrade to TLS before anything is sent
	TLS      = "tls"      // TLS from the start
	None     = "none"     // no TLS; only for a server on this machine
)

// Options specify the server and the sender. Server, From and TLS are required.
type Options struct {
	Server   string // host and port
	From     string // address, with an optional name
	User     string // "" if the server requires no authentication
	Password access.Secret
	TLS      string
	Roots    *x509.CertPool // nil for the system's
}

// Sender sends letters. It is safe for concurrent use.
type Sender struct {
	o    Options
	host string
	port int
	from *netmail.Address
}

// timeout bounds the delivery of one letter, including the connection.
const timeout = 30 * time.Second

// New returns a sender for a server. Its errors name the invalid option.
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
		return nil, errors.New("user: set both the user and the password, or neither")
	}
	if ip := net.ParseIP(host); o.TLS == None && host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return nil, fmt.Errorf("tls: none is allowed only for a server on this machine, and %s is not on this machine", host)
	}
	if o.TLS != StartTLS && o.TLS != TLS && o.TLS != None {
		return nil, fmt.Errorf("tls: %q is not starttls, tls or none", o.TLS)
	}
	return &Sender{o: o, host: host, port: int(n), from: from}, nil
}

// domains converts domains to ASCII. Unlike idna.Lookup, it refuses empty labels.
var domains = idna.New(idna.MapForLookup(), idna.BidiRule(), idna.StrictDomainName(true), idna.VerifyDNSLength(true))

// parse parses one address and writes its domain in ASCII (RFC 5891), as servers without SMTPUTF8 need it. It refuses
// control characters, and letters outside ASCII before the "@", which only SMTPUTF8 could transport (RFC 6531).
func parse(s string) (*netmail.Address, error) {
	a, err := netmail.ParseAddress(s)
	if err != nil || len(s) > 320 || strings.ContainsFunc(s, unicode.IsControl) ||
		strings.ContainsFunc(a.Name+a.Address, unicode.IsControl) {
		return nil, fault.New(fault.Invalid, "%.100q is not an e-mail address", s)
	}
	at := strings.LastIndexByte(a.Address, '@')
	local, domain := a.Address[:at], a.Address[at+1:]
	if strings.ContainsFunc(local, func(c rune) bool { return c > unicode.MaxASCII }) {
		return nil, fault.New(fault.Invalid, "%.100q has letters outside ASCII before the @, which mail servers may refuse",
			s)
	}
	if strings.ContainsFunc(domain, func(c rune) bool { return c > unicode.MaxASCII }) {
		if domain, err = domains.ToASCII(domain); err != nil {
			return nil, fault.Wrap(fault.Invalid, err, "%.100q is not an e-mail address", s)
		}
	}
	a.Address = local + "@" + domain
	return a, nil
}

// Send sends a letter to one address and returns when the server has accepted it, within 30 seconds. A connection that
// fails after the server accepted the letter is no error, or the letter would be sent again. Send returns
// fault.Invalid if the letter is invalid or the server refuses it permanently, and fault.Unavailable if the error may
// be temporary.
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
	if err := c.DialAndSendWithContext(ctx, m); err != nil && !m.IsDelivered() {
		return explain(err)
	}
	return nil
}

// explain returns an error with the server's response, and with a kind that reports whether a retry may help.
func explain(err error) error {
	if sent, ok := errors.AsType[*gomail.SendError](err); ok && !sent.IsTemp() && sent.ErrorCode() >= 500 {
		return fault.Wrap(fault.Invalid, err, "the mail server refuses the message: %.300s", oneLine(err.Error()))
	}
	return fault.Wrap(fault.Unavailable, err, "the mail server did not accept the message: %.300s", oneLine(err.Error()))
}

func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }

func (s *Sender) compose(address string, l outbox.Letter) (*gomail.Msg, error) {
	to, err := parse(address)
	if err != nil {
		return nil, err
	}
	if strings.ContainsFunc(l.Subject, unicode.IsControl) || len(l.Subject) > 500 {
		return nil, fault.New(fault.Invalid, "%.100q is not a valid subject", l.Subject)
	}
	m := gomail.NewMsg(gomail.WithNoDefaultUserAgent())
	m.FromMailAddress(s.from)
	m.SetAddrHeaderFromMailAddress(gomail.HeaderTo, to)
	m.Subject(l.Subject)
	m.SetDate()
	m.SetMessageID()
	m.SetGenHeader("Auto-Submitted", "auto-generated") // prevents vacation responses (RFC 3834)
	m.SetBodyString(gomail.TypeTextPlain, l.Text)
	return m, nil
}

func (s *Sender) client() (*gomail.Client, error) {
	o := []gomail.Option{
		gomail.WithPort(s.port), gomail.WithTimeout(timeout),
		gomail.WithoutNoop(), gomail.WithoutRset(), // a connection carries one letter
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
			kind = gomail.SMTPAuthPlainNoEnc // safe on the loopback address
		}
		o = append(o, gomail.WithSMTPAuth(kind), gomail.WithUsername(s.o.User), gomail.WithPassword(s.o.Password.Reveal()))
	}
	return gomail.NewClient(s.host, o...)
}
