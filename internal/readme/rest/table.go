package rest

import (
	"strconv"
	"strings"
)

type cell = []string // lines

// simpleTable renders a table with columns marked by "=== ===". A table without an end is shown as source.
func (b *blocks) simpleTable() {
	columns := spans(b.line(0), '=')
	size := b.simpleTableSize()
	if size == 0 || len(columns) > maxColumns || !b.doc.budget.Table(len(columns), size) {
		b.literal(b.until(func(l string) bool { return l == "" }))
		return
	}
	lines := b.lines[b.at+1 : b.at+size-1]
	b.at += size
	var head, rows [][]cell
	for _, line := range lines {
		switch {
		case isBorder(line):
			head, rows = append(head, rows...), nil
		case strings.Trim(line, "- ") == "" && (line == "" || strings.Contains(line, "--")):
			// marks column spans, or is blank
		default:
			rows = addRow(rows, columns, line)
		}
	}
	b.table(head, rows)
}

func isBorder(line string) bool { return line != "" && strings.Trim(line, "= ") == "" }

// simpleTableSize returns the number of lines of a table, up to a border before a blank line, or 0 if it has no end.
func (b *blocks) simpleTableSize() int {
	for n := 1; b.at+n < len(b.lines) && b.doc.budget.Step(20); n++ {
		if isBorder(b.line(n)) && b.line(n+1) == "" {
			return n + 1
		}
	}
	return 0
}

// addRow adds a line to a table. A line with an empty first cell continues the previous row. Text that spans columns
// belongs to the first of them.
func addRow(rows [][]cell, columns [][2]int, line string) [][]cell {
	texts := make([]string, len(columns))
	text := []rune(line)
	for i := 0; i < len(columns); {
		next := i + 1
		for next < len(columns) && spills(text, columns[next-1][1], columns[next][0]) {
			next++
		}
		end := len(text)
		if next < len(columns) {
			end = min(columns[next][0], len(text))
		}
		if from := columns[i][0]; from < end {
			texts[i] = strings.TrimSpace(string(text[from:end]))
		}
		i = next
	}
	if texts[0] != "" || len(rows) == 0 {
		rows = append(rows, make([]cell, len(columns)))
	}
	last := rows[len(rows)-1]
	for i, t := range texts {
		if t != "" {
			last[i] = append(last[i], t)
		}
	}
	return rows
}

// spills reports whether there is text in the gap between two columns.
func spills(text []rune, from, to int) bool {
	return from < len(text) && strings.TrimSpace(string(text[from:min(to, len(text))])) != ""
}

// spans returns the beginning and end of each run of c.
func spans(line string, c byte) (out [][2]int) {
	for i := 0; i < len(line); {
		if line[i] != c {
			i++
			continue
		}
		from := i
		for i < len(line) && line[i] == c {
			i++
		}
		out = append(out, [2]int{from, i})
	}
	return out
}

// table writes a table. Each cell is rendered as a text of its own.
func (b *blocks) table(head, rows [][]cell) {
	b.out.WriteString("<table>\n")
	if len(head) > 0 {
		b.tag("thead", b.rows(head, "th"))
	}
	b.tag("tbody", b.rows(rows, "td"))
	b.out.WriteString("</table>\n")
}

func (b *blocks) rows(rows [][]cell, tag string) string {
	var out strings.Builder
	for _, row := range rows {
		out.WriteString("<tr>")
		for _, lines := range row {
			out.WriteString("<" + tag + ">" + b.compact(b.nested(dedent(lines))) + "</" + tag + ">")
		}
		out.WriteString("</tr>\n")
	}
	return out.String()
}

// gridTable renders a table drawn with "+---+", whose cells may span columns. A table with cells that span rows is
// shown as source.
func (b *blocks) gridTable() {
	from := b.at
	lines := b.until(func(l string) bool { return l == "" || l[0] != '+' && l[0] != '|' })
	g := grid{edges: edges(lines)}
	if len(g.edges) > maxColumns || !b.doc.budget.Table(len(g.edges), len(lines)) || !g.read(lines) {
		b.literal(b.lines[from:b.at])
		return
	}
	b.out.WriteString("<table>\n")
	if len(g.head) > 0 {
		b.tag("thead", b.gridRows(g.head, "th"))
	}
	b.tag("tbody", b.gridRows(g.rows, "td"))
	b.out.WriteString("</table>\n")
}

// edges returns the positions of the edges of columns in all borders as long as the first, in order.
func edges(lines []string) []int {
	at := make([]bool, len(lines[0]))
	for _, line := range lines {
		if len(line) != len(at) || !isGridBorder(line) {
			continue
		}
		for i := range at {
			at[i] = at[i] || line[i] == '+'
		}
	}
	var out []int
	for i, edge := range at {
		if edge {
			out = append(out, i)
		}
	}
	return out
}

func isGridBorder(line string) bool {
	return gridTable.MatchString(line) || headBorder.MatchString(line)
}

// grid is a table while it is read.
type grid struct {
	edges      []int
	head, rows [][]gridCell
	row        []gridCell // the row whose lines are being read
}

type gridCell struct {
	lines      []string
	start, end int // indexes of its edges
}

// read reads the lines of a table after its first border. It returns false if they are not a table.
func (g *grid) read(lines []string) bool {
	for _, line := range lines[1:] {
		switch {
		case isGridBorder(line) && len(line) == len(lines[0]):
			if g.row != nil {
				g.rows = append(g.rows, g.row)
			}
			g.row = nil
			if line[1] == '=' {
				g.head, g.rows = g.rows, nil
			}
		case line[0] != '|' || !g.add([]rune(line)):
			return false
		}
	}
	return g.row == nil
}

// add adds a line to the cells of a row. All lines of a row must have the same cells.
func (g *grid) add(line []rune) bool {
	var starts []int
	for i, at := range g.edges {
		if at >= len(line) || i == len(g.edges)-1 && line[at] != '|' || line[at] == '+' {
			return false
		}
		if line[at] == '|' {
			starts = append(starts, i)
		}
	}
	if g.row == nil {
		for i, start := range starts[:len(starts)-1] {
			g.row = append(g.row, gridCell{start: start, end: starts[i+1]})
		}
	}
	for i := range g.row {
		c := &g.row[i]
		from, to := g.edges[c.start], g.edges[c.end]
		if line[from] != '|' || line[to] != '|' {
			return false
		}
		c.lines = append(c.lines, strings.TrimRight(string(line[from+1:to]), " "))
	}
	return len(g.row) > 0
}

func (b *blocks) gridRows(rows [][]gridCell, tag string) string {
	var out strings.Builder
	for _, row := range rows {
		out.WriteString("<tr>")
		for _, c := range row {
			span := ""
			if n := c.end - c.start; n > 1 {
				span = ` colspan="` + strconv.Itoa(n) + `"`
			}
			out.WriteString("<" + tag + span + ">" + b.compact(b.nested(dedent(c.lines))) + "</" + tag + ">")
		}
		out.WriteString("</tr>\n")
	}
	return out.String()
}

// listTable renders a table written as a list of lists. If the rows have different numbers of cells, the lists are
// shown instead.
func (b *blocks) listTable(title string, opts map[string]string, content []string) {
	if title != "" {
		b.text(title)
	}
	var rows [][]cell
	for _, lines := range b.bullets(content) {
		row := b.bullets(lines)
		if len(row) == 0 || len(row) > maxColumns || len(rows) > 0 && len(row) != len(rows[0]) {
			rows = nil
			break
		}
		rows = append(rows, row)
	}
	if len(rows) == 0 || !b.doc.budget.Table(len(rows[0]), len(rows)) {
		b.out.WriteString(b.nested(content))
		return
	}
	n, _ := strconv.Atoi(opts["header-rows"])
	n = max(0, min(n, len(rows)))
	b.table(rows[:n], rows[n:])
}

// bullets returns the items of a list. It returns nil if lines contains anything else.
func (b *blocks) bullets(lines []string) (items [][]string) {
	in := &blocks{doc: b.doc, lines: lines}
	for in.at < len(lines) && b.doc.budget.Step(100) {
		if in.line(0) == "" {
			in.at++
			continue
		}
		m := bulletLine.FindStringSubmatchIndex(in.line(0))
		if m == nil {
			return nil
		}
		items = append(items, in.item(m))
	}
	return items
}
