package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"math"
	"os"
	"regexp"
	"slices"
	"strings"
	"time"
)

// targetSettings are the options of "bench targets".
type targetSettings struct {
	json          bool
	rows          *regexp.Regexp
	rounds        int
	each          time.Duration
	binary        string // path of the program; built if empty
	before        string // path of an older program
	source        string // folder of this source
	beforeSource  string // folder of an older source
	scaleDatabase string // path of a SQLite database with a large catalog
	targetSizes
}

// targetSizes are the sizes of what is measured.
type targetSizes struct {
	largest  int // files of the largest page
	projects int // of the list
	tokens   int // different tokens, and connections with one each
	uploads  int // of each round
	samples  int // of each round of a percentile
}

var (
	fullTargets  = targetSizes{largest: 10_000, projects: 600_000, tokens: 1000, uploads: 400, samples: 300}
	quickTargets = targetSizes{largest: 60, projects: 60, tokens: 20, uploads: 16, samples: 6}
)

func parseTargets(args []string) (s targetSettings, err error) {
	f := flag.NewFlagSet("bench targets", flag.ContinueOnError)
	f.BoolVar(&s.json, "json", false, "print every sample as JSON instead of the tables")
	f.IntVar(&s.rounds, "rounds", 3, "samples of each measurement")
	f.DurationVar(&s.each, "each", time.Second, "length of a sample of reads, in whole seconds")
	f.StringVar(&s.binary, "binary", "", "path of the program to measure (default: this source, built)")
	f.StringVar(&s.before, "before", "", "path of an older program, for the rows that compare with it")
	f.StringVar(&s.source, "source", ".", "folder of this source, for the row about go build")
	f.StringVar(&s.beforeSource, "before-source", "", "folder of an older source, for the row about go build")
	f.StringVar(&s.scaleDatabase, "scale-database", "",
		"path of a SQLite database with a large catalog (see bench catalog), which is written to")
	quick := f.Bool("quick", false, "small sizes and one round, to check that the benchmark works")
	rows := f.String("rows", "", "regular expression of the targets to measure, such as warm|304 (default: all)")
	if err := f.Parse(args); err != nil {
		return s, err
	}
	if s.rows, err = regexp.Compile(*rows); err != nil {
		return s, fmt.Errorf("-rows: %w", err)
	}
	s.targetSizes = fullTargets
	if *quick {
		s.targetSizes, s.rounds, s.each = quickTargets, 1, time.Second
	}
	return s, nil
}

// The columns that targets compare with, beside those of other tables.
const (
	before    = "before"
	empty     = "empty index"
	theAnswer = "the answer"
	anonymity = "of which anonymous"
)

// goal is a line of the table of targets. Its rows have its name as their Goal.
type goal struct {
	name   string
	needs  string // option without which it cannot be measured
	budget budget
	step   string // goals with the same step are measured together
}

// The goals. Those of warm pages are chosen by warmGoal.
const (
	goalWarm       = "warm page and JSON page of 20 files"
	goalHeld       = "304 of them"
	goalTLS        = "the same over TLS, HTTP/1.1"
	goalHTTP2      = "the same over TLS, HTTP/2"
	goalFresh      = "the same over TLS, a new connection for each request"
	goalMemory     = "memory after 32 connections with 1,000 tokens"
	goalMemoryMany = "memory after 1,000 connections with 1,000 tokens"
	goalPage       = "first read of a page of 10,000 files after one upload"
	goalList       = "list of 600,000 projects, first read after one change"
	goalListAgain  = "list of 600,000 projects, again"
	goalListMemory = "list of 600,000 projects, peak of memory over idle"
	goalUploads    = "uploads of 20 kB, eight at once"
	goalUploadsAt  = "uploads of 20 kB, eight at once, at 5 million files"
	goalSize       = "database a file at 5 million files"
	goalBuild      = "cold go build"
	goalProgram    = "program"
)

// tails are the goals of percentiles at 5 million files, in the order of their measurement.
var tails = []string{"page", "search", "project page", "upload", "mint"}

func tailGoal(name string) string { return "p99 at 5 million files: " + name }

func goals() []goal {
	bare, scaleFlag := atLeast(0.85, "net/http"), "-scale-database"
	all := []goal{
		{name: goalWarm, budget: bare, step: "warm"},
		{name: goalHeld, budget: bare, step: "warm"},
		{name: goalTLS, budget: bare, step: "warm"},
		{name: goalHTTP2, budget: bare, step: "warm"},
		{name: goalFresh, budget: bare, step: "warm"},
		{name: goalMemory, budget: atMost(70, ""), step: "memory"},
		{name: goalMemoryMany, budget: atMost(150, ""), step: "memory"},
		{name: goalPage, budget: atMost(40, ""), step: "page"},
		{name: goalList, budget: atMost(300, ""), step: "list"},
		{name: goalListAgain, budget: atMost(40, ""), step: "list"},
		{name: goalListMemory, budget: atMost(2, theAnswer), step: "list"},
		{name: goalUploads, needs: "-before", budget: atLeast(1.5, before), step: "uploads"},
		{name: goalUploadsAt, needs: scaleFlag, budget: atLeast(0.95, empty), step: "scale"},
		{name: goalSize, needs: scaleFlag, budget: atMost(2500, ""), step: "scale"},
	}
	for _, t := range tails {
		all = append(all,
			goal{name: tailGoal(t), needs: scaleFlag, budget: atMost(2, empty), step: "scale"})
	}
	return append(all,
		goal{name: goalBuild, needs: "-before-source", budget: atMost(0.6, before), step: "build"},
		goal{name: goalProgram, budget: atMost(45, ""), step: "program"})
}

// targets measures the table of targets.
func targets(ctx context.Context, args []string) error {
	s, err := parseTargets(args)
	if err != nil {
		return err
	}
	b, err := s.measure(ctx)
	switch {
	case b == nil:
		return err
	case s.json:
		return errors.Join(err, json.NewEncoder(os.Stdout).Encode(b.report))
	}
	b.print(os.Stdout) // the rows so far, also after an error
	return err
}

// targetRun is one run.
type targetRun struct {
	targetSettings
	dir    string
	all    []*process
	report report
	count  int // of sites and uploads, for unique names
}

func (s targetSettings) measure(ctx context.Context) (*targetRun, error) {
	dir, err := os.MkdirTemp("", "index-bench-")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	b := &targetRun{targetSettings: s, dir: dir, report: report{
		Machine:  machine(),
		Settings: fmt.Sprintf("%d rounds; reads in samples of %v; median (least–most)", s.rounds, s.each),
	}}
	defer b.stopAll()
	return b, b.run(ctx)
}

func (b *targetRun) run(ctx context.Context) (err error) {
	if b.binary == "" {
		if b.binary, err = build(ctx, b.dir); err != nil {
			return err
		}
	}
	steps := map[string]func(context.Context) error{
		"warm": b.warm, "memory": b.memory, "page": b.largePage, "list": b.list, "uploads": b.uploadsNow,
		"scale": b.atScale, "build": b.build, "program": b.program,
	}
	for _, g := range b.asked() {
		if step := steps[g.step]; step != nil && !b.lacks(g) {
			steps[g.step] = nil
			begun := time.Now()
			fmt.Fprintln(os.Stderr, g.name)
			if err := step(ctx); err != nil {
				return fmt.Errorf("%s: %w", g.name, err)
			}
			b.stopAll()
			fmt.Fprintf(os.Stderr, "%.0f s\n", time.Since(begun).Seconds())
		}
	}
	return nil
}

// asked returns the goals that -rows selects.
func (b *targetRun) asked() (all []goal) {
	for _, g := range goals() {
		if b.wants(g.name) {
			all = append(all, g)
		}
	}
	return all
}

func (b *targetRun) wants(name string) bool { return b.rows.MatchString(name) }

// lacks reports whether an option without which a goal cannot be measured is missing.
func (b *targetRun) lacks(g goal) bool {
	given := map[string]string{
		"-before": b.before, "-before-source": b.beforeSource, "-scale-database": b.scaleDatabase,
	}
	return g.needs != "" && given[g.needs] == ""
}

// add adds a row to a goal, if that is asked for.
func (b *targetRun) add(name string, r *row) {
	for _, g := range b.asked() {
		if g.name == name {
			r.Goal, r.Budgets = name, []budget{g.budget}
			b.report.Rows = append(b.report.Rows, r)
		}
	}
}

func (b *targetRun) stopAll() {
	for _, p := range slices.Backward(b.all) {
		p.stop()
	}
	b.all = nil
}

// print writes the table of targets, and then every measurement.
func (b *targetRun) print(w io.Writer) {
	fmt.Fprintf(w, "%s\n\n%s\n\n| what | target | measured | |\n|---|---|---|---|\n", b.report.Machine, b.report.Settings)
	for _, g := range b.asked() {
		var rows []*row
		for _, r := range b.report.Rows {
			if r.Goal == g.name {
				rows = append(rows, r)
			}
		}
		if !b.lacks(g) {
			g.needs = ""
		}
		fmt.Fprintln(w, goalLine(g, rows))
	}
	var warm []*row
	rest := report{}
	for _, r := range b.report.Rows {
		if r.Cost != nil {
			warm = append(warm, r)
		} else {
			rest.Rows = append(rest.Rows, r)
		}
	}
	if len(warm) > 0 {
		fmt.Fprintf(w, "\nThe warm pages:\n\n")
		warmTable(w, warm, ours)
	}
	if len(rest.Rows) > 0 {
		fmt.Fprintf(w, "\nThe other rows:\n\n")
		rest.table(w)
	}
	fmt.Fprintf(w, "\nAt the end: %s\n", machine())
}

// goalLine is a line of the table: the target, the value of each client or row, and whether the worst meets it.
func goalLine(g goal, rows []*row) string {
	unit := ""
	if len(rows) > 0 && g.budget.Of == "" {
		unit = " " + rows[0].Unit
	}
	line := fmt.Sprintf("| %s | %s%s |", g.name, g.budget.promise(), unit)
	var labels []string
	values, worst := map[string][]float64{}, math.NaN()
	for _, r := range rows {
		v := r.value(g.budget)
		if math.IsNaN(v) {
			continue
		}
		label := r.By
		if label == "" && len(rows) > 1 {
			label = r.Name
		}
		if values[label] == nil {
			labels = append(labels, label)
		}
		values[label] = append(values[label], v)
		if math.IsNaN(worst) || g.budget.Least > 0 && v < worst || g.budget.Most > 0 && v > worst {
			worst = v
		}
	}
	if math.IsNaN(worst) {
		why := ""
		if g.needs != "" {
			why = ": needs " + g.needs
		}
		return line + " | not measured" + why + " |"
	}
	var cells []string
	for _, label := range labels {
		all := values[label]
		text := number(slices.Min(all))
		if high := number(slices.Max(all)); high != text {
			text += "–" + high
		}
		cells = append(cells, strings.TrimSpace(label+" "+text))
	}
	return line + fmt.Sprintf(" %s%s | %s |", strings.Join(cells, "; "), unit, g.budget.judge(worst))
}
