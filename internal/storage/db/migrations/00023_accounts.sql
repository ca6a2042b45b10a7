-- Who invited whom, invitations that wait for an administrator, tokens whose end was announced, and sessions in which a second
-- factor was proved.

-- +goose Up

-- The user whose invitation made the account; "" for none, or for one of the operator's.
ALTER TABLE users ADD COLUMN invited_by TEXT NOT NULL DEFAULT '';
CREATE INDEX users_invited_by ON users (invited_by);

-- Accounts from before this column: the record says who invited them.
UPDATE users SET invited_by = COALESCE((SELECT MIN(o.id) FROM audit e JOIN users o ON e.detail LIKE '%"invited_by":"' || o.id || '"%'
    WHERE e.action = 'user.accept' AND e.outcome = 'granted' AND e.actor_id = users.id), '');

-- How a link came to be: "forgotten" for a reset that the person asked for, or how the step before a second factor was passed.
ALTER TABLE links ADD COLUMN origin TEXT NOT NULL DEFAULT '';
-- When and by whom an invitation was approved; 0 and "" if it was not.
ALTER TABLE links ADD COLUMN approved_at BIGINT NOT NULL DEFAULT 0;
ALTER TABLE links ADD COLUMN approved_by TEXT NOT NULL DEFAULT '';

-- When the holder was told by mail that the token ends soon; 0 if that was not done.
ALTER TABLE tokens ADD COLUMN warned_at BIGINT NOT NULL DEFAULT 0;

-- When a second factor was set up or proved in the session; 0 for what its method says.
ALTER TABLE sessions ADD COLUMN factor_at BIGINT NOT NULL DEFAULT 0;

-- Sessions that began by single sign-on now end after hours: a group that is lost at the provider is noticed at the next sign-in.
UPDATE sessions SET expires_at = created_at + 43200000000
    WHERE method = 'sso' AND ended_at = 0 AND expires_at > created_at + 43200000000;

CREATE INDEX devices_created ON devices (created_at);
