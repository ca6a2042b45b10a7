package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"time"
)

// target is the destination of requests.
type target struct {
	URL    string
	User   string   // "" for anonymous
	Secret string   // the user's password or token
	Header []string // additional header lines
}

func (t target) authorize(r *http.Request) {
	if t.User != "" {
		r.SetBasicAuth(t.User, t.Secret)
	}
}

// single is a client that opens a connection for every request. It accepts compressed and uncompressed responses.
var single = &http.Client{
	Transport: &http.Transport{
		DisableKeepAlives: true, DisableCompression: true, TLSClientConfig: &tls.Config{InsecureSkipVerify: true},
	},
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
}

// get sends one request on its own connection. The caller closes the response.
func (t target) get(ctx context.Context) (*http.Response, error) {
	r, err := http.NewRequestWithContext(ctx, "GET", t.URL, nil)
	if err != nil {
		return nil, err
	}
	t.authorize(r)
	for _, line := range t.Header {
		name, value, _ := strings.Cut(line, ": ")
		r.Header.Set(name, value)
	}
	answer, err := single.Do(r)
	if err == nil && answer.StatusCode >= http.StatusBadRequest {
		err = errors.Join(fmt.Errorf("GET %s: %s", t.URL, answer.Status), answer.Body.Close())
	}
	return answer, err
}

// once sends one request, reads the body, and returns the response, the size of the body and the time from the
// connection to the end of the body.
func (t target) once(ctx context.Context) (answer *http.Response, size int64, took time.Duration, err error) {
	var start time.Time
	answer, err = t.get(httptrace.WithClientTrace(ctx,
		&httptrace.ClientTrace{GotConn: func(httptrace.GotConnInfo) { start = time.Now() }}))
	if err != nil {
		return nil, 0, 0, err
	}
	size, err = io.Copy(io.Discard, answer.Body)
	return answer, size, time.Since(start), errors.Join(err, answer.Body.Close())
}

// job is a load: uploads or reads by a client process, which reads the job from standard input, or reads by wrk or
// h2load.
type job struct {
	Target  target
	Conns   int
	For     time.Duration // duration of reads; maximum duration of uploads, 0 for no limit
	Wheels  []wheelJob    // to upload
	Reading *reading      // for reads by our own client
}

// wheelJob is a wheel to upload: a payload of Size bytes, or the file at Path with digest Sum.
type wheelJob struct {
	Project, Version string
	Size             int
	Path, Sum        string
}

// tally is the result of a job.
type tally struct {
	Requests, Errors int
	Bytes            int64
	Seconds          float64
	P50, P99         float64 // milliseconds
	Error            string
}

func (t tally) rate() float64  { return float64(t.Requests) / t.Seconds }
func (t tally) speed() float64 { return float64(t.Bytes) / t.Seconds / 1e6 }

// run uploads in a separate process.
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

func runLoad(ctx context.Context, _ []string) error {
	var j job
	if err := json.NewDecoder(os.Stdin).Decode(&j); err != nil {
		return err
	}
	if j.Reading != nil {
		return j.runReads(ctx)
	}
	return json.NewEncoder(os.Stdout).Encode(j.uploads(ctx))
}

// gather runs work on each connection, by its number, and adds up the results and latencies.
func (j job) gather(work func(n int, t *tally, took *[]time.Duration) error) tally {
	var mu sync.Mutex
	var wg sync.WaitGroup
	var sum tally
	var all []time.Duration
	start := time.Now()
	for n := range j.Conns {
		wg.Go(func() {
			var t tally
			var took []time.Duration
			err := work(n, &t, &took)
			mu.Lock()
			defer mu.Unlock()
			sum.Requests, all = sum.Requests+t.Requests, append(all, took...)
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

// quantile returns the q-quantile in milliseconds.
func quantile(all []time.Duration, q float64) float64 {
	if len(all) == 0 {
		return 0
	}
	slices.Sort(all)
	return all[min(len(all)-1, int(q*float64(len(all))))].Seconds() * 1e3
}

// uploads sends every wheel once. The wheels are built before the clock starts.
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
	return j.gather(func(_ int, t *tally, took *[]time.Duration) error {
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
