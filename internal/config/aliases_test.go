package config

import "testing"

func TestAliases(t *testing.T) {
	for text, want := range map[string]string{
		"path=/root/pypi/+simple/":                              "/root/pypi/+simple/ repository=main",
		"path=/repository/acme/simple,repository=team":          "/repository/acme/simple/ repository=team",
		`{"path": "/api/pypi/a/simple/", "repository": "team"}`: "/api/pypi/a/simple/ repository=team",
	} {
		var d declaredAlias
		if err := d.UnmarshalText([]byte(text)); err != nil || d.line() != want {
			t.Errorf("UnmarshalText(%q) = %v, %q; want %q", text, err, d.line(), want)
		}
	}
	for _, text := range []string{
		"", "repository=main", "path=/", "path=x", "path=/a,repository=A", "path=/a,repository=", "path=/a,write=yes",
		`{"path": 1}`, `{"path": "/a", "repository": true}`, "path=/a/:x/", "path=/a,path=/b",
	} {
		if err := new(declaredAlias).UnmarshalText([]byte(text)); err == nil {
			t.Errorf("UnmarshalText(%q) = nil", text)
		}
	}
}
