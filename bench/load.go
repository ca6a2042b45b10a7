package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// target is where requests go.
type target struct {
	URL    string
	User   string   // "" for nobody
	Secret string   // the user's password or token
	Header []string // more lines
}

func (t target) authorize(r *http.Request) {
	if t.User != "" {
		r.SetBasicAuth(t.User, t.Secret)
	}
}

// job is what the client process is to do. It is told on standard input, so that no token is on a command line.
type job struct {
	Target target
	Conns  int
	For    time.Duration // of reads, and the most of uploads where it is not 0
	Wheels []wheelJob    // to upload; reads where there are none
}

// wheelJob is a wheel to upload: a payload of Size bytes, or the file at Path with digest Sum.
type wheelJob struct {
	Project, Version string
	Size             int
	Path, Sum        string
}

// tally is what came of a job.
type tally struct {
	Requests, Errors, Status int
	Bytes                    int64
	Seconds                  float64
	P50, P99                 float64 // milliseconds
	Error                    string
}

func (t tally) rate() float64  { return float64(t.Requests) / t.Seconds }
func (t tally) speed() float64 { return float64(t.Bytes) / t.Seconds / 1e6 }

// run does the job in a process of its own.
func (j job) run(ctx context.Context) (t tally, err error) {
	in, err := json.Marshal(j)
	if err != nil {
		return t, err
	}
	self, err := os.Executable()
	if err != nil {
		return t, err
	}
	cmd := exec.CommandContext(ctx, self, "load")
	cmd.Env = append(os.Environ(), asCommand)
	cmd.Stdin, cmd.Stderr = bytes.NewReader(in), os.Stderr
	out, err := cmd.Output()
	if err == nil {
		err = json.Unmarshal(out, &t)
	}
	if err == nil && (t.Requests == 0 || t.Errors > 0) {
		err = fmt.Errorf("%s: %d answers, %d errors: %s", j.Target.URL, t.Requests, t.Errors, t.Error)
	}
	return t, err
}

// runLoad is the client process.
func runLoad(ctx context.Context, _ []string) error {
	var j job
	if err := json.NewDecoder(os.Stdin).Decode(&j); err != nil {
		return err
	}
	t := j.reads(ctx)
	if len(j.Wheels) > 0 {
		t = j.uploads(ctx)
	}
	return json.NewEncoder(os.Stdout).Encode(t)
}

// gather runs work on each connection and adds up what they did. It returns how long each request took, too.
func (j job) gather(work func(t *tally, took *[]time.Duration) error) tally {
	var mu sync.Mutex
	var wg sync.WaitGroup
	var sum tally
	var all []time.Duration
	start := time.Now()
	for range j.Conns {
		wg.Go(func() {
			var t tally
			var took []time.Duration
			err := work(&t, &took)
			mu.Lock()
			defer mu.Unlock()
			sum.Requests, sum.Bytes, sum.Status, all = sum.Requests+t.Requests, sum.Bytes+t.Bytes, max(sum.Status, t.Status), append(all, took...)
			if err != nil {
				sum.Errors, sum.Error = sum.Errors+1, err.Error()
			}
		})
	}
	wg.Wait()
	sum.Seconds = time.Since(start).Seconds()
	sum.P50, sum.P99 = quantile(all, 0.5), quantile(all, 0.99)
	return sum
}

// quantile is in milliseconds.
func quantile(all []time.Duration, q float64) float64 {
	if len(all) == 0 {
		return 0
	}
	slices.Sort(all)
	return all[min(len(all)-1, int(q*float64(len(all))))].Seconds() * 1e3
}

// reads asks for the same again and again on every connection.
func (j job) reads(ctx context.Context) tally {
	end := time.Now().Add(j.For)
	return j.gather(func(t *tally, took *[]time.Duration) error {
		w, err := dial(ctx, j.Target)
		if err != nil {
			return err
		}
		defer func() { _ = w.conn.Close() }()
		for n := 0; ; n++ {
			start := time.Now()
			if t.Requests > 0 && start.After(end) {
				return nil
			}
			status, size, err := w.get()
			if err != nil {
				return err
			}
			t.Requests, t.Status, t.Bytes = t.Requests+1, max(t.Status, status), t.Bytes+size
			if n%16 == 0 {
				*took = append(*took, time.Since(start))
			}
		}
	})
}

// uploads sends every wheel once, made before the clock starts.
func (j job) uploads(ctx context.Context) tally {
	type made struct {
		wheelJob
		content []byte
	}
	work := make(chan made, len(j.Wheels))
	for _, w := range j.Wheels {
		m := made{wheelJob: w}
		if w.Path == "" {
			m.content = wheel{w.Project, w.Version}.bytes(w.Size)
			m.Sum = digest(m.content)
		}
		work <- m
	}
	close(work)
	end := time.Now().Add(j.For)
	return j.gather(func(t *tally, took *[]time.Duration) error {
		c := &http.Client{Transport: &http.Transport{WriteBufferSize: 256 << 10}}
		for m := range work {
			start := time.Now()
			if j.For > 0 && t.Requests > 0 && start.After(end) {
				return nil
			}
			w := wheel{m.Project, m.Version}
			f, err := newForm(w, m.Sum)
			if err == nil && m.Path != "" {
				err = uploadFile(ctx, c, j.Target, w, m.Path, m.Sum)
			} else if err == nil {
				err = f.send(ctx, c, j.Target, bytes.NewReader(m.content), int64(len(m.content)))
			}
			if err != nil {
				return err
			}
			t.Requests++
			*took = append(*took, time.Since(start))
		}
		return nil
	})
}

// wire is a kept-alive connection that sends one request again and again, with as little behind it as there can be.
type wire struct {
	conn    net.Conn
	in      *bufio.Reader
	host    string
	request []byte
}

func dial(ctx context.Context, t target) (*wire, error) {
	u, err := url.Parse(t.URL)
	if err != nil {
		return nil, err
	}
	r, err := http.NewRequest("GET", t.URL, nil)
	if err != nil {
		return nil, err
	}
	t.authorize(r)
	var b strings.Builder
	fmt.Fprintf(&b, "GET %s HTTP/1.1\r\nHost: %s\r\nUser-Agent: bench\r\n", u.RequestURI(), u.Host)
	if a := r.Header.Get("Authorization"); a != "" {
		fmt.Fprintf(&b, "Authorization: %s\r\n", a)
	}
	for _, h := range t.Header {
		b.WriteString(h + "\r\n")
	}
	w := &wire{host: u.Host, request: []byte(b.String() + "\r\n")}
	return w, w.open(ctx)
}

func (w *wire) open(ctx context.Context) (err error) {
	if w.conn, err = new(net.Dialer).DialContext(ctx, "tcp", w.host); err == nil {
		w.in = bufio.NewReaderSize(w.conn, 128<<10)
	}
	return err
}

// get sends the request and reads the answer: its status and the bytes of its body.
func (w *wire) get() (status int, size int64, err error) {
	if _, err = w.conn.Write(w.request); err != nil {
		return 0, 0, err
	}
	h, err := w.head()
	if err != nil {
		return 0, 0, err
	}
	switch {
	case h.status >= 400:
		return h.status, 0, fmt.Errorf("status %d", h.status)
	case h.chunked:
		size, err = io.Copy(io.Discard, httputil.NewChunkedReader(w.in))
		if err == nil {
			_, err = w.in.ReadSlice('\n') // the line after the last chunk
		}
	case h.status != http.StatusNotModified:
		var n int
		n, err = w.in.Discard(h.length)
		size = int64(n)
	}
	if err == nil && h.close {
		_ = w.conn.Close()
		err = w.open(context.Background())
	}
	return h.status, size, err
}

// head is what matters of an answer's header.
type head struct {
	status, length int
	chunked, close bool
	json           bool
	etag           string
}

func (w *wire) head() (h head, err error) {
	line, err := w.in.ReadSlice('\n')
	if err != nil {
		return h, err
	}
	if len(line) < 12 {
		return h, errors.New("no status")
	}
	h.status, err = strconv.Atoi(string(line[9:12]))
	for err == nil {
		if line, err = w.in.ReadSlice('\n'); err != nil || len(line) <= 2 {
			return h, err
		}
		name, value, _ := bytes.Cut(line, []byte(":"))
		switch value = bytes.TrimSpace(value); {
		case len(name) == 14 && bytes.EqualFold(name, []byte("Content-Length")):
			h.length, err = strconv.Atoi(string(value))
		case len(name) == 17 && bytes.EqualFold(name, []byte("Transfer-Encoding")):
			h.chunked = true
		case len(name) == 12 && bytes.EqualFold(name, []byte("Content-Type")):
			h.json = bytes.Contains(value, []byte("json"))
		case len(name) == 10 && bytes.EqualFold(name, []byte("Connection")):
			h.close = bytes.EqualFold(value, []byte("close"))
		case len(name) == 4 && bytes.EqualFold(name, []byte("ETag")):
			h.etag = string(value)
		}
	}
	return h, err
}
