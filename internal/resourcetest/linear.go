// Package resourcetest fails a reader of strangers' bytes whose time or memory grows faster than what it reads.
//
// Each reader is run on hostile texts of two sizes, the larger four times the smaller. What is linear takes four times
// as long and as much memory, what is quadratic sixteen times; between these, and above a floor that small work and a
// busy machine can reach, is where it fails. A reader that refuses the larger text, or stops reading, passes.
package resourcetest

import (
	"runtime"
	"syscall"
	"testing"
	"time"
)

const (
	times      = 4                      // how much larger the second text is
	mostTimes  = 9                      // how much more it may cost
	floorTime  = 150 * time.Millisecond // which costs nothing
	floorBytes = 4 << 20
	tries      = 5 // the best counts
)

// Cost is what something took of the processors and of memory, or the least that some runs of it took.
type Cost struct {
	Time  time.Duration
	Bytes uint64
}

// Linear runs a reader on shapes at size n and 4·n, and fails for each whose time or allocated memory grows faster than
// its size. A shape makes a text of about that many bytes; how long that takes does not count. Tests that call it must
// not run beside others of their package: memory is counted for the whole process.
func Linear[T any](t *testing.T, n int, shapes map[string]func(n int) T, read func(T)) {
	t.Helper()
	if testing.Short() {
		t.Skip("measures time")
	}
	for name, shape := range shapes {
		small, large := shape(n), shape(times*n)
		var a, b Cost
		for i := range tries {
			a, b = least(i, a, Measure(func() { read(small) })), least(i, b, Measure(func() { read(large) }))
			if fits(a, b) {
				break
			}
		}
		t.Logf("%s: %s and %d kB, four times as many bytes: %s and %d kB", name, a.Time, a.Bytes>>10, b.Time, b.Bytes>>10)
		if !fits(a, b) {
			t.Errorf("%s: %s and %d kB for %d bytes, %s and %d kB for four times as many: it grows faster than the text", name,
				a.Time, a.Bytes>>10, n, b.Time, b.Bytes>>10)
		}
	}
}

func fits(a, b Cost) bool {
	return b.Time <= mostTimes*a.Time+floorTime && b.Bytes <= mostTimes*a.Bytes+floorBytes
}

func least(i int, a, b Cost) Cost {
	if i == 0 {
		return b
	}
	return Cost{min(a.Time, b.Time), min(a.Bytes, b.Bytes)}
}

// Measure runs something once. Memory is all that this process allocated meanwhile.
func Measure(run func()) Cost {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	start := processorTime()
	run()
	took := processorTime() - start
	runtime.ReadMemStats(&after)
	return Cost{took, after.TotalAlloc - before.TotalAlloc}
}

// Repeated returns a shape that repeats a unit between a beginning and an end.
func Repeated(before, unit, after string) func(int) string {
	return func(n int) string {
		b := make([]byte, 0, n)
		b = append(b, before...)
		for len(b)+len(unit)+len(after) <= n {
			b = append(b, unit...)
		}
		return string(append(b, after...))
	}
}

// processorTime is what this process has used of the processors so far. Unlike the clock it does not go on while other
// processes have them.
func processorTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return time.Duration(time.Now().UnixNano())
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
