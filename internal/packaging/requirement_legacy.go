package packaging

import (
	"regexp"
	"strings"
)

// LegacyRequirement parses a requirement in the old spellings that uv reads and pip refuses, such as "foo (>=1.*)". It
// returns what uv takes it for, here "foo>=1", and false for text that uv does not read either. A requirement that
// ParseRequirement parses has its own meaning, which this function does not change.
func LegacyRequirement(s string) (Requirement, bool) {
	if r, err := ParseRequirement(s); err == nil {
		return r, true
	}
	head, marker, marked := strings.Cut(s, ";")
	if len(s) > maxRequirement || strings.Contains(head, "@") || strings.Contains(head, "===") {
		return Requirement{}, false
	}
	at := strings.IndexAny(head, "(<>=!~")
	if at < 0 {
		at = len(head)
	}
	text := strings.NewReplacer(`'`, "", `"`, "").Replace(head[:at] + legacyClauses(head[at:]))
	if marked {
		text += ";" + marker
	}
	r, err := ParseRequirement(text)
	return r, err == nil
}

// legacyClauses rewrites each version clause of s. It keeps everything else.
func legacyClauses(s string) string {
	var b strings.Builder
	for s != "" {
		n := operatorRun(s)
		if n == 0 {
			b.WriteByte(s[0])
			s = s[1:]
			continue
		}
		if before := b.String(); before != "" && isDigit(before[len(before)-1]) {
			b.WriteByte(',') // ">=1<2"
		}
		op := s[:n]
		if strings.HasPrefix(s, ">dev") {
			op, s = ">0.0.0dev", s[len("dev"):]
		}
		operand, rest := legacyOperand(s[n:])
		b.WriteString(legacyClause(op, operand))
		s = rest
	}
	return b.String()
}

// operatorRun returns the length of the operator at the beginning of s.
func operatorRun(s string) int {
	return spanOf(s, func(c byte) bool { return strings.IndexByte("<>=!~", c) >= 0 })
}

// legacyOperand splits s after the version that follows an operator. Blanks before the version are left out.
func legacyOperand(s string) (operand, rest string) {
	s = strings.TrimLeft(s, " \t")
	n := spanOf(s, func(c byte) bool { return isFilenameByte(c) && c != '!' || c == '*' })
	return s[:n], s[n:]
}

// legacyClause returns the clause that uv reads in place of one that PEP 440 does not allow.
func legacyClause(op, operand string) string {
	switch op {
	case "!=~": // "!=~5.0" is "!=5.0.*"
		op, operand = "!=", operand+".*"
	case ">=", "<=", "<", ">": // ">=1.*" is ">=1"
		operand = strings.TrimSuffix(operand, ".*")
	case "==", "!=": // "!=3.0*" is "!=3.0.*"
		if stem, ok := strings.CutSuffix(operand, "*"); ok && digitDotDigit.MatchString(stem) {
			operand = stem + ".*"
		}
	}
	if stem, ok := strings.CutSuffix(operand, ".0"); ok && numberedLetter.MatchString(stem) { // "1.0a1.0" is "1.0a1"
		operand = stem
	}
	return op + operand
}

var (
	digitDotDigit  = regexp.MustCompile(`[0-9]\.[0-9]$`)
	numberedLetter = regexp.MustCompile(`[0-9](?:a|b|rc|post|dev)[0-9]+$`)
)
