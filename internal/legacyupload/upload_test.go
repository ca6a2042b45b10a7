package legacyupload_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"pyindex/internal/access"
	"pyindex/internal/assembly"
	"pyindex/internal/catalog"
	"pyindex/internal/ingest"
	"pyindex/internal/legacyupload"
	"pyindex/internal/route"
)

var demo = wheel("demo", "1.0", "payload")

func TestUpload(t *testing.T) {
	source := sdist("demo", "1.0", "payload")
	many := wheel("demo", "1.0", "payload", requirements(1500)...)
	one := strings.Repeat("[]", 1000)
	tests := map[string]struct {
		d     distribution
		parts []part
		body  string
	}{
		"wheel": {demo, demo.parts(), ""},
		"sdist": {source, source.parts(), ""},
		"file first": {
			demo, append([]part{fileField("content", demo.filename, demo.bytes)}, without(demo.parts(), "content")...), "",
		},
		"with a type": {
			demo, append(without(demo.parts(), "content"),
				part{"content", "Content-Disposition: form-data; name=\"content\"; filename=\"" + demo.filename +
					"\"\r\nContent-Type: application/octet-stream\r\n", demo.bytes}), "",
		},
		"encoded file name": {
			demo, append(without(demo.parts(), "content"),
				part{
					"content", "Content-Disposition: form-data; name=\"content\"; filename*=utf-8''" + demo.filename + "\r\n",
					demo.bytes,
				}), "",
		},
		"no protocol version": {demo, without(demo.parts(), "protocol_version"), ""},
		"md5 only": {
			demo, with(without(without(demo.parts(), "sha256_digest"), "blake2_256_digest"), "md5_digest", demo.md5()), "",
		},
		"blake2 only":       {demo, without(demo.parts(), "sha256_digest"), ""},
		"upper case digest": {demo, with(demo.parts(), "sha256_digest", strings.ToUpper(demo.sha256())), ""},
		"all digests":       {demo, with(demo.parts(), "md5_digest", strings.ToUpper(demo.md5())), ""},
		"flit's sdist":      {source, without(source.parts(), "pyversion"), ""},
		"old poetry's blanks": {
			demo, append(emptyFields("license", "keywords", "home_page", "author", "md5_digest", "comment"), demo.parts()...),
			"",
		},
		"UNKNOWN": {
			demo, append([]part{field("license", "UNKNOWN"), field("home_page", "UNKNOWN\n")}, demo.parts()...), "",
		},
		"unknown fields": {
			demo, append([]part{field("colour", "red"), field("colour", "blue"), field("provides_extras", "x")},
				demo.parts()...), "",
		},
		"signature": {
			demo, append([]part{fileField("gpg_signature", "a.asc", []byte("signed"))}, demo.parts()...), "",
		},
		"attestations": {
			demo, append([]part{field("attestations", one)}, demo.parts()...),
			"the attestations were not kept: this index does not verify them, so it does not show them\n",
		},
		"1,500 requirements":    {many, many.parts(), ""},
		"description in binary": {demo, append([]part{field("description", "caf\xe9 \x00 \U0001f600")}, demo.parts()...), ""},
		"comment in binary":     {demo, append([]part{field("comment", "caf\xe9 \x00")}, demo.parts()...), ""},
		"other project spelled": {demo, with(demo.parts(), "name", "DEMO"), ""},
		"other version spelled": {demo, with(demo.parts(), "version", "1.0.0"), ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			s := newSite(t, setting{})
			if a := s.send(request{token: s.token, parts: tt.parts}); a.status != 200 || a.body != tt.body {
				t.Fatalf("POST = %v, want 200 %q", a, tt.body)
			}
			s.intact(tt.d.filename)
		})
	}
}

func requirements(n int) (out []string) {
	for i := range n {
		out = append(out, fmt.Sprintf("package-%d>=1", i))
	}
	return out
}

func emptyFields(names ...string) (out []part) {
	for _, n := range names {
		out = append(out, field(n, ""))
	}
	return out
}

// Different ways to send the same request.
func TestUploadRequest(t *testing.T) {
	tests := map[string]func(s *site) request{
		"without slash": func(s *site) request { return request{path: "/legacy", token: s.token, parts: demo.parts()} },
		"named main": func(s *site) request {
			return request{path: "/r/main/legacy/", token: s.token, parts: demo.parts()}
		},
		"action in query": func(s *site) request {
			return request{path: "/legacy/?:action=file_upload", token: s.token, parts: without(demo.parts(), ":action")}
		},
		"encoded query": func(s *site) request {
			return request{path: "/legacy/?%3Aaction=file_upload", token: s.token, parts: without(demo.parts(), ":action")}
		},
		"both": func(s *site) request {
			return request{path: "/legacy/?:action=file_upload", token: s.token, parts: demo.parts()}
		},
		"newline in token": func(s *site) request { return request{token: s.token + "\n", parts: demo.parts()} },
		"bearer": func(s *site) request {
			return request{header: http.Header{"Authorization": {"Bearer " + s.token.Reveal()}}, parts: demo.parts()}
		},
		"chunked": func(s *site) request { // a reader of unknown type has no length
			return request{token: s.token, body: io.MultiReader(bytes.NewReader(encode(demo.parts())))}
		},
		"asks first": func(s *site) request {
			return request{token: s.token, header: http.Header{"Expect": {"100-continue"}}, parts: demo.parts()}
		},
		"quoted boundary": func(s *site) request {
			return request{
				token: s.token, header: http.Header{"Content-Type": {`Multipart/Form-Data; charset=utf-8; boundary="` + frontier +
					`"`}}, parts: demo.parts(),
			}
		},
		"preamble and epilogue": func(s *site) request {
			return request{token: s.token, body: strings.NewReader("read me\r\n" + string(encode(demo.parts())) + "thank you")}
		},
	}
	for name, q := range tests {
		t.Run(name, func(t *testing.T) {
			s := newSite(t, setting{})
			if a := s.send(q(s)); a.status != 200 || a.body != "" {
				t.Fatalf("POST = %v, want 200", a)
			}
			s.intact(demo.filename)
		})
	}
}

// Every refusal leaves nothing behind, and has its reason in the body and the phrase.
func TestUploadRefuses(t *testing.T) {
	name := func(filename string) []part {
		return append(without(demo.parts(), "content"), fileField("content", filename, demo.bytes))
	}
	coded := func(filename string) []part {
		return append(without(demo.parts(), "content"),
			part{
				"content", "Content-Disposition: form-data; name=\"content\"; filename*=utf-8''" + filename + "\r\n", demo.bytes,
			})
	}
	bytesOf := func(b []byte) []part {
		d := demo
		d.bytes = b
		return d.parts()
	}
	typed := func(kind string) []part {
		return append(without(demo.parts(), "content"),
			part{"content", "Content-Disposition: form-data; name=\"content\"; filename=\"" + demo.filename +
				"\"\r\nContent-Type: " + kind + "\r\n", demo.bytes})
	}
	tests := map[string]struct {
		parts  []part
		status int
		want   string
	}{
		"no parts":        {nil, 400, ":action"},
		"no action":       {without(demo.parts(), ":action"), 400, ":action"},
		"unknown action":  {with(demo.parts(), ":action", "list"), 400, "list"},
		"two actions":     {append([]part{field(":action", "list")}, demo.parts()...), 400, "list"},
		"submit":          {with(demo.parts(), ":action", "submit"), 410, "upload a file"},
		"submit_pkg_info": {with(demo.parts(), ":action", "submit_pkg_info"), 410, "upload its file"},
		"doc_upload":      {with(demo.parts(), ":action", "doc_upload"), 410, "documentation"},
		"submit after the file": {
			append(without(demo.parts(), ":action"), field(":action", "submit")), 410, "upload a file",
		},
		"protocol 2": {with(demo.parts(), "protocol_version", "2"), 400, "protocol_version"},
		"protocol twice": {
			append([]part{field("protocol_version", "1")}, demo.parts()...), 400, "protocol_version has invalid data",
		},
		"protocol 2 at the end": {
			append(without(demo.parts(), "protocol_version"), field("protocol_version", "2")), 400, "protocol_version",
		},
		"no content": {without(demo.parts(), "content"), 400, "Upload payload does not have a file"},
		"content as text": {
			append(without(demo.parts(), "content"), field("content", string(demo.bytes))), 400, "no file name",
		},
		"two contents":      {append(demo.parts(), fileField("content", demo.filename, demo.bytes)), 400, "one file"},
		"image":             {typed("image/png"), 400, "image/png"},
		"image in capitals": {typed("IMAGE/SVG+XML"), 400, "not a distribution"},
		"name as a file": {
			append([]part{fileField("name", "a", []byte("demo"))}, without(demo.parts(), "name")...), 400,
			"name: Should not be a tuple.",
		},
		"summary as a file": {
			append([]part{fileField("summary", "a", []byte("demo"))}, demo.parts()...), 400, "summary: Should not be a tuple.",
		},
		"attestations as a file": {
			append([]part{fileField("attestations", "a", []byte("[]"))}, demo.parts()...), 400,
			"attestations: Should not be a tuple.",
		},

		"no filetype":        {without(demo.parts(), "filetype"), 400, "filetype"},
		"other filetype":     {with(demo.parts(), "filetype", "bdist_egg"), 400, "bdist_egg"},
		"wheel as sdist":     {with(with(demo.parts(), "filetype", "sdist"), "pyversion", "source"), 400, "filetype"},
		"no pyversion":       {without(demo.parts(), "pyversion"), 400, "pyversion"},
		"no digests":         {without(without(demo.parts(), "sha256_digest"), "blake2_256_digest"), 400, "digest"},
		"wrong sha256":       {with(demo.parts(), "sha256_digest", strings.Repeat("0", 64)), 400, "sha256"},
		"wrong blake2":       {with(demo.parts(), "blake2_256_digest", strings.Repeat("0", 64)), 400, "blake2"},
		"wrong md5 of three": {with(demo.parts(), "md5_digest", strings.Repeat("0", 32)), 400, "md5"},
		"digest not hex":     {with(demo.parts(), "sha256_digest", "sha256="+demo.sha256()), 400, "sha256_digest"},

		"no metadata version":  {without(demo.parts(), "metadata_version"), 400, "metadata_version"},
		"no name":              {without(demo.parts(), "name"), 400, "name"},
		"empty name":           {with(demo.parts(), "name", ""), 400, "name"},
		"UNKNOWN name":         {with(demo.parts(), "name", "UNKNOWN"), 400, "name"},
		"name twice":           {append([]part{field("name", "demo")}, demo.parts()...), 400, "name has invalid data"},
		"name twice, the file": {append(demo.parts(), field("name", "other")), 400, "name has invalid data"},
		"name and newline":     {with(demo.parts(), "name", "demo\n"), 400, "name"},
		"name with a slash":    {with(demo.parts(), "name", "../demo"), 400, "name"},
		"name in Cyrillic":     {with(demo.parts(), "name", "d\u0435mo"), 400, "name"},
		"name not UTF-8":       {with(demo.parts(), "name", "demo\xff"), 400, "name"},
		"name with NUL":        {with(demo.parts(), "name", "demo\x00"), 400, "name"},
		"name of markup":       {with(demo.parts(), "name", "<script>"), 400, "name"},
		"name of header":       {with(demo.parts(), "name", "demo\r\nSet-Cookie: a=b"), 400, "name"},
		"other name":           {with(demo.parts(), "name", "other"), 400, demo.filename},
		"other name, late":     {append(without(demo.parts(), "name"), field("name", "other")), 400, demo.filename},
		"no version":           {without(demo.parts(), "version"), 400, "version"},
		"version twice":        {append([]part{field("version", "1.0")}, demo.parts()...), 400, "version has invalid data"},
		"other version":        {with(demo.parts(), "version", "1.1"), 400, "1.1"},
		"version of words":     {with(demo.parts(), "version", "one"), 400, "version"},
		"version not UTF-8":    {with(demo.parts(), "version", "1.0\xff"), 400, "version"},
		"summary twice": {
			append([]part{field("summary", "a"), field("summary", "b")}, demo.parts()...), 400, "summary has invalid data",
		},
		"other requirements":   {append([]part{field("requires_dist", "requests")}, demo.parts()...), 400, "requests"},
		"broken requirement":   {append([]part{field("requires_dist", "a b c")}, demo.parts()...), 400, "requires_dist"},
		"requirement not UTF8": {append([]part{field("requires_dist", "a\xff")}, demo.parts()...), 400, "requires_dist"},

		"path":             {name("../" + demo.filename), 400, "file name"},
		"absolute path":    {name("/tmp/" + demo.filename), 400, "file name"},
		"folder":           {name("x/" + demo.filename), 400, "file name"},
		"Windows path":     {name(`C:\` + demo.filename), 400, "file name"},
		"two dots":         {name(".."), 400, "file name"},
		"leading dot":      {name("." + demo.filename), 400, "file name"},
		"empty file name":  {name(""), 400, "has no name"},
		"NUL":              {name(demo.filename + "\x00"), 400, "form"},
		"NUL, coded":       {coded(demo.filename + "%00"), 400, "file name"},
		"slash, coded":     {coded("..%2F" + demo.filename), 400, "file name"},
		"line end, coded":  {coded("demo%0D%0ASet-Cookie:%20a=b.whl"), 400, "file name"},
		"line end":         {name("demo\r\nSet-Cookie: a=b"), 400, ""},
		"escaped line end": {name("demo%0D%0A-1.0-py3-none-any.whl"), 400, "file name"},
		"300 bytes":        {name("demo-1.0-py3-none-" + strings.Repeat("a", 300) + ".whl"), 400, "file name"},
		"non-ASCII":        {name("démo-1.0-py3-none-any.whl"), 400, "file name"},
		"right to left":    {coded("demo-1.0-py3-none-any%E2%80%AElhw.exe"), 400, "file name"},
		"device":           {name("con.whl"), 400, "file name"},
		"other project":    {name("other-1.0-py3-none-any.whl"), 400, "demo"},
		"other release":    {name("demo-2.0-py3-none-any.whl"), 400, "2.0"},
		"an egg":           {name("demo-1.0-py3.egg"), 400, "file name"},
		"a wheel as a tar.gz": {
			with(with(name("demo-1.0.tar.gz"), "filetype", "sdist"), "pyversion", "source"), 400, "demo-1.0.tar.gz",
		},
		"path, late": {append([]part{fileField("content", "../"+demo.filename, demo.bytes)},
			without(demo.parts(), "content")...), 400, "file name"},

		"empty file":      {bytesOf(nil), 400, demo.filename},
		"not a zip":       {bytesOf([]byte("PK\x03\x04 and then nothing")), 400, demo.filename},
		"cut zip":         {bytesOf(demo.bytes[:len(demo.bytes)-30]), 400, demo.filename},
		"zip and more":    {bytesOf(append(bytes.Clone(demo.bytes), "more"...)), 400, demo.filename},
		"another release": {bytesOf(wheel("demo", "1.1", "").bytes), 400, "demo"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			s := newSite(t, setting{})
			a := s.send(request{token: s.token, parts: tt.parts})
			if a.status != tt.status || !strings.Contains(strings.ToLower(a.body), strings.ToLower(tt.want)) {
				t.Errorf("POST = %v, want %d with %q", a, tt.status, tt.want)
			}
			phrased(t, a)
			s.untouched()
		})
	}
}

// phrased fails the test unless the phrase is a prefix of the body, and nothing was injected into the header.
func phrased(t *testing.T, a answer) {
	t.Helper()
	if a.reason == "" || a.reason == http.StatusText(a.status) || a.header.Get("Set-Cookie") != "" {
		t.Errorf("POST = %v, header %v", a, a.header)
	}
	if begin := a.reason[:min(len(a.reason), 20)]; strings.IndexFunc(a.body, func(c rune) bool { return c > '~' }) < 0 &&
		!strings.HasPrefix(a.body, begin) {
		t.Errorf("POST has the phrase %q, but the body %q", a.reason, a.body)
	}
}

// Requests that are refused for errors outside the form fields.
func TestUploadRefusesRequests(t *testing.T) {
	tests := map[string]struct {
		o      setting
		edit   func(s *site, q *request)
		status int
		want   string
	}{
		"no token": {edit: func(s *site, q *request) { q.token = "" }, status: 401, want: "token"},
		"only a cookie": {
			edit: func(s *site, q *request) { q.token, q.header = "", http.Header{"Cookie": {"session=1"}} }, status: 401,
			want: "token",
		},
		"no token at all": {edit: func(s *site, q *request) { q.token = "password" }, status: 401, want: "token"},
		"unknown token":   {edit: func(s *site, q *request) { q.token = access.NewToken() }, status: 401, want: "token"},
		"cut token":       {edit: func(s *site, q *request) { q.token = s.token[:30] }, status: 401, want: "token"},
		"revoked token":   {edit: func(s *site, q *request) { s.revoke() }, status: 401, want: "revoked"},
		"disabled user": {edit: func(s *site, q *request) {
			check(s.t, s.directory.DisableUser(s.t.Context(), operator, "alice"))
		}, status: 401, want: "disabled"},
		"expired token": {edit: func(s *site, q *request) { q.token = s.expired() }, status: 401, want: "expired"},
		"reading token": {edit: func(s *site, q *request) {
			q.token = s.newToken(access.NewAPIToken{User: "alice", Scope: access.ScopeRead})
		}, status: 403, want: "upload"},
		"no repository": {edit: func(s *site, q *request) { q.path = "/r/nowhere/legacy/" }, status: 404, want: "repository"},
		"url encoded form": {edit: func(s *site, q *request) {
			q.header = http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}
		}, status: 400, want: "multipart/form-data"},
		"no boundary": {edit: func(s *site, q *request) {
			q.header = http.Header{"Content-Type": {"multipart/form-data"}}
		}, status: 400, want: "boundary"},
		"retired in query": {
			edit: func(s *site, q *request) { q.path = "/legacy/?:action=submit" }, status: 410, want: "upload a file",
		},
		"query against": {edit: func(s *site, q *request) { q.path = "/legacy/?:action=list" }, status: 400, want: "list"},
		"empty body": {
			edit: func(s *site, q *request) { q.parts, q.body = nil, strings.NewReader("") }, status: 400, want: "ended",
		},
		"cut body": {edit: func(s *site, q *request) {
			q.body = bytes.NewReader(encode(q.parts)[:len(encode(q.parts))-100])
		}, status: 400, want: "ended"},
		"many fields": {
			edit: func(s *site, q *request) {
				q.parts = append(emptyFields(make([]string, 100_000)...), q.parts...)
			},
			status: 400, want: "",
		},
		"file over the limit": {
			o: setting{catalog: assembly.Options{Limits: catalog.Limits{FileSize: 100}}}, status: 400, want: "File too large",
		},
		"long field": {
			o:      setting{upload: legacyupload.Options{FieldBytes: 1000}},
			edit:   func(s *site, q *request) { q.parts = append(q.parts, field("description", strings.Repeat("a", 1001))) },
			status: 400, want: "too long",
		},
		"pypi's names": {
			o:    setting{catalog: assembly.Options{Policy: ingest.PyPIPolicy()}},
			edit: func(s *site, q *request) { q.parts = wheel("json", "1.0", "").parts() }, status: 400, want: "reserved",
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			s := newSite(t, tt.o)
			q := request{token: s.token, parts: demo.parts()}
			if tt.edit != nil {
				tt.edit(s, &q)
			}
			a := s.send(q)
			if a.status != tt.status || !strings.Contains(a.body, tt.want) {
				t.Errorf("POST = %v, want %d with %q", a, tt.status, tt.want)
			}
			if challenge := a.header.Get("WWW-Authenticate"); (tt.status == 401) != strings.HasPrefix(challenge, "Basic ") {
				t.Errorf("POST = %v with the challenge %q", a, challenge)
			}
			phrased(t, a)
			s.untouched()
		})
	}
}

func (s *site) revoke() {
	s.t.Helper()
	tokens, err := s.directory.Tokens(s.t.Context(), operator)
	check(s.t, err)
	for _, k := range tokens {
		check(s.t, s.directory.RevokeToken(s.t.Context(), operator, k.ID))
	}
}

func (s *site) expired() access.Secret {
	s.t.Helper()
	token := s.newToken(access.NewAPIToken{User: "alice", Scope: access.ScopeUpload, Expires: time.Millisecond})
	time.Sleep(5 * time.Millisecond)
	return token
}

func TestRateLimit(t *testing.T) {
	s := newSite(t, setting{rates: map[route.Limit]int{route.LimitUpload: 1}})
	if a := s.upload(demo); a.status != 200 {
		t.Fatalf("POST = %v, want 200", a)
	}
	if a := s.upload(demo); a.status != 429 || a.header.Get("Retry-After") == "" || a.reason == "Too Many Requests" {
		t.Errorf("second POST = %v, Retry-After %q", a, a.header.Get("Retry-After"))
	}
}

// A token for one project is refused for another and for a new one, with texts that reveal nothing about either.
func TestUploadScopes(t *testing.T) {
	s := newSite(t, setting{})
	if a := s.upload(demo); a.status != 200 {
		t.Fatalf("POST = %v, want 200", a)
	}
	bound := s.newToken(access.NewAPIToken{
		User: "alice", Scope: access.ScopeUpload, Repository: catalog.MainRepository, Projects: []string{"demo"},
	})
	for _, d := range []distribution{wheel("other", "1.0", ""), wheel("de-mo", "1.0", "")} {
		if a := s.send(request{token: bound, parts: d.parts()}); a.status != 403 {
			t.Errorf("POST of %s = %v, want 403", d.filename, a)
		}
	}
	s.intact(demo.filename)
	next := wheel("Demo", "1.1", "")
	if a := s.send(request{token: bound, parts: next.parts()}); a.status != 200 {
		t.Errorf("POST of %s = %v, want 200", next.filename, a)
	}
	s.user("bob")
	bob := s.newToken(access.NewAPIToken{User: "bob", Scope: access.ScopeAdmin})
	for name, parts := range map[string][]part{
		"name first": wheel("demo", "3.0", "").parts(), "file first": reversed(wheel("demo", "3.0", "").parts()),
	} {
		t.Run(name, func(t *testing.T) {
			if a := s.send(request{token: bob, parts: parts}); a.status != 403 {
				t.Errorf("%s: POST by another user = %v, want 403", name, a)
			}
		})
	}
	s.intact(demo.filename, next.filename)
}

func reversed(parts []part) (out []part) {
	for i := len(parts) - 1; i >= 0; i-- {
		out = append(out, parts[i])
	}
	return out
}

func TestUploadAgain(t *testing.T) {
	s := newSite(t, setting{})
	if a := s.upload(demo); a.status != 200 {
		t.Fatalf("POST = %v, want 200", a)
	}
	before := s.stored()[0]
	if a := s.upload(demo); a.status != 200 {
		t.Errorf("the same again = %v, want 200", a)
	}
	if after := s.stored()[0]; !after.UploadedAt.Equal(before.UploadedAt) || after.ID != before.ID {
		t.Errorf("the same again changed %+v to %+v", before, after)
	}
	renamed := demo
	renamed.filename = "demo-1.0-1-py3-none-any.whl"
	for name, d := range map[string]distribution{"other bytes": wheel("demo", "1.0", "other"), "other name": renamed} {
		t.Run(name, func(t *testing.T) {
			a := s.upload(d)
			if a.status != 400 || !strings.HasPrefix(a.body, "File already exists") ||
				!strings.HasPrefix(a.reason, "File already exists") {
				t.Errorf("%s = %v, want 400 File already exists", name, a)
			}
			if strings.Contains(a.body, "was ever registered") {
				t.Errorf("%s causes poetry to send :action=submit: %v", name, a)
			}
		})
	}
	s.intact(demo.filename)
}

func TestDeletedNames(t *testing.T) {
	s := newSite(t, setting{})
	if a := s.upload(demo); a.status != 200 {
		t.Fatalf("POST = %v, want 200", a)
	}
	project := s.project("demo")
	check(t, s.index.DeleteProject(t.Context(), operator, "", project))
	for name, d := range map[string]distribution{"same bytes": demo, "other bytes": wheel("demo", "1.0", "other")} {
		t.Run(name, func(t *testing.T) {
			a := s.upload(d)
			if a.status != 400 || !strings.Contains(a.body, "previously used") ||
				strings.Contains(strings.ToLower(a.body), "already exist") {
				t.Errorf("%s under a deleted name = %v, want 400 that --skip-existing does not skip", name, a)
			}
		})
	}
	s.intact()
}

// The response to a refused upload, by Accept header.
func TestRefusalForms(t *testing.T) {
	s := newSite(t, setting{})
	bad := with(demo.parts(), "filetype", "<b>egg</b>")
	for accept, want := range map[string]string{
		"application/json;q=0.9, text/plain;q=0.8, text/html;q=0.7": "application/json",
		"*/*":                  "text/plain; charset=utf-8",
		"text/html, */*;q=0.1": "text/html; charset=utf-8",
	} {
		a := s.send(request{token: s.token, header: http.Header{"Accept": {accept}}, parts: bad})
		if got := a.header["Content-Type"]; a.status != 400 || len(got) != 1 || got[0] != want {
			t.Errorf("Accept %s: POST = %v as %q, want %s", accept, a, got, want)
		}
		if want == "application/json" {
			var got map[string]string
			if err := json.Unmarshal([]byte(a.body), &got); err != nil || got["code"] != "400 "+got["message"] ||
				got["title"] != "Bad Request" {
				t.Errorf("POST wrote %s: %v", a.body, err)
			}
		} else if strings.Contains(a.body, "<b>") && want != "text/plain; charset=utf-8" {
			t.Errorf("POST wrote %s", a.body)
		}
	}
}

func TestGet(t *testing.T) {
	s := newSite(t, setting{})
	for _, path := range []string{"/legacy/", "/legacy", "/r/main/legacy/", "/r/nowhere/legacy/"} {
		r, err := http.NewRequest("GET", s.url+path, nil)
		check(t, err)
		a, err := s.do(r)
		check(t, err)
		if a.status != 405 || a.header.Get("Allow") != "POST" || !strings.Contains(a.body, "/simple/") {
			t.Errorf("GET %s = %v, Allow %q", path, a, a.header.Get("Allow"))
		}
	}
}

// A client that sends its whole body before it reads still gets the reason why a large file was refused.
func TestTooLargeIsRead(t *testing.T) {
	s := newSite(t, setting{catalog: assembly.Options{Limits: catalog.Limits{FileSize: 1 << 20}}})
	for name, body := range map[string]io.Reader{
		"with a length": bytes.NewReader(encode(large(64 << 20))),
		"chunked":       io.MultiReader(bytes.NewReader(encode(large(64 << 20)))),
	} {
		t.Run(name, func(t *testing.T) {
			a, err := s.try(request{token: s.token, body: body})
			if err != nil || a.status != 400 || !strings.HasPrefix(a.reason, "File too large") {
				t.Errorf("%s: POST = %v, %v, want 400 File too large", name, a, err)
			}
		})
	}
	s.untouched()
}

func large(n int) []part {
	d := demo
	d.bytes = make([]byte, n)
	return d.parts()
}

// If a client disconnects or stalls, its stage is removed.
func TestClientLeaves(t *testing.T) {
	s := newSite(t, setting{stall: 200 * time.Millisecond})
	whole := encode(large(1 << 20))
	for _, cut := range []int{10, 500, len(whole) / 2, len(whole) - 2000, len(whole) - 10} {
		left := io.MultiReader(bytes.NewReader(whole[:cut]), failing{})
		if a, err := s.try(request{token: s.token, body: left}); err == nil {
			t.Errorf("POST that leaves after %d bytes = %v", cut, a)
		}
		r, w := io.Pipe()
		go func() { _, _ = w.Write(whole[:cut]) }()
		start := time.Now()
		a, err := s.try(request{token: s.token, body: r})
		w.Close()
		if err == nil && a.status != 400 || time.Since(start) > 5*time.Second {
			t.Errorf("POST that stops after %d bytes = %v, %v after %v", cut, a, err, time.Since(start))
		}
	}
	for range 100 {
		if len(s.onDisk()) == 0 {
			break
		}
		time.Sleep(10 * time.Millisecond) // the server needs time to notice
	}
	s.untouched()
}

type failing struct{}

func (failing) Read([]byte) (int, error) { return 0, io.ErrClosedPipe }
