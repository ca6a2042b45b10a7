// Command promcheck parses alert rules and the queries of dashboards with the parsers of Prometheus.
//
// It is a module of its own: the module of Prometheus brings hundreds of others, which the index does not need. It
// takes the paths of rule files (.yml) and of dashboards (.json), reports every error, and prints what the expressions
// select, as JSON: metric → labels.
package main

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/prometheus/prometheus/promql/parser"
)

func main() {
	c := check{parser: parser.NewParser(parser.Options{}), labels: map[string][]string{}}
	for _, path := range os.Args[1:] {
		if filepath.Ext(path) == ".json" {
			c.dashboard(path)
		} else {
			c.rules(path)
		}
	}
	for _, text := range c.wrong {
		fmt.Fprintln(os.Stderr, text)
	}
	if len(c.wrong) > 0 {
		os.Exit(1)
	}
	_ = json.NewEncoder(os.Stdout).Encode(map[string]any{"labels": c.labels, "expressions": c.expressions})
}

type check struct {
	parser      parser.Parser
	labels      map[string][]string // by metric
	expressions int
	wrong       []string
}

func (c *check) fail(path, where string, err error) {
	c.wrong = append(c.wrong, fmt.Sprintf("%s: %s: %v", path, where, err))
}

// rules checks a file of rules as promtool does.
func (c *check) rules(path string) {
	groups, errs := rulefmt.ParseFile(path, false, model.LegacyValidation, c.parser, slog.New(slog.DiscardHandler))
	for _, err := range errs {
		c.fail(path, "rules", err)
	}
	if groups == nil {
		return
	}
	for _, g := range groups.Groups {
		for _, r := range g.Rules {
			c.expression(path, r.Alert+r.Record, r.Expr)
		}
	}
}

// dashboard checks the queries of all panels and variables.
func (c *check) dashboard(path string) {
	text, err := os.ReadFile(path)
	var all any
	if err == nil {
		err = json.Unmarshal(text, &all)
	}
	if err != nil {
		c.fail(path, "dashboard", err)
		return
	}
	c.queries(path, all)
}

func (c *check) queries(path string, value any) {
	switch v := value.(type) {
	case []any:
		for _, x := range v {
			c.queries(path, x)
		}
	case map[string]any:
		for key, x := range v {
			if text, ok := x.(string); ok && key == "expr" {
				c.expression(path, text, text)
			}
			c.queries(path, x)
		}
	}
}

// expression parses an expression, in which Grafana's variables have been replaced.
func (c *check) expression(path, where, text string) {
	text = strings.NewReplacer("$__rate_interval", "5m", "$__range", "1h", "$__interval", "1m").Replace(text)
	e, err := c.parser.ParseExpr(text)
	if err != nil {
		c.fail(path, where, err)
		return
	}
	c.expressions++
	var names []string
	parser.Inspect(e, func(n parser.Node, _ []parser.Node) error {
		if v, ok := n.(*parser.VectorSelector); ok {
			names = append(names, v.Name)
			c.add(v.Name)
			for _, m := range v.LabelMatchers {
				if m.Name != labels.MetricName {
					c.add(v.Name, m.Name)
				}
			}
		}
		return nil
	})
	parser.Inspect(e, func(n parser.Node, _ []parser.Node) error {
		if a, ok := n.(*parser.AggregateExpr); ok && !a.Without {
			for _, name := range names {
				c.add(name, a.Grouping...)
			}
		}
		return nil
	})
}

func (c *check) add(metric string, names ...string) {
	for _, name := range append(c.labels[metric], names...) {
		if !slices.Contains(c.labels[metric], name) {
			c.labels[metric] = append(c.labels[metric], name)
		}
	}
	if c.labels[metric] == nil {
		c.labels[metric] = []string{}
	}
}
