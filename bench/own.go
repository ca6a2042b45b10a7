package main

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"
)

// reading is what our own client reads, on each of the job's connections.
type reading struct {
	HTTP2   bool
	Fresh   bool     // a new connection for each request
	Pages   []wanted // in turn; the job's target alone if empty
	Secrets []string // tokens, in turn for the requests of all connections; see Own
	Own     bool     // each connection keeps the token of its number
	Times   int      // requests of each connection; 0 for as many as fit into the time of the job
	Hold    bool     // keep the connections open until standard input ends
}

// wanted is a page, relative to the target of a job, with its own header lines.
type wanted struct {
	Path   string
	Header []string
}

// own starts our own client as a process. The caller must call the function that it returns, which closes the
// connections of a job that holds them.
func (j job) own(ctx context.Context) (t tally, release func() error, err error) {
	self, err := os.Executable()
	if err != nil {
		return t, nil, err
	}
	cmd := exec.CommandContext(ctx, self, "load")
	cmd.Env, cmd.Stderr = append(os.Environ(), asCommand), os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		return t, nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return t, nil, err
	}
	if err := cmd.Start(); err != nil {
		return t, nil, err
	}
	release = func() error { return errors.Join(in.Close(), cmd.Wait()) }
	if err = json.NewEncoder(in).Encode(j); err == nil {
		err = json.NewDecoder(out).Decode(&t)
	}
	if err == nil && (t.Requests == 0 || t.Errors > 0) {
		err = fmt.Errorf("%s: %d answers, %d errors: %s", j.Target.URL, t.Requests, t.Errors, t.Error)
	}
	if err != nil {
		return t, nil, errors.Join(err, release())
	}
	return t, release, nil
}

// readOwn reads with our own client and closes its connections.
func (j job) readOwn(ctx context.Context) (tally, error) {
	if j.Reading == nil {
		j.Reading = &reading{}
	}
	t, release, err := j.own(ctx)
	if err != nil {
		return t, err
	}
	return t, release()
}

// runReads is the client process: it prints the result, and then holds its connections if the job asks for it.
func (j job) runReads(ctx context.Context) error {
	c := &ownClient{job: j, tls: &tls.Config{InsecureSkipVerify: true}}
	for range connsHTTP2(j.Conns) {
		only := new(http.Protocols)
		only.SetHTTP2(true)
		c.shared = append(c.shared, &http.Transport{TLSClientConfig: c.tls, DisableCompression: true, Protocols: only})
	}
	t := j.gather(func(n int, t *tally, took *[]time.Duration) error { return c.connection(ctx, n, t, took) })
	if err := json.NewEncoder(os.Stdout).Encode(t); err != nil {
		return err
	}
	if j.Reading.Hold {
		_, err := io.Copy(io.Discard, os.Stdin)
		return err
	}
	return nil
}

type ownClient struct {
	job
	tls    *tls.Config
	shared []*http.Transport // connections with HTTP/2
}

// connection sends the requests of connection n.
func (c *ownClient) connection(ctx context.Context, n int, t *tally, took *[]time.Duration) error {
	send, end, err := c.sender(n)
	if err != nil {
		return err
	}
	defer end()
	for limit, i := time.Now().Add(c.For), 0; ; i++ {
		start := time.Now()
		if c.Reading.Times > 0 && i == c.Reading.Times || c.Reading.Times == 0 && !start.Before(limit) {
			return nil
		}
		size, err := send(ctx, i)
		if err != nil {
			return err
		}
		t.Requests, t.Bytes = t.Requests+1, t.Bytes+size
		*took = append(*took, time.Since(start))
	}
}

// sender returns the function that sends request i of connection n, and the one that ends the connection.
func (c *ownClient) sender(n int) (send func(context.Context, int) (int64, error), end func(), err error) {
	if c.Reading.HTTP2 {
		return c.overHTTP2(n)
	}
	u, err := url.Parse(c.Target.URL)
	if err != nil {
		return nil, nil, err
	}
	var open *wire
	send = func(ctx context.Context, i int) (size int64, err error) {
		if open == nil {
			if open, err = c.dial(ctx, u); err != nil {
				return 0, err
			}
		}
		if size, err = open.roundTrip(c.request(u, n, i)); c.Reading.Fresh {
			err = cmp.Or(err, open.Close())
			open = nil
		}
		return size, err
	}
	end = func() {
		if open != nil && !c.Reading.Hold {
			_ = open.Close()
		}
	}
	return send, end, nil
}

// token returns the token of request i of connection n.
func (c *ownClient) token(n, i int) string {
	all := c.Reading.Secrets
	switch {
	case len(all) == 0:
		return ""
	case c.Reading.Own:
		return all[n%len(all)]
	}
	return all[(n+i*c.Conns)%len(all)]
}

// page returns the path and the header lines of request i.
func (c *ownClient) page(u *url.URL, n, i int) (path string, header []string) {
	path, header = u.RequestURI(), c.Target.Header
	if all := c.Reading.Pages; len(all) > 0 {
		a := all[(n+i)%len(all)]
		path, header = a.Path, append(header[:len(header):len(header)], a.Header...)
	}
	user, secret := c.Target.User, c.Target.Secret
	if token := c.token(n, i); token != "" {
		user, secret = "__token__", token
	}
	if user != "" {
		header = append(header[:len(header):len(header)], basic(user, secret))
	}
	return path, header
}

// basic returns the header line of HTTP Basic authentication.
func basic(user, secret string) string {
	return "Authorization: Basic " + base64.StdEncoding.EncodeToString([]byte(user+":"+secret))
}

func (c *ownClient) request(u *url.URL, n, i int) []byte {
	path, header := c.page(u, n, i)
	b := append([]byte("GET "), path...)
	b = append(append(b, " HTTP/1.1\r\nHost: "...), u.Host...)
	for _, line := range header {
		b = append(append(b, "\r\n"...), line...)
	}
	if c.Reading.Fresh {
		b = append(b, "\r\nConnection: close"...)
	}
	return append(b, "\r\n\r\n"...)
}

// wire is a connection with HTTP/1.1. It does as little as possible for each response, because it runs on the cores of
// the server.
type wire struct {
	net.Conn
	in *bufio.Reader
}

func (c *ownClient) dial(ctx context.Context, u *url.URL) (*wire, error) {
	plain, err := (&net.Dialer{}).DialContext(ctx, "tcp", u.Host)
	if err == nil && u.Scheme == "https" {
		secure := tls.Client(plain, c.tls)
		plain, err = secure, secure.HandshakeContext(ctx)
	}
	if err != nil {
		return nil, err
	}
	return &wire{plain, bufio.NewReaderSize(plain, 16<<10)}, nil
}

// roundTrip sends a request and reads the response. It returns the size of the body.
func (w *wire) roundTrip(request []byte) (size int64, err error) {
	if _, err := w.Write(request); err != nil {
		return 0, err
	}
	line, err := w.in.ReadSlice('\n')
	if err != nil {
		return 0, err
	}
	status := string(line[:min(len(line), 12)])
	size = -1
	for {
		if line, err = w.in.ReadSlice('\n'); err != nil {
			return 0, err
		}
		if line = bytes.TrimRight(line, "\r\n"); len(line) == 0 {
			break
		}
		const name = "content-length:"
		if len(line) > len(name) && strings.EqualFold(string(line[:len(name)]), name) {
			if size, err = strconv.ParseInt(strings.TrimSpace(string(line[len(name):])), 10, 64); err != nil {
				return 0, err
			}
		}
	}
	switch {
	case status == "HTTP/1.1 304":
		return 0, nil
	case status != "HTTP/1.1 200":
		return 0, fmt.Errorf("status %q", status)
	case size < 0:
		return 0, errors.New("a response without Content-Length")
	}
	_, err = w.in.Discard(int(size))
	return size, err
}

// overHTTP2 is sender with HTTP/2: eight of the job's connections share one, each with its own requests at once.
func (c *ownClient) overHTTP2(n int) (send func(context.Context, int) (int64, error), end func(), err error) {
	u, err := url.Parse(c.Target.URL)
	if err != nil {
		return nil, nil, err
	}
	t := c.shared[n%len(c.shared)]
	send = func(ctx context.Context, i int) (int64, error) {
		path, header := c.page(u, n, i)
		r, err := http.NewRequestWithContext(ctx, "GET", u.Scheme+"://"+u.Host+path, nil)
		if err != nil {
			return 0, err
		}
		for _, line := range header {
			name, value, _ := strings.Cut(line, ": ")
			r.Header.Set(name, value)
		}
		answer, err := t.RoundTrip(r)
		if err != nil {
			return 0, err
		}
		size, err := io.Copy(io.Discard, answer.Body)
		if s := answer.StatusCode; s != http.StatusOK && s != http.StatusNotModified {
			err = cmp.Or(err, fmt.Errorf("status %d", s))
		}
		return size, errors.Join(err, answer.Body.Close())
	}
	return send, func() {}, nil
}
