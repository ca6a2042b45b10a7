package leakapi

import (
	"strings"

	"pyindex/internal/access"
	"pyindex/internal/fault"
	"pyindex/internal/strictjson"
)

// maxValues bounds the members and entries of a report: some two thousand tokens, more than fit into its bytes.
const maxValues = 10_000

// readReport reads [{"token": "…", "type": "…", "url": "…", "source": "…"}, …], where source may be missing and other
// members are ignored. fault.Invalid for any other shape, which takes nothing of the report for good.
func readReport(body []byte) ([]access.Leak, error) {
	list, err := strictjson.List(body, maxValues)
	if err != nil {
		return nil, fault.New(fault.Invalid, "the report has to be a JSON list of found tokens: %v", err)
	}
	leaks := make([]access.Leak, 0, len(list))
	for i, v := range list {
		o, ok := v.(map[string]any)
		if !ok {
			return nil, fault.New(fault.Invalid, "entry %d of the report is not an object", i)
		}
		l, missing := readLeak(o)
		if missing != "" {
			return nil, fault.New(fault.Invalid, "entry %d of the report has no %s that is a string", i, missing)
		}
		leaks = append(leaks, l)
	}
	return leaks, nil
}

// readLeak returns an entry, or the name of the first member that is no string.
func readLeak(o map[string]any) (l access.Leak, missing string) {
	var token string
	for _, member := range []struct {
		name string
		into *string
		need bool
	}{{"token", &token, true}, {"type", &l.Type, true}, {"url", &l.URL, true}, {"source", &l.Source, false}} {
		v, there := o[member.name]
		text, ok := v.(string)
		if !ok && (there || member.need) {
			return access.Leak{}, member.name
		}
		*member.into = text
	}
	l.Token = access.Secret(strings.TrimSpace(token))
	return l, ""
}
