package packaging_test

import (
	"testing"

	"pyindex/internal/packaging"
)

func TestProjectOf(t *testing.T) {
	for _, c := range []struct{ file, want string }{
		{"foo-1.0-py3-none-any.whl", "foo"},
		{"zope.interface-5.4.0.tar.gz", "zope-interface"},
		{"Flask-Cors-3.0.10.tar.gz", "flask-cors"},
		{"a-b-1.0.zip", "a-b"},
		{"foo-1.0-1.tar.gz", "foo-1-0"},
		{"foo.tar.gz", ""},
		{"foo-bar.tar.gz", ""},
		{"-1.0.tar.gz", ""},
		{"foo-1.0.exe", ""},
		{"../foo-1.0.tar.gz", ""},
		{"", ""},
	} {
		got, err := packaging.ProjectOf(c.file)
		if got.String() != c.want || (err == nil) != (c.want != "") {
			t.Errorf("ProjectOf(%q) = %q, %v, want %q", c.file, got, err, c.want)
		}
	}
}
