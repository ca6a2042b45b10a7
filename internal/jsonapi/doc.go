// Package jsonapi serves the legacy JSON API: /pypi/{project}/json and /pypi/{project}/{version}/json.
//
// Poetry's PyPI source, renovate, dependabot, pip-audit and mirrors read it. Every key that PyPI sends is present.
// Values that a private index does not have, such as download counts, are -1, null or empty. Permission is checked on
// every request. Responses are cached until the project changes, and a 304 needs no rendering.
//
// The list of vulnerabilities is always empty.
package jsonapi
