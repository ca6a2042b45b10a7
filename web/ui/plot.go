package ui

import (
	"fmt"
	"html/template"
	"strings"
	"time"
)

// Plot is bars by day, the good ones with the bad ones on top, hatched so that they differ without colour too.
type Plot struct {
	Title, Noun string
	Bars        []Bar
}

// Bar is a day.
type Bar struct {
	Date      time.Time
	Good, Bad int
}

// Total is how many there are, and how many of them are bad.
func (p Plot) Total() (n int) {
	for _, b := range p.Bars {
		n += b.Good + b.Bad
	}
	return n
}

// Refused is how many are bad.
func (p Plot) Refused() (n int) {
	for _, b := range p.Bars {
		n += b.Bad
	}
	return n
}

// Busy are the days with anything, newest first, for the table.
func (p Plot) Busy() (out []Bar) {
	for i := len(p.Bars) - 1; i >= 0; i-- {
		if b := p.Bars[i]; b.Good+b.Bad > 0 {
			out = append(out, b)
		}
	}
	return out
}

// The plot's measures, in units of its own.
const (
	barWidth   = 10
	barGap     = 2
	plotHeight = 60
)

// SVG draws the plot. All of it is numbers of ours and dates, so it is safe.
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

// height is how high a bar is: at least visible where there is anything.
func height(n, most int) int {
	if n == 0 {
		return 0
	}
	return max(2, n*plotHeight/most)
}
