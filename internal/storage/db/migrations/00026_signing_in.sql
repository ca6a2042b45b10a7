-- What a sign-in was judged by can be compared when its session begins, and the key of an authenticator that is being set up
-- belongs to one session.

-- +goose Up

-- How often what signs the account in was changed, or its sessions were ended.
ALTER TABLE users ADD COLUMN credential_changes BIGINT NOT NULL DEFAULT 0;

-- The session that an unconfirmed key belongs to. Whoever is setting one up at this moment begins again.
ALTER TABLE totps ADD COLUMN session_id TEXT NOT NULL DEFAULT '';

-- Recovery codes of accounts without a second factor: nobody needs them, and somebody who knew only the password may have made them.
DELETE FROM recovery_codes WHERE user_id NOT IN (SELECT user_id FROM totps WHERE confirmed_at > 0)
    AND user_id NOT IN (SELECT user_id FROM passkeys);
