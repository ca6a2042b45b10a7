package packaging_test

import (
	"strings"
	"testing"

	"pyindex/internal/packaging"
)

func version(t testing.TB, s string) packaging.Version {
	t.Helper()
	v, err := packaging.ParseVersion(s)
	if err != nil {
		t.Fatalf("ParseVersion(%q) = %v", s, err)
	}
	return v
}

func TestParseVersion(t *testing.T) {
	for _, tt := range []struct{ written, normal, key string }{
		{"1", "1", "1"},
		{"1.0.0", "1.0.0", "1"},
		{"0", "0", "0"},
		{"0.0", "0.0", "0"},
		{"v1.0", "1.0", "1"},
		{" 1.0\n", "1.0", "1"},
		{"\u00a01.0", "1.0", "1"},
		{"1.0-RC.1", "1.0rc1", "1rc1"},
		{"1.0c", "1.0rc0", "1rc0"},
		{"1.0alpha", "1.0a0", "1a0"},
		{"1.0.preview_2", "1.0rc2", "1rc2"},
		{"1.0-1", "1.0.post1", "1.post1"},
		{"1.0.r4", "1.0.post4", "1.post4"},
		{"1.0a1.post2.dev3", "1.0a1.post2.dev3", "1a1.post2.dev3"},
		{"1!2.0", "1!2.0", "1!2"},
		{"0!2.0", "2.0", "2"},
		{"1.0+Ubuntu-1_007", "1.0+ubuntu.1.7", "1+ubuntu.1.7"},
		{"01.02", "1.2", "1.2"},
		{"2026.99999999999999999999999999", "2026.99999999999999999999999999", "2026.99999999999999999999999999"},
	} {
		v := version(t, tt.written)
		if v.String() != tt.normal || v.Key() != tt.key || v.Raw() != tt.written {
			t.Errorf("ParseVersion(%q) = %q with key %q and raw %q, want %q and %q", tt.written, v, v.Key(), v.Raw(), tt.normal,
				tt.key)
		}
	}
}

func TestParseVersionRefuses(t *testing.T) {
	for _, s := range []string{
		"", " ", "v", "a", "1.", ".1", "1..2", "1.0x", "1.0+", "1.0+a..b", "1.0+-a", "1.0+a!b", "1.0.*", "1!", "!1", "1!!2",
		"1.0a1b2", "1.0.dev1.post1", "1.0--1",
		"1 .0", "1,0", "1.0/2", "1.0\x00", "１.0", "1.0é", "1.0poſt1", "vv1", "-1", "latest", "1.0+ü", "1.0\u200b",
		strings.Repeat("1", 256), strings.Repeat("1.", 200) + "1",
	} {
		_, err := packaging.ParseVersion(s)
		refused(t, "ParseVersion("+s+")", err)
	}
}

// TestCompare checks the example order of PEP 440 and some additions.
func TestCompare(t *testing.T) {
	ascending := []string{
		"0.dev0", "0", "1.dev0", "1.0.dev456", "1.0a1", "1.0a2.dev456", "1.0a12.dev456", "1.0a12", "1.0b1.dev456", "1.0b2",
		"1.0b2.post345.dev456", "1.0b2.post345",
		"1.0rc1.dev456", "1.0rc1", "1.0", "1.0+abc", "1.0+abc.5", "1.0+abc.7", "1.0+5", "1.0+5.0", "1.0+10",
		"1.0.post456.dev34", "1.0.post456", "1.0.15", "1.1.dev1", "1.10",
		"1.18446744073709551616", "2", "1!0.1",
	}
	for i, a := range ascending {
		for j, b := range ascending {
			got, want := version(t, a).Compare(version(t, b)), sign(i-j)
			if sign(got) != want {
				t.Errorf("%q.Compare(%q) = %d, want %d", a, b, got, want)
			}
		}
	}
}

func sign(n int) int { return max(-1, min(1, n)) }

func TestVersionFacts(t *testing.T) {
	for _, tt := range []struct {
		written          string
		pre, post, local bool
		public           string
	}{
		{"1.0", false, false, false, "1.0"},
		{"1.0a1", true, false, false, "1.0a1"},
		{"1.0.dev1", true, false, false, "1.0.dev1"},
		{"1.0.post1.dev1+x", true, true, true, "1.0.post1.dev1"},
		{"1.0+cu121", false, false, true, "1.0"},
	} {
		v := version(t, tt.written)
		if v.IsPrerelease() != tt.pre || v.IsPostrelease() != tt.post || v.HasLocal() != tt.local ||
			v.Public().String() != tt.public || v.Public().HasLocal() {
			t.Errorf("ParseVersion(%q): pre %v, post %v, local %v, public %q, want %+v", tt.written, v.IsPrerelease(),
				v.IsPostrelease(), v.HasLocal(), v.Public(), tt)
		}
	}
}
