package remote

import (
	"fmt"
	"io"
	"net/http"
)

// Error is the response of a store that refuses a request.
type Error struct {
	Status  int    // of HTTP
	Code    string // the store's word, such as NoSuchKey
	Message string // the store's sentence, may be ""
}

// Error returns the status, the code and the message.
func (e *Error) Error() string {
	s := fmt.Sprintf("the store answered %d %s", e.Status, e.Code)
	if e.Message != "" {
		s += ": " + e.Message
	}
	return s
}

// HTTPStatusCode returns the status; the retry policy of AWS reads it.
func (e *Error) HTTPStatusCode() int { return e.Status }

// ErrorCode returns the code; the retry policy of AWS reads it.
func (e *Error) ErrorCode() string { return e.Code }

// mostOfError bounds the body of an error response, in bytes.
const mostOfError = 64 << 10

// Refusal reads the body of a response that is no success and returns its Error. parse fills in what the body says, and
// may leave it as it is.
func Refusal(r *http.Response, parse func(body []byte, e *Error)) *Error {
	defer r.Body.Close()
	e := &Error{Status: r.StatusCode, Code: http.StatusText(r.StatusCode)}
	if body, err := io.ReadAll(io.LimitReader(r.Body, mostOfError)); err == nil {
		parse(body, e)
	}
	return e
}

// OK reports whether a response is a success.
func OK(r *http.Response) bool { return r.StatusCode/100 == 2 }
