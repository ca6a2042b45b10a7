package fault_test

import (
	"errors"
	"fmt"
	"io"
	"testing"

	"pyindex/internal/fault"
)

// Messages are sentences on pages. Names of files, people and programs keep their letters.
func TestSentence(t *testing.T) {
	for _, c := range []struct {
		err  error
		want string
	}{
		{nil, ""},
		{io.EOF, ""},
		{fault.New(fault.Internal, "secret"), ""},
		{fault.New(fault.Invalid, "the form cannot be read"), "The form cannot be read."},
		{fmt.Errorf("x: %w", fault.New(fault.Invalid, "the form cannot be read")), "The form cannot be read."},
		{fault.New(fault.Conflict, "%s exists already", "demo.whl"), "demo.whl exists already."},
		{fault.Wrap(fault.Conflict, io.EOF, "%s exists already", "bob"), "bob exists already."},
		{fault.Later(fault.TooMany, 1, "%d attempts", 3), "3 attempts."},
		{fault.InField("x", "%q is not a name", "A"), `"A" is not a name.`},
		{fault.New(fault.Invalid, "user %s exists", "bob"), "User bob exists."},
		{fault.New(fault.Invalid, "this took too long: try again"), "This took too long: try again."},
		{fault.New(fault.Invalid, "Already one."), "Already one."},
		{fault.New(fault.Invalid, "really?"), "Really?"},
		{fault.New(fault.Invalid, "pip asks for it"), "pip asks for it."},
		{fault.New(fault.Invalid, "oidc.issuers is empty"), "oidc.issuers is empty."},
		{fault.New(fault.Invalid, "requires-python is wrong"), "Requires-python is wrong."},
		{fault.New(fault.Invalid, "ümlaut"), "Ümlaut."},
		{fault.New(fault.Invalid, "%s", "a complete message"), "A complete message."},
		{fault.New(fault.Invalid, ""), ""},
	} {
		if got := fault.Sentence(c.err); got != c.want {
			t.Errorf("Sentence(%v) = %q, want %q", c.err, got, c.want)
		}
	}
}

// Joined faults are all found, each with its field.
func TestFields(t *testing.T) {
	a, b := fault.InField("a", "one"), fault.InField("b", "two")
	for want, err := range map[string]error{
		"": errors.Join(io.EOF, fault.New(fault.Invalid, "x")), "a": a, "a b": fmt.Errorf("x: %w", errors.Join(a, nil, b)),
	} {
		got := ""
		for _, f := range fault.Fields(err) {
			if got != "" {
				got += " "
			}
			got += f.Field
		}
		if got != want {
			t.Errorf("Fields(%v) = %q, want %q", err, got, want)
		}
	}
	if fault.Fields(nil) != nil {
		t.Error("Fields(nil) has faults")
	}
}
