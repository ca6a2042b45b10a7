package workload_test

import (
	"maps"
	"testing"

	"pyindex/internal/workload"
)

// TestBannedForEveryKind checks that jobs in which somebody has a shell, and those that strangers can start, are
// refused whatever the kind of the rule, and also if the claim that tells them has another type than the platform's.
func TestBannedForEveryKind(t *testing.T) {
	const shell = "oidc.circleci.com/ssh-rerun"
	odd := []any{[]any{"pull_request_target"}, []any{"push"}, map[string]any{}, true, nil}
	for _, k := range workload.All {
		if !k.IsShared() && k != workload.Generic {
			continue
		}
		tab := readTable(t, k.Name())
		refuses := func(c tableCase, with workload.Claims) {
			t.Helper()
			claims := tab.claims(t, c)
			maps.Copy(claims, with)
			if tab.judge(k, c, claims) == "" {
				t.Errorf("%s, %s: admits %v", k.Name(), c.Name, with)
			}
		}
		for _, c := range tab.Cases {
			if c.Want != "" {
				continue
			}
			for _, v := range append(odd, "pull_request_target", " PULL_REQUEST_TARGET") {
				refuses(c, workload.Claims{"event_name": v})
			}
			for _, v := range append(odd, "debug_job", "project_debug_job") {
				refuses(c, workload.Claims{"prj_id": "01890000-0000-4000-8000-00000000000a", "job_type": v})
			}
			for _, v := range []any{true, "false", []any{false}, nil} {
				refuses(c, workload.Claims{shell: v})
			}
			policies, merges := odd, odd
			if k != workload.Generic { // a rule on claims may name them
				policies, merges = append(odd, "scan_execution_policy"), append(odd, "merge_request_event")
			}
			for _, v := range policies {
				refuses(c, workload.Claims{"project_path": "acme/widgets", "job_source": v})
			}
			for _, v := range merges {
				refuses(c, workload.Claims{"project_path": "acme/widgets", "pipeline_source": v})
			}
		}
	}
}

// TestPinsOnlyWithID checks that a token never pins a rule to an id that tokens of its workload do not have.
func TestPinsOnlyWithID(t *testing.T) {
	const id = "01890000-0000-4000-8000-00000000000a"
	for want, fields := range map[string]map[string]string{
		"": {"organization": "acme", "project": "widgets", "connection": "pypi"},
		id: {"organization": "acme", "project": "widgets", "pipeline": "release"},
	} {
		r, err := workload.AzureDevOps.Compile(fields)
		if err != nil {
			t.Fatal(err)
		}
		if got := workload.AzureDevOps.OwnerID(r, workload.Claims{"prj_id": id}); got != want {
			t.Errorf("OwnerID of %v = %q, want %q", fields, got, want)
		}
	}
}
