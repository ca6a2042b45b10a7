package db

import (
	"context"
	"database/sql/driver"
)

// Op is what a Step does.
type Op string

// The operations that a Hook sees.
const (
	OpBegin    Op = "begin"
	OpQuery    Op = "query"
	OpExec     Op = "exec"
	OpCommit   Op = "commit"
	OpRollback Op = "rollback"
)

// Step is one thing that is about to be asked of the database.
type Step struct {
	Op     Op
	SQL    string // of a query or exec
	Writer bool   // whether it goes through the handle that may write
}

// Hook stands between this package and the driver. It decides whether to call do, which does the step, and returns what
// the caller of the step is told: do's own error, or another one before or after the step took effect.
type Hook func(s Step, do func() error) error

// step runs do through the connection's hook, if it has one.
func (c *conn) step(op Op, sql string, do func() error) error {
	if c.hook == nil {
		return do()
	}
	return c.hook(Step{Op: op, SQL: sql, Writer: c.writer}, do)
}

// connector makes connections that keep their prepared statements and pass every step through a hook.
type connector struct {
	driver.Connector
	hook   Hook
	life   *life // nil where its connections are good until they break
	writer bool
	keep   bool // prepare every statement once on each connection; pgx does so by itself
}

// Connect opens one connection.
func (c connector) Connect(ctx context.Context) (driver.Conn, error) {
	born := c.life.now() // before the connection is: it may lead to the old place
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

// Commit ends the transaction. When the hook refuses before it took effect, nothing of it may remain.
func (t tx) Commit() error {
	done := false
	err := t.conn.step(OpCommit, "", func() error { done = true; return t.Tx.Commit() })
	if !done {
		t.Tx.Rollback()
	}
	return err
}

// Rollback gives the transaction up.
func (t tx) Rollback() error { return t.conn.step(OpRollback, "", t.Tx.Rollback) }
