-- Checkouts: a plan is bought, or a contract changed, by whoever confirms.
CREATE TABLE checkout (
    organisation_id BLOB NOT NULL REFERENCES organisation (organisation_id),
    id BLOB NOT NULL,
    status TEXT NOT NULL,
    plan_id BLOB,
    customer_id BLOB,
    -- The contract that is changed or was made.
    contract_id BLOB,
    -- What is asked for, and what it came to.
    request TEXT NOT NULL,
    estimates TEXT NOT NULL,
    expires_at INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    CONSTRAINT checkout_id_key PRIMARY KEY (organisation_id, id),
    CONSTRAINT checkout_contract FOREIGN KEY (organisation_id, contract_id)
        REFERENCES contract (organisation_id, id)
);
