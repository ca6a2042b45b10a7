// Package publishers manages the rules of trusted publishing: which workloads may upload to a project, and which may
// read.
//
// A rule is compiled when it is stored, and again when it is used, so that a stored rule that is no longer valid
// matches nothing. Only a project's owners and administrators may see and change its rules. Every change checks the
// caller's rights again in its transaction and is recorded in the audit log.
//
// Package exchange exchanges identity tokens, and package insight reports past exchanges to owners. The tests of all
// three are here, because each needs the others.
package publishers
