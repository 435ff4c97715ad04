-- One row for each stream of events; its lock gives out sequences.
CREATE TABLE usage_stream (
    organisation_id BLOB NOT NULL,
    id BLOB NOT NULL,
    next_sequence INTEGER NOT NULL,
    flushed_sequence INTEGER NOT NULL,
    claimed_by BLOB,
    claimed_until INTEGER,
    CONSTRAINT usage_stream_id_key PRIMARY KEY (organisation_id, id)
);

-- Accepted events that are not in a table file yet, or only since a moment ago.
CREATE TABLE usage_inbox (
    organisation_id BLOB NOT NULL,
    stream_id BLOB NOT NULL,
    first_sequence INTEGER NOT NULL,
    event_count INTEGER NOT NULL,
    received_at INTEGER NOT NULL,
    events BLOB NOT NULL,
    CONSTRAINT usage_inbox_first_sequence_key PRIMARY KEY (organisation_id, stream_id, first_sequence)
);

-- Flushes whose inbox rows are still there.
CREATE TABLE usage_flush (
    organisation_id BLOB NOT NULL,
    stream_id BLOB NOT NULL,
    last_sequence INTEGER NOT NULL,
    flushed_at INTEGER NOT NULL,
    CONSTRAINT usage_flush_last_sequence_key PRIMARY KEY (organisation_id, stream_id, last_sequence)
);

CREATE TABLE usage_idempotency_key (
    organisation_id BLOB NOT NULL,
    key TEXT NOT NULL,
    fingerprint BLOB NOT NULL,
    event_count INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    CONSTRAINT usage_idempotency_key_key_key PRIMARY KEY (organisation_id, key)
);
CREATE INDEX usage_idempotency_key_created_at ON usage_idempotency_key (created_at);
