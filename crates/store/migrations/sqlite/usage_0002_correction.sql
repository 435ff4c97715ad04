-- A row that takes events out of its stream has one sequence for itself, before those of its events.
ALTER TABLE usage_inbox ADD COLUMN removed BLOB;
-- The backfill whose events the row brings in: they are in the backfill's own stream.
ALTER TABLE usage_inbox ADD COLUMN backfill_id BLOB;

CREATE TABLE usage_correction (
    organisation_id BLOB NOT NULL,
    id BLOB NOT NULL,
    raw_metric_id BLOB NOT NULL,
    sequence INTEGER NOT NULL,
    action TEXT NOT NULL,
    reason TEXT NOT NULL,
    request TEXT NOT NULL,
    event_count INTEGER NOT NULL,
    idempotency_key TEXT,
    created_by TEXT NOT NULL,
    request_id TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    CONSTRAINT usage_correction_id_key PRIMARY KEY (organisation_id, id)
);
CREATE INDEX usage_correction_created_at ON usage_correction (organisation_id, raw_metric_id, created_at, id);
CREATE INDEX usage_correction_idempotency_key ON usage_correction (organisation_id, idempotency_key);

-- What the events of a correction were and became, some hundred in a row.
CREATE TABLE usage_corrected (
    organisation_id BLOB NOT NULL,
    correction_id BLOB NOT NULL,
    first_number INTEGER NOT NULL,
    events TEXT NOT NULL,
    CONSTRAINT usage_corrected_first_number_key PRIMARY KEY (organisation_id, correction_id, first_number)
);

CREATE TABLE usage_backfill (
    organisation_id BLOB NOT NULL,
    id BLOB NOT NULL,
    raw_metric_id BLOB NOT NULL,
    window_start INTEGER NOT NULL,
    window_end INTEGER NOT NULL,
    replaces_up_to INTEGER NOT NULL,
    reason TEXT NOT NULL,
    state TEXT NOT NULL,
    sequence INTEGER,
    event_count INTEGER,
    closed_by TEXT,
    closed_at INTEGER,
    is_staged BOOLEAN NOT NULL,
    created_by TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    CONSTRAINT usage_backfill_id_key PRIMARY KEY (organisation_id, id)
);
CREATE INDEX usage_backfill_created_at ON usage_backfill (organisation_id, raw_metric_id, created_at, id);
