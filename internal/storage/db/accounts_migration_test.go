package db

import (
	"context"
	"testing"
	"time"

	"pyindex/internal/account"
)

// An index from before inviters were recorded takes them from the audit log, and its single sign-on sessions end after
// twelve hours. All other data is unchanged.
func TestUpgradeLearnsWhoInvited(t *testing.T) {
	for name, fresh := range map[string]func(*testing.T) string{"sqlite": emptySQLite, "postgres": freshPostgres} {
		t.Run(name, func(t *testing.T) {
			ctx, url := t.Context(), fresh(t)
			d, err := connect(url, Options{}.filled())
			if err != nil {
				t.Fatal(err)
			}
			p, err := d.provider()
			if err == nil {
				_, err = p.UpTo(ctx, 18)
			}
			if err != nil {
				t.Fatal(err)
			}
			long := int64(30 * 24 * time.Hour / time.Microsecond)
			err = d.update(ctx, func(tx *Tx) error {
				for _, id := range []string{"u-mallory", "u-puppet", "u-root"} {
					if _, err := tx.exec(ctx,
						`INSERT INTO users (id, name, admin, password_hash, created_at, disabled_at) VALUES ($1, $2, $3, '', 1, 0)`, id,
						id[2:], id == "u-root"); err != nil {
						return err
					}
				}
				entry := `INSERT INTO audit (id, at, action, outcome, actor_kind, actor_id, actor_name, token_id, address, request_id, repository_id, project, version, filename, subject, detail)
					VALUES ($1, 1, $2, 'granted', 'user', $3, '', '', '', '', '', '', '', '', '', $4)`
				for _, e := range [][]any{
					{
						"e1", "user.accept", "u-puppet",
						`{"admin":false,"grants":[{"where":"x"}],"invited_by":"u-mallory","kind":"invite","link":"l"}`,
					},
					{"e2", "user.accept", "u-root", `{"admin":true,"grants":null,"invited_by":"","kind":"first","link":"l"}`},
					{"e3", "user.invite", "u-mallory", `{"invited_by":"u-root"}`},
				} {
					if _, err := tx.exec(ctx, entry, e...); err != nil {
						return err
					}
				}
				for _, s := range [][]any{{"sso", "sso"}, {"password", "password"}} {
					if _, err := tx.exec(ctx,
						`INSERT INTO sessions (id, hash, user_id, method, agent, address, created_at, seen_at, confirmed_at, expires_at, ended_at)
						VALUES ($1, $1, 'u-root', $2, '', '', 1000, 1000, 1000, $3, 0)`, s[0], s[1], 1000+long); err != nil {
						return err
					}
				}
				_, err := tx.exec(ctx,
					`INSERT INTO links (id, hash, kind, user_id, invitation, created_by, created_at, expires_at, used_at, tries) VALUES ('l', 'h', 'invite', '', '{}', 'u-root', 1, $1, 0, 0)`, long)
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
			if err := d.Close(); err != nil {
				t.Fatal(err)
			}
			err = openAt(t, url, Options{}).Accounts().View(ctx, func(tx account.Tx) error { return upgraded(ctx, t, tx, long) })
			if err != nil {
				t.Fatal(err)
			}
		})
	}
}

func upgraded(ctx context.Context, t *testing.T, tx account.Tx, long int64) error {
	for id, want := range map[string]string{"u-puppet": "u-mallory", "u-root": "", "u-mallory": ""} {
		if u, err := tx.UserByID(ctx, id); err != nil || u.InvitedBy != want {
			t.Errorf("%s was invited by %q, %v, want %q", id, u.InvitedBy, err, want)
		}
	}
	for hash, want := range map[string]time.Time{
		"sso": moment(1000).Add(12 * time.Hour), "password": moment(1000 + long),
	} {
		if s, err := tx.SessionByHash(ctx, hash); err != nil || !s.ExpiresAt.Equal(want) || !s.FactorAt.IsZero() {
			t.Errorf("the session by %s ends %v, %v, want %v", hash, s.ExpiresAt, err, want)
		}
	}
	l, err := tx.LinkByHash(ctx, "h")
	if err == nil && (!l.ApprovedAt.IsZero() || l.CreatedBy != "u-root") {
		t.Errorf("the invitation is %+v", l)
	}
	return err
}
