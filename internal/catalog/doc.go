// Package catalog is projects, releases and files: every read and every change of them, checked and recorded.
//
// Each exported method of Index takes the caller right after the context and asks what they may do before anything
// else. A reader without the right gets the answer for a thing that does not exist; nobody on a closed index gets
// fault.Unauthenticated in both cases. A change, its audit entry and its serial are one transaction. A file is listed
// only after its bytes are durable; a name, once used, never means other bytes, also after deletion.
//
// Not promised: that bytes without a row are gone at once (Sweep removes them), and that a download which began before
// a deletion is cut short.
package catalog
