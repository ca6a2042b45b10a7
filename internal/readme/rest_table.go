package readme

import (
	"regexp"
	"strings"
)

// maxColumns bounds a table.
const maxColumns = 200

// simpleTable renders a table whose columns are marked by "=== ===".
func (b *blocks) simpleTable() {
	border := b.line(0)
	columns := spans(border, '=')
	from := b.at
	b.at++
	var head, rows [][]string
	borders := 1
	for b.at < len(b.lines) {
		line := b.line(0)
		b.at++
		if simpleTable.MatchString(line) || strings.Trim(line, "=") == "" && line != "" {
			borders++
			if b.line(0) == "" { // the last one is followed by a blank line
				break
			}
			head, rows = rows, nil
			continue
		}
		if strings.Trim(line, "- ") == "" {
			continue // marks spans, or is blank
		}
		rows = addRow(rows, columns, line)
	}
	if borders < 2 || len(columns) > maxColumns {
		b.literal(b.lines[from:b.at])
		return
	}
	b.table(head, rows)
}

// addRow adds a line to a table; one whose first cell is empty goes on with the row before.
func addRow(rows [][]string, columns [][2]int, line string) [][]string {
	cells := make([]string, len(columns))
	text := []rune(line)
	for i, c := range columns {
		end := len(text)
		if i < len(columns)-1 {
			end = min(columns[i+1][0], len(text))
		}
		if c[0] < end {
			cells[i] = strings.TrimSpace(string(text[c[0]:end]))
		}
	}
	if cells[0] != "" || len(rows) == 0 {
		return append(rows, cells)
	}
	last := rows[len(rows)-1]
	for i := range cells {
		if cells[i] != "" {
			last[i] += "\n" + cells[i]
		}
	}
	return rows
}

// spans are where the runs of a character begin and end.
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

// table writes a table of cells that are texts of their own.
func (b *blocks) table(head, rows [][]string) {
	b.out.WriteString("<table>\n")
	if len(head) > 0 {
		b.tag("thead", b.rows(head, "th"))
	}
	b.tag("tbody", b.rows(rows, "td"))
	b.out.WriteString("</table>\n")
}

func (b *blocks) rows(rows [][]string, cell string) string {
	var out strings.Builder
	for _, row := range rows {
		out.WriteString("<tr>")
		for _, text := range row {
			out.WriteString("<" + cell + ">" + b.compact(b.nested(strings.Split(text, "\n"))) + "</" + cell + ">")
		}
		out.WriteString("</tr>\n")
	}
	return out.String()
}

var headBorder = regexp.MustCompile(`^\+(=+\+)+$`)

// gridTable renders a table that is drawn with "+---+". One with cells that span others is shown as it was written.
func (b *blocks) gridTable() {
	from := b.at
	lines := b.until(func(l string) bool { return l == "" || l[0] != '+' && l[0] != '|' })
	columns := spans(strings.ReplaceAll(lines[0], "+", " "), '-')
	var head, rows [][]string
	var row []string
	for _, line := range lines[1:] {
		switch {
		case line == lines[0] || headBorder.MatchString(line) && len(line) == len(lines[0]):
			if row != nil {
				rows = append(rows, row)
			}
			row = nil
			if line[1] == '=' {
				head, rows = rows, nil
			}
		case line[0] == '|' && fits(line, columns):
			row = addCells(row, columns, line)
		default:
			b.literal(b.lines[from:b.at])
			return
		}
	}
	if row != nil || len(columns) > maxColumns {
		b.literal(b.lines[from:b.at])
		return
	}
	b.table(head, rows)
}

// fits reports whether a line of cells has its borders where the columns have theirs.
func fits(line string, columns [][2]int) bool {
	text := []rune(line)
	for _, c := range columns {
		if len(text) <= c[1] || text[c[0]-1] != '|' || text[c[1]] != '|' {
			return false
		}
	}
	return true
}

func addCells(row []string, columns [][2]int, line string) []string {
	text := []rune(line)
	if row == nil {
		row = make([]string, len(columns))
	}
	for i, c := range columns {
		cell := strings.TrimSpace(string(text[c[0]:c[1]]))
		if row[i] != "" {
			cell = row[i] + "\n" + cell
		}
		row[i] = cell
	}
	return row
}

// listTable renders a table that is written as a list of lists.
func (b *blocks) listTable(title string, content []string) {
	if title != "" {
		b.text(title)
	}
	b.out.WriteString(b.nested(content))
}
