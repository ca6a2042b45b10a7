-- Repositories know the total size of their files, and have a limit of their own.

-- +goose Up

-- size is the sum of the sizes of the repository's projects, changed together with them. size_limit is 0 for what is
-- configured.
ALTER TABLE repositories ADD COLUMN size BIGINT NOT NULL DEFAULT 0;
ALTER TABLE repositories ADD COLUMN size_limit BIGINT NOT NULL DEFAULT 0;
UPDATE repositories SET size = COALESCE((SELECT SUM(p.size) FROM projects p WHERE p.repository_id = repositories.id), 0);

-- Projects that are near a limit, and the largest ones.
CREATE INDEX projects_size ON projects (size);
CREATE INDEX projects_limited ON projects (size_limit) WHERE size_limit > 0;
