package config

import (
	"fmt"
	"strings"

	"github.com/pelletier/go-toml/v2/unstable"
)

// keyLines is the line of each key and table of a TOML file. Keys are written as in "listen", "access.realm" and
// "oidc.issuers[0].kind".
type keyLines map[string]int

// linesOf returns the lines of the keys in a file that was already parsed without an error. The decoder itself has
// positions only for syntax errors.
func linesOf(text []byte) keyLines {
	l, p := keyLines{}, new(unstable.Parser)
	p.Reset(text)
	table, entries := "", map[string]int{}
	for p.NextExpression() {
		switch e := p.Expression(); e.Kind {
		case unstable.Table:
			table, _ = l.add(p, "", e.Key())
		case unstable.ArrayTable:
			name, line := l.add(p, "", e.Key())
			table = fmt.Sprintf("%s[%d]", name, entries[name])
			l.set(table, line)
			entries[name]++
		case unstable.KeyValue:
			l.pair(p, table, e)
		}
	}
	return l
}

// pair adds a key below a table, and the keys in its value.
func (l keyLines) pair(p *unstable.Parser, table string, e *unstable.Node) {
	key, _ := l.add(p, table, e.Key())
	switch value := e.Value(); value.Kind {
	case unstable.InlineTable:
		for it := value.Children(); it.Next(); {
			l.pair(p, key, it.Node())
		}
	case unstable.Array:
		i := 0
		for it := value.Children(); it.Next(); {
			if it.Node().Kind == unstable.InlineTable {
				for in := it.Node().Children(); in.Next(); {
					l.pair(p, fmt.Sprintf("%s[%d]", key, i), in.Node())
				}
			}
			i++
		}
	}
}

// add adds a dotted key below a table and returns it with its line.
func (l keyLines) add(p *unstable.Parser, table string, parts unstable.Iterator) (key string, line int) {
	for parts.Next() {
		if line == 0 {
			line = p.Shape(parts.Node().Raw).Start.Line
		}
		table = strings.TrimPrefix(table+"."+string(parts.Node().Data), ".")
		l.set(table, line)
	}
	return table, line
}

// set records the first line of a key.
func (l keyLines) set(key string, line int) {
	if _, again := l[key]; !again {
		l[key] = line
	}
}

// of returns the line of a key, or of the nearest enclosing key that has one.
func (l keyLines) of(key string) int {
	for key != "" {
		if line, ok := l[key]; ok {
			return line
		}
		key = key[:max(strings.LastIndexAny(key, ".["), 0)]
	}
	return 0
}
