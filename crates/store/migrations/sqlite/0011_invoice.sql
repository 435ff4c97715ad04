-- Invoices, from draft to paid. Once `approved_at` is set, only what is paid and credited of one changes; a
-- trigger refuses anything else. A customer, contract or entity may be gone before its invoices.
CREATE TABLE invoice (
    organisation_id BLOB NOT NULL REFERENCES organisation (organisation_id),
    id BLOB NOT NULL,
    status TEXT NOT NULL,
    superseded_by BLOB,
    customer_id BLOB NOT NULL,
    contract_id BLOB,
    business_entity_id BLOB,
    number_series BLOB,
    invoice_number TEXT,
    external_id TEXT,
    currency TEXT NOT NULL,
    minor_digits INTEGER NOT NULL,
    net INTEGER NOT NULL,
    tax INTEGER NOT NULL,
    invoice_total INTEGER NOT NULL,
    credit INTEGER NOT NULL,
    applied_balance INTEGER NOT NULL,
    net_invoice_total INTEGER NOT NULL,
    paid INTEGER NOT NULL,
    credited INTEGER NOT NULL,
    returned_paid INTEGER NOT NULL,
    returned_applied INTEGER NOT NULL,
    written_off INTEGER NOT NULL,
    amount_due INTEGER NOT NULL,
    period_start TEXT,
    period_end TEXT,
    bill_for_date TEXT NOT NULL,
    invoice_date TEXT NOT NULL,
    due_date TEXT,
    payment_terms TEXT,
    notes TEXT,
    custom_data TEXT NOT NULL,
    tags TEXT NOT NULL,
    usage_sequence INTEGER,
    contract_version INTEGER,
    created_by TEXT NOT NULL,
    approved_at INTEGER,
    paid_at INTEGER,
    voided_at INTEGER,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    CONSTRAINT invoice_id_key PRIMARY KEY (organisation_id, id)
);
CREATE INDEX invoice_created_at ON invoice (organisation_id, created_at, id);
CREATE INDEX invoice_customer_id ON invoice (organisation_id, customer_id, created_at, id);
CREATE INDEX invoice_contract_id ON invoice (organisation_id, contract_id, bill_for_date);
CREATE INDEX invoice_status ON invoice (organisation_id, status, due_date);
-- A draft that was deleted or replaced leaves its external id to others.
CREATE UNIQUE INDEX invoice_external_id_key ON invoice (organisation_id, external_id)
    WHERE status NOT IN ('discarded', 'edited');
CREATE UNIQUE INDEX invoice_number_series_invoice_number_key
    ON invoice (organisation_id, number_series, invoice_number);

-- The rated bills of an invoice: amounts with every step to them, as they were when it was made.
CREATE TABLE invoice_part (
    organisation_id BLOB NOT NULL REFERENCES organisation (organisation_id),
    id BLOB NOT NULL,
    invoice_id BLOB NOT NULL,
    position INTEGER NOT NULL,
    customer_id BLOB NOT NULL,
    contract_id BLOB,
    contract_version INTEGER,
    phase_id BLOB,
    rated TEXT NOT NULL,
    adjustments TEXT NOT NULL,
    labels TEXT NOT NULL,
    carried_in TEXT NOT NULL,
    carried_out TEXT NOT NULL,
    CONSTRAINT invoice_part_id_key PRIMARY KEY (organisation_id, id),
    CONSTRAINT invoice_part_invoice FOREIGN KEY (organisation_id, invoice_id)
        REFERENCES invoice (organisation_id, id)
);
CREATE UNIQUE INDEX invoice_part_invoice_id_position_key
    ON invoice_part (organisation_id, invoice_id, position);
CREATE INDEX invoice_part_phase_id ON invoice_part (organisation_id, phase_id);

-- Words that invoices are marked with, those of `invoice.tags`.
CREATE TABLE invoice_tag (
    organisation_id BLOB NOT NULL,
    invoice_id BLOB NOT NULL,
    name TEXT NOT NULL,
    CONSTRAINT invoice_tag_invoice_id_name_key PRIMARY KEY (organisation_id, invoice_id, name),
    CONSTRAINT invoice_tag_invoice FOREIGN KEY (organisation_id, invoice_id)
        REFERENCES invoice (organisation_id, id)
);
CREATE INDEX invoice_tag_name ON invoice_tag (organisation_id, name);

-- The next number of each series: that of a business entity, or of the organisation where none bills.
CREATE TABLE number_sequence (
    organisation_id BLOB NOT NULL REFERENCES organisation (organisation_id),
    series BLOB NOT NULL,
    name TEXT NOT NULL,
    next INTEGER NOT NULL,
    CONSTRAINT number_sequence_series_name_key PRIMARY KEY (organisation_id, series, name)
);

CREATE TRIGGER invoice_frozen BEFORE UPDATE ON invoice
WHEN OLD.approved_at IS NOT NULL AND (
    OLD.organisation_id IS NOT NEW.organisation_id
    OR OLD.id IS NOT NEW.id
    OR OLD.superseded_by IS NOT NEW.superseded_by
    OR OLD.customer_id IS NOT NEW.customer_id
    OR OLD.contract_id IS NOT NEW.contract_id
    OR OLD.business_entity_id IS NOT NEW.business_entity_id
    OR OLD.number_series IS NOT NEW.number_series
    OR OLD.invoice_number IS NOT NEW.invoice_number
    OR OLD.external_id IS NOT NEW.external_id
    OR OLD.currency IS NOT NEW.currency
    OR OLD.minor_digits IS NOT NEW.minor_digits
    OR OLD.net IS NOT NEW.net
    OR OLD.tax IS NOT NEW.tax
    OR OLD.invoice_total IS NOT NEW.invoice_total
    OR OLD.credit IS NOT NEW.credit
    OR OLD.applied_balance IS NOT NEW.applied_balance
    OR OLD.net_invoice_total IS NOT NEW.net_invoice_total
    OR OLD.period_start IS NOT NEW.period_start
    OR OLD.period_end IS NOT NEW.period_end
    OR OLD.bill_for_date IS NOT NEW.bill_for_date
    OR OLD.invoice_date IS NOT NEW.invoice_date
    OR OLD.due_date IS NOT NEW.due_date
    OR OLD.payment_terms IS NOT NEW.payment_terms
    OR OLD.notes IS NOT NEW.notes
    OR OLD.custom_data IS NOT NEW.custom_data
    OR OLD.tags IS NOT NEW.tags
    OR OLD.usage_sequence IS NOT NEW.usage_sequence
    OR OLD.contract_version IS NOT NEW.contract_version
    OR OLD.created_by IS NOT NEW.created_by
    OR OLD.approved_at IS NOT NEW.approved_at
    OR OLD.created_at IS NOT NEW.created_at
) BEGIN
    SELECT RAISE(ABORT, 'an approved invoice does not change');
END;

CREATE TRIGGER invoice_kept BEFORE DELETE ON invoice
WHEN OLD.approved_at IS NOT NULL BEGIN
    SELECT RAISE(ABORT, 'an approved invoice does not change');
END;

CREATE TRIGGER invoice_part_complete BEFORE INSERT ON invoice_part
WHEN EXISTS (
    SELECT 1 FROM invoice WHERE organisation_id = NEW.organisation_id
        AND id = NEW.invoice_id AND approved_at IS NOT NULL
) BEGIN
    SELECT RAISE(ABORT, 'an approved invoice does not change');
END;

CREATE TRIGGER invoice_part_frozen BEFORE UPDATE ON invoice_part
WHEN EXISTS (
    SELECT 1 FROM invoice WHERE organisation_id = OLD.organisation_id
        AND id = OLD.invoice_id AND approved_at IS NOT NULL
)
    OR EXISTS (
    SELECT 1 FROM invoice WHERE organisation_id = NEW.organisation_id
        AND id = NEW.invoice_id AND approved_at IS NOT NULL
) BEGIN
    SELECT RAISE(ABORT, 'an approved invoice does not change');
END;

CREATE TRIGGER invoice_part_kept BEFORE DELETE ON invoice_part
WHEN EXISTS (
    SELECT 1 FROM invoice WHERE organisation_id = OLD.organisation_id
        AND id = OLD.invoice_id AND approved_at IS NOT NULL
) BEGIN
    SELECT RAISE(ABORT, 'an approved invoice does not change');
END;
