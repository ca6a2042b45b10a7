package main

import (
	"fmt"
	"slices"
	"strings"

	"pyindex/internal/fault"
	"pyindex/internal/publishers"
)

type readerCmd struct {
	Add    readerAddCmd    `cmd:"" help:"Trust a workload to read a repository, or some projects of it."`
	List   readerListCmd   `cmd:"" help:"List the readers."`
	Remove readerRemoveCmd `cmd:"" help:"Trust a workload no more; its tokens end with it."`
}

// readerAddCmd takes the fields of every kind of rule, because readers differ from publishers in nothing else.
type readerAddCmd struct {
	Kind            string            `arg:"" help:"Kind of rule, as in publisher add: github, gitlab, generic and so on."`
	Owner           string            `placeholder:"O" help:"The field owner: for github, user or organisation."`
	Repository      string            `placeholder:"R" help:"The field repository: for github, without its owner."`
	Workflow        string            `placeholder:"W" help:"The field workflow: for github, its file name."`
	Environment     string            `placeholder:"E" help:"The field environment."`
	OwnerID         string            `placeholder:"N" help:"The field owner_id."`
	Field           map[string]string `mapsep:"none" placeholder:"NAME=VALUE" help:"Any other field of the rule; once for each."`
	Issuer          string            `placeholder:"URL" help:"The issuer, where it is not the kind's own."`
	IndexRepository string            `default:"main" aliases:"repository-of-index" help:"The repository of this index that it may read."`
	Project         []string          `sep:"none" placeholder:"P" help:"A project that it may read; once for each (default: the whole repository)."`
}

// fields are those of the rule.
func (c *readerAddCmd) fields() (map[string]string, error) {
	fields := map[string]string{}
	for name, value := range map[string]string{
		"owner": c.Owner, "repository": c.Repository, "workflow": c.Workflow, "environment": c.Environment, "owner_id": c.OwnerID,
	} {
		if value != "" {
			fields[name] = value
		}
	}
	for name, value := range c.Field {
		if _, twice := fields[name]; twice {
			return nil, fault.New(fault.Invalid, "the field %s is said twice", name)
		}
		fields[name] = value
	}
	return fields, nil
}

// Run adds the reader. Standard output is its id alone; what it trusts, and what is still open, is on standard error.
func (c *readerAddCmd) Run(s *session) error {
	fields, err := c.fields()
	if err != nil {
		return err
	}
	return s.with(func(a *app) error {
		added, err := a.registry.AddReader(s.ctx, a.operator, publishers.ReaderRequest{
			Provider: c.Kind, Issuer: c.Issuer, Repository: c.IndexRepository, Projects: c.Project, Fields: fields,
		})
		if err != nil {
			return err
		}
		fmt.Fprintln(s.out, added.ID)
		s.tellReader(added)
		return nil
	})
}

// tellReader says what a new reader trusts and what is still open about it.
func (s *session) tellReader(l publishers.ListedReader) {
	fmt.Fprintf(s.errs, "%s may now read %s\n", l.Sentence, readsText(l))
	if l.Warning != "" {
		fmt.Fprintf(s.errs, "note: %s\n", l.Warning)
	}
	if !slices.ContainsFunc(s.config.OIDC.Issuers, func(i issuer) bool { return i.Issuer == l.Issuer }) {
		fmt.Fprintf(s.errs, "note: the issuer %s is not among oidc.issuers, so none of its tokens counts yet\n", l.Issuer)
	}
}

// readsText is what a reader may read.
func readsText(l publishers.ListedReader) string {
	if l.Whole {
		return "all of " + l.Repository
	}
	return strings.Join(l.Projects, ", ") + " in " + l.Repository
}

type readerListCmd struct{ listing }

// Run lists the readers.
func (c *readerListCmd) Run(s *session) error {
	return s.with(func(a *app) error {
		list, err := a.registry.Readers(s.ctx, a.operator)
		if err != nil {
			return err
		}
		var rows [][]string
		for _, l := range list {
			rows = append(rows, []string{l.ID, readsText(l), l.Provider, l.Sentence, moment(l.AddedAt).String()})
		}
		return c.write(s.out, notNil(list), []string{"ID", "READS", "KIND", "READER", "ADDED"}, rows)
	})
}

type readerRemoveCmd struct {
	ID string `arg:""`
}

// Run removes the reader.
func (c *readerRemoveCmd) Run(s *session) error {
	return s.with(func(a *app) error { return a.registry.RemoveReader(s.ctx, a.operator, c.ID) })
}
