package config

import (
	"testing"
	"time"

	"pyindex/internal/catalog"
	"pyindex/internal/upstream"
)

// The tables of the file, the text form and the settings of rows agree.
func TestDeclared(t *testing.T) {
	k, err := newParser(new(program))
	if err != nil {
		t.Fatal(err)
	}
	p := k.Model.Target.Addr().Interface().(*program)
	file := write(t, `
upstream = "https://first.example/simple/"
offline = true
[upstream_cache]
size = "3GiB"
[[upstreams]]
name = "public"
url = "https://public.example/a,b/simple/"
kind = "private"
probe = "acme"
names = "listed"
allow = ["torch", "re:a{1,2}", "acme-*"]
trust_times = false
ttl = "90s"
stale_if_error = "0s"
deny = []
[[upstreams]]
name = "bare"
url = "https://bare.example/"
[[repositories]]
name = "team"
bases = ["main", "upstream:public"]
members = "reader"
public = false
require_hashes = false
upstream_readers = "repository"
size_limit = "500GiB"
[[repositories]]
name = "empty"
bases = []
size_limit = 20000000000
`)
	if _, err := k.Parse([]string{"serve", "--config", file}); err != nil {
		t.Fatal(err)
	}
	if err := p.Check(); err != nil {
		t.Fatal(err)
	}
	d := p.Declared()
	if len(d.Upstreams) != 3 || d.Upstreams[2].Name != DefaultUpstream || d.Main != DefaultUpstream || !p.Offline ||
		p.UpstreamCacheSize() != 3<<30 {
		t.Fatalf("Declared() = %+v", d)
	}
	u := d.Upstreams[0]
	if u.URL != "https://public.example/a,b/simple/" || u.Kind != upstream.Private || len(u.Allow) != 3 || u.TrustTimes ||
		u.Allow[1] != "re:a{1,2}" || u.TTL != 90*time.Second || u.StaleIfError != 0 ||
		u.StaleWhileRevalidate != upstream.DefaultStaleWhileRevalidate {
		t.Errorf("upstream = %+v", u)
	}
	if bare := d.Upstreams[1]; !bare.TrustTimes || bare.Kind != upstream.Public || bare.TTL != upstream.DefaultTTL {
		t.Errorf("an upstream with defaults = %+v", bare)
	}
	team, empty := d.Repositories[0], d.Repositories[1]
	if len(*team.Bases) != 2 || (*team.Bases)[1] != (catalog.Base{Upstream: "public"}) || *team.Public ||
		*team.RequireHashes ||
		team.AnonymousFetch != nil || *team.UpstreamReaders != "repository" || team.Members.String() != "reader" {
		t.Errorf("repository = %+v", team)
	}
	if *team.SizeLimit != 500<<30 || *empty.SizeLimit != 20_000_000_000 {
		t.Errorf("the limits are %d and %d bytes", *team.SizeLimit, *empty.SizeLimit)
	}
	if empty.Bases == nil || len(*empty.Bases) != 0 || empty.Members != nil || empty.Public != nil {
		t.Errorf("repository with an empty list = %+v", empty)
	}
	for got, want := range map[string]string{
		p.Upstreams[0].line(): "public https://public.example/a,b/simple/ kind=private probe=acme names=listed" +
			" allow=torch re:a{1,2} acme-* trust_times=false ttl=1m30s stale_if_error=0s",
		p.Upstreams[1].line():    "bare https://bare.example/",
		p.Repositories[0].line(): "team bases=main upstream:public members=reader public=false require_hashes=false upstream_readers=repository size_limit=500GiB",
	} {
		if got != want {
			t.Errorf("line() = %q, want %q", got, want)
		}
	}
}

func TestEntryRefuses(t *testing.T) {
	for _, text := range []string{
		"", "name", "name=a,name=b,url=https://a.example/", `{"name": "a"`, "name=a,url=https://a.example/,names",
		"name=a,url=https://a.example/,cooldown=1h", "name=a,url=https://u:p@a.example/",
	} {
		if err := new(declaredUpstream).UnmarshalText([]byte(text)); err == nil {
			t.Errorf("UnmarshalText(%q) = nil", text)
		}
	}
	for _, text := range []string{
		"", "name=A", "name=a,public=yes", "name=a,members=owner", "name=a,cool_down=1h", `{"name": "a", "bases": [1]}`,
		`{"name": "a", "bases": [""]}`, `{"name": 1}`, "bases=main",
		"name=a,size_limit=many", "name=a,size_limit=-1", `{"name": "a", "size_limit": 1.5}`,
		`{"name": "a", "size_limit": true}`, "name=a,cooldown=72", "name=a,cooldown=400d",
		"name=a,cooldown_since=yesterday", "name=a,startup_files=some", "name=a,show_held=shown", "name=a,keep_removed=new",
	} {
		if err := new(declaredRepository).UnmarshalText([]byte(text)); err == nil {
			t.Errorf("UnmarshalText(%q) of a repository = nil", text)
		}
	}
}
