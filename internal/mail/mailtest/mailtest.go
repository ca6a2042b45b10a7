// Package mailtest is a real server of SMTP for tests, which keeps what it takes.
package mailtest

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
)

// Options say how a server behaves.
type Options struct {
	TLS      bool   // StartTLS is offered, and a password is only taken after it
	User     string // who may send; anybody where empty
	Password string
}

// Server takes messages on 127.0.0.1. It refuses recipients at refused.example for good.
type Server struct {
	Addr  string         // host and port
	Roots *x509.CertPool // that its certificate is trusted by

	o    Options
	got  chan string
	mu   sync.Mutex
	seen []string
}

// Serve starts one, which ends with the test.
func Serve(t testing.TB, o Options) *Server {
	t.Helper()
	s := &Server{o: o, Roots: x509.NewCertPool(), got: make(chan string, 100)}
	server := smtp.NewServer(s)
	server.Domain, server.AllowInsecureAuth = "localhost", !o.TLS
	if o.TLS {
		certified := httptest.NewTLSServer(nil)
		server.TLSConfig = &tls.Config{Certificates: certified.TLS.Certificates}
		s.Roots.AddCert(certified.Certificate())
		certified.Close()
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.Addr = l.Addr().String()
	go server.Serve(l)
	t.Cleanup(func() { server.Close() })
	return s
}

// Next waits for the next message and returns it, headers and all.
func (s *Server) Next() string { return <-s.got }

// All returns the messages so far, in order.
func (s *Server) All() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string{}, s.seen...)
}

// NewSession implements smtp.Backend.
func (s *Server) NewSession(*smtp.Conn) (smtp.Session, error) { return &session{s: s}, nil }

type session struct {
	s  *Server
	in bool
}

func (x *session) AuthMechanisms() []string { return []string{sasl.Plain} }

func (x *session) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, user, password string) error {
		if user != x.s.o.User || password != x.s.o.Password {
			return errors.New("who are you")
		}
		x.in = true
		return nil
	}), nil
}

func (x *session) Mail(string, *smtp.MailOptions) error {
	if x.s.o.User != "" && !x.in {
		return smtp.ErrAuthRequired
	}
	return nil
}

func (x *session) Rcpt(to string, _ *smtp.RcptOptions) error {
	if strings.HasSuffix(to, "@refused.example") {
		return &smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 1, 1}, Message: "no such mailbox"}
	}
	return nil
}

func (x *session) Data(r io.Reader) error {
	b, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	x.s.mu.Lock()
	x.s.seen = append(x.s.seen, string(b))
	x.s.mu.Unlock()
	x.s.got <- string(b)
	return nil
}

func (x *session) Reset()        {}
func (x *session) Logout() error { return nil }
