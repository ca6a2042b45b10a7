package verify_test

import (
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"testing"

	"pyindex/internal/fault"
	"pyindex/internal/packaging/packagingtest"
	"pyindex/internal/verify"
)

// A run beside uploads, deletions of files and projects, and sweeps reports no finding, whether it repairs or not.
func TestNoFalseFindingsBesideChanges(t *testing.T) {
	rounds := 6
	if os.Getenv("INDEX_TEST_ALL") != "" {
		rounds = 60
	}
	eachPlace(t, func(t *testing.T, w *world) {
		w.filled()
		var stop atomic.Bool
		var changes atomic.Int64
		var all sync.WaitGroup
		for i := range 3 {
			all.Go(func() {
				project := fmt.Sprint("busy", i)
				for n := 0; !stop.Load(); n++ {
					version := fmt.Sprint(n)
					f := packagingtest.Wheel(project, version, fmt.Sprint("x = ", n%3), "Requires-Dist: six")
					if err := w.upload(f); err != nil && !fault.Is(err, fault.Unavailable) {
						t.Errorf("upload = %v", err)
						return
					}
					var err error
					switch n % 4 {
					case 1:
						err = w.DeleteFile(t.Context(), w.boss, "", name(t, project), f.Name)
					case 3:
						err = w.DeleteProject(t.Context(), w.boss, "", name(t, project))
					}
					if err != nil {
						t.Errorf("deletion = %v", err)
						return
					}
					changes.Add(1)
				}
			})
		}
		all.Go(func() {
			for !stop.Load() {
				if _, err := w.Custody.Sweep(t.Context(), w.boss); err != nil {
					t.Errorf("Sweep = %v", err)
					return
				}
			}
		})
		for n := range rounds {
			before := changes.Load()
			for once := true; once || changes.Load() < before+3 && !t.Failed(); once = false {
				if found, _ := w.run(verify.Options{Repair: n%2 == 1}); len(found) > 0 {
					t.Errorf("beside changes, verify finds %+v", found)
				}
			}
		}
		stop.Store(true)
		all.Wait()
		w.clean("after the changes")
	})
}
