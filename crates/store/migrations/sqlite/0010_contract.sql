CREATE TABLE contract (
    organisation_id BLOB NOT NULL REFERENCES organisation (organisation_id),
    id BLOB NOT NULL,
    version INTEGER NOT NULL,
    status TEXT NOT NULL,
    name TEXT NOT NULL,
    description TEXT,
    currency TEXT NOT NULL,
    contract_type TEXT NOT NULL,
    -- A deleted draft may outlive its customers; all others keep them.
    customer_id BLOB NOT NULL,
    invoice_payer_customer_id BLOB,
    bill_parent_customer BOOLEAN NOT NULL,
    -- As written; the days that they mean follow from the zone.
    start_date INTEGER NOT NULL,
    end_date INTEGER,
    anchor_date INTEGER,
    time_zone TEXT NOT NULL,
    renewal_policy TEXT,
    plan_id BLOB,
    renewed_from BLOB,
    tags TEXT NOT NULL,
    custom_attributes TEXT NOT NULL,
    source TEXT NOT NULL,
    -- The day on which a billing run looks at the contract next; null: on none.
    next_bill_day TEXT,
    -- When the calendar changes the status next.
    status_due_at INTEGER,
    -- When it is to be decided whether the contract is renewed.
    renewal_due_at INTEGER,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    deleted_at INTEGER,
    CONSTRAINT contract_id_key PRIMARY KEY (organisation_id, id),
    CONSTRAINT contract_renewed_contract FOREIGN KEY (organisation_id, renewed_from)
        REFERENCES contract (organisation_id, id)
);
CREATE INDEX contract_created_at ON contract (organisation_id, created_at, id);
CREATE INDEX contract_name ON contract (organisation_id, name, id);
CREATE INDEX contract_customer_id ON contract (organisation_id, customer_id);
CREATE INDEX contract_invoice_payer_customer_id
    ON contract (organisation_id, invoice_payer_customer_id);
CREATE INDEX contract_next_bill_day ON contract (organisation_id, next_bill_day, id)
    WHERE next_bill_day IS NOT NULL;
CREATE INDEX contract_status_due_at ON contract (organisation_id, status_due_at)
    WHERE status_due_at IS NOT NULL;
CREATE INDEX contract_renewal_due_at ON contract (organisation_id, renewal_due_at)
    WHERE renewal_due_at IS NOT NULL;
-- Nothing is renewed twice.
CREATE UNIQUE INDEX contract_renewed_from_key ON contract (organisation_id, renewed_from)
    WHERE deleted_at IS NULL;

-- What was agreed, version by version; `id` is the contract's. Rows are never changed.
CREATE TABLE contract_version (
    organisation_id BLOB NOT NULL,
    id BLOB NOT NULL,
    version INTEGER NOT NULL,
    document TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    CONSTRAINT contract_version_id_version_key PRIMARY KEY (organisation_id, id, version),
    CONSTRAINT contract_version_contract FOREIGN KEY (organisation_id, id)
        REFERENCES contract (organisation_id, id)
);

-- The lines of each contract's current version, by which contracts are found. `id` is a line's lineage.
CREATE TABLE contract_line (
    organisation_id BLOB NOT NULL,
    id BLOB NOT NULL,
    contract_id BLOB NOT NULL,
    phase_id BLOB NOT NULL,
    product_id BLOB NOT NULL,
    pricing_id BLOB,
    external_id TEXT,
    start_date INTEGER NOT NULL,
    end_date INTEGER,
    CONSTRAINT contract_line_id_key PRIMARY KEY (organisation_id, id),
    CONSTRAINT contract_line_contract FOREIGN KEY (organisation_id, contract_id)
        REFERENCES contract (organisation_id, id),
    CONSTRAINT contract_line_product FOREIGN KEY (organisation_id, product_id)
        REFERENCES product (organisation_id, id)
);
CREATE INDEX contract_line_contract_id ON contract_line (organisation_id, contract_id);
CREATE INDEX contract_line_product_id ON contract_line (organisation_id, product_id);

-- Which lines count by which aggregates.
CREATE TABLE contract_line_aggregate (
    organisation_id BLOB NOT NULL,
    contract_id BLOB NOT NULL,
    line_id BLOB NOT NULL,
    aggregate_id BLOB NOT NULL,
    CONSTRAINT contract_line_aggregate_contract_id_line_id_aggregate_id_key
        PRIMARY KEY (organisation_id, contract_id, line_id, aggregate_id),
    CONSTRAINT contract_line_aggregate_aggregate FOREIGN KEY (organisation_id, aggregate_id)
        REFERENCES aggregate (organisation_id, id)
);
CREATE INDEX contract_line_aggregate_aggregate_id
    ON contract_line_aggregate (organisation_id, aggregate_id);

CREATE TRIGGER contract_version_update BEFORE UPDATE ON contract_version
BEGIN SELECT RAISE(ABORT, 'a version of a contract is never changed'); END;
CREATE TRIGGER contract_version_delete BEFORE DELETE ON contract_version
BEGIN SELECT RAISE(ABORT, 'a version of a contract is never changed'); END;
