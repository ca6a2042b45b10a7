package main

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"pyindex/internal/storage/db/synthetic"
)

// crowded is a server of the program on an empty index or on the large catalog.
type crowded struct {
	column string
	site   *site
	p      *process
}

// atScale measures the same work on an empty index and on a large catalog in turns.
func (b *targetRun) atScale(ctx context.Context) error {
	catalog := "sqlite:" + b.scaleDatabase
	size, err := synthetic.Measure(ctx, catalog)
	if err != nil {
		return err
	}
	r := &row{Name: fmt.Sprintf("database a file, %d projects with %d files", size.Projects, size.Files), Unit: "bytes"}
	r.add(ours, float64(size.Bytes)/float64(max(size.Files, 1)))
	b.add(goalSize, r)
	dir, err := b.folder()
	if err != nil {
		return err
	}
	trusted, err := newIssuer(dir)
	if err != nil {
		return err
	}
	defer func() { _ = trusted.server.Close() }()
	nonce := fmt.Sprintf("%x", time.Now().Unix())
	var both []crowded
	for _, c := range []struct{ column, url string }{{empty, ""}, {ours, catalog}} {
		s, err := b.fresh(ctx, b.binary, c.url)
		if err != nil {
			return err
		}
		if err := s.signInAnew(ctx, "bench-"+nonce); err != nil {
			return err
		}
		if err := trusted.trust(ctx, s, "bench-mint-"+nonce); err != nil {
			return err
		}
		p, err := s.serve(ctx, "server", true) // pages for people accept no token
		if err != nil {
			return err
		}
		b.all = append(b.all, p)
		both = append(both, crowded{c.column, s, p})
	}
	if b.wants(goalUploadsAt) {
		if err := b.uploadsAt(ctx, both); err != nil {
			return err
		}
	}
	return b.tails(ctx, both, trusted, nonce)
}

func (b *targetRun) uploadsAt(ctx context.Context, both []crowded) error {
	r := &row{Name: goalUploadsAt, Unit: "/s"}
	b.add(goalUploadsAt, r)
	for range b.rounds {
		for _, c := range both {
			t, err := b.upload(ctx, c.site, c.p)
			if err != nil {
				return fmt.Errorf("%s: %w", c.column, err)
			}
			r.add(c.column, t.rate())
		}
	}
	return nil
}

// tails measures the 99th percentile of each kind of request, in milliseconds. Each sample is of a project of its own,
// uploaded to both servers; the requests of both alternate.
func (b *targetRun) tails(ctx context.Context, both []crowded, trusted *issuer, nonce string) error {
	common, rare, _ := synthetic.Queries()
	name := func(round, i int) string { return fmt.Sprintf("bench-tail-%s-%d-%d", nonce, round, i) }
	search := func(words func(round, i int) string) func(crowded, int, int) (time.Duration, error) {
		return func(c crowded, round, i int) (time.Duration, error) {
			return c.read(ctx, "/search/?q="+url.QueryEscape(words(round, i)), asHTML)
		}
	}
	for _, kind := range []struct {
		goal, name string
		once       func(c crowded, round, i int) (time.Duration, error)
	}{
		{"upload", "upload of 20 kB", func(c crowded, round, i int) (time.Duration, error) {
			return c.upload(ctx, wheel{name(round, i), "1.0"})
		}},
		{"page", "page, first read", func(c crowded, round, i int) (time.Duration, error) {
			return c.read(ctx, "/simple/"+name(round, i)+"/", asJSON)
		}},
		{"page", "page, again", func(c crowded, round, i int) (time.Duration, error) {
			return c.read(ctx, "/simple/"+name(round, i)+"/", asJSON)
		}},
		{"project page", "project page", func(c crowded, round, i int) (time.Duration, error) {
			return c.read(ctx, "/project/"+name(round, i)+"/", asHTML)
		}},
		{"search", "search for a project", search(name)},
		{"search", "search for a common word", search(func(int, int) string { return common })},
		{"search", "search for a common word, after a change", func(c crowded, round, i int) (time.Duration, error) {
			if _, err := c.upload(ctx, wheel{name(round, i), "1.1"}); err != nil {
				return 0, err
			}
			return search(func(int, int) string { return common })(c, round, i)
		}},
		{"search", "search for a rare word", search(func(int, int) string { return rare })},
		{"mint", "exchange of an identity token", func(c crowded, _, _ int) (time.Duration, error) {
			return trusted.mint(ctx, c.p)
		}},
	} {
		if !b.wants(tailGoal(kind.goal)) && kind.goal != "upload" { // the others read what was uploaded
			continue
		}
		r := &row{Name: kind.name + ", p99", Unit: "ms"}
		b.add(tailGoal(kind.goal), r)
		for round := range b.rounds {
			took := map[string][]time.Duration{}
			for i := range b.samples {
				for _, c := range both {
					d, err := kind.once(c, round, i)
					if err != nil {
						return fmt.Errorf("%s: %s: %w", c.column, kind.name, err)
					}
					took[c.column] = append(took[c.column], d)
				}
			}
			for _, c := range both {
				r.add(c.column, quantile(took[c.column], 0.99))
			}
		}
	}
	return nil
}

// upload uploads a wheel of 20 kB and returns how long it took without building the wheel.
func (c crowded) upload(ctx context.Context, w wheel) (time.Duration, error) {
	content := w.bytes(20_000)
	f, err := newForm(w, digest(content))
	if err != nil {
		return 0, err
	}
	return timed(func() error {
		return f.send(ctx, bare, c.site.uploads(c.p), bytes.NewReader(content), int64(len(content)))
	})
}

func (c crowded) read(ctx context.Context, path, form string) (time.Duration, error) {
	answer, _, took, err := c.site.reads(c.p, path, form, withGzip).once(ctx)
	if err == nil && answer.StatusCode != http.StatusOK {
		err = fmt.Errorf("GET %s: %s", path, answer.Status)
	}
	return took, err
}
