package terminal

import (
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"golang.org/x/term"
)

// width returns the number of columns for output to w: COLUMNS if it is set, or the width of the terminal. It returns
// 0, for no limit, if w is not a terminal, because scripts read lines.
func width(w io.Writer) int {
	if n, err := strconv.Atoi(os.Getenv("COLUMNS")); err == nil && n > 0 {
		return n
	}
	f, ok := w.(*os.File)
	if !ok {
		return 0
	}
	columns, _, err := term.GetSize(int(f.Fd()))
	if err != nil {
		return 0
	}
	return columns
}

// between is the number of spaces between two columns.
const between = 2

// layout returns a table whose first row is the heading. If it is wider than limit, the cells of the widest columns
// continue on further lines. If their longest words do not fit either, each row becomes a block with one cell a line.
func layout(table [][]string, limit int) string {
	widths, least := make([]int, len(table[0])), make([]int, len(table[0]))
	for _, row := range table {
		for i, cell := range row {
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
			for word := range strings.FieldsSeq(cell) {
				least[i] = max(least[i], utf8.RuneCountInString(word))
			}
		}
	}
	if limit > 0 && total(least) > limit && len(table) > 1 {
		return blocks(table)
	}
	for limit > 0 && total(widths) > limit && total(widths) > total(least) {
		widest := -1
		for i := range widths {
			if widths[i] > least[i] && (widest < 0 || widths[i] > widths[widest]) {
				widest = i
			}
		}
		widths[widest]--
	}
	var b strings.Builder
	for _, row := range table {
		writeRow(&b, row, widths)
	}
	return b.String()
}

// total returns the width of a table with columns of the given widths.
func total(widths []int) int {
	sum := between * (len(widths) - 1)
	for _, w := range widths {
		sum += w
	}
	return sum
}

// writeRow writes a row of a table on as many lines as its cells need.
func writeRow(b *strings.Builder, row []string, widths []int) {
	cells, lines := make([][]string, len(row)), 0
	for i, cell := range row {
		cells[i] = wrap(cell, widths[i])
		lines = max(lines, len(cells[i]))
	}
	for n := range lines {
		var line strings.Builder
		for i, cell := range cells {
			text := ""
			if n < len(cell) {
				text = cell[n]
			}
			line.WriteString(text)
			line.WriteString(strings.Repeat(" ", widths[i]-utf8.RuneCountInString(text)+between))
		}
		b.WriteString(strings.TrimRight(line.String(), " ") + "\n")
	}
}

// wrap breaks a text into lines between words. No word is wider than width.
func wrap(text string, width int) []string {
	if utf8.RuneCountInString(text) <= width {
		return []string{text}
	}
	var lines []string
	line := ""
	for word := range strings.FieldsSeq(text) {
		if line != "" && utf8.RuneCountInString(line)+1+utf8.RuneCountInString(word) > width {
			lines, line = append(lines, line), ""
		}
		line = strings.TrimPrefix(line+" "+word, " ")
	}
	return append(lines, line)
}

// blocks writes each row of a table as a block: a line for each cell, after the heading of its column.
func blocks(table [][]string) string {
	heading := table[0]
	longest := slices.MaxFunc(heading, func(a, b string) int { return len(a) - len(b) })
	var b strings.Builder
	for n, row := range table[1:] {
		if n > 0 {
			b.WriteByte('\n')
		}
		for i, cell := range row {
			b.WriteString(heading[i] + strings.Repeat(" ", len(longest)-len(heading[i])+between) + cell + "\n")
		}
	}
	return b.String()
}
