-- Names that pending publishers wait for are reserved for this index while they live, and for 90 days after.

-- +goose Up

-- Whether the upstream that a name is remembered to come from is a private one.
ALTER TABLE name_sources ADD COLUMN private BOOLEAN NOT NULL DEFAULT FALSE;

INSERT INTO reservations (pattern, is_prefix, repository_id, why, subject, since, ends_at, by_kind, by_id, by_name, reason)
    SELECT project, FALSE, repository_id, 'pending', id, created_at,
        CASE WHEN expires_at > 0 THEN expires_at + 7776000000000 ELSE 0 END,
        CASE WHEN registrant = '' THEN 'operator' ELSE 'user' END, registrant, '', ''
    FROM pending_publishers;
