-- A time that moves only when told to, for customers of a sandbox.
CREATE TABLE test_clock (
    organisation_id uuid NOT NULL REFERENCES organisation,
    id uuid NOT NULL,
    name text,
    time timestamptz NOT NULL,
    advances_to timestamptz,
    approves boolean,
    job_id uuid,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    deleted_at timestamptz,
    CONSTRAINT test_clock_id_key PRIMARY KEY (organisation_id, id)
);
CREATE INDEX test_clock_created_at ON test_clock (organisation_id, created_at, id);

-- Who lives by which clock. Rows stay when the clock is deleted: its time stands for good.
CREATE TABLE test_clock_customer (
    organisation_id uuid NOT NULL,
    customer_id uuid NOT NULL,
    test_clock_id uuid NOT NULL,
    created_at timestamptz NOT NULL,
    CONSTRAINT test_clock_customer_customer_id_key PRIMARY KEY (organisation_id, customer_id),
    CONSTRAINT test_clock_customer_test_clock FOREIGN KEY (organisation_id, test_clock_id)
        REFERENCES test_clock (organisation_id, id),
    CONSTRAINT test_clock_customer_customer FOREIGN KEY (organisation_id, customer_id)
        REFERENCES customer (organisation_id, id) ON DELETE CASCADE
);
CREATE INDEX test_clock_customer_test_clock_id ON test_clock_customer (organisation_id, test_clock_id);
