package main

import (
	"fmt"
	"slices"

	"pyindex/internal/fault"
	"pyindex/internal/publishers"
)

type publisherCmd struct {
	Add     publisherAddCmd     `cmd:"" help:"Trust a workload to publish a project."`
	List    publisherListCmd    `cmd:"" help:"List the publishers."`
	Remove  publisherRemoveCmd  `cmd:"" help:"Trust a workload no more; its tokens end with it."`
	Explain publisherExplainCmd `cmd:"" help:"Say why exchanges of identity tokens were refused, and what would let them pass."`
}

type publisherAddCmd struct {
	GitHub publisherAddGitHubCmd `cmd:"" name:"github" help:"A GitHub Actions workflow."`
}

type publisherAddGitHubCmd struct {
	Project         string `required:"" placeholder:"P" help:"The project that it may publish."`
	Owner           string `required:"" placeholder:"O" help:"User or organisation on GitHub."`
	Repository      string `required:"" placeholder:"R" help:"Repository on GitHub, without its owner."`
	Workflow        string `required:"" placeholder:"W" help:"File name of the workflow, as release.yml."`
	Environment     string `placeholder:"E" help:"Environment of the job (default: any)."`
	OwnerID         string `placeholder:"N" help:"The owner's numeric id (default: asked of GitHub, else taken from the first token)."`
	Issuer          string `placeholder:"URL" help:"The issuer, where it is not GitHub's own."`
	User            string `placeholder:"NAME" help:"With --pending: who becomes the project's owner."`
	Pending         bool   `help:"The project does not exist yet: the first token makes it."`
	IndexRepository string `default:"main" help:"The repository of this index that the project is in."`
}

// Run adds the publisher. Standard output is its id alone; what it trusts, and what is still open, is on standard error.
func (c *publisherAddGitHubCmd) Run(s *session) error {
	request := publishers.AddRequest{
		Provider: "github", Issuer: c.Issuer, Repository: c.IndexRepository, Project: c.Project, Pending: c.Pending, User: c.User,
		Fields: map[string]string{"owner": c.Owner, "repository": c.Repository, "workflow": c.Workflow, "environment": c.Environment, "owner_id": c.OwnerID},
	}
	if c.User != "" && !c.Pending {
		return fault.New(fault.Invalid, "--user goes with --pending: a project that exists has its owners already")
	}
	return s.with(func(a *app) error {
		added, err := a.registry.Add(s.ctx, a.operator, request)
		if err != nil {
			return err
		}
		fmt.Fprintln(s.out, added.ID)
		s.tell(added)
		return nil
	})
}

// tell says what a new publisher trusts and what is still open about it.
func (s *session) tell(p publishers.Added) {
	fmt.Fprintf(s.errs, "%s may now publish %s\n", p.Sentence, p.Project)
	if p.Pending {
		fmt.Fprintf(s.errs, "pending until %s: the first token that fits makes the project\n", moment(p.ExpiresAt))
	}
	if p.Warning != "" {
		fmt.Fprintf(s.errs, "note: %s\n", p.Warning)
	}
	if !slices.ContainsFunc(s.config.OIDC.Issuers, func(i issuer) bool { return i.Issuer == p.Issuer }) {
		fmt.Fprintf(s.errs, "note: the issuer %s is not among oidc.issuers, so none of its tokens counts yet\n", p.Issuer)
	}
}

type publisherListCmd struct {
	listing
	Project string `placeholder:"P" help:"Those of this project."`
}

// Run lists the publishers, pending ones too.
func (c *publisherListCmd) Run(s *session) error {
	return s.with(func(a *app) error {
		list, err := a.registry.List(s.ctx, a.operator, c.Project)
		if err != nil {
			return err
		}
		var rows [][]string
		for _, p := range list {
			rows = append(rows, []string{p.ID, p.Project, p.Provider, p.Sentence, pinText(p), moment(p.ExpiresAt).String()})
		}
		return c.write(s.out, notNil(list), []string{"ID", "PROJECT", "KIND", "PUBLISHER", "OWNER ID", "PENDING UNTIL"}, rows)
	})
}

// pinText is the owner's id, as far as it is known.
func pinText(p publishers.Listed) string {
	if p.Pinned {
		return p.OwnerID
	}
	return "of the first token"
}

type publisherRemoveCmd struct {
	ID string `arg:""`
}

// Run removes the publisher or the pending one.
func (c *publisherRemoveCmd) Run(s *session) error {
	return s.with(func(a *app) error { return a.registry.Remove(s.ctx, a.operator, c.ID) })
}
