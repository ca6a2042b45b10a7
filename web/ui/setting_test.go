package ui

import "testing"

func TestGroupSettings(t *testing.T) {
	got := GroupSettings([]Setting{
		{Name: "listen"}, {Name: "access.realm"}, {Name: "sso.issuer"}, {Name: "access.invitations"}, {Name: "hsts"},
	})
	want := []struct {
		table, title string
		names        []string
	}{
		{"", "Server", []string{"listen", "hsts"}},
		{"access", "Access", []string{"access.realm", "access.invitations"}},
		{"sso", "Single sign-on", []string{"sso.issuer"}},
	}
	if len(got) != len(want) {
		t.Fatalf("GroupSettings() = %+v", got)
	}
	for i, w := range want {
		if got[i].Table != w.table || got[i].Title != w.title || len(got[i].Settings) != len(w.names) {
			t.Errorf("group %d is %+v, want %+v", i, got[i], w)
			continue
		}
		for j, name := range w.names {
			if got[i].Settings[j].Name != name {
				t.Errorf("setting %d of %s is %s, want %s", j, w.title, got[i].Settings[j].Name, name)
			}
		}
	}
	for s, want := range map[Setting]bool{
		{From: "default", Value: "1", Default: "1"}: false, {From: "file", Value: "1", Default: "1"}: false,
		{From: "flag", Value: "2", Default: "1"}: true, {From: "environment", Value: "x"}: true,
	} {
		if got := s.Changed(); got != want {
			t.Errorf("%+v.Changed() = %v", s, got)
		}
	}
}
