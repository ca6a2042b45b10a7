// Package transfer imports the projects of other indexes.
//
// An import is planned first: the plan says what would be imported, what would be refused and why, and which names an
// administrator must decide about. The import itself records the outcome of each file, so that it can be interrupted
// and run again, and a later run only brings what is new. Packages below this one read the sources.
package transfer
