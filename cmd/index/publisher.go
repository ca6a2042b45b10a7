package main

import (
	"fmt"
	"strings"

	"pyindex/internal/publishers"
)

type publisherCmd struct {
	Add    publisherAddCmd    `cmd:"" help:"Trust a workload to publish a project."`
	List   publisherListCmd   `cmd:"" help:"List the publishers."`
	Remove publisherRemoveCmd `cmd:"" help:"Trust a workload no more; its tokens end with it."`
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

// Run adds the publisher.
func (c *publisherAddGitHubCmd) Run(s *session) error {
	request := publishers.AddRequest{
		Provider: "github", Issuer: c.Issuer, Repository: c.IndexRepository, Project: c.Project, Pending: c.Pending, User: c.User,
		Fields: map[string]string{"owner": c.Owner, "repository": c.Repository, "workflow": c.Workflow, "environment": c.Environment, "owner_id": c.OwnerID},
	}
	return s.with(func(a *app) error {
		added, err := a.registry.Add(s.ctx, a.operator, request)
		if err == nil {
			fmt.Fprintln(s.out, strings.TrimSpace(fmt.Sprintf("%+v", added)))
		}
		return err
	})
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
		return c.write(s.out, notNil(list), nil, nil)
	})
}

type publisherRemoveCmd struct {
	ID string `arg:""`
}

// Run removes the publisher or the pending one.
func (c *publisherRemoveCmd) Run(s *session) error {
	return s.with(func(a *app) error { return a.registry.Remove(s.ctx, a.operator, c.ID) })
}
