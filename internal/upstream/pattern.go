package upstream

import (
	"regexp"
	"sync"
)

// maxExpression bounds a regular expression, in bytes. The engine takes linear time, but its programs take memory.
const maxExpression = 1000

var expressions sync.Map // by text, of *regexp.Regexp or error

// compiled returns the expression that matches whole names. It compiles each text once.
func compiled(expr string) (*regexp.Regexp, error) {
	if found, ok := expressions.Load(expr); ok {
		if re, ok := found.(*regexp.Regexp); ok {
			return re, nil
		}
		return nil, found.(error)
	}
	if len(expr) > maxExpression {
		return nil, errLong
	}
	re, err := regexp.Compile(`\A(?:` + expr + `)\z`)
	if err != nil {
		return nil, err
	}
	expressions.Store(expr, re)
	return re, nil
}

var errLong = tooLong{}

type tooLong struct{}

// Error returns the limit.
func (tooLong) Error() string { return "it is longer than 1000 bytes" }
