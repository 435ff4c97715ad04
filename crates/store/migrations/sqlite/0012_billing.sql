-- Which period of which line is on which part of which invoice. Rows are revisions: one that adjusts or takes a
-- period back comes beside those before it, and goes when its draft is discarded. Whether a row is on a draft is
-- its invoice's status to say.
CREATE TABLE billed_period (
    organisation_id BLOB NOT NULL,
    line_id BLOB NOT NULL,
    period_start TEXT NOT NULL,
    period_end TEXT NOT NULL,
    revision INTEGER NOT NULL,
    contract_id BLOB NOT NULL,
    contract_version INTEGER NOT NULL,
    phase_id BLOB NOT NULL,
    service_start TEXT NOT NULL,
    service_end TEXT NOT NULL,
    bill_for_date TEXT NOT NULL,
    bill_id BLOB NOT NULL,
    part_id BLOB NOT NULL,
    invoice_id BLOB NOT NULL,
    usage_digest INTEGER,
    is_withdrawn BOOLEAN NOT NULL,
    CONSTRAINT billed_period_line_id_period_start_period_end_revision_key
        PRIMARY KEY (organisation_id, line_id, period_start, period_end, revision)
);
CREATE INDEX billed_period_contract_id ON billed_period (organisation_id, contract_id, bill_for_date);
CREATE INDEX billed_period_part_id ON billed_period (organisation_id, part_id);
-- Where usage may come late.
CREATE INDEX billed_period_bill_for_date ON billed_period (organisation_id, bill_for_date, contract_id)
    WHERE usage_digest IS NOT NULL;

-- Which bill each of the adjustments on a part corrects: so many of them from a position on, from 0.
CREATE TABLE bill_adjustment (
    organisation_id BLOB NOT NULL,
    part_id BLOB NOT NULL,
    bill_id BLOB NOT NULL,
    position INTEGER NOT NULL,
    adjustment_count INTEGER NOT NULL,
    CONSTRAINT bill_adjustment_part_id_bill_id_key PRIMARY KEY (organisation_id, part_id, bill_id)
);
CREATE INDEX bill_adjustment_bill_id ON bill_adjustment (organisation_id, bill_id);

-- Contracts whose approved bills may differ from what is due: the next run that bills them looks at all of them.
CREATE TABLE billing_recheck (
    organisation_id BLOB NOT NULL REFERENCES organisation (organisation_id),
    contract_id BLOB NOT NULL,
    CONSTRAINT billing_recheck_contract_id_key PRIMARY KEY (organisation_id, contract_id)
);

-- How an organisation wants its bills; without a row, as the first values of each choice say.
CREATE TABLE billing_settings (
    organisation_id BLOB NOT NULL REFERENCES organisation (organisation_id),
    id BLOB NOT NULL,
    bills_automatically BOOLEAN NOT NULL,
    invoice_date_reference TEXT NOT NULL,
    invoice_date_months INTEGER NOT NULL,
    invoice_date_days INTEGER NOT NULL,
    invoice_date_day_of_month INTEGER,
    renewal_policy TEXT,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    CONSTRAINT billing_settings_id_key PRIMARY KEY (organisation_id, id)
);

-- How far an organisation's bills were looked at for usage that came late.
CREATE TABLE late_usage_check (
    organisation_id BLOB NOT NULL REFERENCES organisation (organisation_id),
    checked_on TEXT NOT NULL,
    usage_sequence INTEGER NOT NULL,
    CONSTRAINT late_usage_check_key PRIMARY KEY (organisation_id)
);

CREATE TABLE job (
    organisation_id BLOB NOT NULL REFERENCES organisation (organisation_id),
    id BLOB NOT NULL,
    parent_id BLOB,
    name TEXT NOT NULL,
    description TEXT,
    job_type TEXT NOT NULL,
    resource TEXT NOT NULL,
    status TEXT NOT NULL,
    total INTEGER,
    succeeded INTEGER NOT NULL,
    failed INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    finished_at INTEGER,
    CONSTRAINT job_id_key PRIMARY KEY (organisation_id, id)
);
CREATE INDEX job_created_at ON job (organisation_id, created_at, id);
CREATE INDEX job_parent_id ON job (organisation_id, parent_id, created_at, id);

-- What a job came to for one thing that it was about.
CREATE TABLE job_outcome (
    organisation_id BLOB NOT NULL REFERENCES organisation (organisation_id),
    id BLOB NOT NULL,
    job_id BLOB NOT NULL,
    job_type TEXT NOT NULL,
    status TEXT NOT NULL,
    resource TEXT NOT NULL,
    resource_id BLOB,
    code TEXT,
    message TEXT,
    created_at INTEGER NOT NULL,
    CONSTRAINT job_outcome_id_key PRIMARY KEY (organisation_id, id),
    CONSTRAINT job_outcome_job FOREIGN KEY (organisation_id, job_id) REFERENCES job (organisation_id, id)
);
CREATE INDEX job_outcome_job_id ON job_outcome (organisation_id, job_id, created_at, id);
CREATE INDEX job_outcome_created_at ON job_outcome (organisation_id, created_at, id);
