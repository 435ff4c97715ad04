CREATE TABLE contract (
    organisation_id uuid NOT NULL REFERENCES organisation,
    id uuid NOT NULL,
    version bigint NOT NULL,
    status text NOT NULL,
    name text NOT NULL,
    description text,
    currency text NOT NULL,
    contract_type text NOT NULL,
    -- A deleted draft may outlive its customers; all others keep them.
    customer_id uuid NOT NULL,
    invoice_payer_customer_id uuid,
    bill_parent_customer boolean NOT NULL,
    -- As written; the days that they mean follow from the zone.
    start_date timestamptz NOT NULL,
    end_date timestamptz,
    anchor_date timestamptz,
    time_zone text NOT NULL,
    renewal_policy text,
    plan_id uuid,
    renewed_from uuid,
    tags json NOT NULL,
    custom_attributes json NOT NULL,
    source json NOT NULL,
    -- The day on which a billing run looks at the contract next; null: on none.
    next_bill_day date,
    -- When the calendar changes the status next.
    status_due_at timestamptz,
    -- When it is to be decided whether the contract is renewed.
    renewal_due_at timestamptz,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    deleted_at timestamptz,
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
    organisation_id uuid NOT NULL,
    id uuid NOT NULL,
    version bigint NOT NULL,
    document json NOT NULL,
    created_at timestamptz NOT NULL,
    CONSTRAINT contract_version_id_version_key PRIMARY KEY (organisation_id, id, version),
    CONSTRAINT contract_version_contract FOREIGN KEY (organisation_id, id)
        REFERENCES contract (organisation_id, id)
);

-- The lines of each contract's current version, by which contracts are found. `id` is a line's lineage.
CREATE TABLE contract_line (
    organisation_id uuid NOT NULL,
    id uuid NOT NULL,
    contract_id uuid NOT NULL,
    phase_id uuid NOT NULL,
    product_id uuid NOT NULL,
    pricing_id uuid,
    external_id text,
    start_date timestamptz NOT NULL,
    end_date timestamptz,
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
    organisation_id uuid NOT NULL,
    contract_id uuid NOT NULL,
    line_id uuid NOT NULL,
    aggregate_id uuid NOT NULL,
    CONSTRAINT contract_line_aggregate_contract_id_line_id_aggregate_id_key
        PRIMARY KEY (organisation_id, contract_id, line_id, aggregate_id),
    CONSTRAINT contract_line_aggregate_aggregate FOREIGN KEY (organisation_id, aggregate_id)
        REFERENCES aggregate (organisation_id, id)
);
CREATE INDEX contract_line_aggregate_aggregate_id
    ON contract_line_aggregate (organisation_id, aggregate_id);

CREATE FUNCTION contract_version_is_fixed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'a version of a contract is never changed';
END $$;
CREATE TRIGGER contract_version_fixed BEFORE UPDATE OR DELETE ON contract_version
    FOR EACH ROW EXECUTE FUNCTION contract_version_is_fixed();
