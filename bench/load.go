package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"time"
)

// loadCmd asks for one address over and over on connections that stay open. It is a process of its own, so that what it
// needs is not counted with a server, and reads answers without net/http, so that it needs little.
type loadCmd struct {
	URL     string        `arg:""`
	Conns   int           `default:"32"`
	For     time.Duration `default:"2s"`
	Headers []string      `help:"Name: value"`
	Status  int           `default:"200"`
}

// loaded is what loadCmd prints, as JSON.
type loaded struct {
	PerSecond float64 `json:"per_second"`
	MBps      float64 `json:"mb_per_second"` // of bodies; 1 MB is 1,000,000 bytes
	P50, P99  float64 // milliseconds
}

// Run asks, and prints what came.
func (c *loadCmd) Run(ctx context.Context) error {
	u, err := url.Parse(c.URL)
	if err != nil {
		return err
	}
	var ask bytes.Buffer
	fmt.Fprintf(&ask, "GET %s HTTP/1.1\r\nHost: %s\r\n", u.RequestURI(), u.Host)
	for _, h := range c.Headers {
		ask.WriteString(h + "\r\n")
	}
	ask.WriteString("\r\n")
	ctx, cancel := context.WithTimeout(ctx, c.For)
	defer cancel()
	var mu sync.Mutex
	var took []time.Duration
	var bytes int64
	var failed error
	var all sync.WaitGroup
	begin := time.Now()
	for range c.Conns {
		all.Go(func() {
			t, n, err := c.one(ctx, u.Host, ask.Bytes())
			mu.Lock()
			defer mu.Unlock()
			took, bytes = append(took, t...), bytes+n
			if err != nil {
				failed = err
			}
		})
	}
	all.Wait()
	seconds := time.Since(begin).Seconds()
	if failed != nil || len(took) == 0 {
		return fmt.Errorf("%s: %d answers, %v", c.URL, len(took), failed)
	}
	slices.Sort(took)
	ms := func(q float64) float64 { return float64(took[int(q*float64(len(took)-1))].Microseconds()) / 1000 }
	return json.NewEncoder(os.Stdout).Encode(loaded{float64(len(took)) / seconds, float64(bytes) / seconds / 1e6, ms(.5), ms(.99)})
}

// one keeps one connection busy until ctx ends.
func (c *loadCmd) one(ctx context.Context, host string, ask []byte) (took []time.Duration, body int64, err error) {
	conn, err := net.Dial("tcp", host)
	if err != nil {
		return nil, 0, err
	}
	defer conn.Close()
	r := bufio.NewReaderSize(conn, 64<<10)
	for ctx.Err() == nil {
		begin := time.Now()
		if _, err := conn.Write(ask); err != nil {
			return took, body, err
		}
		n, err := c.answer(r)
		if err != nil {
			return took, body, err
		}
		took, body = append(took, time.Since(begin)), body+n
	}
	return took, body, nil
}

// answer reads one answer and returns the length of its body.
func (c *loadCmd) answer(r *bufio.Reader) (int64, error) {
	line, err := r.ReadSlice('\n')
	if err != nil {
		return 0, err
	}
	if want := fmt.Sprintf("HTTP/1.1 %d ", c.Status); !bytes.HasPrefix(line, []byte(want)) {
		return 0, fmt.Errorf("answered %q, want %d", strings.TrimSpace(string(line)), c.Status)
	}
	length := int64(-1)
	for {
		line, err := r.ReadSlice('\n')
		if err != nil {
			return 0, err
		}
		if len(line) <= 2 {
			break
		}
		if name, value, _ := bytes.Cut(line, []byte(":")); len(name) == len("Content-Length") && strings.EqualFold(string(name), "Content-Length") {
			fmt.Sscan(string(value), &length)
		}
	}
	if length < 0 {
		if c.Status == http.StatusNotModified {
			return 0, nil
		}
		return 0, fmt.Errorf("an answer without a length")
	}
	return io.CopyN(io.Discard, r, length)
}

// bareCmd serves the files of a folder from memory: the least that a server written in Go can do.
type bareCmd struct {
	Listen string `arg:""`
	Dir    string `arg:""`
}

// Run serves until it is killed. A name that ends in .gz is sent as what it was compressed from.
func (c *bareCmd) Run() error {
	names, err := os.ReadDir(c.Dir)
	if err != nil {
		return err
	}
	files := map[string][]byte{}
	for _, n := range names {
		if files["/"+n.Name()], err = os.ReadFile(c.Dir + "/" + n.Name()); err != nil {
			return err
		}
	}
	return http.ListenAndServe(c.Listen, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, ok := files[r.URL.Path]
		if !ok {
			http.NotFound(w, r)
			return
		}
		h := w.Header()
		h["Etag"] = []string{`"0123456789abcdef"`}
		if r.Header.Get("If-None-Match") != "" {
			w.WriteHeader(http.StatusNotModified)
			return
		}
		h["Content-Type"] = []string{"text/html"}
		h["Content-Length"] = []string{fmt.Sprint(len(body))}
		w.Write(body)
	}))
}
