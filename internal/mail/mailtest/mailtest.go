// Package mailtest provides an SMTP server for tests, which keeps the accepted messages.
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

// Options configure a server.
type Options struct {
	TLS      bool   // offer StartTLS, and accept a password only after it
	User     string // required user; if empty, no authentication is needed
	Password string
}

// Server accepts messages on 127.0.0.1. It permanently refuses recipients at refused.example.
type Server struct {
	Addr  string         // host and port
	Roots *x509.CertPool // authority of its certificate

	o    Options
	got  chan string
	mu   sync.Mutex
	seen []string
}

// Serve starts a server that runs until the test ends.
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

// Next waits for the next message and returns it, including its headers.
func (s *Server) Next() string { return <-s.got }

// All returns all messages so far, in order.
func (s *Server) All() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string{}, s.seen...)
}

// NewSession returns a session for a connection.
func (s *Server) NewSession(*smtp.Conn) (smtp.Session, error) { return &session{s: s}, nil }

type session struct {
	s  *Server
	in bool
}

func (x *session) AuthMechanisms() []string { return []string{sasl.Plain} }

func (x *session) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, user, password string) error {
		if user != x.s.o.User || password != x.s.o.Password {
			return errors.New("wrong user or password")
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
