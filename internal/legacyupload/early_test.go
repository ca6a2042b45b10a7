package legacyupload_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"strings"
	"sync/atomic"
	"testing"

	"pyindex/internal/access"
	"pyindex/internal/custody"
)

// counted is a store that counts its stages.
type counted struct {
	custody.Blobs
	stages *atomic.Int64
}

func (c counted) Stage(ctx context.Context) (custody.Stage, error) {
	c.stages.Add(1)
	return c.Blobs.Stage(ctx)
}

// Uploads with invalid fields are refused before the file is stored, and the client still reads the reason.
func TestRefusedBeforeTheBytes(t *testing.T) {
	var stages atomic.Int64
	s := newSite(t, setting{blobs: func(b custody.Blobs) custody.Blobs { return counted{b, &stages} }})
	if a := s.upload(demo); a.status != 200 {
		t.Fatalf("POST = %v, want 200", a)
	}
	s.user("bob")
	bob := s.newToken(access.NewAPIToken{User: "bob", Scope: access.ScopeAdmin})
	reader := s.newToken(access.NewAPIToken{User: "alice", Scope: access.ScopeRead})
	parts := large(8 << 20)
	named := func(filename string) []part {
		return append(without(parts, "content"), fileField("content", filename, make([]byte, 8<<20)))
	}
	tests := map[string]struct {
		q      request
		status int
	}{
		"another's project":    {request{token: bob, parts: parts}, 403},
		"another's, identical": {request{token: bob, parts: demo.parts()}, 403},
		"reading token":        {request{token: reader, parts: parts}, 403},
		"reading, file first":  {request{token: reader, parts: reversed(parts)}, 403},
		"no token":             {request{parts: parts}, 401},
		"no repository":        {request{token: s.token, path: "/r/nowhere/legacy/", parts: parts}, 404},
		"path":                 {request{token: s.token, parts: named("../" + demo.filename)}, 400},
		"other project's file": {request{token: s.token, parts: named("other-1.0-py3-none-any.whl")}, 400},
		"bad name":             {request{token: s.token, parts: with(parts, "name", "-demo")}, 400},
		"name twice":           {request{token: s.token, parts: append([]part{field("name", "x")}, parts...)}, 400},
		"submit":               {request{token: s.token, parts: with(parts, ":action", "submit")}, 410},
		"protocol 3":           {request{token: s.token, parts: with(parts, "protocol_version", "3")}, 400},
		"metadata as a file": {
			request{token: s.token, parts: append([]part{fileField("summary", "x", nil)}, parts...)}, 400,
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			stages.Store(0)
			a := s.send(tt.q)
			if a.status != tt.status || stages.Load() != 0 {
				t.Errorf("POST = %v with %d stages, want %d with none", a, stages.Load(), tt.status)
			}
			phrased(t, a)
		})
	}
	s.intact(demo.filename)
}

// Files missing in RECORD are a warning in the response, and the file is accepted.
func TestWarnings(t *testing.T) {
	s, d := newSite(t, setting{}), demo
	info := "demo-1.0.dist-info/"
	d.bytes = zipped([][2]string{
		{"payload.txt", "not recorded"},
		{info + "METADATA", d.metadata()},
		{info + "WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"},
		{info + "RECORD", info + "METADATA,,\n" + info + "WHEEL,,\n" + info + "RECORD,,\n"},
	})
	a := s.send(request{token: s.token, parts: append([]part{field("attestations", "[]")}, d.parts()...)})
	lines := strings.Split(strings.TrimSuffix(a.body, "\n"), "\n")
	if a.status != 200 || len(lines) != 2 || !strings.Contains(lines[0], "RECORD") ||
		!strings.Contains(lines[1], "attestations") {
		t.Errorf("POST = %v, want 200 with two warnings", a)
	}
	s.intact(d.filename)
}

// The status line and headers of a refusal never contain client input unescaped, and a wrong Content-Length ends the
// form.
func TestWire(t *testing.T) {
	s := newSite(t, setting{})
	evil := encode(with(demo.parts(), "filetype", "x\r\nSet-Cookie: a=b\r\n\r\n日本é"))
	for name, tt := range map[string]struct {
		body   []byte
		length int
		want   string
	}{
		"line ends":    {evil, len(evil), "HTTP/1.1 400 filetype "},
		"short length": {encode(demo.parts()), 900, "HTTP/1.1 400 the upload ended"},
		"no bytes":     {nil, 0, "HTTP/1.1 400 the upload ended"},
	} {
		t.Run(name, func(t *testing.T) {
			raw := s.raw(tt.body, tt.length)
			line, rest, _ := strings.Cut(raw, "\r\n")
			header, _, _ := strings.Cut(rest, "\r\n\r\n")
			if !strings.HasPrefix(line, tt.want) || strings.Contains(header, "Set-Cookie") || strings.ContainsAny(line, "\r\n") {
				t.Errorf("the answer is %q", raw)
			}
			if strings.IndexFunc(line, func(c rune) bool { return c < ' ' }) >= 0 {
				t.Errorf("the status line is %q", line)
			}
		})
	}
	s.untouched()
}

// raw sends a raw request and returns the raw response.
func (s *site) raw(body []byte, length int) string {
	s.t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(s.url, "http://"))
	check(s.t, err)
	defer conn.Close()
	w := bufio.NewWriter(conn)
	fmt.Fprintf(w, "POST /legacy/ HTTP/1.1\r\nHost: x\r\nAuthorization: Basic %s\r\nContent-Type: multipart/form-data; boundary=%s\r\nContent-Length: %d\r\n\r\n",
		base64.StdEncoding.EncodeToString([]byte("__token__:"+s.token.Reveal())), frontier, length)
	_, _ = w.Write(body)
	check(s.t, w.Flush())
	answer, err := io.ReadAll(conn)
	check(s.t, err)
	return string(answer)
}

// The largest allowed form is accepted, and takes no more memory than the limits promise.
func TestLargeForm(t *testing.T) {
	s := newSite(t, setting{})
	text := strings.Repeat("a line of a long description\n", 7<<20/29)
	body := encode(append([]part{field("description", text), field("unknown", text)}, demo.parts()...))
	var a answer
	var err error
	grown := peak(func() { a, err = s.try(request{token: s.token, body: bytes.NewReader(body)}) })
	if err != nil || a.status != 200 || grown > 64<<20 {
		t.Errorf("POST of a form of %d bytes = %v, %v, and took %d MB", len(body), a, err, grown>>20)
	}
	s.intact(demo.filename)
}
