package db

import (
	"context"
	"database/sql/driver"
)

// maxKept limits the statements kept on one connection. This package has fewer distinct statements than that.
const maxKept = 256

// conn is a driver's connection that keeps its prepared statements and runs a hook before every step. As database/sql
// guarantees, one goroutine uses it at a time.
type conn struct {
	driver.Conn
	hook   Hook
	life   *life
	born   int64 // the generation of life at which it was opened
	writer bool
	kept   map[string]*kept // nil if the driver keeps prepared statements itself
}

// kept is a prepared statement and whether its rows are being read.
type kept struct {
	driver.Stmt
	busy bool
}

func (c *conn) BeginTx(ctx context.Context, o driver.TxOptions) (driver.Tx, error) {
	var inner driver.Tx
	err := c.step(OpBegin, "", func() error {
		begun, err := c.Conn.(driver.ConnBeginTx).BeginTx(ctx, o)
		if err == nil { // on an error the driver returns a nil pointer in the interface
			inner = begun
		}
		return err
	})
	if err != nil && inner != nil {
		inner.Rollback()
	}
	if err != nil {
		return nil, err
	}
	return tx{inner, c}, nil
}

func (c *conn) QueryContext(ctx context.Context, q string, args []driver.NamedValue) (driver.Rows, error) {
	var rows driver.Rows
	err := c.step(OpQuery, q, func() error {
		read, err := c.query(ctx, q, args)
		if err == nil {
			rows = read
		}
		return err
	})
	if err != nil && rows != nil {
		rows.Close()
	}
	if err != nil {
		return nil, err
	}
	return rows, nil
}

func (c *conn) query(ctx context.Context, q string, args []driver.NamedValue) (driver.Rows, error) {
	s, err := c.statement(ctx, q)
	if err != nil {
		return nil, err
	}
	if s == nil {
		return c.Conn.(driver.QueryerContext).QueryContext(ctx, q, args)
	}
	inner, err := s.Stmt.(driver.StmtQueryContext).QueryContext(ctx, args)
	if err != nil {
		return nil, err
	}
	s.busy = true
	return &rows{inner, s}, nil
}

func (c *conn) ExecContext(ctx context.Context, q string, args []driver.NamedValue) (driver.Result, error) {
	var result driver.Result
	err := c.step(OpExec, q, func() (err error) {
		result, err = c.exec(ctx, q, args)
		return err
	})
	return result, err
}

func (c *conn) exec(ctx context.Context, q string, args []driver.NamedValue) (driver.Result, error) {
	s, err := c.statement(ctx, q)
	if err != nil {
		return nil, err
	}
	if s == nil {
		return c.Conn.(driver.ExecerContext).ExecContext(ctx, q, args)
	}
	return s.Stmt.(driver.StmtExecContext).ExecContext(ctx, args)
}

// statement returns the kept statement for q. It returns nil if q must be run directly: the connection keeps no
// statements, it already keeps maxKept of them, or rows of the same statement are still being read.
func (c *conn) statement(ctx context.Context, q string) (*kept, error) {
	s, ok := c.kept[q]
	if ok && !s.busy {
		return s, nil
	}
	if ok || c.kept == nil || len(c.kept) >= maxKept {
		return nil, nil
	}
	inner, err := c.Conn.(driver.ConnPrepareContext).PrepareContext(ctx, q)
	if err != nil {
		return nil, err
	}
	s = &kept{Stmt: inner}
	c.kept[q] = s
	return s, nil
}

func (c *conn) Close() error {
	for _, s := range c.kept {
		s.Close()
	}
	return c.Conn.Close()
}

// rows releases its statement when it is closed.
type rows struct {
	driver.Rows
	of *kept
}

func (r *rows) ColumnTypeDatabaseTypeName(i int) string {
	if t, ok := r.Rows.(driver.RowsColumnTypeDatabaseTypeName); ok {
		return t.ColumnTypeDatabaseTypeName(i)
	}
	return ""
}

func (r *rows) Close() error {
	r.of.busy = false
	return r.Rows.Close()
}
