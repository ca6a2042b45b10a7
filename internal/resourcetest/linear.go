// Package resourcetest fails a parser of untrusted input if its time or memory grows faster than the input.
//
// Each parser runs on hostile inputs of two sizes, the larger four times the smaller. Linear parsers take four times
// the time and memory, quadratic ones sixteen times. The test fails between these two, and above a floor that allows
// for small inputs and a busy machine. A parser that rejects the larger input, or stops reading, passes.
package resourcetest

import (
	"runtime"
	"syscall"
	"testing"
	"time"
)

const (
	times      = 4                      // size of the second input relative to the first
	mostTimes  = 9                      // allowed cost relative to the first
	floorTime  = 150 * time.Millisecond // always allowed
	floorBytes = 4 << 20
	tries      = 5 // attempts; the best one is used
)

// Cost is the processor time and memory used by one run, or the minimum over several runs.
type Cost struct {
	Time  time.Duration
	Bytes uint64
}

// Linear runs a parser on shapes of size n and 4·n, and fails for each shape whose time or allocated memory grows
// faster than its size. A shape creates an input of about that many bytes; creating it is not measured. Tests that call
// Linear must not run in parallel with others of their package, because memory is measured for the whole process.
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

// Measure runs a function once. It measures all memory that this process allocates during the run.
func Measure(run func()) Cost {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	start := processorTime()
	run()
	took := processorTime() - start
	runtime.ReadMemStats(&after)
	return Cost{took, after.TotalAlloc - before.TotalAlloc}
}

// Repeated returns a shape that repeats unit between before and after.
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

// processorTime returns the processor time that this process has used so far. Unlike wall time it does not grow while
// other processes run.
func processorTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return time.Duration(time.Now().UnixNano())
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
