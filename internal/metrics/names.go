package metrics

import (
	"regexp"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
)

// Names returns the labels of every metric that a server can report, by the name of the metric. Those of the Go runtime
// and of the process depend on the platform.
func (m *Metrics) Names() map[string][]string {
	found := make(chan *prometheus.Desc)
	go func() {
		defer close(found)
		m.registry.Describe(found)
		for _, d := range descs {
			found <- d
		}
	}()
	out := map[string][]string{}
	for d := range found {
		if name, labels := parts(d.String()); name != "" {
			out[name] = labels
		}
	}
	return out
}

// The library shows the name and the labels of a description only in its text.
var (
	nameOf   = regexp.MustCompile(`fqName: "([^"]+)"`)
	constOf  = regexp.MustCompile(`(\w+)="`)
	constsOf = regexp.MustCompile(`constLabels: \{([^}]*)\}`)
	labelsOf = regexp.MustCompile(`variableLabels: \{([^}]*)\}`)
)

func parts(text string) (name string, labels []string) {
	n := nameOf.FindStringSubmatch(text)
	if n == nil {
		return "", nil
	}
	if c := constsOf.FindStringSubmatch(text); c != nil {
		for _, x := range constOf.FindAllStringSubmatch(c[1], -1) {
			labels = append(labels, x[1])
		}
	}
	if v := labelsOf.FindStringSubmatch(text); v != nil && v[1] != "" {
		labels = append(labels, strings.Split(v[1], ",")...)
	}
	return n[1], labels
}
