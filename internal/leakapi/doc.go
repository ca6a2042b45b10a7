// Package leakapi receives reports of leaked tokens, in the format of GitHub's secret scanning.
//
// A report must be signed by a key that the operator configured; the package fetches no keys. Reports are limited in
// size and are parsed only after their signature is verified. The response is the same for known and unknown tokens,
// and tokens are neither logged nor repeated. Without keys the endpoint returns 404.
package leakapi
