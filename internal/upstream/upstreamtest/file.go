package upstreamtest

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"path"
	"strconv"
	"strings"
	"time"
)

func sum(b []byte) string {
	digest := sha256.Sum256(b)
	return hex.EncodeToString(digest[:])
}

type faultsKey struct{}

func withFaults(ctx context.Context, f faults) context.Context {
	return context.WithValue(ctx, faultsKey{}, f)
}

func faultsOf(ctx context.Context) faults {
	f, _ := ctx.Value(faultsKey{}).(faults)
	return f
}

// file finds a file by its path.
func (s *Server) file(at string) *File {
	s.mu.Lock()
	f := s.paths[at]
	s.mu.Unlock()
	if f == nil {
		if f = s.options.Catalog.file(path.Base(at)); f != nil && s.pathOf(f.project, f) != at {
			return nil
		}
	}
	return f
}

func (s *Server) serveFile(w http.ResponseWriter, r *http.Request) {
	at, metadata := strings.CutSuffix(r.URL.Path, ".metadata")
	if strings.HasPrefix(r.URL.Path, "/integrity/") {
		s.serveProvenance(w, r)
		return
	}
	f := s.file(at)
	if f == nil || metadata && f.Metadata == nil {
		http.Error(w, "404 Not Found", http.StatusNotFound)
		return
	}
	w.Header().Set("Cache-Control", "max-age=365000000, immutable, public")
	if metadata {
		s.sendBytes(w, r, f.Metadata, "binary/octet-stream")
		return
	}
	faults := faultsOf(r.Context())
	content, err := f.open()
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	defer func() { _ = content.Close() }()
	w.Header().Set("Content-Type", "application/octet-stream")
	switch {
	case faults.has(Longer):
		w.Header().Set("Content-Length", strconv.FormatInt(f.Size+1000, 10))
		_, _ = io.Copy(w, io.MultiReader(content, io.LimitReader(zeros{}, 1000)))
	case faults.has(Gzip):
		s.sendAll(w, r, content, faults)
	case faults.has(OtherBytes):
		http.ServeContent(w, r, "", time.Time{}, &flipped{ReadSeeker: content, at: f.Size / 2})
	default:
		w.Header().Set("ETag", `"`+f.SHA256[:32]+`"`)
		http.ServeContent(w, r, "", f.Uploaded, content)
	}
}

func (s *Server) sendAll(w http.ResponseWriter, r *http.Request, content io.Reader, faults faults) {
	body, err := io.ReadAll(content)
	if err == nil {
		s.send(w, r, faults, "application/octet-stream", body)
	}
}

// sendBytes sends a small document; files that accompany others meet the same faults.
func (s *Server) sendBytes(w http.ResponseWriter, r *http.Request, body []byte, contentType string) {
	if faultsOf(r.Context()).has(OtherBytes) {
		body = append([]byte("Damaged: yes\n"), body...)
	}
	w.Header().Set("Content-Type", contentType)
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	_, _ = w.Write(body)
}

func (s *Server) serveProvenance(w http.ResponseWriter, r *http.Request) {
	name := path.Base(path.Dir(r.URL.Path))
	s.mu.Lock()
	var found []byte
	for _, f := range s.paths {
		if f.Name == name && f.Provenance != nil {
			found = f.Provenance
		}
	}
	s.mu.Unlock()
	if found == nil {
		http.Error(w, "404 Not Found", http.StatusNotFound)
		return
	}
	s.sendBytes(w, r, found, "application/vnd.pypi.integrity.v1+json")
}

type zeros struct{}

// Read fills p with zeros.
func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

// flipped is content with one byte changed.
type flipped struct {
	io.ReadSeeker
	at, off int64
}

// Read changes the byte if it passes.
func (f *flipped) Read(p []byte) (int, error) {
	n, err := f.ReadSeeker.Read(p)
	if i := f.at - f.off; i >= 0 && i < int64(n) {
		p[i] ^= 0xff
	}
	f.off += int64(n)
	return n, err
}

// Seek moves the content.
func (f *flipped) Seek(offset int64, whence int) (int64, error) {
	off, err := f.ReadSeeker.Seek(offset, whence)
	f.off = off
	return off, err
}

// control answers below /+control/, through which another process switches faults on and off and reads what was asked:
// POST fail with one ParseFault a line, POST mend, POST forget, POST kill?for=DURATION, GET asked.
func (s *Server) control(w http.ResponseWriter, r *http.Request) bool {
	what, ok := strings.CutPrefix(r.URL.Path, "/+control/")
	if !ok {
		return false
	}
	var err error
	switch r.Method + " " + what {
	case "POST fail":
		err = s.failFrom(r.Body)
	case "POST mend":
		s.Mend()
	case "POST forget":
		s.Forget()
	case "POST kill":
		var d time.Duration
		if d, err = time.ParseDuration(r.URL.Query().Get("for")); err == nil {
			go s.away(d)
		}
	case "GET asked":
		counts := map[What]int{}
		for _, a := range s.Asked() {
			counts[a.What]++
		}
		w.Header().Set("Content-Type", "application/json")
		err = json.NewEncoder(w).Encode(counts)
	default:
		err = errors.New("no such control")
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
	}
	return true
}

func (s *Server) failFrom(r io.Reader) error {
	text, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	var all []Fault
	for line := range strings.Lines(string(text)) {
		f, err := ParseFault(line)
		if err != nil {
			return err
		}
		all = append(all, f)
	}
	s.Fail(all...)
	return nil
}

func (s *Server) away(d time.Duration) {
	time.Sleep(50 * time.Millisecond) // until the answer to the control has gone out
	s.Kill()
	time.Sleep(d)
	if err := s.Revive(); err != nil {
		fmt.Println(err)
	}
}
