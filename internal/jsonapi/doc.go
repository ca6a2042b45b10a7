// Package jsonapi is the legacy JSON API: /pypi/{project}/json and /pypi/{project}/{version}/json.
//
// Poetry's PyPI source, renovate, dependabot, pip-audit and mirrors read it. Every key that PyPI sends is there; what
// an index of one's own does not count or keep is -1, null or empty. Permission is asked on every request, answers are
// kept until the project changes, and a 304 costs no rendering.
//
// It promises no vulnerability data: the list is there, and empty.
package jsonapi
