package legacyupload

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"pyindex/internal/fault"
	"pyindex/internal/route"
)

func TestChooseType(t *testing.T) {
	tests := map[string]struct{ accept, want string }{
		"nothing":      {"", typePlain},
		"twine":        {"*/*", typePlain},
		"uv":           {"application/json;q=0.9, text/plain;q=0.8, text/html;q=0.7", typeJSON},
		"JSON":         {"application/json", typeJSON},
		"JSON first":   {"application/json, */*;q=0.1", typeJSON},
		"application":  {"application/*", typeJSON},
		"browser":      {"text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", typeHTML},
		"plain":        {"text/plain", typePlain},
		"text":         {"text/*", typePlain},
		"not HTML":     {"text/html;q=0, */*", typePlain},
		"HTML and all": {"text/html, */*", typePlain},
		"excluded all": {"*/*;q=0", typePlain},
		"unknown":      {"image/png", typePlain},
		"junk":         {";;;,,,\x00", typePlain},
		"bad quality":  {"application/json;q=x", typePlain},
		"high quality": {"application/json;q=9, text/plain", typePlain},
		"very long":    {strings.Repeat("application/json,", 1000), typePlain},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if got := chooseType(tt.accept); got != tt.want {
				t.Errorf("chooseType(%.60q) = %s, want %s", tt.accept, got, tt.want)
			}
		})
	}
}

// phrased is an HTTP/1.1 response as the server passes it to handlers.
type phrased struct {
	*httptest.ResponseRecorder
	reason string
	broken bool
}

func (p *phrased) WriteReason(status int, message string, body []byte) error {
	if p.broken {
		return errors.New("no connection to take over")
	}
	p.reason = string(route.ReasonPhrase(message))
	p.WriteHeader(status)
	_, err := p.Write(body)
	return err
}

func failWith(err error, accept string) *phrased {
	w := &phrased{ResponseRecorder: httptest.NewRecorder()}
	r := httptest.NewRequest("POST", "/legacy/", nil)
	r.Header.Set("Accept", accept)
	fail(w, r, err)
	return w
}

func TestFailStatus(t *testing.T) {
	tests := map[string]struct {
		err    error
		status int
		text   string
		retry  string
	}{
		"invalid":         {fault.New(fault.Invalid, "bad form"), 400, "bad form", ""},
		"conflict":        {fault.New(fault.Conflict, "File already exists: a"), 400, "File already exists: a", ""},
		"denied":          {fault.New(fault.Denied, "may not"), 403, "may not", ""},
		"unauthenticated": {fault.New(fault.Unauthenticated, "who?"), 401, "who?", ""},
		"not found":       {fault.New(fault.NotFound, "no repository"), 404, "no repository", ""},
		"too large":       {fault.New(fault.TooLarge, "File too large: 2 GiB"), 400, "File too large: 2 GiB", ""},
		"too large else":  {fault.New(fault.TooLarge, "disk"), 400, "File too large: disk", ""},
		"too many":        {fault.New(fault.TooMany, "slow down"), 429, "slow down", "10"},
		"unavailable":     {fault.New(fault.Unavailable, "later"), 503, "later", "10"},
		"internal":        {errors.New("password is hunter2"), 500, "the index failed, and its log says why. Try again", ""},
		"retired":         {checkAction([]string{"submit"}), 410, retired["submit"], ""},
		"no message":      {fault.New(fault.Denied, ""), 403, "Forbidden", ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			w := failWith(tt.err, "")
			if w.Code != tt.status || w.Body.String() != tt.text+"\n" || w.Header().Get("Retry-After") != tt.retry {
				t.Errorf("fail(%v) = %d %q, Retry-After %q, want %d %q, %q", tt.err, w.Code, w.Body, w.Header().Get("Retry-After"),
					tt.status, tt.text, tt.retry)
			}
			if want := string(route.ReasonPhrase(tt.text)); w.reason != want {
				t.Errorf("fail(%v) has the reason %q, want %q", tt.err, w.reason, want)
			}
		})
	}
}

func TestFailNamesTheRequest(t *testing.T) {
	w := &phrased{ResponseRecorder: httptest.NewRecorder()}
	w.Header().Set("X-Request-Id", "r-17")
	w.Header().Set("Retry-After", "3")
	fail(w, httptest.NewRequest("POST", "/legacy/", nil), errors.New("secret"))
	if w.Code != 500 || !strings.Contains(w.reason, "r-17") || strings.Contains(w.Body.String(), "secret") {
		t.Errorf("fail(internal) = %d %q: %s", w.Code, w.reason, w.Body)
	}
	w = &phrased{ResponseRecorder: httptest.NewRecorder()}
	w.Header().Set("Retry-After", "3")
	fail(w, httptest.NewRequest("POST", "/legacy/", nil), fault.New(fault.TooMany, "x"))
	if got := w.Header().Get("Retry-After"); got != "3" {
		t.Errorf("fail(too many) has Retry-After %q, want the server's 3", got)
	}
}

func TestFailWithoutPhrase(t *testing.T) {
	for name, w := range map[string]http.ResponseWriter{
		"HTTP/2": httptest.NewRecorder(), "no connection": &phrased{ResponseRecorder: httptest.NewRecorder(), broken: true},
	} {
		t.Run(name, func(t *testing.T) {
			fail(w, httptest.NewRequest("POST", "/legacy/", nil), fault.New(fault.Invalid, "bad"))
			rec, ok := w.(*httptest.ResponseRecorder)
			if !ok {
				rec = w.(*phrased).ResponseRecorder
			}
			if rec.Code != 400 || rec.Body.String() != "bad\n" {
				t.Errorf("%s: fail = %d %q", name, rec.Code, rec.Body)
			}
		})
	}
}

// Client input is returned as text in every content type, and adds no header.
func TestFailEscapes(t *testing.T) {
	const evil = "<script>alert(1)</script>\r\nSet-Cookie: a=b\"\\ \u2028 \xff"
	err := fault.New(fault.Invalid, "%s is bad", evil)
	w := failWith(err, "application/json")
	var got struct{ Message, Code, Title string }
	if e := json.Unmarshal(w.Body.Bytes(), &got); e != nil || w.Header().Get("Content-Type") != "application/json" {
		t.Fatalf("fail wrote %s (%s): %v", w.Body, w.Header().Get("Content-Type"), e)
	}
	if !strings.HasPrefix(got.Code, "400 <script>") || !strings.HasPrefix(got.Message, "<script>") ||
		got.Title != "Bad Request" {
		t.Errorf("fail wrote %+v", got)
	}
	if html := failWith(err, "text/html"); strings.Contains(html.Body.String(), "<script>") {
		t.Errorf("fail wrote %s", html.Body)
	}
	for _, accept := range []string{"", "text/html", "application/json"} {
		w := failWith(err, accept)
		if w.Header().Get("Set-Cookie") != "" || strings.ContainsAny(w.reason, "\r\n") ||
			w.Header().Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("fail(%s) has the reason %q and header %v", accept, w.reason, w.Header())
		}
	}
}

func TestAccept(t *testing.T) {
	w := httptest.NewRecorder()
	if err := accept(w, []string{"one\nline", "two"}); err != nil || w.Code != 200 ||
		w.Body.String() != "one line\ntwo\n" {
		t.Errorf("accept = %d %q, %v", w.Code, w.Body, err)
	}
	if got := w.Header().Get("Content-Type"); got != typePlain {
		t.Errorf("accept has the type %q", got)
	}
}
