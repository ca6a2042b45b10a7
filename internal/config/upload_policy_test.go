package config

import (
	"reflect"
	"testing"

	"github.com/google/go-cmp/cmp"

	"pyindex/internal/ingest"
)

// bools returns the dotted names of all truth values in v.
func bools(v reflect.Value, at string) []string {
	var names []string
	for i := range v.NumField() {
		name := at + v.Type().Field(i).Name
		if v.Field(i).Kind() == reflect.Struct {
			names = append(names, bools(v.Field(i), name+".")...)
		} else if v.Field(i).Kind() == reflect.Bool {
			names = append(names, name)
		}
	}
	return names
}

// Every rule of the catalog has exactly one switch, which turns it on and off whatever the policy is.
func TestEveryRuleHasASwitch(t *testing.T) {
	switches := map[string]int{}
	kind := reflect.TypeFor[uploadConfig]()
	for i := range kind.NumField() {
		name := kind.Field(i).Tag.Get("rule")
		if name == "" {
			continue
		}
		switches[name]++
		for _, policy := range []string{"private", "pypi"} {
			for _, refuse := range []bool{true, false} {
				checkSwitch(t, i, policy, refuse)
			}
		}
	}
	for _, name := range bools(reflect.ValueOf(ingest.Policy{}), "") {
		want := 1
		if name == "Rules.Legacy" || name == "Archive.Legacy" {
			want = 0 // only an import accepts legacy files
		}
		if switches[name] != want {
			t.Errorf("rule %s has %d switches, want %d", name, switches[name], want)
		}
		delete(switches, name)
	}
	for name := range switches {
		t.Errorf("switch for %s, which is no rule", name)
	}
}

// checkSwitch sets the field i and wants its rule, and only that, to follow.
func checkSwitch(t *testing.T, i int, policy string, refuse bool) {
	t.Helper()
	c := uploadConfig{Policy: policy}
	reflect.ValueOf(&c).Elem().Field(i).Set(reflect.ValueOf(&refuse))
	want := uploadConfig{Policy: policy}.Rules()
	tag := reflect.TypeOf(c).Field(i).Tag
	rule(reflect.ValueOf(&want).Elem(), tag.Get("rule")).SetBool(refuse == (tag.Get("refuse") != "false"))
	if diff := cmp.Diff(want, c.Rules()); diff != "" {
		t.Errorf("%s, refuse %v: %s", tag.Get("rule"), refuse, diff)
	}
}

func TestPolicies(t *testing.T) {
	if diff := cmp.Diff(ingest.PrivatePolicy(), uploadConfig{Policy: "private"}.Rules()); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(ingest.PyPIPolicy(), uploadConfig{Policy: "pypi"}.Rules()); diff != "" {
		t.Error(diff)
	}
}

// upload.startup_files reaches the policy, whatever upload.policy is.
func TestStartupSetting(t *testing.T) {
	for _, policy := range []string{"private", "pypi"} {
		for _, want := range []ingest.StartupPolicy{ingest.AllowStartup, ingest.KnownStartup, ingest.RefuseStartup} {
			if got := (uploadConfig{Policy: policy, StartupFiles: string(want)}).Rules().StartupFiles; got != want {
				t.Errorf("startup_files = %q with policy %s is %q", want, policy, got)
			}
		}
	}
}
