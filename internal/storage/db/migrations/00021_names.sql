-- Whose a project name is on this index. A row is written with the first project of the name and outlives the project, its
-- releases and its repository, so there are no references.
--
-- A project that was deleted leaves its name to its last owners for a while. The repository is kept by name: one that is
-- created again under the name of a removed one finds what was deleted there.

-- +goose Up

CREATE TABLE names (
    name    TEXT NOT NULL PRIMARY KEY,
    origin  TEXT NOT NULL,
    since   BIGINT NOT NULL,
    by_kind TEXT NOT NULL,
    by_id   TEXT NOT NULL,
    by_name TEXT NOT NULL,
    why     TEXT NOT NULL
);

CREATE TABLE deleted_projects (
    repository TEXT NOT NULL,
    name       TEXT NOT NULL,
    deleted_at BIGINT NOT NULL,
    free_at    BIGINT NOT NULL,
    again_at   BIGINT NOT NULL DEFAULT 0,
    PRIMARY KEY (repository, name)
);

-- Who owned it last: kind is 'user' or 'group', owner the id.
CREATE TABLE deleted_project_owners (
    repository TEXT NOT NULL,
    name       TEXT NOT NULL,
    kind       TEXT NOT NULL,
    owner      TEXT NOT NULL,
    PRIMARY KEY (repository, name, kind, owner)
);

-- The names that the record knows, with who was first.
INSERT INTO names (name, origin, since, by_kind, by_id, by_name, why)
    SELECT project, 'own', at, actor_kind, actor_id, actor_name, 'project' FROM (
        SELECT project, at, actor_kind, actor_id, actor_name, ROW_NUMBER() OVER (PARTITION BY project ORDER BY at, id) AS place
        FROM audit WHERE action = 'project.create' AND outcome = 'granted' AND project <> ''
    ) firsts WHERE place = 1;

-- Those of projects that the record does not know.
INSERT INTO names (name, origin, since, by_kind, by_id, by_name, why)
    SELECT name, 'own', MIN(created_at), '', '', '', 'project' FROM projects
    WHERE NOT EXISTS (SELECT 1 FROM names n WHERE n.name = projects.name) GROUP BY name;

-- Those of deleted projects. The last deletion counts; who did it owned the project or administered the index.
INSERT INTO deleted_projects (repository, name, deleted_at, free_at, again_at)
    SELECT r.name, a.project, MAX(a.at), MAX(a.at) + 7776000000000, COALESCE(MAX(p.created_at), 0)
    FROM audit a
    JOIN (SELECT id, name FROM repositories
        UNION SELECT repository_id, subject FROM audit WHERE action = 'repository.remove' AND outcome = 'granted') r ON r.id = a.repository_id
    LEFT JOIN projects p ON p.repository_id = a.repository_id AND p.name = a.project
    WHERE a.action = 'project.delete' AND a.outcome = 'granted' AND a.project <> ''
    GROUP BY r.name, a.project;

INSERT INTO deleted_project_owners (repository, name, kind, owner)
    SELECT DISTINCT d.repository, d.name, 'user', a.actor_id
    FROM deleted_projects d
    JOIN audit a ON a.project = d.name AND a.at = d.deleted_at AND a.action = 'project.delete' AND a.outcome = 'granted'
    WHERE a.actor_kind = 'user' AND a.actor_id <> '';

-- Files that were deleted name projects too: the key of a file name begins with the project's, with underscores, and a dash.
INSERT INTO deleted_projects (repository, name, deleted_at, free_at, again_at)
    WITH RECURSIVE parts (repository_id, name_key, deleted_at, n) AS (
        SELECT repository_id, name_key, deleted_at, 1 FROM tombstones
        UNION ALL
        SELECT repository_id, name_key, deleted_at, n + 1 FROM parts WHERE n < LENGTH(name_key) AND SUBSTR(name_key, n, 1) <> '-'
    )
    SELECT r.name, t.project, MAX(t.deleted_at), MAX(t.deleted_at) + 7776000000000, 0
    FROM (SELECT repository_id, deleted_at, REPLACE(SUBSTR(name_key, 1, n - 1), '_', '-') AS project
        FROM parts WHERE n > 1 AND SUBSTR(name_key, n, 1) = '-') t
    JOIN repositories r ON r.id = t.repository_id
    WHERE NOT EXISTS (SELECT 1 FROM projects p WHERE p.repository_id = t.repository_id AND p.name = t.project)
        AND NOT EXISTS (SELECT 1 FROM deleted_projects d WHERE d.repository = r.name AND d.name = t.project)
    GROUP BY r.name, t.project;

INSERT INTO names (name, origin, since, by_kind, by_id, by_name, why)
    SELECT name, 'own', MIN(deleted_at), '', '', '', 'project' FROM deleted_projects
    WHERE NOT EXISTS (SELECT 1 FROM names n WHERE n.name = deleted_projects.name) GROUP BY name;
