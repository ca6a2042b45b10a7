package ui

import (
	"errors"
	"net/http"
	"net/url"
	"strconv"

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

// Fail writes the page of an error, or leads to where the reader can mend it: signing in, confirming who it is.
func (k *Kit) Fail(w http.ResponseWriter, r *http.Request, err error) {
	if fault.Is(err, fault.Unauthenticated) {
		k.signInFirst(w, r)
		return
	}
	if errors.Is(err, ErrConfirm) {
		k.See(w, r, "/confirm/?next="+url.QueryEscape(k.Back(r)))
		return
	}
	var who access.Caller
	if f, ok := errors.AsType[*failure](err); ok {
		who = f.who
	}
	status, message := route.Status(fault.KindOf(err)), fault.Message(err)
	retryAfter(w, status, err)
	if status == http.StatusTooManyRequests && fromOurScript(r) {
		_ = k.JSON(w, status, Answer{Error: message}) // the script is gone if this fails
		return
	}
	v := failView{Frame: k.Frame(r, who, headings[status]), Status: status, Heading: headings[status], Message: message}
	if status == http.StatusInternalServerError {
		v.Message, v.Request = "", w.Header().Get("X-Request-Id")
	}
	if err := k.Render(w, status, "fail", &v); err != nil {
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
func (k *Kit) Missing(w http.ResponseWriter, r *http.Request) {
	k.Fail(w, r, fault.New(fault.NotFound, "the address may be mistyped, or what was here is gone"))
}

// signInFirst leads to the sign-in page, which leads back. It is the same for what exists and for what does not.
func (k *Kit) signInFirst(w http.ResponseWriter, r *http.Request) {
	next := k.Back(r)
	path := "/login/"
	if next != "/" {
		path += "?next=" + url.QueryEscape(next)
	}
	k.See(w, r, path)
}

// ErrConfirm leads to the page on which people prove again who they are.
var ErrConfirm = fault.New(fault.Denied, "confirm who you are first")

// Confirmed returns nil for who proved a short while ago who it is, and otherwise the error that leads to doing so.
func (k *Kit) Confirmed(who access.Caller) error {
	if who.Confirmed(k.Now()) {
		return nil
	}
	return ErrConfirm
}

// Named lets the page of an error know who asked.
func (k *Kit) Named(h route.Handler) route.Handler {
	return func(w http.ResponseWriter, r *http.Request, who access.Caller) error {
		if err := h(w, r, who); err != nil {
			return &failure{who, err}
		}
		return nil
	}
}
