package packaging

import "strings"

// variables are those of PEP 508 and 685, the sets of PEP 751, and the dotted names used before PEP 508.
var variables = []string{
	"python_version", "python_full_version", "os_name", "os.name", "sys_platform", "sys.platform",
	"platform_release", "platform_system", "platform_version", "platform.version", "platform_machine", "platform.machine",
	"platform_python_implementation", "platform.python_implementation", "python_implementation",
	"implementation_name", "implementation_version", "extras", "extra", "dependency_groups",
}

type operand struct {
	text     string
	variable bool
}

// comparison parses `variable op "text"` in either order. Like packaging, it also accepts two variables or two texts.
func (sc *scanner) comparison() (*markerNode, string) {
	left, problem := sc.operand()
	if problem != "" {
		return nil, problem
	}
	op := sc.markerOperator()
	if op == "" {
		return nil, "its marker lacks a comparison (==, !=, <, <=, >, >=, ~=, ===, in, not in) before " + quote(sc.rest)
	}
	right, problem := sc.operand()
	if problem != "" {
		return nil, problem
	}
	left, right = normalExtras(left, right)
	return &markerNode{comparison: left.String() + " " + op + " " + right.String()}, ""
}

func (sc *scanner) operand() (operand, string) {
	sc.blanks()
	defer sc.blanks()
	if name := sc.firstWord(variables...); name != "" {
		name = strings.ReplaceAll(name, ".", "_")
		if name == "python_implementation" {
			name = "platform_python_implementation"
		}
		return operand{text: name, variable: true}, ""
	}
	for _, q := range []string{`"`, "'"} {
		if sc.take(q) {
			return sc.quotedText(q)
		}
	}
	return operand{}, "its marker has neither a known variable nor a quoted text at " + quote(sc.rest)
}

// quotedText rejects a backslash because readers disagree about it: packaging interprets it as a Python escape, others
// literally.
func (sc *scanner) quotedText(q string) (operand, string) {
	text, rest, closed := strings.Cut(sc.rest, q)
	if !closed {
		return operand{}, "a quoted text in its marker is not closed"
	}
	if strings.ContainsAny(text, "\\\r\n\x00") {
		return operand{}, "a quoted text in its marker contains a backslash or a line break"
	}
	sc.rest = rest
	return operand{text: text}, ""
}

func (sc *scanner) markerOperator() string {
	if op := operatorAt(sc.rest); op != "" {
		sc.rest = sc.rest[len(op):]
		return op
	}
	if sc.word("in") {
		return "in"
	}
	if sc.word("not") {
		before := len(sc.rest)
		sc.blanks()
		if len(sc.rest) < before && sc.word("in") {
			return "not in"
		}
	}
	return ""
}

// String returns the operand's text. A text with both kinds of quotes cannot occur, because it cannot be parsed.
func (o operand) String() string {
	switch {
	case o.variable:
		return o.text
	case strings.Contains(o.text, `"`):
		return "'" + o.text + "'"
	}
	return `"` + o.text + `"`
}

// normalExtras normalizes a text that is compared with names of extras or groups (PEP 685, PEP 735).
func normalExtras(left, right operand) (operand, operand) {
	switch {
	case left.variable && left.text == "extra" && !right.variable:
		right.text = normalize(right.text)
	case right.variable && !left.variable &&
		(right.text == "extra" || right.text == "extras" || right.text == "dependency_groups"):
		left.text = normalize(left.text)
	}
	return left, right
}
