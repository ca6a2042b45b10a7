package main

import (
	"archive/zip"
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"runtime/metrics"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"pyindex/internal/access"
	"pyindex/internal/advisory"
	"pyindex/internal/policy"
	"pyindex/internal/storage/db"
)

// policySettings are the options of "bench policy".
type policySettings struct {
	quick, json bool
	binary      string // path of the index program; built if empty
	rounds      int
	records     int    // of the feed
	largest     int    // files of the page
	databaseURL string // for the replicas
	storage     string
}

func parsePolicy(args []string) (s policySettings, err error) {
	f := flag.NewFlagSet("policy", flag.ContinueOnError)
	f.BoolVar(&s.quick, "quick", false, "small sizes and one round, to check that the benchmark works")
	f.BoolVar(&s.json, "json", false, "print JSON instead of the table")
	f.StringVar(&s.binary, "binary", "", "path of the index program (default: this source, built)")
	f.IntVar(&s.rounds, "rounds", 5, "samples of each measurement")
	f.StringVar(&s.databaseURL, "database-url", "",
		"disposable PostgreSQL database for the row about three replicas, which is not measured without it")
	f.StringVar(&s.storage, "storage", "", "storage URL for three replicas (default: a temporary folder)")
	if err := f.Parse(args); err != nil {
		return s, err
	}
	s.records, s.largest = 250_000, 10_000
	if s.quick {
		s.records, s.largest, s.rounds = 500, 300, 1
	}
	return s, nil
}

// measurePolicy measures what decisions about files and feeds of advisories cost, and how soon a change of them is
// visible.
func measurePolicy(ctx context.Context, args []string) error {
	s, err := parsePolicy(args)
	if err != nil {
		return err
	}
	r, err := s.measure(ctx)
	if err != nil {
		return err
	}
	return r.print(s.json)
}

// deciding is one run.
type deciding struct {
	policySettings
	through
}

func (s policySettings) measure(ctx context.Context) (*report, error) {
	dir, err := os.MkdirTemp("", "index-bench-")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	b := &deciding{policySettings: s, through: through{dir: dir, report: report{
		Machine:  machine(),
		Settings: fmt.Sprintf("%d rounds; median (least–most).", s.rounds),
	}}}
	err = b.run(ctx)
	b.stopAll()
	return &b.report, err
}

func (b *deciding) run(ctx context.Context) (err error) {
	b.decisions()
	if err := b.feed(ctx); err != nil {
		return fmt.Errorf("the feed: %w", err)
	}
	if b.index = b.binary; b.index == "" {
		if b.index, err = build(ctx, b.dir); err != nil {
			return err
		}
	}
	if b.server, err = buildUpstream(ctx, b.dir); err != nil {
		return err
	}
	if err := b.pages(ctx); err != nil {
		return fmt.Errorf("the pages: %w", err)
	}
	b.stopAll()
	if err := b.replicas(ctx); err != nil {
		return fmt.Errorf("the replicas: %w", err)
	}
	return nil
}

// measured adds a row to the report.
func (b *deciding) measured(r *row) { b.report.Rows = append(b.report.Rows, r) }

// decisions measures the decision about a file in memory: with two repositories that have a cooldown, and with a
// denial, a pin, a lifted denial and an exemption of other files.
func (b *deciding) decisions() {
	day, noon := 24*time.Hour, time.Date(2026, 12, 1, 12, 0, 0, 0, time.UTC)
	one, other := strings.Repeat("1", 64), strings.Repeat("2", 64)
	way := policy.Settings{
		Repository: "main", Direct: true, Cooldown: 3 * day, Exempt: map[string]policy.Exemption{other: {ID: "x"}},
	}
	rules := policy.Rules{
		Ways: []policy.Settings{way, way}, Pins: map[string]string{"other": one}, Lifts: map[string]string{other: "y"},
		Contents: map[string]*policy.Denial{other: {}}, Denials: []policy.Denial{{Version: "2.0"}},
	}
	file := policy.File{
		Filename: "demo-1.0-py3-none-any.whl", Version: "1.0", SHA256: one, Age: noon.Add(-day), Uploaded: noon.Add(-day),
		FirstSeen: noon.Add(-day),
	}
	took := &row{Name: "decision about a file in memory", Unit: "ns", Budgets: []budget{atMost(300, "")}}
	memory := &row{Name: "the same: allocations", Unit: "allocations", Budgets: []budget{none}}
	for range b.rounds {
		got := testing.Benchmark(func(t *testing.B) {
			t.ReportAllocs()
			for t.Loop() {
				rules.Decide(&file, noon)
			}
		})
		took.add(ours, float64(got.T.Nanoseconds())/float64(got.N))
		memory.add(ours, float64(got.AllocsPerOp()))
	}
	b.measured(took)
	b.measured(memory)
}

// none is the budget of what must not occur: less than one.
var none = atMost(0.5, "")

// feed measures an import into an empty database, and the import of the same feed again.
func (b *deciding) feed(ctx context.Context) error {
	path := filepath.Join(b.dir, "all.zip")
	if err := writeFeed(path, b.records); err != nil {
		return err
	}
	name := fmt.Sprintf("import of a feed of %d records", b.records)
	first := &row{Name: name, Unit: "s", Budgets: []budget{atMost(20, "")}}
	again := &row{Name: "the same again", Unit: "s", Budgets: []budget{atMost(20, "")}}
	heap := &row{Name: "the same two: most memory held", Unit: "MB", Budgets: []budget{atMost(64, "")}}
	for n := range b.rounds {
		if err := b.importInto(ctx, fmt.Sprintf("feed-%d.db", n), path, first, again, heap); err != nil {
			return err
		}
	}
	for _, r := range []*row{first, again, heap} {
		b.measured(r)
	}
	return nil
}

// importInto imports a feed into a database that it creates, twice.
func (b *deciding) importInto(ctx context.Context, database, path string, first, again, heap *row) error {
	rows, err := db.Open(ctx, "sqlite:"+filepath.Join(b.dir, database), db.Options{})
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }()
	x := advisory.New(rows.Advisories(), advisory.Options{})
	runtime.GC() // what was measured before has left something
	most, stop := watchHeap()
	defer stop()
	for _, r := range []*row{first, again} {
		from, err := advisory.FromPath(path)
		if err != nil {
			return err
		}
		begun := time.Now()
		if _, err := x.Import(ctx, access.Operator("bench"), "all", from, advisory.ImportOptions{}); err != nil {
			return err
		}
		r.add(ours, time.Since(begun).Seconds())
	}
	heap.add(ours, float64(most.Load())/(1<<20))
	return nil
}

// watchHeap measures the most bytes of live and dead objects until it is stopped.
func watchHeap() (most *atomic.Uint64, stop func()) {
	most, done := &atomic.Uint64{}, make(chan struct{})
	go func() {
		sample := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
		for {
			metrics.Read(sample)
			most.Store(max(most.Load(), sample[0].Value.Uint64()))
			select {
			case <-done:
				return
			case <-time.After(5 * time.Millisecond):
			}
		}
	}()
	return most, func() { close(done) }
}

// writeFeed writes a zip file with n records, which have the size of usual ones.
func writeFeed(path string, n int) (err error) {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	w := bufio.NewWriter(f)
	z := zip.NewWriter(w)
	for i := range n {
		m, err := z.Create(fmt.Sprintf("MAL-2026-%d.json", i))
		if err != nil {
			return err
		}
		if _, err := m.Write(feedRecord(i)); err != nil {
			return err
		}
	}
	return errors.Join(z.Close(), w.Flush())
}

// feedRecord returns a record about generated-I.
func feedRecord(i int) []byte {
	details := strings.Repeat(fmt.Sprintf("The package was found by campaign %d to send secrets away. ", i%977), 8)
	weakness := strings.Repeat("The product contains code that appears to be malicious in nature. ", 3)
	return fmt.Appendf(nil, `{"schema_version":"1.7.4","id":"MAL-2026-%d","published":"2026-02-03T04:05:06Z",`+
		`"modified":"2026-03-04T05:06:07Z","summary":"Malicious code in generated-%[1]d","details":%[2]q,`+
		`"affected":[{"package":{"ecosystem":"PyPI","name":"generated-%[1]d","purl":"pkg:pypi/generated-%[1]d"},`+
		`"versions":["0.0.%[1]d","0.1.0","0.1.1"],"ranges":[{"type":"ECOSYSTEM","events":[{"introduced":"0"}]}],`+
		`"database_specific":{"cwes":[{"cweId":"CWE-506","description":%[3]q}]}}],`+
		`"references":[{"type":"WEB","url":"https://example.com/blog/%[1]d"}],`+
		`"credits":[{"name":"A finder","type":"FINDER","contact":["https://example.com"]}]}`, i, details, weakness)
}

// Repositories of the pages and the replicas.
const (
	withRules    = "cooling"
	withoutRules = "plain"
)

// draw adds an upstream and the two repositories to a site. At first, both have no rules.
func (b *deciding) draw(ctx context.Context, s *site, up *process) error {
	for _, args := range [][]string{
		{"upstream", "add", "generated", "--url", up.base + "/simple/", "--allow-private"},
		{"repository", "add", withRules, "--base", "upstream:generated"},
		{"repository", "add", withoutRules, "--base", "upstream:generated"},
	} {
		if _, err := s.admin(ctx, args...); err != nil {
			return err
		}
	}
	return nil
}

// pages compares large pages through a repository with a cooldown and through one without rules, by turns: each for the
// first time, and again.
func (b *deciding) pages(ctx context.Context) error {
	up, err := b.upstream(ctx, "-projects", strconv.Itoa(4*b.rounds), "-files", strconv.Itoa(b.largest), "-size", "16")
	if err != nil {
		return err
	}
	s, p, err := b.fresh(ctx, nil)
	if err != nil {
		return err
	}
	if err := b.draw(ctx, s, up); err != nil {
		return err
	}
	if _, err := s.admin(ctx, "repository", "set", withRules, "--cooldown", "72h"); err != nil {
		return err
	}
	ratio := []budget{atLeast(0.95, withoutRules)}
	first := &row{Name: fmt.Sprintf("page of %d files with policy, first read", b.largest), Unit: "/s", Budgets: ratio}
	again := &row{Name: "the same again", Unit: "/s", Budgets: ratio}
	for n := range 2 * b.rounds {
		trees := []string{withRules, withoutRules}
		if n%2 == 1 {
			trees = []string{withoutRules, withRules}
		}
		for i, tree := range trees {
			if err := b.readTwice(ctx, s, p, tree, 2*n+i, first, again); err != nil {
				return err
			}
		}
	}
	b.measured(first)
	b.measured(again)
	return nil
}

// readTwice reads the page of a project that was not read before, and then again for some time.
func (b *deciding) readTwice(ctx context.Context, s *site, p *process, tree string, n int, first, again *row) error {
	column := map[string]string{withRules: ours, withoutRules: withoutRules}[tree]
	at := s.reads(p, fmt.Sprintf("/r/%s/simple/generated-%d/", tree, n), asJSON, withGzip)
	_, _, took, err := at.once(ctx)
	if err != nil {
		return err
	}
	first.add(column, 1/took.Seconds())
	const reads = 20
	var sum time.Duration
	for range reads {
		_, _, took, err := at.once(ctx)
		if err != nil {
			return err
		}
		sum += took
	}
	again.add(column, reads/sum.Seconds())
	return nil
}

// replicas measures how long it takes until a change is visible at three servers on one database. Each of them has
// answered the same request before.
func (b *deciding) replicas(ctx context.Context) error {
	visible := &row{Name: "change of policy visible at three replicas", Unit: "s", Budgets: []budget{atMost(2, "")}}
	fed := &row{Name: "change of a feed visible at three replicas", Unit: "s", Budgets: []budget{atMost(2, "")}}
	b.measured(visible)
	b.measured(fed)
	if b.databaseURL == "" {
		return nil
	}
	up, err := b.upstream(ctx, "-projects", "1", "-files", "20", "-size", "16")
	if err != nil {
		return err
	}
	dir := filepath.Join(b.dir, "three")
	if err := os.Mkdir(dir, 0o700); err != nil {
		return err
	}
	storage := b.storage
	if storage == "" {
		storage = "file://" + filepath.Join(dir, "content")
	}
	s, err := newSite(ctx, b.index, dir, b.databaseURL, storage)
	if err != nil {
		return err
	}
	if err := b.draw(ctx, s, up); err != nil {
		return err
	}
	var all []*process
	for n := range 3 {
		p, err := s.serve(ctx, fmt.Sprintf("replica-%d", n), false)
		if err != nil {
			return err
		}
		b.all, all = append(b.all, p), append(all, p)
	}
	return b.changes(ctx, s, all, visible, fed)
}

// changes denies and allows a project, by a denial and by a feed, and waits each time until all servers say so.
func (b *deciding) changes(ctx context.Context, s *site, all []*process, visible, fed *row) error {
	feed := filepath.Join(b.dir, "one.json")
	if err := os.WriteFile(feed, feedRecord(0), 0o600); err != nil {
		return err
	}
	if err := everywhere(ctx, s, all, false); err != nil {
		return err
	}
	for range b.rounds {
		id := ""
		for _, c := range []struct {
			to     *row
			denied bool
			args   []string
		}{
			{visible, true, []string{"deny", "add", "generated-0", "--reason", "measured"}},
			{visible, false, []string{"deny", "remove"}},
			{fed, true, []string{"feed", "import", feed}},
			{fed, false, []string{"feed", "remove", "local"}},
		} {
			if c.args[1] == "remove" && c.args[0] == "deny" {
				c.args = append(c.args, id)
			}
			said, err := s.admin(ctx, c.args...)
			if err != nil {
				return err
			}
			begun := time.Now()
			id = said[strings.LastIndexByte(said, ' ')+1:]
			if err := everywhere(ctx, s, all, c.denied); err != nil {
				return err
			}
			c.to.add(ours, time.Since(begun).Seconds())
		}
	}
	return nil
}

// everywhere waits until the page of the project says at each server that it is denied, or that it is not.
func everywhere(ctx context.Context, s *site, all []*process, denied bool) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	errs := make([]error, len(all))
	var group sync.WaitGroup
	for i, p := range all {
		group.Go(func() {
			at := s.reads(p, "/r/"+withRules+"/simple/generated-0/", asJSON)
			for ; ; time.Sleep(time.Millisecond) {
				var page struct {
					Files []struct{ Yanked any }
				}
				err := fetchJSON(ctx, at, &page)
				served := false
				for _, f := range page.Files {
					reason, _ := f.Yanked.(string)
					served = served || !strings.HasPrefix(reason, "denied: ")
				}
				if err != nil || served != denied {
					errs[i] = err
					return
				}
			}
		})
	}
	group.Wait()
	return errors.Join(errs...)
}
