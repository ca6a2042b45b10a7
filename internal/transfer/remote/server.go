// Package remote reads other indexes over HTTP for an import.
//
// It asks by the client of upstreams, which bounds time, bytes and redirects and sends the credential to the origin of
// the source only. Unlike an upstream, a source may be at a private address and without TLS: an administrator names it
// at a terminal.
package remote

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"pyindex/internal/fault"
	"pyindex/internal/transfer"
	"pyindex/internal/upstream"
	"pyindex/internal/upstream/client"
)

// Bounds of answers that are not pages.
const (
	maxFile       = 64 << 30 // bytes of a file whose size is not stated
	maxProvenance = 8 << 20  // bytes
)

// tries is how often a question is asked that a server did not answer for a reason that may pass.
const tries = 4

// Options say how a source is asked. At most one of a user name and a token file is set.
type Options struct {
	URL                    string
	Username, PasswordFile string
	TokenFile              string // the token is sent as a bearer token
	CAFile                 string // certificates of authorities, PEM
	Proxy                  string

	Version string                                     // of this program, for User-Agent
	Wait    func(context.Context, time.Duration) error // between tries; the default waits
}

// server is an index that is asked.
type server struct {
	client   *client.Client
	upstream upstream.Upstream
	wait     func(context.Context, time.Duration) error
}

// newServer returns the server of a source. It returns fault.Invalid if the options are not usable.
func newServer(o Options) (*server, error) {
	at, err := url.Parse(o.URL)
	switch {
	case err != nil || at.Scheme != "http" && at.Scheme != "https" || at.Hostname() == "" || at.Opaque != "":
		return nil, fault.New(fault.Invalid, "the source is not an http or https URL")
	case at.User != nil:
		return nil, fault.New(fault.Invalid,
			"the URL has a user name or password, which other users of this machine could see: use --username and --password-file, or --token-file")
	case at.RawQuery != "" || at.Fragment != "":
		return nil, fault.New(fault.Invalid, "the URL of the source has a query or a fragment")
	case o.TokenFile != "" && o.Username != "":
		return nil, fault.New(fault.Invalid, "give a user name or a token, and not both")
	case o.PasswordFile != "" && o.Username == "":
		return nil, fault.New(fault.Invalid, "a password needs a user name")
	}
	if !strings.HasSuffix(at.Path, "/") {
		at = at.JoinPath("/")
	}
	u := upstream.Default()
	u.Name, u.URL, u.AllowPrivate = "source", at.String(), true
	u.Username, u.PasswordFile, u.TokenFile = o.Username, o.PasswordFile, o.TokenFile
	u.CAFile, u.Proxy = o.CAFile, o.Proxy
	s := &server{client: client.New(client.Options{Version: o.Version}), upstream: u, wait: o.Wait}
	if s.wait == nil {
		s.wait = sleep
	}
	return s, nil
}

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// ask calls question until it is answered, and a few times more if the failure may pass.
func (s *server) ask(ctx context.Context, question func() error) error {
	pause := time.Second
	for n := 1; ; n++ {
		err := question()
		f, failed := errors.AsType[*upstream.Failure](err)
		if !failed {
			return err
		}
		passing := f.Kind == upstream.Busy || f.Kind == upstream.Silent ||
			f.Kind == upstream.Wrong && (f.Status == 0 || f.Status >= http.StatusInternalServerError)
		if !passing || n == tries {
			return wrapped(f)
		}
		if err := s.wait(ctx, max(pause, min(f.RetryAfter, time.Minute))); err != nil {
			return err
		}
		pause *= 2
	}
}

// wrapped turns the failure of a server into a fault.
func wrapped(f *upstream.Failure) error {
	text := f.Err.Error()
	switch f.Kind {
	case upstream.Absent:
		return fault.Wrap(fault.NotFound, f, "%s", text)
	case upstream.Refused:
		return fault.Wrap(fault.Denied, f,
			"%s: give a token by --token-file, or --username and --password-file, that may read it", text)
	case upstream.Silent, upstream.Busy:
		return fault.Wrap(fault.Unavailable, f, "%s", text)
	case upstream.Forbidden:
		return fault.Wrap(fault.Invalid, f, "%s", text)
	}
	return fault.Wrap(fault.BadGateway, f, "%s", text)
}

// open opens a file.
func (s *server) open(ctx context.Context, at string, limit int64) (body io.ReadCloser, err error) {
	err = s.ask(ctx, func() error {
		b, err := s.client.Open(ctx, s.upstream, at, limit)
		if err == nil {
			body = &failing{b.ReadCloser}
		}
		return err
	})
	return body, err
}

// get returns the whole content of an address.
func (s *server) get(ctx context.Context, at string, limit int64) (b []byte, err error) {
	err = s.ask(ctx, func() error {
		body, err := s.client.Open(ctx, s.upstream, at, limit)
		if err != nil {
			return err
		}
		defer body.Close()
		b, err = io.ReadAll(body)
		return err
	})
	return b, err
}

// failing is the content of a file whose errors are faults.
type failing struct{ io.ReadCloser }

func (f *failing) Read(p []byte) (int, error) {
	n, err := f.ReadCloser.Read(p)
	if failure, failed := errors.AsType[*upstream.Failure](err); failed {
		err = wrapped(failure)
	}
	return n, err
}

// limitOf returns how many bytes of a file are read.
func limitOf(f transfer.File) int64 {
	if f.Size > 0 {
		return f.Size
	}
	return maxFile
}
