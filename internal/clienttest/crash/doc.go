// Package crash repeatedly kills a running server during uploads and checks the data that is left.
package crash
