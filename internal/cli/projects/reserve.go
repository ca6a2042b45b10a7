package projects

import (
	"fmt"
	"strings"

	"pyindex/internal/app"
	"pyindex/internal/catalog"
	"pyindex/internal/cli"
	"pyindex/internal/terminal"
	"pyindex/internal/upstream"
)

// Reserve has the commands about reserved names.
type Reserve struct {
	Add    reserveAddCmd    `cmd:"" help:"Reserve a prefix of names for a repository, so that no upstream is asked about them."`
	List   reserveListCmd   `cmd:"" help:"List the reserved names, including those that pending publishers wait for."`
	Remove reserveRemoveCmd `cmd:"" help:"Remove the reservation of a prefix. Names that were used remain own."`
}

type reserveAddCmd struct {
	Repository   string `arg:""`
	Prefix       string `arg:"" help:"Prefix: acme reserves acme and all names that begin with acme-."`
	Reason       string `required:"" placeholder:"R" help:"Reason."`
	EvenIfPublic bool   `help:"Reserve the names although an upstream has some of them. They are no longer read from there."`
	terminal.Listing
}

type reservationRow struct {
	Names      string          `json:"names"`
	Repository string          `json:"repository"`
	Kind       string          `json:"kind"` // "reserved", or "pending" for a pending publisher's
	Since      terminal.Moment `json:"since"`
	Until      terminal.Moment `json:"until"`
	By         string          `json:"by,omitempty"`
	Reason     string          `json:"reason,omitempty"`
}

func reservationOf(r catalog.Reservation, repository string) reservationRow {
	return reservationRow{
		r.Text(), repository, r.Why, terminal.Moment(r.Since), terminal.Moment(r.EndsAt), r.By.Name, r.Reason,
	}
}

// Run reserves the names.
func (c *reserveAddCmd) Run(s *cli.Session) error {
	return s.With(func(a *app.App) error {
		r, err := a.Index.Reserve(s.Ctx, a.Operator, catalog.NewReservation{
			Repository: c.Repository, Pattern: c.Prefix, Reason: c.Reason, EvenIfPublic: c.EvenIfPublic,
		})
		if err != nil {
			return err
		}
		if len(r.Public) > 0 {
			fmt.Fprintf(s.Errs, "note: these names are no longer read from an upstream: %s\n", strings.Join(r.Public, ", "))
		}
		if r.Warning != "" {
			fmt.Fprintf(s.Errs, "note: %s\n", r.Warning)
		}
		if err := notePrivate(s, a, r.Text()); err != nil {
			return err
		}
		return c.Report(s.Out, reservationOf(r.Reservation, r.Repository),
			fmt.Sprintf("%s and %s are reserved for repository %s", r.Pattern, r.Text(), r.Repository))
	})
}

// notePrivate warns that private upstreams are no longer asked for the names either, though they may have them.
func notePrivate(s *cli.Session, a *app.App, names string) error {
	all, err := a.Upstreams.List(s.Ctx, a.Operator)
	if err != nil {
		return err
	}
	for _, u := range all {
		if u.Kind == upstream.Private {
			fmt.Fprintf(s.Errs, "note: names of %s are no longer read from the private upstream %s either\n", names, u.Name)
		}
	}
	return nil
}

type reserveListCmd struct{ terminal.Listing }

// Run lists the reservations.
func (c *reserveListCmd) Run(s *cli.Session) error {
	return s.With(func(a *app.App) error {
		all, err := a.Index.Reservations(s.Ctx, a.Operator)
		if err != nil {
			return err
		}
		list, rows := []reservationRow{}, [][]string{}
		for _, one := range all {
			r := reservationOf(one.Reservation, one.Repository)
			list = append(list, r)
			rows = append(rows, []string{
				r.Names, r.Repository, r.Kind, r.Since.String(), r.Until.String(), terminal.Printable(r.Reason),
			})
		}
		return c.Write(s.Out, list, []string{"NAMES", "REPOSITORY", "KIND", "SINCE", "UNTIL", "REASON"}, rows)
	})
}

type reserveRemoveCmd struct {
	Repository string `arg:""`
	Prefix     string `arg:""`
	terminal.Listing
}

// Run removes the reservation.
func (c *reserveRemoveCmd) Run(s *cli.Session) error {
	return s.With(func(a *app.App) error {
		if err := a.Index.Unreserve(s.Ctx, a.Operator, c.Repository, c.Prefix); err != nil {
			return err
		}
		return c.Report(s.Out, struct {
			Names      string `json:"names"`
			Repository string `json:"repository"`
		}{c.Prefix, c.Repository}, fmt.Sprintf("%s is no longer reserved for repository %s", c.Prefix, c.Repository))
	})
}
