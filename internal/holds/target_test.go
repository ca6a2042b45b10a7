package holds_test

import (
	"testing"

	"pyindex/internal/fault"
	"pyindex/internal/holds"
)

func TestParseTarget(t *testing.T) {
	for _, c := range [][3]string{
		{"Demo", "", "demo"},
		{" de.mo ", "", "de-mo"},
		{"demo==1.0", "", "demo==1.0"},
		{"demo == v1.0-RC1", "", "demo==1.0rc1"},
		{"demo", "demo-1.0.tar.gz", "demo-1.0.tar.gz"},
		{"demo==1", "demo-1.0-py3-none-any.whl", "demo-1.0-py3-none-any.whl"},
	} {
		got, err := holds.ParseTarget(c[0], c[1])
		if err != nil || got.String() != c[2] {
			t.Errorf("ParseTarget(%q, %q) = %v, %v, want %s", c[0], c[1], got, err, c[2])
		}
		if c[1] != "" && got.Version.IsZero() {
			t.Errorf("ParseTarget(%q, %q) has no version", c[0], c[1])
		}
	}
	for _, c := range [][2]string{
		{"", ""},
		{"*", ""},
		{"demo*", ""},
		{"demo-*", ""},
		{"re:demo", ""},
		{"==1.0", ""},
		{"demo==", ""},
		{"demo==1.*", ""},
		{"demo==1.0.*", ""},
		{"demo===1.0", ""},
		{"demo>=1.0", ""},
		{"demo~=1.0", ""},
		{"demo==1.0,==2.0", ""},
		{"demo==1.0==2.0", ""},
		{"demo[extra]==1.0", ""},
		{"demo other", ""},
		{"demo==1.0; python_version > '3'", ""},
		{"demo", "other-1.0.tar.gz"},
		{"demo", "demo-*.tar.gz"},
		{"demo", "../demo-1.0.tar.gz"},
		{"demo", "demo"},
		{"demo==2.0", "demo-1.0.tar.gz"},
		{"", "demo-1.0.tar.gz"},
	} {
		if got, err := holds.ParseTarget(c[0], c[1]); !fault.Is(err, fault.Invalid) {
			t.Errorf("ParseTarget(%q, %q) = %v, %v, want invalid", c[0], c[1], got, err)
		}
	}
}

// FuzzParseTarget: whatever is accepted names one project, and is the same when it is read again.
func FuzzParseTarget(f *testing.F) {
	f.Add("demo==1.0", "demo-1.0.tar.gz")
	f.Add("De.mo == 1!2.0rc1.post3+local.1", "")
	f.Add("demo==1.*", "demo-1-py3-none-any.whl")
	f.Fuzz(func(t *testing.T, text, filename string) {
		got, err := holds.ParseTarget(text, filename)
		if err != nil {
			if !fault.Is(err, fault.Invalid) {
				t.Fatalf("ParseTarget(%q, %q) = %v", text, filename, err)
			}
			return
		}
		again := got.Project.String()
		if !got.Version.IsZero() {
			again += "==" + got.Version.String()
		}
		second, err := holds.ParseTarget(again, got.Filename)
		if err != nil || second.String() != got.String() || second.Version.Key() != got.Version.Key() ||
			got.Project.IsZero() {
			t.Fatalf("ParseTarget(%q, %q) = %v; again %v, %v", text, filename, got, second, err)
		}
	})
}
