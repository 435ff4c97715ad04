-- A row that takes events out of its stream has one sequence for itself, before those of its events.
ALTER TABLE usage_inbox ADD COLUMN removed bytea;
-- The backfill whose events the row brings in: they are in the backfill's own stream.
ALTER TABLE usage_inbox ADD COLUMN backfill_id uuid;

CREATE TABLE usage_correction (
    organisation_id uuid NOT NULL,
    id uuid NOT NULL,
    raw_metric_id uuid NOT NULL,
    sequence bigint NOT NULL,
    action text NOT NULL,
    reason text NOT NULL,
    request json NOT NULL,
    event_count bigint NOT NULL,
    idempotency_key text,
    created_by text NOT NULL,
    request_id text NOT NULL,
    created_at timestamptz NOT NULL,
    CONSTRAINT usage_correction_id_key PRIMARY KEY (organisation_id, id)
);
CREATE INDEX usage_correction_created_at ON usage_correction (organisation_id, raw_metric_id, created_at, id);
CREATE INDEX usage_correction_idempotency_key ON usage_correction (organisation_id, idempotency_key);

-- What the events of a correction were and became, some hundred in a row.
CREATE TABLE usage_corrected (
    organisation_id uuid NOT NULL,
    correction_id uuid NOT NULL,
    first_number bigint NOT NULL,
    events json NOT NULL,
    CONSTRAINT usage_corrected_first_number_key PRIMARY KEY (organisation_id, correction_id, first_number)
);

CREATE TABLE usage_backfill (
    organisation_id uuid NOT NULL,
    id uuid NOT NULL,
    raw_metric_id uuid NOT NULL,
    window_start timestamptz NOT NULL,
    window_end timestamptz NOT NULL,
    replaces_up_to bigint NOT NULL,
    reason text NOT NULL,
    state text NOT NULL,
    sequence bigint,
    event_count bigint,
    closed_by text,
    closed_at timestamptz,
    is_staged boolean NOT NULL,
    created_by text NOT NULL,
    created_at timestamptz NOT NULL,
    CONSTRAINT usage_backfill_id_key PRIMARY KEY (organisation_id, id)
);
CREATE INDEX usage_backfill_created_at ON usage_backfill (organisation_id, raw_metric_id, created_at, id);
