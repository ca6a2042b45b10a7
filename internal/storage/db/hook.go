package db

import (
	"context"
	"database/sql/driver"
)

// Op is the operation of a Step.
type Op string

// Operations passed to a Hook.
const (
	OpBegin    Op = "begin"
	OpQuery    Op = "query"
	OpExec     Op = "exec"
	OpCommit   Op = "commit"
	OpRollback Op = "rollback"
)

// Step is one operation that is about to run on the database.
type Step struct {
	Op     Op
	SQL    string // of a query or exec
	Writer bool   // whether it uses the connections for writing
}

// Hook intercepts the steps between this package and the driver. It decides whether to call do, which runs the step,
// and returns the error for the step's caller: that of do, or another error from before or after the step took effect.
type Hook func(s Step, do func() error) error

func (c *conn) step(op Op, sql string, do func() error) error {
	if c.hook == nil {
		return do()
	}
	return c.hook(Step{Op: op, SQL: sql, Writer: c.writer}, do)
}

// connector opens connections that keep their prepared statements and pass every step through a hook.
type connector struct {
	driver.Connector
	hook   Hook
	life   *life // nil if connections remain valid until they break
	writer bool
	keep   bool // prepare every statement once per connection; pgx does so by itself
}

func (c connector) Connect(ctx context.Context) (driver.Conn, error) {
	born := c.life.now() // read before connecting: the connection may still lead to the old server
	inner, err := c.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	out := &conn{Conn: inner, hook: c.hook, life: c.life, born: born, writer: c.writer}
	if c.keep {
		out.kept = map[string]*kept{}
	}
	return out, nil
}

// tx passes a transaction's end through the hook.
type tx struct {
	driver.Tx
	conn *conn
}

// Commit ends the transaction. If the hook rejects the commit before it took effect, Commit rolls the transaction back.
func (t tx) Commit() error {
	done := false
	err := t.conn.step(OpCommit, "", func() error { done = true; return t.Tx.Commit() })
	if !done {
		t.Tx.Rollback()
	}
	return err
}

func (t tx) Rollback() error { return t.conn.step(OpRollback, "", t.Tx.Rollback) }
