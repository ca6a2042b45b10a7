// Package imports tests index import against the programs that people come from: devpi-server, pypiserver and
// bandersnatch, filled by twine, and another Index.
package imports
