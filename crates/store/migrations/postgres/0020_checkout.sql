-- Checkouts: a plan is bought, or a contract changed, by whoever confirms.
CREATE TABLE checkout (
    organisation_id uuid NOT NULL REFERENCES organisation,
    id uuid NOT NULL,
    status text NOT NULL,
    plan_id uuid,
    customer_id uuid,
    -- The contract that is changed or was made.
    contract_id uuid,
    -- What is asked for, and what it came to.
    request json NOT NULL,
    estimates json NOT NULL,
    expires_at timestamptz NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    CONSTRAINT checkout_id_key PRIMARY KEY (organisation_id, id),
    CONSTRAINT checkout_contract FOREIGN KEY (organisation_id, contract_id)
        REFERENCES contract (organisation_id, id)
);
