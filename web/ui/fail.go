package ui

import (
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"pyindex/internal/access"
	"pyindex/internal/fault"
	"pyindex/internal/policy"
	"pyindex/internal/resolve"
	"pyindex/internal/route"
)

// failure is an error and the caller it is shown to.
type failure struct {
	who access.Caller
	err error
}

func (f *failure) Error() string { return f.err.Error() }
func (f *failure) Unwrap() error { return f.err }

// Step is a link to a page that may help after an error.
type Step struct{ Label, Path string } // Path is relative to the base path

// advice is an error with steps that may help.
type advice struct {
	error
	steps []Step
}

func (a *advice) Unwrap() error { return a.error }

// Advise adds links to the error page of err.
func Advise(err error, steps ...Step) error { return &advice{err, steps} }

type failView struct {
	Frame
	Status           int
	Steps            []Step
	Heading, Message string
	Request          string // request ID in the log, for internal errors
}

var headings = map[int]string{
	http.StatusNotFound:              "Page not found",
	http.StatusForbidden:             "You don't have permission",
	http.StatusConflict:              "Conflict with existing content",
	http.StatusBadRequest:            "Invalid request",
	http.StatusRequestEntityTooLarge: "Too large",
	http.StatusTooManyRequests:       "Too many attempts",
	http.StatusServiceUnavailable:    "Temporarily unavailable",
	http.StatusBadGateway:            "An upstream does not answer correctly",
	http.StatusInternalServerError:   "Something went wrong",
}

// Fail writes the error page of err. It redirects to sign-in or re-authentication if that resolves the error.
func (k *Kit) Fail(w http.ResponseWriter, r *http.Request, err error) {
	if fault.Is(err, fault.Unauthenticated) {
		k.signInFirst(w, r)
		return
	}
	var who access.Caller
	if f, ok := errors.AsType[*failure](err); ok {
		who = f.who
	}
	if errors.Is(err, ErrConfirm) {
		k.ConfirmFirst(w, r, who, k.Back(r))
		return
	}
	status, message := route.Status(fault.KindOf(err)), fault.Sentence(err)
	retryAfter(w, status, err)
	if status == http.StatusTooManyRequests && fromOurScript(r) {
		_ = k.JSON(w, status, Answer{Error: message}) // an error means that the client is gone
		return
	}
	v := failView{Frame: k.Frame(r, who, headings[status]), Status: status, Heading: headings[status], Message: message}
	if a, ok := errors.AsType[*advice](err); ok {
		v.Steps = a.steps
	}
	if f, ok := errors.AsType[resolve.Refused](err); ok {
		Hold(w, f.Decision)
		v.Heading, v.Message = heldHeading(f.Decision), resolve.Sentence(f.Decision)
		if page, ours := strings.CutPrefix(f.Address, k.Absolute("")); ours && len(v.Steps) == 0 {
			v.Steps = []Step{{Label: "Why, and what to do", Path: page}}
		}
	}
	if status == http.StatusInternalServerError {
		v.Message, v.Request = "", w.Header().Get("X-Request-Id")
	}
	if err := k.Render(w, status, "fail", &v); err != nil {
		http.Error(w, http.StatusText(http.StatusInternalServerError), http.StatusInternalServerError)
	}
}

// Hold sets the header that names the rule by which the files of a page are held or denied, as their own responses do.
func Hold(w http.ResponseWriter, d policy.Decision) { w.Header().Set("X-Index-Hold", d.Header()) }

func heldHeading(d policy.Decision) string {
	switch {
	case d.Rule == policy.RuleOffline:
		return "Not held here"
	case d.Verdict == policy.Deny:
		return "This file is denied"
	}
	return "This file is held"
}

// retryAfter sets Retry-After on 429, 502 and 503 responses: the seconds that err names, or 5.
func retryAfter(w http.ResponseWriter, status int, err error) {
	seconds := int(fault.WaitOf(err).Seconds())
	if seconds == 0 {
		seconds = 5
	}
	route.RetryLater(w.Header(), status, strconv.Itoa(seconds))
}

// Missing writes the 404 page of an address that has no route, with the header of the signed-in user.
func (k *Kit) Missing(w http.ResponseWriter, r *http.Request, who access.Caller) {
	k.Fail(w, r, &failure{who, fault.New(fault.NotFound, "check the address; the page may have been moved or deleted")})
}

// signInFirst redirects to the sign-in page, which leads back here. The response is the same whether or not the page
// exists.
func (k *Kit) signInFirst(w http.ResponseWriter, r *http.Request) {
	next := k.Back(r)
	path := "/login/"
	if next != "/" {
		path += "?next=" + url.QueryEscape(next)
	}
	k.See(w, r, path)
}

// Named attaches the caller to the errors of a handler, so that the error page can show the account.
func (k *Kit) Named(h route.Handler) route.Handler {
	return func(w http.ResponseWriter, r *http.Request, who access.Caller) error {
		if err := h(w, r, who); err != nil {
			return &failure{who, err}
		}
		return nil
	}
}
