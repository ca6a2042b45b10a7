package main

import (
	"errors"
	"fmt"
)

type gcCmd struct{}

// Run removes what nothing names: bytes of deleted files and abandoned uploads, and expired tokens and pending
// publishers. A running server does the same once an hour.
func (c *gcCmd) Run(s *session) error {
	return s.with(func(a *app) error {
		n, err := a.index.Custody.Sweep(s.ctx, a.operator)
		if err == nil {
			fmt.Fprintf(s.out, "%d stored objects were removed\n", n)
		}
		return errors.Join(err, a.registry.Sweep(s.ctx))
	})
}
