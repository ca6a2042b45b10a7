-- +goose Up
-- Names that are easily taken for each other (dist.ProjectName.Skeleton), found without reading them all.
CREATE INDEX projects_skeleton ON projects (repository_id, (REPLACE(REPLACE(REPLACE(REPLACE(name, '-', ''), 'l', '1'), 'i', '1'), 'o', '0')));
