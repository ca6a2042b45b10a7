package packaging_test

import (
	"strings"
	"testing"

	"pyindex/internal/fault"
	"pyindex/internal/packaging"
)

// TestLegacyRequirement: what uv 0.13.9 makes of each text, as tried with wheels that have it. pip 26.3 refuses all of
// them.
func TestLegacyRequirement(t *testing.T) {
	for text, want := range map[string]string{
		"six (<=0.29.*)":                        "six<=0.29",
		"six (<= 99.29.*)":                      "six<=99.29",
		"six (>=1.*)":                           "six>=1",
		"six >= 1.9.*":                          "six>=1.9",
		"six<99.*":                              "six<99",
		"six>1.*":                               "six>1",
		"six (>=1.0<99)":                        "six<99,>=1",
		"six (>= 1.0<99)":                       "six<99,>=1",
		"six (!=~5.0,>=1.0)":                    "six!=5.0.*,>=1",
		"six !=~5":                              "six!=5.*",
		"six !=~5.0.1,>=1":                      "six!=5.0.1.*,>=1",
		"six (>=1.0,!=3.0*)":                    "six!=3.0.*,>=1",
		"six !=3.1.1*,>=1":                      "six!=3.1.1.*,>=1",
		"six (>dev)":                            "six>0.dev0",
		"six>dev":                               "six>0.dev0",
		"six (>=1.0.0a1.0)":                     "six>=1a1",
		"six >=1.0.0rc1.0":                      "six>=1rc1",
		"six (>=1.0')":                          "six>=1",
		`six ">=1.0"`:                           "six>=1",
		"'six' >=1.0":                           "six>=1",
		"six (>=1.0.*,<99.*)":                   "six<99,>=1",
		`six[b,A] >='1.0' ; python_version>"3"`: `six[a,b]>=1; python_version > "3"`,
	} {
		if _, err := packaging.ParseRequirement(text); err == nil {
			t.Errorf("ParseRequirement(%q) accepts it, pip does not", text)
		}
		if got, ok := packaging.LegacyRequirement(text); !ok || got.Canonical() != want {
			t.Errorf("LegacyRequirement(%q) = %q, %v, want %q", text, got.Canonical(), ok, want)
		}
	}
	for _, text := range []string{ // neither pip nor uv reads these
		"six >=1.0 <99", "six (>=1.0 <99)", "six >=dev", "six (>=1.0) (<3)", "six (1.0)", "six 1.0", "six ~>1.0",
		"six (=1.16.0)", "six =>1.0", "six>=1.0.x", "six ~=1", "six (>=latest)", "six --index-url=x",
		"six; python_version>'2'  and", "six==1.16.0.*.*", "six[extra (>=1.0)", "-six", "six>=1.0;python_version>=3",
		"six ; extra == test", "six (>=1.0));", "six~=1.0.*", "six (==1.16.0+x.*)", "six>=1.0+local", "six>=1.0-alpha-x",
		"six (>=1.0.dev-r1)", "six ,>=1.0", "", "'", ">=1.*",
		"six >=1.*" + strings.Repeat(" ", 16<<10), "six !=3*", "six > dev,",
		`six !=~"2"`, "six ===1.0+x> 1.0'", "six>devel", `six<= '1.0'==1.0*`, "six\n>=1.*", "six >=1.*\nevil",
	} {
		if got, ok := packaging.LegacyRequirement(text); ok {
			t.Errorf("LegacyRequirement(%q) = %q, uv refuses it", text, got.Canonical())
		}
	}
}

// TestRequirementSays: the reason names the part that is wrong.
func TestRequirementSays(t *testing.T) {
	for text, want := range map[string]string{
		"pkg (<=0.29.*)":  `.* is allowed only with == and !=, not after "<=0.29"`,
		"pkg >=1.*":       `.* is allowed only with == and !=, not after ">=1"`,
		"pkg >1,<2.*,!=3": `.* is allowed only with == and !=, not after ">1,<2"`,
	} {
		_, err := packaging.ParseRequirement(text)
		if refused(t, text, err); !strings.Contains(fault.Message(err), want) {
			t.Errorf("ParseRequirement(%q) = %v, want %q", text, err, want)
		}
	}
}
