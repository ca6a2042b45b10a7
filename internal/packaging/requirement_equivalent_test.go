package packaging_test

import (
	"testing"

	"pyindex/internal/packaging"
)

// TestEquivalent: one project's requirement as setuptools and uv_build write it.
func TestEquivalent(t *testing.T) {
	for _, c := range []struct {
		a, b string
		same bool
	}{
		{`Foo_Bar >=1.0; python_version > '3.8'`, `foo-bar>=1; python_full_version >= "3.9"`, true},
		{`a; python_version >= "3.9"`, `a ; python_full_version >= '3.9'`, true},
		{`a; python_version < "3.9"`, `a; python_full_version < "3.9"`, true},
		{`a; python_version <= "3.9"`, `a; python_full_version < "3.10"`, true},
		{`a; python_version == "3.9"`, `a; python_full_version == "3.9.*"`, true},
		{`a; python_version != "3.9" and extra == 'X_y'`, `a; python_full_version != "3.9.*" and extra == "x-y"`, true},
		{`a; python_version > "3.8"`, `a; python_full_version >= "3.8"`, false},
		{`a; python_version in "3.8 3.9"`, `a; python_full_version in "3.8 3.9"`, false},
		{`a; extra == 'python_version > "3.8"'`, `a; extra == 'python_full_version >= "3.9"'`, false},
		{`a>=1`, `a>1`, false},
	} {
		a, errA := packaging.ParseRequirement(c.a)
		b, errB := packaging.ParseRequirement(c.b)
		if errA != nil || errB != nil {
			t.Errorf("ParseRequirement = %v, %v", errA, errB)
		} else if (a.Equivalent() == b.Equivalent()) != c.same {
			t.Errorf("Equivalent of %q and %q = %q and %q, want the same %v", c.a, c.b, a.Equivalent(), b.Equivalent(), c.same)
		}
	}
}

func TestLicenseKey(t *testing.T) {
	for _, c := range []struct {
		a, b string
		same bool
	}{
		{"mit", "MIT", true},
		{"(mit or apache-2.0)", "( MIT  OR Apache-2.0 )", true},
		{"MIT", "MIT-0", false},
		{"MIT OR ISC", "MIT AND ISC", false},
	} {
		if a, b := packaging.LicenseKey(c.a), packaging.LicenseKey(c.b); (a == b) != c.same {
			t.Errorf("LicenseKey of %q and %q = %q and %q, want the same %v", c.a, c.b, a, b, c.same)
		}
	}
}
