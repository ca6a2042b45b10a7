// Package follow lets users subscribe to e-mails about the new releases of a project.
//
// It promises that a subscriber is told once of each release that they may read when the letter is sent, in all
// processes together, and gets at most one letter an hour, which lists the releases of all their projects: addresses
// are not confirmed, so letters must not be a way to fill the mailbox of another person. A user who can no longer read
// a project is not told of it. A letter that the mail server does not accept is tried again, with the releases that
// came since.
package follow

import (
	"cmp"
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

// Subscriber is a user with subscriptions.
type Subscriber struct {
	UserID string
	ToldAt time.Time // of the last letter, zero before the first one
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
	// SubscribersDue returns at most limit users who have subscriptions due and got no letter later than before, by id,
	// after the given one.
	SubscribersDue(ctx context.Context, before time.Time, after string, limit int) ([]Subscriber, error)
	// SubscriptionsDue returns at most limit subscriptions of a user to projects with a release later than ToldAt, the
	// longest due first.
	SubscriptionsDue(ctx context.Context, userID string, limit int) ([]Subscription, error)
	// MoveSubscription sets ToldAt. It reports false if the row no longer matches s; of several concurrent calls, one
	// succeeds.
	MoveSubscription(ctx context.Context, s Subscription, told time.Time) (bool, error)
	// MoveSubscriber is MoveSubscription for the time of a user's last letter.
	MoveSubscriber(ctx context.Context, u Subscriber, told time.Time) (bool, error)
	// ImportedReleases returns the ids of the releases of a project that have no file but those that imports brought.
	ImportedReleases(ctx context.Context, projectID string) (map[string]bool, error)
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
const maxSubscriptions = 200

var errNobody = fault.New(fault.Denied, "only a person with an account can subscribe to a project")

// Follow subscribes the caller to a project. It returns fault.NotFound if the caller may not see the project,
// fault.Denied unless the caller is a user, and fault.TooMany if they have 200 subscriptions.
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

// News are the new releases of all projects that a user is subscribed to.
type News struct {
	User, Email string
	Projects    []ProjectNews // by name
}

// ProjectNews are the new releases of a project.
type ProjectNews struct {
	Project  catalog.Project
	Versions []string // oldest first, at most 20
	Total    int
}

const (
	letterEvery = time.Hour // for one user
	dueAtOnce   = 200
	maxVersions = 20
)

// Notify calls send once for each user who is subscribed to projects with new releases, if the user has an e-mail
// address, may read one of the projects now, and got no letter within the last hour. It reads the permissions again in
// the transaction in which this process claims the letter. If send fails, the letter is due again. It returns the
// errors of send.
func (x *Followers) Notify(ctx context.Context, send func(context.Context, News) error) error {
	var failed error
	for last := ""; ; {
		var due []Subscriber
		err := x.store.View(ctx, func(tx Tx) (err error) {
			due, err = tx.SubscribersDue(ctx, x.now().Add(-letterEvery), last, dueAtOnce)
			return err
		})
		if err != nil || len(due) == 0 {
			return errors.Join(failed, err)
		}
		for _, u := range due {
			if err := ctx.Err(); err != nil {
				return errors.Join(failed, err)
			}
			failed = errors.Join(failed, x.notify(ctx, u, send))
			last = u.UserID
		}
	}
}

// errClaimed undoes the transaction of a process that another one was faster than.
var errClaimed = errors.New("another process sends this letter")

// claim is a subscription, and the time that a letter moved it to.
type claim struct {
	Subscription
	told time.Time
}

func (x *Followers) notify(ctx context.Context, u Subscriber, send func(context.Context, News) error) error {
	var news News
	var claims []claim
	claimed := Subscriber{u.UserID, x.now()}
	err := x.store.Update(ctx, func(tx Tx) (err error) {
		news, claims, err = claimNews(ctx, tx, u.UserID)
		if err != nil || news.Email == "" || len(news.Projects) == 0 {
			return err
		}
		if mine, err := tx.MoveSubscriber(ctx, u, claimed.ToldAt); err != nil || !mine {
			return cmp.Or(err, errClaimed)
		}
		return nil
	})
	if errors.Is(err, errClaimed) {
		return nil
	}
	if err != nil || news.Email == "" || len(news.Projects) == 0 {
		return err
	}
	if err = send(ctx, news); err == nil || fault.Is(err, fault.Invalid) { // rejected for good
		return err
	}
	return errors.Join(err, x.store.Update(context.WithoutCancel(ctx), func(tx Tx) error {
		for _, c := range claims {
			moved := c.Subscription
			moved.ToldAt = c.told
			if _, err := tx.MoveSubscription(context.WithoutCancel(ctx), moved, c.ToldAt); err != nil {
				return err
			}
		}
		_, err := tx.MoveSubscriber(context.WithoutCancel(ctx), claimed, u.ToldAt)
		return err
	}))
}

// claimNews moves the subscriptions of a user that are due, and returns the news of those that no other process moved.
func claimNews(ctx context.Context, tx Tx, userID string) (n News, claims []claim, err error) {
	due, err := tx.SubscriptionsDue(ctx, userID, maxSubscriptions)
	if err != nil {
		return n, nil, err
	}
	for _, s := range due {
		p, may, told, err := newsFor(ctx, tx, s)
		if fault.Is(err, fault.NotFound) { // the project was deleted
			continue
		}
		if err != nil {
			return n, nil, err
		}
		if told.Equal(s.ToldAt) {
			continue
		}
		mine, err := tx.MoveSubscription(ctx, s, told)
		if err != nil {
			return n, nil, err
		}
		if !mine {
			continue
		}
		claims = append(claims, claim{s, told})
		if may && p.Total > 0 {
			n.Projects = append(n.Projects, p)
		}
	}
	slices.SortFunc(n.Projects, func(a, b ProjectNews) int {
		return cmp.Or(cmp.Compare(a.Project.Name.String(), b.Project.Name.String()),
			cmp.Compare(a.Project.Repository.Name, b.Project.Repository.Name))
	})
	u, err := tx.UserByID(ctx, userID)
	if err != nil {
		return n, nil, err
	}
	p, err := access.ProfileOf(ctx, tx, userID)
	n.User, n.Email = u.Name, p.Email
	return n, claims, err
}

// newsFor returns the new releases of a subscription, whether the user may be told of them, and the time of the last
// one.
func newsFor(ctx context.Context, tx Tx, s Subscription) (n ProjectNews, may bool, told time.Time, err error) {
	told = s.ToldAt
	if n.Project, err = tx.ProjectByID(ctx, s.ProjectID); err != nil {
		return n, false, told, err
	}
	all, err := tx.Summaries(ctx, s.ProjectID)
	if err != nil {
		return n, false, told, err
	}
	imported, err := tx.ImportedReleases(ctx, s.ProjectID)
	if err != nil {
		return n, false, told, err
	}
	slices.SortStableFunc(all, func(a, b catalog.Summary) int { return a.CreatedAt.Compare(b.CreatedAt) })
	for _, r := range all {
		if !r.CreatedAt.After(s.ToldAt) {
			continue
		}
		told = r.CreatedAt
		if imported[r.ID] || !r.Offered() {
			continue
		}
		if n.Total++; len(n.Versions) < maxVersions {
			n.Versions = append(n.Versions, r.Version)
		}
	}
	may, err = access.Holds(ctx, tx, s.UserID, access.Reader, n.Project.Object())
	return n, may && n.Project.Status != catalog.Quarantined, told, err
}
