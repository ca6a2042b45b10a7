package pages

import (
	"context"
	"time"

	"pyindex/internal/fault"
)

const (
	unusedTime = 90 * 24 * time.Hour // after which a page is deleted
	sweepEvery = time.Hour
	sweepBatch = 500
	lookEvery  = time.Minute // at the lists of projects, and at the number of pages
	closeTime  = time.Second
	finishTime = 5 * time.Second
)

// Run writes what was read and renews what is in use, until the context ends; Close follows. It also reads the list of
// projects of each upstream once a day and deletes pages that nobody has used for a long time. Run it once in each
// serving process.
func (p *Pages) Run(ctx context.Context) {
	var batched time.Time
	ticks := time.NewTicker(batchEvery)
	defer ticks.Stop()
	looked, swept := time.Time{}, time.Now()
	for {
		select {
		case <-ctx.Done():
			return // Close writes what is left
		case <-ticks.C:
		case <-p.kick:
			if time.Since(batched) < batchEvery { // the next tick will do it
				continue
			}
			if pause(ctx, encodeDelay) != nil {
				continue
			}
		}
		p.report("writing the pages of upstreams", p.Batch(ctx))
		batched = time.Now()
		if time.Since(looked) >= lookEvery {
			looked = time.Now()
			p.working.Go(func() { p.look(ctx) })
		}
		if time.Since(swept) >= sweepEvery {
			swept = time.Now()
			p.report("deleting unused pages of upstreams", p.Sweep(ctx))
		}
	}
}

// Close waits a moment for questions that are being asked, and writes what was read. Programs call it before they close
// the database.
func (p *Pages) Close() {
	done := make(chan struct{})
	go func() {
		p.working.Wait()
		close(done)
	}()
	select {
	case <-done:
	case <-time.After(closeTime):
	}
	ctx, cancel := context.WithTimeout(context.Background(), finishTime)
	defer cancel()
	p.report("writing the pages of upstreams", p.batch(ctx, false))
}

func (p *Pages) report(doing string, err error) {
	if err != nil {
		p.log.Warn(doing+" failed", "error", fault.Explain(err))
	}
}

// Sweep deletes pages that nobody has used for a long time, and leases that ended. It does nothing while the index is
// offline, since such pages cannot be fetched again.
func (p *Pages) Sweep(ctx context.Context) error {
	if p.o.Offline {
		return nil
	}
	now := p.now()
	for {
		var n int64
		err := p.o.Store.Update(ctx, func(tx Tx) (err error) {
			if err := tx.DeleteUpstreamLeases(ctx, now.Add(-time.Hour)); err != nil {
				return err
			}
			n, err = tx.DeleteUpstreamPages(ctx, now.Add(-unusedTime), sweepBatch)
			return err
		})
		if err != nil || n < sweepBatch {
			return err
		}
	}
}

// look counts the stored pages, takes over the lists that other replicas read, and reads those that are due.
func (p *Pages) look(ctx context.Context) {
	var counts map[string]int
	err := p.o.Store.View(ctx, func(tx Tx) (err error) {
		counts, err = tx.CountUpstreamPages(ctx)
		return err
	})
	if err == nil {
		p.sources.Range(func(name, s any) bool {
			s.(*source).pages.Store(int64(counts[name.(string)]))
			return true
		})
		err = p.UpdateLists(ctx)
	}
	if ctx.Err() == nil {
		p.report("looking at the lists of upstreams", err)
	}
}
