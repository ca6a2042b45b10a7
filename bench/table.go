package main

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"time"
)

type report struct {
	Machine, Settings string
	Rows              []*row
}

// row holds one measurement, by column.
type row struct {
	Name, Unit string
	Columns    []string
	Samples    map[string][]float64
	Budgets    []budget
	By         string `json:",omitempty"` // the client of reads
	Goal       string `json:",omitempty"` // the target that it belongs to
	Cost       *row   `json:",omitempty"` // processor time of the servers
}

// budget is the promise for a row: of the index with a token, as a figure or relative to another column.
type budget struct {
	Least, Most float64
	Of          string // "" for the figure itself
}

func atLeast(n float64, of string) budget { return budget{Least: n, Of: of} }
func atMost(n float64, of string) budget  { return budget{Most: n, Of: of} }

// Columns of the index itself.
const (
	ours      = "index, token"
	anonymous = "index, anonymous"
)

func (r *row) add(column string, v float64) {
	if r.Samples == nil {
		r.Samples = map[string][]float64{}
	}
	if r.Samples[column] == nil {
		r.Columns = append(r.Columns, column)
	}
	r.Samples[column] = append(r.Samples[column], v)
}

func median(all []float64) float64 {
	if len(all) == 0 {
		return math.NaN()
	}
	s := slices.Sorted(slices.Values(all))
	return (s[len(s)/2] + s[(len(s)-1)/2]) / 2
}

// ratio returns the median over the rounds of the ratio to a column. Both figures of a round are measured within
// seconds.
func (r *row) ratio(of string) float64 { return r.between(ours, of) }

// between returns the same ratio of any two columns.
func (r *row) between(one, of string) float64 {
	ours, theirs := r.Samples[one], r.Samples[of]
	var all []float64
	for i := range min(len(ours), len(theirs)) {
		all = append(all, ours[i]/theirs[i])
	}
	return median(all)
}

// cell returns the median, minimum and maximum of the rounds.
func (r *row) cell(column string) string {
	all := r.Samples[column]
	if len(all) == 0 {
		return ""
	}
	if len(all) == 1 || r.Unit == "" {
		return number(all[0])
	}
	return fmt.Sprintf("%s (%s–%s)", number(median(all)), number(slices.Min(all)), number(slices.Max(all)))
}

// number formats v with three significant digits, or without a fraction.
func number(v float64) string {
	switch {
	case v >= 100:
		return fmt.Sprintf("%.0f", v)
	case v >= 10:
		return fmt.Sprintf("%.1f", v)
	}
	return fmt.Sprintf("%.2f", v)
}

// value returns what a budget is about: the median, or the ratio to a column; NaN if it was not measured.
func (r *row) value(b budget) float64 {
	switch b.Of {
	case "":
		return median(r.Samples[ours])
	case "best peer":
		return r.ratio(r.bestPeer())
	}
	return r.ratio(b.Of)
}

// promise returns the budget in words, without a unit.
func (b budget) promise() string {
	promise := fmt.Sprintf("≤ %g", b.Most)
	if b.Least > 0 {
		promise = fmt.Sprintf("≥ %g", b.Least)
	}
	if b.Of != "" {
		promise += " × " + b.Of
	}
	return promise
}

// judge reports whether a value keeps the budget, and if not, by how much it misses it.
func (b budget) judge(v float64) string {
	switch {
	case b.Least > 0 && v < b.Least:
		return "**not met** by " + number(b.Least-v)
	case b.Most > 0 && v > b.Most:
		return "**not met** by " + number(v-b.Most)
	}
	return "met"
}

// verdict reports whether a budget is met.
func (r *row) verdict(b budget) string {
	v, promise := r.value(b), b.promise()
	if b.Of == "" {
		promise += " " + r.Unit
	}
	if math.IsNaN(v) {
		return promise + ": not measured"
	}
	return fmt.Sprintf("%s: %s (%s)", promise, b.judge(v), number(v))
}

// bestPeer returns the fastest column that is not the index, the bare handler or nginx.
func (r *row) bestPeer() (best string) {
	for _, c := range r.Columns {
		if strings.HasPrefix(c, "index,") || c == "net/http" || c == "nginx" {
			continue
		}
		if best == "" || median(r.Samples[c]) > median(r.Samples[best]) {
			best = c
		}
	}
	return best
}

// columns returns all columns with a figure, in order of appearance.
func (p *report) columns() (out []string) {
	for _, r := range p.Rows {
		for _, c := range r.Columns {
			if !slices.Contains(out, c) {
				out = append(out, c)
			}
		}
	}
	return out
}

// print writes the report to standard output: every sample as JSON, or the tables.
func (p *report) print(asJSON bool) error {
	if asJSON {
		return json.NewEncoder(os.Stdout).Encode(p)
	}
	p.markdown(os.Stdout)
	return nil
}

func (p *report) markdown(w io.Writer) {
	fmt.Fprintf(w, "%s\n\n%s\n\n", p.Machine, p.Settings)
	p.table(w)
}

// table writes the rows.
func (p *report) table(w io.Writer) {
	columns := p.columns()
	fmt.Fprintf(w, "| what | unit | %s | budget |\n|---|---|%s---|\n", strings.Join(columns, " | "),
		strings.Repeat("---|", len(columns)))
	for _, r := range p.Rows {
		cells, verdicts := make([]string, len(columns)), make([]string, len(r.Budgets))
		for i, c := range columns {
			cells[i] = r.cell(c)
		}
		for i, b := range r.Budgets {
			verdicts[i] = r.verdict(b)
		}
		name := r.Name
		if r.By != "" {
			name += ", " + r.By
		}
		fmt.Fprintf(w, "| %s | %s | %s | %s |\n", name, r.Unit, strings.Join(cells, " | "), strings.Join(verdicts, "; "))
	}
}

func (s settings) text() string {
	return fmt.Sprintf("%s; %d rounds of %v, %d connections kept alive; median (least–most). The client of reads is wrk, with two threads, on the same cores: "+
		"its share of the processor is missing from every column alike.", s.backend, s.rounds, s.each, s.conns)
}

// machine describes the machine and software of the measurement.
func machine() string {
	cpu := runtime.GOARCH
	if b, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		if _, rest, ok := strings.Cut(string(b), "model name"); ok {
			line, _, _ := strings.Cut(rest, "\n")
			cpu = strings.TrimSpace(strings.TrimPrefix(strings.TrimSpace(line), ":"))
		}
	}
	text := fmt.Sprintf("%s, %d cores (%s), %s, %s", time.Now().UTC().Format("2006-01-02"), runtime.NumCPU(), cpu,
		runtime.GOOS, runtime.Version())
	if out, err := exec.Command("nginx", "-v").CombinedOutput(); err == nil {
		text += ", " + strings.TrimSpace(strings.TrimPrefix(string(out), "nginx version: "))
	}
	if b, err := os.ReadFile("/proc/loadavg"); err == nil {
		text += ", load average " + strings.Fields(string(b))[0]
	}
	return text
}
