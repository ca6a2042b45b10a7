package projects

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"pyindex/internal/packaging"
	"pyindex/internal/readme"
)

// slow returns descriptions of which those that are called "slow" take until their context ends.
func slow(rendered *atomic.Int64) *descriptions {
	d := newDescriptions(time.Now)
	d.render = func(ctx context.Context, text, contentType string, o readme.Options) readme.Rendered {
		rendered.Add(1)
		if text == "slow" {
			<-ctx.Done()
			return readme.Rendered{HTML: "<pre>slow</pre>", Plain: true, Late: true}
		}
		return readme.Render(ctx, text, contentType, o)
	}
	return d
}

func TestSlowDescriptionHoldsUpNoOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var rendered atomic.Int64
		d := slow(&rendered)
		for i := range descriptionsAtOnce - 1 {
			go d.of(t.Context(), fmt.Sprint("slow", i), packaging.Metadata{Description: "slow"}, nil)
		}
		synctest.Wait()
		start := time.Now()
		if got := d.of(t.Context(), "quick", packaging.Metadata{Description: "*quick*"},
			nil); !strings.Contains(string(got.HTML),
			"<em>quick</em>") {
			t.Errorf("description = %q, want it rendered", got.HTML)
		}
		if took := time.Since(start); took != 0 {
			t.Errorf("a description waited %s for another", took)
		}
		time.Sleep(maxDescriptionTime) // time stands still once the test is over
	})
}

func TestDescriptionWaitsABoundedTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var rendered atomic.Int64
		d := slow(&rendered)
		for i := range 100 { // one after the other, as many as find a place at once
			go d.of(t.Context(), fmt.Sprint("slow", i), packaging.Metadata{Description: "slow"}, nil)
		}
		synctest.Wait()
		start := time.Now()
		got := d.of(t.Context(), "quick", packaging.Metadata{Description: "*quick*"}, nil)
		if !strings.Contains(string(got.HTML), "quick") || time.Since(start) > maxDescriptionTime {
			t.Errorf("description = %q after %s, want its text within %s", got.HTML, time.Since(start), maxDescriptionTime)
		}
		time.Sleep(2 * time.Minute)
		if got := d.of(t.Context(), "quick", packaging.Metadata{Description: "*quick*"},
			nil); !strings.Contains(string(got.HTML),
			"<em>quick</em>") {
			t.Errorf("description later = %q, want it rendered", got.HTML)
		}
	})
}

func TestDescriptionIsRenderedOnce(t *testing.T) {
	var rendered atomic.Int64
	d := slow(&rendered)
	var all sync.WaitGroup
	for range 50 {
		all.Go(func() { d.of(t.Context(), "a", packaging.Metadata{Description: "*a*"}, nil) })
	}
	all.Wait()
	if n := rendered.Load(); n != 1 {
		t.Errorf("rendered %d times, want once", n)
	}
}

func TestLateDescriptionIsTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var rendered atomic.Int64
		d := slow(&rendered)
		for range 3 {
			if got := d.of(t.Context(), "a", packaging.Metadata{Description: "slow"}, nil); got.HTML != "<pre>slow</pre>" {
				t.Errorf("description = %q", got.HTML)
			}
		}
		if n := rendered.Load(); n != 1 {
			t.Errorf("rendered %d times, want once: a text that takes long must not be tried by every request", n)
		}
		time.Sleep(descriptionTryAgain)
		d.of(t.Context(), "a", packaging.Metadata{Description: "slow"}, nil)
		if n := rendered.Load(); n != 2 {
			t.Errorf("rendered %d times after %s, want 2", n, descriptionTryAgain)
		}
	})
}

func TestDescriptionEndsWithItsRequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var rendered atomic.Int64
		d := slow(&rendered)
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		start := time.Now()
		if got := d.of(ctx, "a", packaging.Metadata{Description: "slow"}, nil); got.HTML != "<pre>slow</pre>" ||
			time.Since(start) != 100*time.Millisecond {
			t.Errorf("description = %q after %s, want the text when the request ends", got.HTML, time.Since(start))
		}
		time.Sleep(maxDescriptionTime)
	})
}

func TestDescriptionsAreBounded(t *testing.T) {
	d := newDescriptions(time.Now)
	long := strings.Repeat("a", readme.MaxText-1)
	for i := range 200 {
		d.of(t.Context(), fmt.Sprint(i), packaging.Metadata{Description: long}, nil)
		if kept := d.ready.Weight(); kept > maxDescriptions || kept < int64(min(i, 4)*len(long)) {
			t.Fatalf("descriptions of %d bytes are kept", kept)
		}
	}
}
