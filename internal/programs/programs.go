// Package programs offers the index program for download, so that a CI job or a laptop gets the version of its server.
//
// Anyone who can reach the server may download, also if reading packages requires a token: a job downloads the program
// to obtain its token. The package offers the running program, and those of a folder that a release has filled. It does
// not check signatures; clients compare the SHA-256 digest.
package programs

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"pyindex/internal/access"
	"pyindex/internal/fault"
	"pyindex/internal/route"
)

// Options configures a Set. The zero value offers the running program alone.
type Options struct {
	// Folder has programs for other platforms, named as in a release: index-VERSION-OS-ARCH, with .exe for Windows. "" for
	// none. It is read once.
	Folder string
}

// Set is the programs of a server. It is safe for concurrent use.
type Set struct {
	programs []*program // sorted by name
}

// program is a file to download.
type program struct {
	name   string // index-OS-ARCH, with .exe for Windows
	open   func() (*os.File, error)
	digest func() (string, error) // SHA-256 in hexadecimal
}

// New returns the programs. It returns an error if the folder cannot be read or has two programs for one platform.
func New(o Options) (*Set, error) {
	s := &Set{}
	s.add(Name(runtime.GOOS, runtime.GOARCH), openSelf)
	if o.Folder == "" {
		return s, nil
	}
	entries, err := os.ReadDir(o.Folder)
	if err != nil {
		return nil, fmt.Errorf("reading the folder of client programs: %w", err)
	}
	found := map[string]string{}
	for _, e := range entries {
		m := released.FindStringSubmatch(e.Name())
		if m == nil || !e.Type().IsRegular() {
			continue
		}
		name, path := m[1]+m[2]+m[3], filepath.Join(o.Folder, e.Name())
		if other := found[name]; other != "" {
			return nil, fmt.Errorf("the folder %s has two programs for one platform: %s and %s", o.Folder, other, e.Name())
		}
		found[name] = e.Name()
		if name != s.programs[0].name { // the running program is the one of this server's version
			s.add(name, func() (*os.File, error) { return os.Open(path) })
		}
	}
	slices.SortFunc(s.programs, func(a, b *program) int { return cmp.Compare(a.name, b.name) })
	return s, nil
}

// released matches the file name of a program in a release.
var released = regexp.MustCompile(
	`^(index-)(?:v[0-9][0-9A-Za-z.+-]*-)?((?:linux|darwin|windows|freebsd)-[0-9a-z]+)(\.exe)?$`,
)

// Name returns the file name of the program for a platform, in the words of the Go tool chain: index-linux-amd64.
func Name(goos, goarch string) string {
	name := "index-" + goos + "-" + goarch
	if goos == "windows" {
		name += ".exe"
	}
	return name
}

// Names returns the names of the offered programs, sorted.
func (s *Set) Names() []string {
	names := make([]string, 0, len(s.programs))
	for _, p := range s.programs {
		names = append(names, p.name)
	}
	return names
}

func (s *Set) add(name string, open func() (*os.File, error)) {
	p := &program{name: name, open: open}
	p.digest = sync.OnceValues(p.sum) // hashing takes a moment, and few servers are asked
	s.programs = append(s.programs, p)
}

// openSelf opens the running program, on Linux also if its file was replaced since.
func openSelf() (*os.File, error) {
	if runtime.GOOS == "linux" {
		if f, err := os.Open("/proc/self/exe"); err == nil {
			return f, nil
		}
	}
	path, err := os.Executable()
	if err != nil {
		return nil, err
	}
	return os.Open(path)
}

func (p *program) sum() (string, error) {
	f, err := p.open()
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// Table returns the routes.
func (s *Set) Table() route.Table {
	return route.Table{Name: "programs", Fail: fail, Routes: []route.Route{
		{Method: http.MethodGet, Path: "/_/client/", Auth: route.Open, Decides: route.NoFiles, Handle: s.list},
		{Method: http.MethodGet, Path: "/_/client/:file", Auth: route.Open, Decides: route.NoFiles, Handle: s.file},
	}}
}

// list writes the digests of all programs in the format of sha256sum.
func (s *Set) list(w http.ResponseWriter, _ *http.Request, _ access.Caller) error {
	var lines strings.Builder
	for _, p := range s.programs {
		line, err := p.line()
		if err != nil {
			return err
		}
		lines.WriteString(line)
	}
	return text(w, http.StatusOK, lines.String())
}

// file writes a program, or its digest if the name ends in ".sha256".
func (s *Set) file(w http.ResponseWriter, r *http.Request, _ access.Caller) error {
	name, wantsDigest := strings.CutSuffix(r.PathValue("file"), ".sha256")
	at := slices.IndexFunc(s.programs, func(p *program) bool { return p.name == name })
	if at < 0 {
		return fault.New(fault.NotFound, "this server has no program %.60q; it has: %s", name, strings.Join(s.Names(), ", "))
	}
	p := s.programs[at]
	if wantsDigest {
		line, err := p.line()
		if err != nil {
			return err
		}
		return text(w, http.StatusOK, line)
	}
	digest, err := p.digest()
	if err != nil {
		return err
	}
	f, err := p.open()
	if err != nil {
		return err
	}
	defer f.Close()
	h := w.Header()
	h.Set("Content-Type", "application/octet-stream")
	h.Set("Content-Disposition", `attachment; filename="`+p.name+`"`)
	h.Set("Cache-Control", "no-cache")
	h.Set("ETag", `"`+digest+`"`)
	http.ServeContent(w, r, "", time.Time{}, f)
	return nil
}

// line returns the program's line in the output of sha256sum.
func (p *program) line() (string, error) {
	digest, err := p.digest()
	if err != nil {
		return "", err
	}
	return digest + "  " + p.name + "\n", nil
}

func text(w http.ResponseWriter, status int, body string) error {
	h := w.Header()
	h.Set("Content-Type", "text/plain; charset=utf-8")
	h.Set("Cache-Control", "no-cache")
	w.WriteHeader(status)
	_, err := io.WriteString(w, body)
	return err
}

func fail(w http.ResponseWriter, _ *http.Request, err error) {
	kind, message := fault.KindOf(err), fault.Message(err)
	if kind == fault.Internal {
		message = "the program cannot be read; the log says why, under request id " + w.Header().Get("X-Request-Id")
	}
	_ = text(w, route.Status(kind), message+"\n") // an error means that the client is gone
}
