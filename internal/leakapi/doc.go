// Package leakapi takes reports of tokens that were found in public, as GitHub's secret scanning sends them.
//
// A report counts only with a signature by a key that the operator configured; nothing is fetched to check it. Reports
// are bounded before they are read, and parsed only once their signature is good. The answer is the same whether a
// token was known or not, and no token is logged or repeated. Without keys the address looks like one where nothing is.
package leakapi
