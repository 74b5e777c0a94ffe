-- Jobs, their attempts, labels and events, and the keys that make a submit idempotent.
-- Times are milliseconds since 1970, UTC. Documents are JSON in the spelling of the HTTP API.

CREATE TABLE jobs (
    -- The order of submission; lists and the queue go by it.
    seq          INTEGER PRIMARY KEY AUTOINCREMENT,
    -- The UUID that clients know.
    id           TEXT NOT NULL UNIQUE,
    -- queued, running, cancelling, succeeded, failed or cancelled.
    state        TEXT NOT NULL,
    -- Higher runs earlier.
    priority     INTEGER NOT NULL,
    -- The number of the last attempt; 0 before the first. Every write for an attempt names it.
    attempt      INTEGER NOT NULL DEFAULT 0,
    -- What was asked for: a checked request.
    spec         TEXT NOT NULL,
    -- How far the last attempt got when it ended.
    progress     TEXT,
    -- What was made; before that NULL, and the spec tells what is wanted.
    outputs      TEXT,
    -- That it was asked to stop, why and how it went.
    cancellation TEXT,
    -- Why it failed.
    error        TEXT,
    created_at   INTEGER NOT NULL,
    started_at   INTEGER,
    finished_at  INTEGER,
    CONSTRAINT known_state CHECK (state IN ('queued', 'running', 'cancelling', 'succeeded', 'failed', 'cancelled')),
    CONSTRAINT over_has_time CHECK ((state IN ('succeeded', 'failed', 'cancelled')) = (finished_at IS NOT NULL))
) STRICT;

-- The claim: the highest priority first, equal ones in order of submission.
CREATE INDEX jobs_claimable ON jobs (priority DESC, seq) WHERE state = 'queued';
-- The snapshot of what isn't over, and what a restart has to put right.
CREATE INDEX jobs_unfinished ON jobs (seq) WHERE finished_at IS NULL;
-- Lists by state, newest first, and the counts for the metrics.
CREATE INDEX jobs_by_state ON jobs (state, seq);

CREATE TABLE attempts (
    job         INTEGER NOT NULL REFERENCES jobs (seq) ON DELETE CASCADE,
    -- 1 for the first.
    number      INTEGER NOT NULL,
    started_at  INTEGER NOT NULL,
    finished_at INTEGER,
    -- succeeded, failed, cancelled or interrupted; NULL while it runs.
    outcome     TEXT,
    -- ffmpeg's exit code or the signal that ended it.
    exit_code   INTEGER,
    signal      INTEGER,
    error       TEXT,
    PRIMARY KEY (job, number)
) STRICT, WITHOUT ROWID;

-- The marks of the client; the key finds the jobs that bear one, newest first.
CREATE TABLE labels (
    key   TEXT NOT NULL,
    value TEXT NOT NULL,
    job   INTEGER NOT NULL REFERENCES jobs (seq) ON DELETE CASCADE,
    PRIMARY KEY (key, value, job)
) STRICT, WITHOUT ROWID;
-- Removing a job removes its labels.
CREATE INDEX labels_of_job ON labels (job);

-- Every change of state, written in the transaction that makes it, so that a client can catch up after any break.
CREATE TABLE events (
    -- The id in the event streams; AUTOINCREMENT, so that none is ever used twice.
    id       INTEGER PRIMARY KEY AUTOINCREMENT,
    job      INTEGER NOT NULL REFERENCES jobs (seq) ON DELETE CASCADE,
    -- The job after the change, as the API shows it.
    document TEXT NOT NULL
) STRICT;
-- The stream of one job, and removing it.
CREATE INDEX events_of_job ON events (job, id);

-- Outlives the job, so that a late repetition of a submit makes no second one.
CREATE TABLE idempotency_keys (
    key        TEXT PRIMARY KEY,
    -- SHA-256 of the request that used the key first.
    request    BLOB NOT NULL,
    -- The id of the job that it made.
    job_id     TEXT NOT NULL,
    created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
-- Old keys are removed by age.
CREATE INDEX idempotency_keys_by_age ON idempotency_keys (created_at);
