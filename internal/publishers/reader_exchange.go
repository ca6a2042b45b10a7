package publishers

import (
	"context"
	"slices"
	"time"

	"pyindex/internal/access"
	"pyindex/internal/fault"
	"pyindex/internal/workload"
)

// MintedRead is what a workload that reads gets: a token that sees what its readers name until it expires.
type MintedRead struct {
	Token        access.Secret
	Expires      time.Time // whole seconds
	Repositories []string  // names of those that it sees as a whole, sorted
	Projects     []string  // normal names, sorted
}

// ExchangeRead gives a read token for an identity token. It is as Exchange in all that is refused and recorded, and a token
// that was used for one is used for the other too. Every reader that fits adds what it names, and nothing else does: who
// may publish a project gains nothing here.
func (r *Registry) ExchangeRead(ctx context.Context, who access.Caller, raw access.Secret) (MintedRead, error) {
	x, err := r.identify(ctx, exchange{who: who}, raw)
	if err != nil {
		return MintedRead{}, r.refusedRead(ctx, x, nil, err)
	}
	var m MintedRead
	var near []nearReader
	err = r.store.Update(ctx, func(tx Tx) (err error) {
		m, near, err = r.settleRead(ctx, tx, x)
		return err
	})
	if err != nil {
		return MintedRead{}, r.refusedRead(ctx, x, near, err)
	}
	return m, nil
}

// settleRead is the exchange inside its transaction: match, use up, pin, mint.
func (r *Registry) settleRead(ctx context.Context, tx Tx, x exchange) (MintedRead, []nearReader, error) {
	fit, near, err := r.matchReaders(ctx, tx, x)
	if err != nil {
		return MintedRead{}, near, err
	}
	if err := tx.ClaimJTI(ctx, x.issuer, x.jti, x.until); fault.Is(err, fault.Conflict) {
		return MintedRead{}, nil, Refuse(CodeReuse, "this token was used before: its id (jti) counts once, so ask the issuer for a new one")
	} else if err != nil {
		return MintedRead{}, nil, err
	}
	if fit, err = r.pinReaders(ctx, tx, x, fit); err != nil {
		return MintedRead{}, nil, err
	}
	m, err := r.mintRead(ctx, tx, x, fit)
	return m, nil, err
}

// nearReader is a reader that a token almost fitted.
type nearReader struct {
	Reader
	by *workload.Mismatch
}

// matchReaders finds the readers that a token fits. A *Refusal with code invalid-publisher names the claim by which the
// nearest differs; the nearest are returned with it, for the record.
func (r *Registry) matchReaders(ctx context.Context, tx Tx, x exchange) (fit []Reader, near []nearReader, err error) {
	all, err := tx.ReadersFor(ctx, x.issuer, x.provider.Name(), x.lookup)
	if err != nil {
		return nil, nil, err
	}
	for _, rd := range all {
		if !rd.Whole && len(rd.Projects) == 0 {
			continue
		}
		err := r.admits(x, rd.Publisher)
		if err == nil {
			fit = append(fit, rd)
			continue
		}
		near = nearer(near, nearReader{rd, workload.AsMismatch(err)})
	}
	if len(fit) > 0 {
		return fit, nil, nil
	}
	return nil, near, Refuse(CodePublisher, noReader(x, near))
}

// nearer keeps the readers of which the most claims fitted.
func nearer(all []nearReader, n nearReader) []nearReader {
	if len(all) == 0 || n.by.Passed > all[0].by.Passed {
		return []nearReader{n}
	}
	if n.by.Passed < all[0].by.Passed {
		return all
	}
	return append(all, n)
}

// noReader says why, without what the rule expects: the bearer of a token may be anybody.
func noReader(x exchange, near []nearReader) string {
	if len(near) == 0 {
		return "valid token, but no corresponding reader (nothing here lets " + workload.Show(x.lookup) + " read; index reader add does)"
	}
	by := *near[0].by
	why := by.Public()
	if by.Want != "" {
		by.Want, by.Why = "", "which the nearest reader does not accept"
		why = by.Public()
	}
	return "valid token, but no corresponding reader (" + why + "; whoever added the reader can compare it)"
}

// pinReaders ties readers that have no owner id yet to the account of this token, the first that they accept. One that
// another token tied elsewhere a moment ago is left out.
func (r *Registry) pinReaders(ctx context.Context, tx Tx, x exchange, fit []Reader) ([]Reader, error) {
	var kept []Reader
	for _, rd := range fit {
		rd, ok, err := r.pinReader(ctx, tx, x, rd)
		if err != nil {
			return nil, err
		}
		if ok {
			kept = append(kept, rd)
		}
	}
	if len(kept) == 0 {
		return nil, Refuse(CodePublisher, "valid token, but no corresponding reader (another account was accepted by this reader first)")
	}
	return kept, nil
}

func (r *Registry) pinReader(ctx context.Context, tx Tx, x exchange, rd Reader) (Reader, bool, error) {
	owner := r.ownerOf(x, rd.Publisher)
	if rd.OwnerID != "" || owner == "" {
		return rd, true, nil
	}
	won, err := tx.PinReader(ctx, rd.ID, owner)
	if err != nil {
		return rd, false, err
	}
	if won {
		rd.OwnerID = owner
		return rd, true, tx.InsertAudit(ctx, r.readerEntry("reader.pin", r.readActor(x, rd), rd, x.at))
	}
	rd, err = tx.ReaderByID(ctx, rd.ID)
	if fault.Is(err, fault.NotFound) {
		return rd, false, nil
	}
	return rd, rd.OwnerID == owner, err
}

// mintRead makes the read token and binds it to its readers, with an audit entry for each.
func (r *Registry) mintRead(ctx context.Context, tx Tx, x exchange, fit []Reader) (MintedRead, error) {
	secret, sentence := access.NewToken(), r.sentence(fit[0].Publisher)
	t := access.Token{
		ID: r.o.NewID(), Kind: access.TokenMinted, Hash: access.HashToken(secret), Scope: access.ScopeRead,
		Description: "minted for reading by " + sentence, Limited: true,
		CreatedAt: x.at, ExpiresAt: x.at.Add(r.o.Lifetime).Truncate(time.Second),
		Publisher: sentence, Claims: bounded(x.claims),
	}
	if err := tx.InsertToken(ctx, t); err != nil {
		return MintedRead{}, err
	}
	m := MintedRead{Token: secret, Expires: t.ExpiresAt}
	for _, rd := range fit {
		if err := tx.InsertTokenReader(ctx, t.ID, rd.ID); err != nil {
			return MintedRead{}, err
		}
		if err := r.addPlaces(ctx, tx, &m, rd); err != nil {
			return MintedRead{}, err
		}
		if err := tx.InsertAudit(ctx, r.readMinted(x, rd, t.ID)); err != nil {
			return MintedRead{}, err
		}
	}
	m.Repositories, m.Projects = distinct(m.Repositories), distinct(m.Projects)
	return m, nil
}

// addPlaces adds the names of what a reader lets a token see.
func (r *Registry) addPlaces(ctx context.Context, tx Tx, m *MintedRead, rd Reader) error {
	for _, p := range rd.Projects {
		m.Projects = append(m.Projects, p.Name)
	}
	if !rd.Whole {
		return nil
	}
	repo, err := repositoryByID(ctx, tx, rd.RepositoryID)
	m.Repositories = append(m.Repositories, repo.Name)
	return err
}

func distinct(s []string) []string {
	slices.Sort(s)
	return slices.Compact(s)
}
