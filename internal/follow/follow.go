// Package follow lets users subscribe to e-mails about the new releases of a project.
//
// It promises one letter for each release that a subscriber may read when the letter is sent, in all processes
// together. A user who can no longer read a project gets no letter. A letter that the mail server does not accept is
// tried again, with the releases that came since.
package follow

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"pyindex/internal/access"
	"pyindex/internal/catalog"
	"pyindex/internal/fault"
	"pyindex/internal/packaging"
)

// Subscription is a user's wish to be told of the releases of a project.
type Subscription struct {
	UserID, ProjectID string
	ToldAt            time.Time // of the last release that the user was told of, or of the subscription
}

// Tx is a transaction with the rows of this package.
type Tx interface {
	catalog.Tx
	access.PeopleRows
	ProfileOf(ctx context.Context, userID string) (access.Profile, error)

	// PutSubscription adds a subscription. It does nothing if there is one.
	PutSubscription(ctx context.Context, s Subscription) error
	DeleteSubscription(ctx context.Context, userID, projectID string) error
	SubscriptionsOf(ctx context.Context, userID string) ([]Subscription, error)
	// SubscriptionsDue returns at most limit subscriptions to projects with a release later than ToldAt, by project and
	// user, after the given one.
	SubscriptionsDue(ctx context.Context, after Subscription, limit int) ([]Subscription, error)
	// MoveSubscription sets ToldAt. It reports false if the row no longer matches s; of several concurrent calls, one
	// succeeds.
	MoveSubscription(ctx context.Context, s Subscription, told time.Time) (bool, error)
}

// Store runs transactions; see access.Store for the promises of its methods.
type Store interface {
	View(ctx context.Context, f func(Tx) error) error
	Update(ctx context.Context, f func(Tx) error) error
}

// Followers manages subscriptions. It is safe for concurrent use, and by several processes on one store.
type Followers struct {
	index *catalog.Index
	store Store
	now   func() time.Time
}

// New returns the subscriptions to the projects of x. now may be nil for time.Now.
func New(x *catalog.Index, s Store, now func() time.Time) *Followers {
	if now == nil {
		now = time.Now
	}
	return &Followers{index: x, store: s, now: now}
}

// maxSubscriptions is the number of subscriptions that a user may have.
const maxSubscriptions = 1_000

var errNobody = fault.New(fault.Denied, "only a person with an account can subscribe to a project")

// Follow subscribes the caller to a project. It returns fault.NotFound if the caller may not see the project,
// fault.Denied unless the caller is a user, and fault.TooMany if they have 1,000 subscriptions.
func (x *Followers) Follow(ctx context.Context, who access.Caller, repo string, name packaging.ProjectName) error {
	p, err := x.index.Project(ctx, who, repo, name)
	if err != nil {
		return err
	}
	if who.Kind() != access.KindUser {
		return errNobody
	}
	return x.store.Update(ctx, func(tx Tx) error {
		if may, err := access.Holds(ctx, tx, who.ID(), access.Reader, p.Object()); err != nil || !may {
			return errors.Join(err, catalog.Missing("project of that name"))
		}
		all, err := tx.SubscriptionsOf(ctx, who.ID())
		if err == nil && len(all) >= maxSubscriptions {
			return fault.New(fault.TooMany, "you have %d subscriptions; remove some first", len(all))
		}
		if err != nil {
			return err
		}
		return tx.PutSubscription(ctx, Subscription{UserID: who.ID(), ProjectID: p.ID, ToldAt: x.now()})
	})
}

// Unfollow ends the caller's subscription to a project. The id is that of Followed, because a user may end a
// subscription to a project that they can no longer see. It does nothing if there is none.
func (x *Followers) Unfollow(ctx context.Context, who access.Caller, projectID string) error {
	if who.Kind() != access.KindUser {
		return errNobody
	}
	return x.store.Update(ctx, func(tx Tx) error { return tx.DeleteSubscription(ctx, who.ID(), projectID) })
}

// Followed is a project that a user is subscribed to. Its names are "" if the user can no longer see it.
type Followed struct {
	ProjectID                 string
	Repository, Name, Display string
}

// Following returns the projects that the caller is subscribed to, by name.
func (x *Followers) Following(ctx context.Context, who access.Caller) (out []Followed, err error) {
	if who.Kind() != access.KindUser {
		return nil, nil
	}
	err = x.store.View(ctx, func(tx Tx) error {
		out = nil
		all, err := tx.SubscriptionsOf(ctx, who.ID())
		for _, s := range all {
			f := Followed{ProjectID: s.ProjectID}
			p, err := tx.ProjectByID(ctx, s.ProjectID)
			if err != nil && !fault.Is(err, fault.NotFound) {
				return err
			}
			if err == nil && who.May(access.Reader, p.Object()) {
				f.Repository, f.Name, f.Display = p.Repository.Name, p.Name.String(), p.Display
			}
			out = append(out, f)
		}
		return err
	})
	slices.SortFunc(out,
		func(a, b Followed) int { return strings.Compare(a.Name+" "+a.Repository, b.Name+" "+b.Repository) })
	return out, err
}

// Follows reports whether the caller is subscribed to a project.
func (x *Followers) Follows(ctx context.Context, who access.Caller, projectID string) (bool, error) {
	all, err := x.Following(ctx, who)
	return slices.ContainsFunc(all, func(f Followed) bool { return f.ProjectID == projectID }), err
}

// News are the new releases of a project, for one user.
type News struct {
	User, Email string
	Project     catalog.Project
	Versions    []string // oldest first, at most 20
	Total       int
}

const (
	dueAtOnce   = 200
	maxVersions = 20
)

// Notify calls send once for each subscriber of a project with new releases, if the subscriber has an e-mail address
// and may read the project now. It reads the permission again in the transaction in which this process claims the
// letter. If send fails, the letter is due again. It returns the errors of send.
func (x *Followers) Notify(ctx context.Context, send func(context.Context, News) error) error {
	var failed error
	for last := (Subscription{}); ; {
		var due []Subscription
		err := x.store.View(ctx, func(tx Tx) (err error) {
			due, err = tx.SubscriptionsDue(ctx, last, dueAtOnce)
			return err
		})
		if err != nil || len(due) == 0 {
			return errors.Join(failed, err)
		}
		for _, s := range due {
			if err := ctx.Err(); err != nil {
				return errors.Join(failed, err)
			}
			failed = errors.Join(failed, x.notify(ctx, s, send))
			last = s
		}
	}
}

func (x *Followers) notify(ctx context.Context, s Subscription, send func(context.Context, News) error) error {
	news, claimed := News{}, s
	err := x.store.Update(ctx, func(tx Tx) (err error) {
		news, claimed.ToldAt, err = newsFor(ctx, tx, s)
		if fault.Is(err, fault.NotFound) { // the project was deleted
			return nil
		}
		if err != nil || claimed.ToldAt.Equal(s.ToldAt) {
			return err
		}
		mine, err := tx.MoveSubscription(ctx, s, claimed.ToldAt)
		if !mine {
			news = News{}
		}
		return err
	})
	if err != nil || news.Email == "" || len(news.Versions) == 0 {
		return err
	}
	if err = send(ctx, news); err == nil || fault.Is(err, fault.Invalid) { // rejected for good
		return err
	}
	return errors.Join(err, x.store.Update(context.WithoutCancel(ctx), func(tx Tx) error {
		_, err := tx.MoveSubscription(ctx, claimed, s.ToldAt)
		return err
	}))
}

// newsFor returns the letter of a subscription and the time of its last release. The letter has no address if the user
// may not be told.
func newsFor(ctx context.Context, tx Tx, s Subscription) (n News, told time.Time, err error) {
	told = s.ToldAt
	if n.Project, err = tx.ProjectByID(ctx, s.ProjectID); err != nil {
		return n, told, err
	}
	all, err := tx.Summaries(ctx, s.ProjectID)
	if err != nil {
		return n, told, err
	}
	slices.SortStableFunc(all, func(a, b catalog.Summary) int { return a.CreatedAt.Compare(b.CreatedAt) })
	for _, r := range all {
		if !r.CreatedAt.After(s.ToldAt) {
			continue
		}
		told = r.CreatedAt
		if !r.Offered() {
			continue
		}
		if n.Total++; len(n.Versions) < maxVersions {
			n.Versions = append(n.Versions, r.Version)
		}
	}
	may, err := access.Holds(ctx, tx, s.UserID, access.Reader, n.Project.Object())
	if err != nil || !may || n.Project.Status == catalog.Quarantined {
		return n, told, err
	}
	u, err := tx.UserByID(ctx, s.UserID)
	if err != nil {
		return n, told, err
	}
	p, err := access.ProfileOf(ctx, tx, s.UserID)
	n.User, n.Email = u.Name, p.Email
	return n, told, err
}
