package packaging

import "strings"

const maxNesting = 64

// Marker is the condition of a requirement, such as `python_version < "3.9" and extra == "test"` (PEP 508). The zero
// value is no condition.
type Marker struct{ root *markerNode }

// IsZero reports whether there is no condition.
func (m Marker) IsZero() bool { return m.root == nil }

// String returns the canonical text: single blanks, double quotes if possible, current names of variables, normalized
// names of extras, and the original parentheses without duplicates.
func (m Marker) String() string {
	if m.IsZero() {
		return ""
	}
	return m.root.format(true)
}

// markerNode is one comparison, or several nodes joined by "and" and "or" in the order written.
type markerNode struct {
	comparison string
	nodes      []*markerNode
	joints     []string // one fewer than nodes
}

func (n *markerNode) format(outermost bool) string {
	if n.comparison != "" {
		return n.comparison
	}
	if len(n.nodes) == 1 {
		return n.nodes[0].format(outermost)
	}
	var b strings.Builder
	b.WriteString(n.nodes[0].format(false))
	for i, joint := range n.joints {
		b.WriteString(" " + joint + " " + n.nodes[i+1].format(false))
	}
	if outermost {
		return b.String()
	}
	return "(" + b.String() + ")"
}

// marker parses atoms joined by "and" and "or". It does not apply their precedence, because markers are only printed
// and never evaluated here.
func (sc *scanner) marker(depth int) (*markerNode, string) {
	n := &markerNode{}
	for {
		atom, problem := sc.markerAtom(depth)
		if problem != "" {
			return nil, problem
		}
		n.nodes = append(n.nodes, atom)
		joint := sc.firstWord("or", "and")
		if joint == "" {
			return n, ""
		}
		n.joints = append(n.joints, joint)
	}
}

func (sc *scanner) markerAtom(depth int) (n *markerNode, problem string) {
	sc.blanks()
	defer sc.blanks()
	if !sc.take("(") {
		return sc.comparison()
	}
	if depth == maxNesting {
		return nil, "its marker nests too deeply"
	}
	if n, problem = sc.marker(depth + 1); problem != "" {
		return nil, problem
	}
	if !sc.take(")") {
		return nil, "its marker lacks a closing parenthesis"
	}
	return n, ""
}

func (sc *scanner) firstWord(words ...string) string {
	for _, w := range words {
		if sc.word(w) {
			return w
		}
	}
	return ""
}
