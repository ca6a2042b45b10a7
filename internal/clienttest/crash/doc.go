// Package crash kills a running server again and again while files are uploaded to it, and looks at what is left.
package crash
