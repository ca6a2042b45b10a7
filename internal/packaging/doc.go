// Package packaging parses and validates names, versions, requirements, file names and core metadata of Python
// packages.
//
// A parsed value is valid, and equal values have equal canonical texts. Every parser is bounded in input, nesting and
// time. Every rejection is a fault.Invalid with a message that helps the uploader to fix the problem. Versions,
// specifiers, requirements and names are interpreted as by Python's packaging library.
//
// It does not check whether a file contains what its name promises; package archive does. It contains no lists that
// grow, so it checks only the form of license identifiers and classifiers.
package packaging
