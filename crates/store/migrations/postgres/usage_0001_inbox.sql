-- One row for each stream of events; its lock gives out sequences.
CREATE TABLE usage_stream (
    organisation_id uuid NOT NULL,
    id uuid NOT NULL,
    next_sequence bigint NOT NULL,
    flushed_sequence bigint NOT NULL,
    claimed_by uuid,
    claimed_until timestamptz,
    CONSTRAINT usage_stream_id_key PRIMARY KEY (organisation_id, id)
);

-- Accepted events that are not in a table file yet, or only since a moment ago.
CREATE TABLE usage_inbox (
    organisation_id uuid NOT NULL,
    stream_id uuid NOT NULL,
    first_sequence bigint NOT NULL,
    event_count bigint NOT NULL,
    received_at timestamptz NOT NULL,
    events bytea NOT NULL,
    CONSTRAINT usage_inbox_first_sequence_key PRIMARY KEY (organisation_id, stream_id, first_sequence)
);

-- Flushes whose inbox rows are still there.
CREATE TABLE usage_flush (
    organisation_id uuid NOT NULL,
    stream_id uuid NOT NULL,
    last_sequence bigint NOT NULL,
    flushed_at timestamptz NOT NULL,
    CONSTRAINT usage_flush_last_sequence_key PRIMARY KEY (organisation_id, stream_id, last_sequence)
);

CREATE TABLE usage_idempotency_key (
    organisation_id uuid NOT NULL,
    key text NOT NULL,
    fingerprint bytea NOT NULL,
    event_count bigint NOT NULL,
    created_at timestamptz NOT NULL,
    CONSTRAINT usage_idempotency_key_key_key PRIMARY KEY (organisation_id, key)
);
CREATE INDEX usage_idempotency_key_created_at ON usage_idempotency_key (created_at);
