package db

import (
	"context"
	"time"

	"pyindex/internal/follow"
)

func (t *Tx) PutSubscription(ctx context.Context, s follow.Subscription) error {
	_, err := t.exec(ctx,
		`INSERT INTO subscriptions (user_id, project_id, told_at) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING`,
		s.UserID, s.ProjectID, micros(s.ToldAt))
	return err
}

func (t *Tx) DeleteSubscription(ctx context.Context, userID, projectID string) error {
	_, err := t.exec(ctx, `DELETE FROM subscriptions WHERE user_id = $1 AND project_id = $2`, userID, projectID)
	return err
}

func scanSubscription(r row) (s follow.Subscription, err error) {
	var told int64
	err = r.Scan(&s.UserID, &s.ProjectID, &told)
	s.ToldAt = moment(told)
	return s, err
}

func (t *Tx) SubscriptionsOf(ctx context.Context, userID string) ([]follow.Subscription, error) {
	return many(ctx, t, scanSubscription,
		`SELECT user_id, project_id, told_at FROM subscriptions WHERE user_id = $1 ORDER BY project_id`, userID)
}

// hasUploads is the condition that a release has a file that no import brought.
const hasUploads = `EXISTS (SELECT 1 FROM files f WHERE f.release_id = r.id
	AND NOT EXISTS (SELECT 1 FROM file_origins o WHERE o.file_id = f.id))`

// isDue is the condition that there is a release that the subscriber was not told of.
const isDue = `EXISTS (SELECT 1 FROM releases r WHERE r.project_id = s.project_id AND r.created_at > s.told_at
	AND ` + hasUploads + `)`

func (t *Tx) SubscribersDue(ctx context.Context, before time.Time, after string, limit int,
) ([]follow.Subscriber, error) {
	return many(ctx, t, func(r row) (u follow.Subscriber, err error) {
		var told int64
		err = r.Scan(&u.UserID, &told)
		u.ToldAt = moment(told)
		return u, err
	}, `SELECT u.id, u.told_at FROM users u WHERE u.told_at <= $1 AND u.id > $2
		AND EXISTS (SELECT 1 FROM subscriptions s WHERE s.user_id = u.id AND `+isDue+`)
		ORDER BY u.id LIMIT $3`, micros(before), after, int64(limit))
}

func (t *Tx) SubscriptionsDue(ctx context.Context, userID string, limit int) ([]follow.Subscription, error) {
	return many(ctx, t, scanSubscription,
		`SELECT s.user_id, s.project_id, s.told_at FROM subscriptions s WHERE s.user_id = $1 AND `+isDue+`
		ORDER BY s.told_at, s.project_id LIMIT $2`, userID, int64(limit))
}

func (t *Tx) MoveSubscriber(ctx context.Context, u follow.Subscriber, told time.Time) (bool, error) {
	return t.did(ctx, `UPDATE users SET told_at = $3 WHERE id = $1 AND told_at = $2`,
		u.UserID, micros(u.ToldAt), micros(told))
}

func (t *Tx) MoveSubscription(ctx context.Context, s follow.Subscription, told time.Time) (bool, error) {
	return t.did(ctx, `UPDATE subscriptions SET told_at = $4 WHERE user_id = $1 AND project_id = $2 AND told_at = $3`,
		s.UserID, s.ProjectID, micros(s.ToldAt), micros(told))
}
