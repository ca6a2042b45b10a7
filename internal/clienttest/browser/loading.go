package browser

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
)

// loading follows whether a tab loads a document. Chromium reports that a page requested a navigation before it answers
// the next script, but well before the new document replaces the old one. In between, everything still sees the old
// document, which often contains the expected text already.
type loading struct {
	mu      sync.Mutex
	busy    bool
	started int // number of navigations since the tab was opened
}

// follow keeps l up to date for the main frame of a tab until ctx ends.
func (l *loading) follow(ctx context.Context) error {
	top := cdp.FrameID(chromedp.FromContext(ctx).Target.TargetID)
	return chromedp.Listen(ctx, func(event any) {
		switch e := event.(type) {
		case *page.EventFrameRequestedNavigation:
			if e.FrameID == top && e.Disposition == page.ClientNavigationDispositionCurrentTab {
				l.set(true)
			}
		case *page.EventFrameStartedLoading:
			if e.FrameID == top {
				l.set(true)
			}
		case *page.EventFrameStoppedLoading:
			if e.FrameID == top {
				l.set(false)
			}
		}
	})
}

func (l *loading) set(busy bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if busy && !l.busy {
		l.started++
	}
	l.busy = busy
}

func (l *loading) state() (busy bool, started int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.busy, l.started
}

// still reports whether the tab shows a complete document that no navigation is about to replace.
func (b *Tab) still() bool {
	var state string
	if err := b.eval(`document.readyState`, &state); err != nil || state != "complete" {
		return false
	}
	busy, _ := b.loading.state() // after the script, which the report of a navigation precedes
	return !busy
}

// settle waits until the document is complete, with its styles, and no navigation is about to replace it.
func (b *Tab) settle() {
	b.t.Helper()
	for deadline := time.Now().Add(patience); !b.still(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			b.t.Fatalf("%s is still loading after %v", b.Where(), patience)
		}
	}
}

// steady runs what on a complete document, and again if a navigation replaced the document meanwhile.
func (b *Tab) steady(what func() error) error {
	b.t.Helper()
	for deadline := time.Now().Add(patience); ; {
		b.settle()
		_, before := b.loading.state()
		err := what()
		if _, after := b.loading.state(); after == before {
			return err
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("the document changes all the time: %w", err)
		}
	}
}
