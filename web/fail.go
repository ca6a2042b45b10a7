package web

import (
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"pyindex/internal/access"
	"pyindex/internal/fault"
	"pyindex/internal/route"
)

// failure is an error with whom it is told to.
type failure struct {
	who access.Caller
	err error
}

func (f *failure) Error() string { return f.err.Error() }
func (f *failure) Unwrap() error { return f.err }

type failView struct {
	Frame
	Status           int
	Heading, Message string
	Request          string // id in the log, of what is ours to mend
}

var headings = map[int]string{
	http.StatusNotFound:              "Nothing is here",
	http.StatusForbidden:             "This is not yours to do",
	http.StatusConflict:              "That does not fit with what is here",
	http.StatusBadRequest:            "That cannot be done",
	http.StatusRequestEntityTooLarge: "That is too large",
	http.StatusTooManyRequests:       "Too many tries",
	http.StatusServiceUnavailable:    "Not available just now",
	http.StatusInternalServerError:   "Something broke here",
}

// fail writes the page of an error, or leads to where the reader can mend it: signing in, confirming who it is.
func (s *Site) fail(w http.ResponseWriter, r *http.Request, err error) {
	if fault.Is(err, fault.Unauthenticated) {
		s.signInFirst(w, r)
		return
	}
	if errors.Is(err, errConfirm) {
		s.see(w, r, "/confirm/?next="+url.QueryEscape(s.back(r)))
		return
	}
	var who access.Caller
	if f, ok := errors.AsType[*failure](err); ok {
		who = f.who
	}
	status, message := route.Status(fault.KindOf(err)), fault.Message(err)
	retryAfter(w, status, err)
	if status == http.StatusTooManyRequests && fromOurScript(r) {
		_ = s.json(w, status, answer{Error: message}) // the script is gone if this fails
		return
	}
	v := failView{Frame: s.frame(r, who, headings[status]), Status: status, Heading: headings[status], Message: message}
	if status == http.StatusInternalServerError {
		v.Message, v.Request = "", w.Header().Get("X-Request-Id")
	}
	if err := s.render(w, status, "fail", &v); err != nil {
		http.Error(w, http.StatusText(http.StatusInternalServerError), http.StatusInternalServerError)
	}
}

// retryAfter names, with 429 and 503, the seconds after which to try again, as err knows them.
func retryAfter(w http.ResponseWriter, status int, err error) {
	seconds := int(fault.WaitOf(err).Seconds())
	if seconds == 0 {
		seconds = 5
	}
	route.RetryLater(w.Header(), status, strconv.Itoa(seconds))
}

// Missing writes the page for an address that does not exist.
func (s *Site) Missing(w http.ResponseWriter, r *http.Request) {
	s.fail(w, r, fault.New(fault.NotFound, "the address may be mistyped, or what was here is gone"))
}

// signInFirst leads to the sign-in page, which leads back. It is the same for what exists and for what does not.
func (s *Site) signInFirst(w http.ResponseWriter, r *http.Request) {
	next := s.back(r)
	path := "/login/"
	if next != "/" {
		path += "?next=" + url.QueryEscape(next)
	}
	s.see(w, r, path)
}

// back is the page to come back to, below the base path: the one asked for, or for a form the page that it is on.
func (s *Site) back(r *http.Request) string {
	path := strings.TrimPrefix(r.URL.Path, s.base)
	if (r.Method == http.MethodGet || r.Method == http.MethodHead) && r.URL.RawQuery != "" {
		path += "?" + r.URL.RawQuery
	}
	return path
}

// see sends the browser on to a path below the base path, by GET.
func (s *Site) see(w http.ResponseWriter, r *http.Request, path string) {
	s.pageHeaders(w)
	http.Redirect(w, r, s.base+path, http.StatusSeeOther)
}

// local reports whether next is a path on this index that a reader may be sent to: it begins with one slash, and no
// browser reads it as another host's.
func local(next string) bool {
	u, err := url.Parse(next)
	return err == nil && strings.HasPrefix(next, "/") && !strings.HasPrefix(next, "//") && u.Host == "" && u.Scheme == "" &&
		!strings.ContainsFunc(next, func(c rune) bool { return c == '\\' || c < ' ' || c == 0x7f })
}

// errConfirm leads to the page on which people prove again who they are.
var errConfirm = fault.New(fault.Denied, "confirm who you are first")

// confirmed returns nil for who proved a short while ago who it is, and otherwise the error that leads to doing so.
func (s *Site) confirmed(who access.Caller) error {
	if who.Confirmed(s.o.Now()) {
		return nil
	}
	return errConfirm
}
