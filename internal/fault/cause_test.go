package fault_test

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"pyindex/internal/fault"
)

func TestCause(t *testing.T) {
	refused := errors.New("dial tcp 127.0.0.1:5432: connect: connection refused")
	down := fault.Wrap(fault.Unavailable, refused, "the database is not available")
	for _, test := range []struct {
		err  error
		want string
	}{
		{nil, ""},
		{io.EOF, ""},
		{fault.New(fault.Invalid, "wrong"), ""},
		{down, refused.Error()},
		{fmt.Errorf("database.url: %w", down), refused.Error()},
		{
			fault.Wrap(fault.Unavailable, fmt.Errorf("keeping a blob: %w", down), "try again"),
			"keeping a blob: the database is not available: " + refused.Error(),
		},
		{fault.Wrap(fault.Unavailable, down, "try again"), "the database is not available: " + refused.Error()},
		{errors.Join(io.EOF, down, fault.Wrap(fault.Internal, io.ErrShortWrite, "cut")), refused.Error() + ": short write"},
		{fault.Wrap(fault.Invalid, io.EOF, "the file cannot be read: %v", io.EOF), ""},
		{fault.Wrap(fault.Unavailable, errors.New("two\nlines"), "no"), "two lines"},
		{fault.Wrap(fault.NotFound, fault.New(fault.NotFound, "no such user"), "there is no user %q", "nobody"), ""},
		{
			fault.Wrap(fault.NotFound, fault.Wrap(fault.NotFound, io.EOF, "no such bytes"), "the copy does not have it"),
			"no such bytes: EOF",
		},
		{fault.Wrap(fault.NotFound, io.EOF, "there is no folder x"), "EOF"},
		{fault.Wrap(fault.Conflict, fault.New(fault.NotFound, "no such user"), "try again"), "no such user"},
		{fault.Wrap(fault.NotFound, fault.New(fault.Denied, "bob may not"), "there is no project x"), "bob may not"},
	} {
		if got := fault.Cause(test.err); got != test.want {
			t.Errorf("Cause(%v) = %q, want %q", test.err, got, test.want)
		}
	}
	if got, want := fault.Explain(down), "the database is not available: "+refused.Error(); got != want {
		t.Errorf("Explain() = %q, want %q", got, want)
	}
	if got := fault.Explain(io.EOF); got != "EOF" {
		t.Errorf("Explain(EOF) = %q", got)
	}
	if down.Error() != "the database is not available" || fault.Message(down) != down.Error() {
		t.Errorf("the message reveals too much: %q", down)
	}
}

// TestCauseHidesSecrets: secrets that drivers and stores quote from their configuration do not reach the log.
func TestCauseHidesSecrets(t *testing.T) {
	for _, text := range []string{
		"cannot parse postgres://index:hunter2@db/index: bad",
		"cannot parse postgres://index:p@ss:hunter2@db/index: bad",
		"connect to host=db user=index password=hunter2 dbname=index",
		"connect to host=db password='hunter2' dbname=index",
		"Get \"https://bucket.example/files/ab?X-Amz-Credential=hunter2&X-Amz-Signature=hunter2\": EOF",
		"GET https://account.blob.example/x?sv=1&sig=hunter2%3D: 403",
		"AccountKey=hunter2; more",
		`{"token": "hunter2"}`,
		"Authorization: Bearer hunter2hunter2",
		"Authorization: Basic aHVudGVyMg==hunter2",
		"the token pypi-idx_hunter2AAAA was sent",
		"the token eyJhbGciOi.eyJodW50ZXIy-hunter2.sig_hunter2 was sent",
	} {
		got := fault.Cause(fault.Wrap(fault.Unavailable, errors.New(text), "no"))
		if strings.Contains(got, "hunter2") || !strings.Contains(got, "[secret]") {
			t.Errorf("Cause(%q) = %q", text, got)
		}
	}
	if got := fault.Scrub(strings.Repeat("é", 5000)); len(got) > 1100 {
		t.Errorf("Scrub() of a long text has %d bytes", len(got))
	}
}
