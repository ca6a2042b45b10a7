package packaging_test

import (
	"strings"
	"testing"

	"pyindex/internal/packaging"
)

func TestPlainName(t *testing.T) {
	for in, want := range map[string]string{
		"":                       "",
		"Zoë":                    "Zoë",
		"=?utf-8?q?Zo=C3=AB?=":   "Zoë",
		"=?UTF-8?B?Wm/Dqw==?=":   "Zoë",
		"=?iso-8859-1?q?Zo=EB?=": "Zoë",
		"=?utf-8?q?Zo=C3=AB?= =?utf-8?q?_Odoo?=, Community": "Zoë Odoo, Community",
		"=?utf-16?b?AFoAbw==?=":                             "=?utf-16?b?AFoAbw==?=",
		"=?utf-8?q?Zo=C3=AB?=, =?utf-7?q?b?=":               "Zoë, =?utf-7?q?b?=",
		"=?utf-8?q?Zo=?":                                    "=?utf-8?q?Zo=?",
		"=?utf-8?q?a=0Ab=00c=E2=80=AEd?=":                   "a b c d",
		"a\xffb":                                            "a\uFFFDb",
		"A = ?b?":                                           "A = ?b?",
	} {
		if got := packaging.PlainName(in); got != want {
			t.Errorf("PlainName(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestSPDXCase(t *testing.T) {
	for in, want := range map[string]string{
		"": "", "mit": "MIT", "MIT": "MIT", "apache-2.0": "Apache-2.0",
		"mit or (apache-2.0 and bsd-3-clause)":      "MIT OR (Apache-2.0 AND BSD-3-Clause)",
		"gpl-2.0-only with classpath-exception-2.0": "GPL-2.0-only WITH Classpath-exception-2.0",
		"gpl-3.0+":                   "GPL-3.0+",
		"lgpl-2.1+":                  "LGPL-2.1+",
		"apache-2.0+":                "Apache-2.0+",
		"licenseref-Our-Own":         "LicenseRef-Our-Own",
		"LicenseRef-licenseref-mit":  "LicenseRef-licenseref-mit",
		"Unknown-1.0":                "Unknown-1.0",
		"the license of\nthe server": "the license of\nthe server",
		strings.Repeat("x", 1_000):   strings.Repeat("x", 1_000),
	} {
		if got := packaging.SPDXCase(in); got != want {
			t.Errorf("SPDXCase(%q) = %q, want %q", in, got, want)
		}
	}
}
