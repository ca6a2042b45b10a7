package ui

import (
	"fmt"
	"html/template"
	"strings"
	"time"
)

// Plot is a bar chart by day. Refused events are stacked on the others and hatched, so that color is not needed to tell
// them apart.
type Plot struct {
	Title, Noun string
	Bars        []Bar
}

// Bar has the numbers of one day.
type Bar struct {
	Date      time.Time
	Good, Bad int
}

// Total returns the number of all events.
func (p Plot) Total() (n int) {
	for _, b := range p.Bars {
		n += b.Good + b.Bad
	}
	return n
}

// Refused returns the number of refused events.
func (p Plot) Refused() (n int) {
	for _, b := range p.Bars {
		n += b.Bad
	}
	return n
}

// Busy returns the days with events, newest first.
func (p Plot) Busy() (out []Bar) {
	for i := len(p.Bars) - 1; i >= 0; i-- {
		if b := p.Bars[i]; b.Good+b.Bad > 0 {
			out = append(out, b)
		}
	}
	return out
}

// Sizes in units of the SVG view box.
const (
	barWidth   = 10
	barGap     = 2
	plotHeight = 60
)

// SVG returns the plot as markup. It contains only numbers, dates and constant words, so it is safe HTML.
func (p Plot) SVG() template.HTML {
	most := 1
	for _, b := range p.Bars {
		most = max(most, b.Good+b.Bad)
	}
	var out strings.Builder
	width := len(p.Bars)*(barWidth+barGap) - barGap
	fmt.Fprintf(&out, `<svg class="plot" viewBox="0 0 %d %d" role="img" aria-label="%s: %d in %d days, at most %d in a day">`,
		width, plotHeight+1, template.HTMLEscapeString(p.Title), p.Total(), len(p.Bars), most)
	fmt.Fprintf(&out, `<path class="base" d="M0 %d.5H%d"/>`, plotHeight, width)
	for i, b := range p.Bars {
		x, good, bad := i*(barWidth+barGap), height(b.Good, most), height(b.Bad, most)
		if b.Good+b.Bad == 0 {
			continue
		}
		fmt.Fprintf(&out, `<g><title>%s: %d`, b.Date.Format("2 January"), b.Good+b.Bad)
		if b.Bad > 0 {
			fmt.Fprintf(&out, `, %d of them refused`, b.Bad)
		}
		out.WriteString(`</title>`)
		if good > 0 {
			fmt.Fprintf(&out, `<rect class="bar" x="%d" y="%d" width="%d" height="%d"/>`, x, plotHeight-good, barWidth, good)
		}
		if bad > 0 {
			fmt.Fprintf(&out, `<rect class="bar refused" x="%d" y="%d" width="%d" height="%d"/>`, x,
				max(0, plotHeight-good-bad), barWidth, bad)
		}
		out.WriteString(`</g>`)
	}
	out.WriteString(`</svg>`)
	return template.HTML(out.String())
}

// height returns the height of a bar. A bar with events is at least 2 units high, so that it is visible.
func height(n, most int) int {
	if n == 0 {
		return 0
	}
	return max(2, n*plotHeight/most)
}
