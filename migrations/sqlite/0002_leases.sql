-- Leases, pauses, jobs that wait for a time, and what bounds the history.
-- The tables of jobs and attempts are made anew, since SQLite can't change a CHECK or a primary key in place; foreign
-- keys are off meanwhile, and checked at the end.

CREATE TABLE jobs_new (
    -- The order of submission; lists and the queue go by it.
    seq          INTEGER PRIMARY KEY AUTOINCREMENT,
    -- The UUID that clients know.
    id           TEXT NOT NULL UNIQUE,
    -- queued, running, paused, cancelling, succeeded, failed or cancelled.
    state        TEXT NOT NULL,
    -- Higher runs earlier.
    priority     INTEGER NOT NULL,
    -- The lease of the attempt that is open; NULL where none is. Every write for an attempt names it.
    lease        INTEGER,
    -- The number of the last attempt; 0 before the first.
    attempt      INTEGER NOT NULL DEFAULT 0,
    -- Attempts up to this number don't count any more: a client wanted the job tried again.
    fresh_after  INTEGER NOT NULL DEFAULT 0,
    -- Not to be started before this time; NULL for at once.
    run_at       INTEGER,
    -- 1 while that time is to come.
    held         INTEGER NOT NULL DEFAULT 0,
    -- What was asked for: a checked request.
    spec         TEXT NOT NULL,
    -- How far the last attempt got when it ended.
    progress     TEXT,
    -- What was made; before that NULL, and the spec tells what is wanted.
    outputs      TEXT,
    -- That it was asked to stop, why and how it went.
    cancellation TEXT,
    -- Why it, or its last attempt, failed.
    error        TEXT,
    created_at   INTEGER NOT NULL,
    started_at   INTEGER,
    finished_at  INTEGER,
    CONSTRAINT known_state CHECK (state IN ('queued', 'running', 'paused', 'cancelling', 'succeeded', 'failed', 'cancelled')),
    CONSTRAINT over_has_time CHECK ((state IN ('succeeded', 'failed', 'cancelled')) = (finished_at IS NOT NULL)),
    CONSTRAINT running_has_lease CHECK (state NOT IN ('running', 'cancelling') OR lease IS NOT NULL),
    CONSTRAINT over_has_no_lease CHECK (finished_at IS NULL OR lease IS NULL)
) STRICT;

CREATE TABLE attempts_new (
    -- The lease: AUTOINCREMENT, so that a number only grows and none is ever used twice.
    lease       INTEGER PRIMARY KEY AUTOINCREMENT,
    job         INTEGER NOT NULL REFERENCES jobs (seq) ON DELETE CASCADE,
    -- 1 for the first.
    number      INTEGER NOT NULL,
    started_at  INTEGER NOT NULL,
    finished_at INTEGER,
    -- succeeded, failed, cancelled, interrupted or lost; NULL while it is open.
    outcome     TEXT,
    -- ffmpeg's exit code or the signal that ended it.
    exit_code   INTEGER,
    signal      INTEGER,
    error       TEXT,
    CONSTRAINT ended_has_outcome CHECK ((outcome IS NULL) = (finished_at IS NULL)),
    UNIQUE (job, number)
) STRICT;

INSERT INTO attempts_new (job, number, started_at, finished_at, outcome, exit_code, signal, error)
SELECT job, number, started_at, finished_at, outcome, exit_code, signal, error FROM attempts ORDER BY started_at, job, number;

INSERT INTO jobs_new (seq, id, state, priority, lease, attempt, spec, progress, outputs, cancellation, error, created_at, started_at, finished_at)
SELECT seq, id, state, priority,
       (SELECT lease FROM attempts_new a WHERE a.job = jobs.seq AND a.number = jobs.attempt AND a.outcome IS NULL),
       attempt, spec, progress, outputs, cancellation, error, created_at, started_at, finished_at
FROM jobs;

-- The order of submission goes on where it was, even if the newest job was removed.
UPDATE sqlite_sequence SET seq = max(seq, (SELECT old.seq FROM sqlite_sequence old WHERE old.name = 'jobs')) WHERE name = 'jobs_new';
INSERT INTO sqlite_sequence (name, seq) SELECT 'jobs_new', seq FROM sqlite_sequence
WHERE name = 'jobs' AND NOT EXISTS (SELECT 1 FROM sqlite_sequence WHERE name = 'jobs_new');

DROP TABLE attempts;
DROP TABLE jobs;
ALTER TABLE attempts_new RENAME TO attempts;
ALTER TABLE jobs_new RENAME TO jobs;

-- The claim: the highest priority first, equal ones in order of submission.
CREATE INDEX jobs_claimable ON jobs (priority DESC, seq) WHERE state = 'queued' AND held = 0;
-- The one that has waited longest, which gets a turn of its own from time to time: since it was submitted or, if that is
-- later, since its time came.
CREATE INDEX jobs_waiting ON jobs (max(created_at, coalesce(run_at, 0)), seq) WHERE state = 'queued' AND held = 0;
-- Which are due next.
CREATE INDEX jobs_held ON jobs (run_at) WHERE held = 1;
-- The snapshot of what isn't over.
CREATE INDEX jobs_unfinished ON jobs (seq) WHERE finished_at IS NULL;
-- What a restart has to put right.
CREATE INDEX jobs_leased ON jobs (lease) WHERE lease IS NOT NULL;
-- Lists by state, newest first.
CREATE INDEX jobs_by_state ON jobs (state, seq);
-- Those that have been kept for long enough.
CREATE INDEX jobs_by_end ON jobs (state, finished_at) WHERE finished_at IS NOT NULL;

-- How many jobs are in each state, kept by triggers: counting a million rows takes too long for every submit.
CREATE TABLE job_counts (
    state TEXT PRIMARY KEY,
    jobs  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO job_counts (state, jobs)
VALUES ('queued', 0), ('running', 0), ('paused', 0), ('cancelling', 0), ('succeeded', 0), ('failed', 0), ('cancelled', 0);
UPDATE job_counts SET jobs = (SELECT count(*) FROM jobs WHERE jobs.state = job_counts.state);
CREATE TRIGGER count_new_job AFTER INSERT ON jobs BEGIN
    UPDATE job_counts SET jobs = jobs + 1 WHERE state = new.state;
END;
CREATE TRIGGER count_changed_job AFTER UPDATE OF state ON jobs WHEN old.state <> new.state BEGIN
    UPDATE job_counts SET jobs = jobs - 1 WHERE state = old.state;
    UPDATE job_counts SET jobs = jobs + 1 WHERE state = new.state;
END;
CREATE TRIGGER count_removed_job AFTER DELETE ON jobs BEGIN
    UPDATE job_counts SET jobs = jobs - 1 WHERE state = old.state;
END;

-- Events up to these numbers may be gone: of any job ('trimmed'), or only of jobs that were removed ('removed').
CREATE TABLE events_gone (
    why TEXT PRIMARY KEY,
    id  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
-- Until now only removed jobs have left gaps: what counts is the newest number that is missing, be it the last one given.
INSERT INTO events_gone (why, id)
SELECT 'trimmed', 0
UNION ALL
SELECT 'removed', max(
    coalesce((SELECT max(id) - 1 FROM events WHERE id > 1 AND NOT EXISTS (SELECT 1 FROM events before WHERE before.id = events.id - 1)), 0),
    coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'events' AND seq > (SELECT coalesce(max(id), 0) FROM events)), 0)
);

-- What is written to see whether writing works again after it failed: more than the pages that one submit changes, since
-- less may still fit on a full disk.
CREATE TABLE probe (
    id      INTEGER PRIMARY KEY CHECK (id = 1),
    content BLOB NOT NULL
) STRICT;

-- The keys are now those of a caller, and remember the job even when it is removed.
CREATE TABLE idempotency_keys_new (
    -- Who used the key; empty as long as nobody has to say who they are.
    caller     TEXT NOT NULL,
    key        TEXT NOT NULL,
    -- SHA-256 of the request that used the key first.
    request    BLOB NOT NULL,
    -- The id of the job that it made.
    job_id     TEXT NOT NULL,
    -- The job as it was when it was removed; NULL as long as it is there.
    removed    TEXT,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (caller, key)
) STRICT, WITHOUT ROWID;
INSERT INTO idempotency_keys_new (caller, key, request, job_id, created_at)
SELECT '', key, request, job_id, created_at FROM idempotency_keys;
DROP TABLE idempotency_keys;
ALTER TABLE idempotency_keys_new RENAME TO idempotency_keys;
-- Old keys are removed by age.
CREATE INDEX idempotency_keys_by_age ON idempotency_keys (created_at);
-- Removing a job.
CREATE INDEX idempotency_keys_of_job ON idempotency_keys (job_id);
