package upstreamtest

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Kind is a way of going wrong.
type Kind string

// Faults that can be switched on. Kill makes the whole server go away.
const (
	Status      Kind = "status"       // answers with Fault.Status
	Slow        Kind = "slow"         // waits for Fault.For before the first byte
	Trickle     Kind = "trickle"      // sends a byte each Fault.For (default 100 ms)
	Stalled     Kind = "stalled"      // sends half of the body, then nothing until the client leaves
	Truncated   Kind = "truncated"    // announces the whole length, sends half, and ends the connection
	ErrorPage   Kind = "error-page"   // 200 with an error page of HTML
	EmptyPage   Kind = "empty-page"   // 200 with a page without files
	OtherBytes  Kind = "other-bytes"  // a file of the announced length with another digest
	Longer      Kind = "longer"       // a file with more bytes than the page states
	OtherDigest Kind = "other-digest" // the page states other digests
	LowerSerial Kind = "lower-serial" // the page with a lower serial, and without its latest file
	NewMajor    Kind = "new-major"    // a page with the version 2.0 of the API
	Elsewhere   Kind = "elsewhere"    // redirects to Fault.To
	Loop        Kind = "loop"         // redirects to itself
	Huge        Kind = "huge"         // a page of 100 MB
	Bomb        Kind = "bomb"         // a page of 100 MB, compressed
	Gzip        Kind = "gzip"         // compressed, whether or not the client asked for it
	NoValidator Kind = "no-validator" // no ETag, and never 304
)

// Kinds are all kinds of fault.
var Kinds = []Kind{
	Status, Slow, Trickle, Stalled, Truncated, ErrorPage, EmptyPage, OtherBytes, Longer, OtherDigest, LowerSerial,
	NewMajor,
	Elsewhere, Loop, Huge, Bomb, Gzip, NoValidator,
}

// Fault is a fault with the requests that meet it.
type Fault struct {
	Kind       Kind
	What       []What        // kinds of request; all if empty
	Project    string        // only requests for this project, if not empty
	Status     int           // of Status, 503 by default
	RetryAfter string        // header of Status
	For        time.Duration // of Slow and Trickle
	To         string        // of Elsewhere
}

func (f Fault) meets(r Request) bool {
	return (len(f.What) == 0 || slices.Contains(f.What, r.What)) && (f.Project == "" || r.names(normal(f.Project)))
}

// Fail switches faults on, beside those that are on already.
func (s *Server) Fail(faults ...Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = append(s.faults, faults...)
}

// Mend switches all faults off.
func (s *Server) Mend() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = nil
}

// met returns the faults that a request meets.
func (s *Server) met(r Request) faults {
	s.mu.Lock()
	defer s.mu.Unlock()
	met := faults{}
	for _, f := range s.faults {
		if f.meets(r) {
			met[f.Kind] = f
		}
	}
	return met
}

type faults map[Kind]Fault

func (f faults) has(k Kind) bool { _, ok := f[k]; return ok }

const errorPage = `<!DOCTYPE html><html><head><title>Sign in to the network</title></head>
<body><h1>Sign in to the network</h1><p>Something went wrong. <a href="/login">Sign in</a></p></body></html>`

// instead answers in place of the real answer, and reports whether it did.
func (f faults) instead(w http.ResponseWriter, r *http.Request) bool {
	switch {
	case f.has(Status):
		status := f[Status].Status
		if status == 0 {
			status = http.StatusServiceUnavailable
		}
		if status == http.StatusUnauthorized {
			w.Header().Set("WWW-Authenticate", `Basic realm="upstream"`)
		}
		if after := f[Status].RetryAfter; after != "" {
			w.Header().Set("Retry-After", after)
		}
		http.Error(w, http.StatusText(status), status)
	case f.has(Elsewhere):
		http.Redirect(w, r, f[Elsewhere].To, http.StatusFound)
	case f.has(Loop):
		http.Redirect(w, r, r.URL.Path, http.StatusFound)
	case f.has(ErrorPage):
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = io.WriteString(w, errorPage)
	case f.has(Huge):
		w.Header().Set("Content-Type", jsonType)
		writeHuge(w)
	case f.has(Bomb):
		w.Header().Set("Content-Type", jsonType)
		w.Header().Set("Content-Encoding", "gzip")
		gz := gzip.NewWriter(w)
		writeHuge(gz)
		_ = gz.Close()
	default:
		return false
	}
	return true
}

// writeHuge writes a page of 100 MB: one long list of files, each of which is well formed.
func writeHuge(w io.Writer) {
	_, _ = io.WriteString(w, `{"meta":{"api-version":"1.4"},"name":"huge","versions":[],"files":[`)
	var block bytes.Buffer
	for n := range 100_000_000 / 400 {
		if n > 0 {
			block.WriteByte(',')
		}
		fmt.Fprintf(&block,
			`{"filename":"huge-1.%d-py3-none-any.whl","url":"/packages/aa/bb/%060d/huge-1.%[1]d-py3-none-any.whl",`+
				`"hashes":{"sha256":"%064[1]d"},"size":1,"upload-time":"2024-01-02T03:04:05.678901Z","yanked":false,"padding":"%080[1]d"}`,
			n, n)
		if block.Len() > 256<<10 {
			if _, err := w.Write(block.Bytes()); err != nil {
				return
			}
			block.Reset()
		}
	}
	block.WriteString("]}")
	_, _ = w.Write(block.Bytes())
}

// damaged is a response writer that meets the faults of transfer.
type damaged struct {
	http.ResponseWriter
	r      *http.Request
	s      *Server
	faults faults

	wrote bool
	left  int64 // bytes until Stalled or Truncated, -1 if the length is unknown
}

// WriteHeader notes how much may pass.
func (d *damaged) WriteHeader(status int) {
	if d.wrote {
		return
	}
	d.wrote, d.left = true, -1
	if n, err := strconv.ParseInt(d.Header().Get("Content-Length"), 10, 64); err == nil {
		d.left = n / 2
	}
	d.ResponseWriter.WriteHeader(status)
}

// Unwrap is for http.ResponseController.
func (d *damaged) Unwrap() http.ResponseWriter { return d.ResponseWriter }

// Write passes bytes on as fast as the link and the faults allow.
func (d *damaged) Write(p []byte) (n int, err error) {
	if !d.wrote {
		d.WriteHeader(http.StatusOK)
	}
	step := 32 << 10
	if d.faults.has(Trickle) {
		step = 1
	}
	for n < len(p) && err == nil {
		part := p[n:min(len(p), n+step)]
		if d.faults.has(Truncated) || d.faults.has(Stalled) {
			part = d.half(part)
		}
		if err = d.s.link.pass(d.r.Context(), len(part)); err != nil {
			return n, err
		}
		var m int
		m, err = d.ResponseWriter.Write(part)
		n += m
		if err == nil && d.faults.has(Trickle) {
			err = d.trickle()
		}
	}
	return n, err
}

// half returns the bytes that may still pass. If there are none it does not return normally.
func (d *damaged) half(part []byte) []byte {
	if d.left < 0 { // a body of unknown length, which passes in one piece
		d.left = int64(len(part) / 2)
	}
	if d.left > 0 {
		part = part[:min(int64(len(part)), d.left)]
		d.left -= int64(len(part))
		return part
	}
	_ = http.NewResponseController(d.ResponseWriter).Flush()
	if d.faults.has(Stalled) {
		<-d.r.Context().Done()
	}
	panic(http.ErrAbortHandler)
}

func (d *damaged) trickle() error {
	_ = http.NewResponseController(d.ResponseWriter).Flush()
	each := d.faults[Trickle].For
	if each == 0 {
		each = 100 * time.Millisecond
	}
	return pause(d.r.Context(), each)
}

// ParseFault reads "KIND [what,what] [project=NAME] [status=N] [for=DURATION] [to=URL] [retry-after=TEXT]".
func ParseFault(text string) (f Fault, err error) {
	for n, word := range strings.Fields(text) {
		key, value, _ := strings.Cut(word, "=")
		switch {
		case n == 0:
			f.Kind = Kind(word)
		case key == "project":
			f.Project = value
		case key == "status":
			f.Status, err = strconv.Atoi(value)
		case key == "for":
			f.For, err = time.ParseDuration(value)
		case key == "to":
			f.To = value
		case key == "retry-after":
			f.RetryAfter = value
		default:
			for w := range strings.SplitSeq(word, ",") {
				f.What = append(f.What, What(w))
			}
		}
		if err != nil {
			return f, err
		}
	}
	if !slices.Contains(Kinds, f.Kind) {
		return f, fmt.Errorf("%q is no fault; faults are %v", f.Kind, Kinds)
	}
	return f, nil
}
