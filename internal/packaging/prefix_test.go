package packaging_test

import (
	"strings"
	"testing"

	"pyindex/internal/fault"
	"pyindex/internal/packaging"
)

func TestParseNamePrefix(t *testing.T) {
	for _, in := range []string{
		"acme", "Acme", "ACME", "acme-", "acme_", "acme.", "acme-*", "acme_*", "acme.*", "Acme--", "acme-._*", " acme-* ",
	} {
		if p, err := packaging.ParseNamePrefix(in); err != nil || p.String() != "acme" || p.Pattern() != "acme-*" {
			t.Errorf("ParseNamePrefix(%q) = %q, %v; want acme", in, p, err)
		}
	}
	if p, err := packaging.ParseNamePrefix("Acme_Data.*"); err != nil || p.String() != "acme-data" {
		t.Errorf("ParseNamePrefix(Acme_Data.*) = %q, %v", p, err)
	}
	for _, in := range []string{
		"", " ", "*", "-*", "-", "_", "acme*", "*acme", "ac*me", "acme-**", "acme-*-", "-acme", ".acme", "a/b", "acme\n-*",
		"acmé", "ａｃｍｅ", "аcme", "acme-\u00a0x", "acme x", "acme,other", strings.Repeat("a", 300),
	} {
		if p, err := packaging.ParseNamePrefix(in); !fault.Is(err, fault.Invalid) || !p.IsZero() {
			t.Errorf("ParseNamePrefix(%q) = %q, %v; want fault.Invalid", in, p, err)
		}
	}
}

func TestNamePrefixCovers(t *testing.T) {
	for _, c := range []struct {
		prefix, name string
		want         bool
	}{
		{"acme", "acme", true},
		{"acme", "acme-widgets", true},
		{"acme", "ACME.Widgets", true},
		{"acme", "acme__widgets", true},
		{"acme-data", "acme_data-x", true},
		{"acme", "acmecorp", false},
		{"acme", "acme1", false},
		{"acme", "acm", false},
		{"acme", "x-acme", false},
		{"acme", "xacme-widgets", false},
		{"acme-data", "acme", false},
		{"acme-data", "acme-database", false},
		{"acme-data", "acmedata", false},
	} {
		p, err := packaging.ParseNamePrefix(c.prefix)
		if err != nil {
			t.Fatal(err)
		}
		name, err := packaging.ParseProjectName(c.name)
		if err != nil {
			t.Fatal(err)
		}
		if got := p.Covers(name); got != c.want {
			t.Errorf("%s covers %s = %v, want %v", p, name, got, c.want)
		}
	}
	if (packaging.NamePrefix{}).Covers(packaging.ProjectName{}) {
		t.Error("the zero prefix covers the zero name")
	}
	name, _ := packaging.ParseProjectName("acme")
	if (packaging.NamePrefix{}).Covers(name) {
		t.Error("the zero prefix covers acme")
	}
}
