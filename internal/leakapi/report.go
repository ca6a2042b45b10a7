package leakapi

import (
	"strings"

	"pyindex/internal/access"
	"pyindex/internal/fault"
	"pyindex/internal/strictjson"
)

// maxValues limits the JSON values of a report to about two thousand tokens, more than fit into maxBody.
const maxValues = 10_000

// readReport parses [{"token": "…", "type": "…", "url": "…", "source": "…"}, …]. source may be missing, and other
// members are ignored. It returns fault.Invalid for any other shape.
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

// readLeak returns an entry, or the name of the first member that is missing or not a string.
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
