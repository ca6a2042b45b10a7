package config

import "testing"

// Each key has the line that an editor shows for it, in every way TOML can write it.
func TestLinesOf(t *testing.T) {
	got := linesOf([]byte(`# comment
listen = "x"
access.realm = "team"
"data_dir" = '''
/srv
'''
mail = {server = "a:25", from = "b"}

[limits] # comment
file_size = "1MB"
[[oidc.issuers]]
kind = "github"
[[oidc.issuers]]
kind = "gitlab"

issuer = "https://a.example"
[sso]
groups = [
  "a=b",
]
[x]
y = [{z = 1},
  {w = 2}]
`))
	for key, want := range map[string]int{
		"listen": 2, "access.realm": 3, "data_dir": 4, "mail": 7, "mail.server": 7, "mail.from": 7, "limits": 9,
		"limits.file_size": 10, "oidc.issuers[0]": 11, "oidc.issuers[0].kind": 12, "oidc.issuers[1].kind": 14,
		"oidc.issuers[1].issuer": 16, "sso.groups": 18, "x.y[0].z": 22, "x.y[1].w": 23,
	} {
		if got[key] != want {
			t.Errorf("%s is on line %d, want %d", key, got[key], want)
		}
	}
	for key, want := range map[string]int{"oidc.issuers[1].audience": 13, "sso.groups[0]": 18, "nothing": 0} {
		if line := got.of(key); line != want {
			t.Errorf("of(%s) = %d, want %d", key, line, want)
		}
	}
}

func TestNearest(t *testing.T) {
	var known []string
	for _, f := range settings(t) {
		known = append(known, tomlKey(f.Name))
	}
	for name, want := range map[string]string{
		"lisen": "listen", "access.anonymus_read": "access.anonymous_read", "acces.anonymous_read": "access.anonymous_read",
		"anonymous_read": "access.anonymous_read", "access.listen": "listen", "data-dir": "data_dir",
		"access_anonymous_read": "access.anonymous_read", "limits.filesize": "limits.file_size", "x": "", "password": "",
		"mail.password": "mail.password_file", "frobnicate": "",
	} {
		if got := nearest(name, known); got != want {
			t.Errorf("nearest(%s) = %q, want %q", name, got, want)
		}
	}
}
