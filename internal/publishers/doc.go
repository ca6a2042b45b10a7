// Package publishers keeps the rules of trusted publishing: which workloads may upload to a project, and which may
// read.
//
// A rule is data. It is compiled when it is written and again when it is asked, so that a row which today's rules would
// not take fits nothing. Only a project's owners and administrators see and change its rules; every change reads the
// caller's rights again in its transaction and is recorded.
//
// Tokens are exchanged in package exchange, and owners read how that went in package insight. The tests here are of all
// three, because each needs the others: a rule, a token that fits it, and what is told of it.
package publishers
