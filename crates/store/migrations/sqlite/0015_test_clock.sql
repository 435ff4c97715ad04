-- A time that moves only when told to, for customers of a sandbox.
CREATE TABLE test_clock (
    organisation_id BLOB NOT NULL REFERENCES organisation (organisation_id),
    id BLOB NOT NULL,
    name TEXT,
    time INTEGER NOT NULL,
    advances_to INTEGER,
    approves BOOLEAN,
    job_id BLOB,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    deleted_at INTEGER,
    CONSTRAINT test_clock_id_key PRIMARY KEY (organisation_id, id)
);
CREATE INDEX test_clock_created_at ON test_clock (organisation_id, created_at, id);

-- Who lives by which clock. Rows stay when the clock is deleted: its time stands for good.
CREATE TABLE test_clock_customer (
    organisation_id BLOB NOT NULL,
    customer_id BLOB NOT NULL,
    test_clock_id BLOB NOT NULL,
    created_at INTEGER NOT NULL,
    CONSTRAINT test_clock_customer_customer_id_key PRIMARY KEY (organisation_id, customer_id),
    CONSTRAINT test_clock_customer_test_clock FOREIGN KEY (organisation_id, test_clock_id)
        REFERENCES test_clock (organisation_id, id),
    CONSTRAINT test_clock_customer_customer FOREIGN KEY (organisation_id, customer_id)
        REFERENCES customer (organisation_id, id) ON DELETE CASCADE
) WITHOUT ROWID;
CREATE INDEX test_clock_customer_test_clock_id ON test_clock_customer (organisation_id, test_clock_id);
