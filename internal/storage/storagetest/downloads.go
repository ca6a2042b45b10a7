package storagetest

import (
	"fmt"
	"strings"
	"sync"
	"time"

	"pyindex/internal/catalog"
	"pyindex/internal/publishers"
)

// checkDownloads checks that downloads are summed by day, for a release, a project or all, even if two processes count
// at once.
func checkDownloads(w *world) {
	day := at.Truncate(24 * time.Hour)
	before := day.AddDate(0, 0, -1)
	add := func(s Stores, day time.Time, project, version string, n int64) {
		w.must(s.Publishers.Update(w.ctx,
			func(tx publishers.Tx) error { return tx.AddDownloads(w.ctx, day, project, version, n) }))
	}
	add(w.a, before, "p", "1.0", 3)
	add(w.a, day, "p", "2.0", 1)
	add(w.a, day, "q", "1.0", 1<<40)
	var all sync.WaitGroup
	for range 10 {
		all.Go(func() { add(w.a, day, "p", "1.0", 1) })
		all.Go(func() { add(w.b, day, "p", "1.0", 2) })
	}
	all.Wait()
	told := func(since time.Time, project, version string) string {
		var out []string
		w.view(func(tx catalog.Tx) error {
			days, err := tx.Downloads(w.ctx, since, project, version)
			for _, d := range days {
				out = append(out, fmt.Sprintf("%s %d", d.Date.Format("02"), d.Granted))
			}
			return err
		})
		return strings.Join(out, ", ")
	}
	w.same("Downloads(release)", told(before, "p", "1.0"), "22 3, 23 30")
	w.same("Downloads(project)", told(before, "p", ""), "22 3, 23 31")
	w.same("Downloads(project, today)", told(day, "p", ""), "23 31")
	w.same("Downloads(all)", told(before, "", ""), fmt.Sprintf("22 3, 23 %d", 31+1<<40))
	w.same("Downloads(nothing)", told(before, "r", ""), "")
	w.same("Downloads(of a version that is none)", told(before, "p", "9"), "")
	w.update(func(tx publishers.Tx) error { return tx.DeleteDownloadsBefore(w.ctx, day) })
	w.same("Downloads(after some are forgotten)", told(before, "p", ""), "23 31")
}
