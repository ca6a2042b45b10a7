// Package packaging knows what Python packaging means by a name, a version, a requirement, a file name and core
// metadata.
//
// It guarantees that a parsed value is valid and that its canonical text is equal for equal values; that every parser
// is bounded in input, nesting and time whatever it is given; and that every refusal is a fault.Invalid whose message a
// person who uploads can act on. Versions, specifiers, requirements and names agree with Python's packaging library.
//
// It does not guarantee that a thing exists, that a file holds what its name says (package archive looks inside), or
// that identifiers of licences and classifiers are known to anybody: it carries no lists that grow, so it checks their
// form.
package packaging
