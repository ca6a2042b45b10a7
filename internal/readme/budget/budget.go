// Package budget bounds what rendering one text may cost: steps, bytes of HTML, cells of tables, time.
package budget

import "context"

// What rendering one text may cost. The budgets grow with the text, so that a long honest one is not refused, and no
// faster than it, so that none costs more than a few hundred milliseconds. A text over its budget is shown as plain
// text.
const (
	stepsPerByte = 64 // looking at a byte, or at an open block or mark
	stepsMore    = 1_000_000
	htmlPerByte  = 16 // bytes written
	htmlMore     = 64 << 10
	maxCells     = 10_000 // of all tables, with those that rows are filled up with
)

// Budget is what is left for one text. It is not safe for concurrent use.
type Budget struct {
	done   <-chan struct{}
	steps  int
	html   int
	cells  int
	looked int  // steps since done was looked at
	Over   bool // something ran out, or the time
	Late   bool // the time
}

// New returns the budget of a text of size bytes, which runs out early if ctx ends.
func New(ctx context.Context, size int) *Budget {
	return &Budget{
		done: ctx.Done(), steps: stepsPerByte*size + stepsMore, html: htmlPerByte*size + htmlMore, cells: maxCells,
	}
}

// lookEvery is how many steps pass between two looks at the clock.
const lookEvery = 100_000

// Step takes n steps and reports whether work may continue.
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

// Write takes n bytes of HTML.
func (b *Budget) Write(n int) bool {
	b.html -= n
	return b.check(b.html)
}

// Table takes the cells of a table.
func (b *Budget) Table(columns, rows int) bool {
	b.cells -= columns * rows
	return b.check(b.cells)
}

func (b *Budget) check(left int) bool {
	b.Over = b.Over || left < 0
	return !b.Over
}
