package ingest

import (
	"context"

	"pyindex/internal/access"
	"pyindex/internal/catalog"
	"pyindex/internal/fault"
)

// trusts refuses API tokens where the project takes uploads from its publishers alone. Whoever is none of the two kinds
// that may is refused, whatever kinds there will be.
func trusts(who access.Caller, p catalog.Project) error {
	if !p.TrustedOnly || who.Kind() == access.KindPublisher || who.Kind() == access.KindOperator {
		return nil
	}
	if who.SessionID() != "" {
		return fault.New(fault.Denied, "project %s takes uploads from its trusted publishers alone: publish from the workflow that it trusts, or have an owner let people upload again", p.Name)
	}
	return fault.New(fault.Denied, "project %s takes uploads from its trusted publishers alone, and this is an API token: publish from the workflow that the project trusts, or have an owner allow API tokens again", p.Name)
}

// unspent refuses a single-use token whose upload was made.
func unspent(ctx context.Context, tx Tx, who access.Caller) error {
	if !who.SingleUse() {
		return nil
	}
	spent, err := tx.TokenSpent(ctx, who.TokenID())
	if err == nil && spent {
		return errSpent
	}
	return err
}

var errSpent = fault.New(fault.Denied, "this upload token was for one upload, and that was made: exchange another identity token for each file, or leave the feature single-use-token out")

// spend uses up a single-use token in the transaction that adds its file. It comes before everything else there, so that
// of two uploads with one token the later is refused whatever it brings; a transaction that fails spends nothing.
func (a *addition) spend(ctx context.Context, tx Tx) error {
	if !a.who.SingleUse() {
		return nil
	}
	did, err := tx.SpendToken(ctx, a.who.TokenID(), a.intake.changes.Clock())
	if err == nil && !did {
		return errSpent
	}
	return err
}

// noteBeside warns of an API token that uploads to a project which has trusted publishers: the token is a secret that
// nobody needs any more. The record has it once for each token and project.
func (a *addition) noteBeside(ctx context.Context, tx Tx, p catalog.Project, f catalog.File) error {
	a.beside = ""
	if a.who.Kind() != access.KindUser || a.who.TokenID() == "" {
		return nil
	}
	has, err := tx.HasPublishers(ctx, p.ID)
	if err != nil || !has {
		return err
	}
	a.beside = "project " + p.Name.String() + " has trusted publishers, but this upload used an API token: publish from the workflow and revoke the token, or have API tokens refused with: index project trusted-only " + p.Name.String() + " on"
	first, err := tx.NoteBeside(ctx, a.who.TokenID(), p.ID, f.UploadedAt)
	if err != nil || !first {
		return err
	}
	e := a.intake.changes.Entry(a.who, "token.used-beside-publishers", map[string]any{"warning": a.beside})
	e.Repository, e.Project, e.Version, e.Filename, e.Subject = p.Repository.ID, p.Name.String(), f.Version, f.Filename, a.who.TokenID()
	return tx.InsertAudit(ctx, e)
}

// warnings are the sentences for the sender of a file that was added.
func (a *addition) warnings() []string {
	all := a.contents.Warnings[:len(a.contents.Warnings):len(a.contents.Warnings)]
	if a.beside != "" {
		all = append(all, a.beside)
	}
	return all
}
