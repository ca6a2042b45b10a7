// Package moving tests the manual's chapter about moving a project to an index: each recipe, and each warning, with the
// real tool and a lock that was written against another index.
//
// The other index and a proxy for all further hosts count the requests that go past ours.
package moving
