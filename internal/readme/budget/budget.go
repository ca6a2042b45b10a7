// Package budget bounds the cost of rendering one text: steps, bytes of HTML, table cells and time.
package budget

import (
	"context"
	"time"
)

// Budgets for rendering one text. They grow in proportion to the text, so that long texts are not refused, and no text
// takes more than a few hundred milliseconds. A text that exceeds its budget is shown as plain text.
const (
	stepsPerByte = 64 // one step examines a byte, an open block or an open mark
	stepsMore    = 1_000_000
	htmlPerByte  = 16 // bytes of output
	htmlMore     = 64 << 10
	maxCells     = 10_000      // of all tables, including cells that complete short rows
	maxColored   = 32 << 10    // bytes of code with colors
	maxColoring  = time.Second // for all colors, on a machine that does other things too
)

// Budget is the remaining budget of one text. It is not safe for concurrent use.
type Budget struct {
	done   <-chan struct{}
	steps  int
	html   int
	cells  int
	code   int           // bytes that may still have colors
	colors time.Duration // left for colors
	looked int           // steps since the last check of done
	Over   bool          // the budget or the time is exhausted
	Late   bool          // the time is exhausted
}

// New returns the budget of a text of size bytes. The budget is also exhausted when ctx ends.
func New(ctx context.Context, size int) *Budget {
	return &Budget{
		done: ctx.Done(), steps: stepsPerByte*size + stepsMore, html: htmlPerByte*size + htmlMore, cells: maxCells,
		code: maxColored, colors: maxColoring,
	}
}

// lookEvery is the number of steps between two checks of the context.
const lookEvery = 100_000

// Step consumes n steps and reports whether work may continue.
func (b *Budget) Step(n int) bool {
	b.steps -= n
	if b.looked += n + 100; b.looked > lookEvery {
		b.looked = 0
		select {
		case <-b.done:
			b.Over, b.Late = true, true
		default:
		}
	}
	return b.check(b.steps)
}

// Write consumes n bytes of HTML and reports whether work may continue.
func (b *Budget) Write(n int) bool {
	b.html -= n
	return b.check(b.html)
}

// Table consumes the cells of a table and reports whether work may continue.
func (b *Budget) Table(columns, rows int) bool {
	b.cells -= columns * rows
	return b.check(b.cells)
}

// Color consumes n bytes of code and reports whether it may have colors. Code without colors exceeds no budget.
func (b *Budget) Color(n int) bool {
	if n > b.code || b.colors <= 0 || b.Over {
		return false
	}
	b.code -= n
	return true
}

// Coloring reports whether a block may take d for its colors.
func (b *Budget) Coloring(d time.Duration) bool { return d < b.colors }

// Colored consumes the time that the colors of a block took.
func (b *Budget) Colored(d time.Duration) { b.colors -= d }

func (b *Budget) check(left int) bool {
	b.Over = b.Over || left < 0
	return !b.Over
}
