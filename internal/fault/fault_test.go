package fault_test

import (
	"fmt"
	"testing"

	"pyindex/internal/fault"
)

func TestInField(t *testing.T) {
	err := fmt.Errorf("adding: %w", fault.InField("owner", "owner %q cannot be one", "a/b"))
	if !fault.Is(err, fault.Invalid) || fault.FieldOf(err) != "owner" ||
		fault.Message(err) != `owner "a/b" cannot be one` {
		t.Errorf("InField = %v, %v in %q", fault.KindOf(err), fault.Message(err), fault.FieldOf(err))
	}
	for _, err := range []error{
		nil, fmt.Errorf("broken"), fault.New(fault.Invalid, "no field"), fault.Wrap(fault.Conflict, err, "outer"),
	} {
		if got := fault.FieldOf(err); got != "" {
			t.Errorf("FieldOf(%v) = %q", err, got)
		}
	}
}
