package terminal

import (
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"golang.org/x/term"
)

// How often a Progress is written: redrawn on a terminal, and as a line elsewhere.
const (
	redrawEvery = 200 * time.Millisecond
	lineEvery   = 5 * time.Second
)

// Progress shows how far a long command is: as one line that is redrawn on a terminal, and as a plain line every five
// seconds elsewhere. The zero Progress and nil show nothing. It is safe for concurrent use.
type Progress struct {
	mu       sync.Mutex
	w        io.Writer
	redraws  bool
	every    time.Duration
	now      func() time.Time
	what     string
	noun     string
	total    int64 // objects, 0 if unknown
	objects  int64
	bytes    int64
	began    time.Time
	said     time.Time
	drawn    int // columns of the line on the terminal
	finished bool
}

// NewProgress returns a progress that is written to w, which is usually the standard error. quiet shows nothing, as
// commands with --json do.
func NewProgress(w io.Writer, quiet bool) *Progress {
	if quiet {
		return nil
	}
	p := &Progress{w: w, every: lineEvery, now: time.Now}
	if f, ok := w.(*os.File); ok && term.IsTerminal(int(f.Fd())) && os.Getenv("TERM") != "dumb" {
		p.redraws, p.every = true, redrawEvery
	}
	return p
}

// Step begins a step of the command: what is done, such as "copying content", and the noun of its objects, such as
// "file". total is the number of objects, 0 if it is not known.
func (p *Progress) Step(what, noun string, total int64) {
	if p == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.clear()
	p.what, p.noun, p.total, p.objects, p.bytes = what, noun, total, 0, 0
	p.began = p.now()
	p.said = p.began
	if p.redraws {
		p.draw()
	} else if p.w != nil {
		fmt.Fprintln(p.w, p.what)
	}
}

// Add counts objects and bytes of the current step.
func (p *Progress) Add(objects, bytes int64) {
	if p == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.objects += objects
	p.bytes += bytes
	if now := p.now; p.w != nil && !p.finished && now().Sub(p.said) >= p.every {
		p.said = now()
		p.draw()
	}
}

// Say writes a line about something that happened.
func (p *Progress) Say(format string, args ...any) {
	if p == nil || p.w == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.clear()
	fmt.Fprintf(p.w, format+"\n", args...)
}

// Done removes the line from a terminal. Nothing is shown after it.
func (p *Progress) Done() {
	if p == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.clear()
	p.finished = true
}

// draw writes the state of the step.
func (p *Progress) draw() {
	text := fmt.Sprintf("%s: %s", p.what, Plural(p.objects, p.noun))
	if p.total > 0 {
		text = fmt.Sprintf("%s: %d of %s", p.what, p.objects, Plural(p.total, p.noun))
	}
	if p.bytes > 0 {
		text += ", " + SizeText(p.bytes)
		if s := p.now().Sub(p.began).Seconds(); s >= 1 {
			text += fmt.Sprintf(" (%s/s)", SizeText(int64(float64(p.bytes)/s)))
		}
	}
	if left, ok := p.left(); ok {
		text += ", about " + left.String() + " left"
	}
	if !p.redraws {
		fmt.Fprintln(p.w, text)
		return
	}
	if limit := width(p.w); limit > 1 && len(text) >= limit {
		text = text[:limit-1]
	}
	fmt.Fprintf(p.w, "\r%-*s", p.drawn, text)
	p.drawn = len(text)
}

// left estimates the time until all objects are done.
func (p *Progress) left() (time.Duration, bool) {
	spent := p.now().Sub(p.began)
	if p.total <= p.objects || p.objects == 0 || spent < 10*time.Second {
		return 0, false
	}
	each := float64(spent) / float64(p.objects)
	return time.Duration(each * float64(p.total-p.objects)).Round(time.Second), true
}

// clear removes the line from the terminal.
func (p *Progress) clear() {
	if p.drawn > 0 {
		fmt.Fprintf(p.w, "\r%*s\r", p.drawn, "")
		p.drawn = 0
	}
}

// Clear removes the line from a terminal until the next change, so that other output can be written.
func (p *Progress) Clear() {
	if p == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.clear()
}
