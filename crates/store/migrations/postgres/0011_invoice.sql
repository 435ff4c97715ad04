-- Invoices, from draft to paid. Once `approved_at` is set, only what is paid and credited of one changes; a
-- trigger refuses anything else. A customer, contract or entity may be gone before its invoices.
CREATE TABLE invoice (
    organisation_id uuid NOT NULL REFERENCES organisation,
    id uuid NOT NULL,
    status text NOT NULL,
    superseded_by uuid,
    customer_id uuid NOT NULL,
    contract_id uuid,
    business_entity_id uuid,
    number_series uuid,
    invoice_number text,
    external_id text,
    currency text NOT NULL,
    minor_digits bigint NOT NULL,
    net bigint NOT NULL,
    tax bigint NOT NULL,
    invoice_total bigint NOT NULL,
    credit bigint NOT NULL,
    applied_balance bigint NOT NULL,
    net_invoice_total bigint NOT NULL,
    paid bigint NOT NULL,
    credited bigint NOT NULL,
    returned_paid bigint NOT NULL,
    returned_applied bigint NOT NULL,
    written_off bigint NOT NULL,
    amount_due bigint NOT NULL,
    period_start date,
    period_end date,
    bill_for_date date NOT NULL,
    invoice_date date NOT NULL,
    due_date date,
    payment_terms json,
    notes text,
    custom_data json NOT NULL,
    tags json NOT NULL,
    usage_sequence bigint,
    contract_version bigint,
    created_by text NOT NULL,
    approved_at timestamptz,
    paid_at timestamptz,
    voided_at timestamptz,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
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
    organisation_id uuid NOT NULL REFERENCES organisation,
    id uuid NOT NULL,
    invoice_id uuid NOT NULL,
    position bigint NOT NULL,
    customer_id uuid NOT NULL,
    contract_id uuid,
    contract_version bigint,
    phase_id uuid,
    rated json NOT NULL,
    adjustments json NOT NULL,
    labels json NOT NULL,
    carried_in json NOT NULL,
    carried_out json NOT NULL,
    CONSTRAINT invoice_part_id_key PRIMARY KEY (organisation_id, id),
    CONSTRAINT invoice_part_invoice FOREIGN KEY (organisation_id, invoice_id)
        REFERENCES invoice (organisation_id, id)
);
CREATE UNIQUE INDEX invoice_part_invoice_id_position_key
    ON invoice_part (organisation_id, invoice_id, position);
CREATE INDEX invoice_part_phase_id ON invoice_part (organisation_id, phase_id);

-- Words that invoices are marked with, those of `invoice.tags`.
CREATE TABLE invoice_tag (
    organisation_id uuid NOT NULL,
    invoice_id uuid NOT NULL,
    name text NOT NULL,
    CONSTRAINT invoice_tag_invoice_id_name_key PRIMARY KEY (organisation_id, invoice_id, name),
    CONSTRAINT invoice_tag_invoice FOREIGN KEY (organisation_id, invoice_id)
        REFERENCES invoice (organisation_id, id)
);
CREATE INDEX invoice_tag_name ON invoice_tag (organisation_id, name);

-- The next number of each series: that of a business entity, or of the organisation where none bills.
CREATE TABLE number_sequence (
    organisation_id uuid NOT NULL REFERENCES organisation,
    series uuid NOT NULL,
    name text NOT NULL,
    next bigint NOT NULL,
    CONSTRAINT number_sequence_series_name_key PRIMARY KEY (organisation_id, series, name)
);

CREATE FUNCTION invoice_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'an approved invoice does not change'
        USING ERRCODE = 'integrity_constraint_violation';
END $$;

CREATE TRIGGER invoice_frozen BEFORE UPDATE ON invoice FOR EACH ROW
WHEN (OLD.approved_at IS NOT NULL AND (
    OLD.organisation_id IS DISTINCT FROM NEW.organisation_id
    OR OLD.id IS DISTINCT FROM NEW.id
    OR OLD.superseded_by IS DISTINCT FROM NEW.superseded_by
    OR OLD.customer_id IS DISTINCT FROM NEW.customer_id
    OR OLD.contract_id IS DISTINCT FROM NEW.contract_id
    OR OLD.business_entity_id IS DISTINCT FROM NEW.business_entity_id
    OR OLD.number_series IS DISTINCT FROM NEW.number_series
    OR OLD.invoice_number IS DISTINCT FROM NEW.invoice_number
    OR OLD.external_id IS DISTINCT FROM NEW.external_id
    OR OLD.currency IS DISTINCT FROM NEW.currency
    OR OLD.minor_digits IS DISTINCT FROM NEW.minor_digits
    OR OLD.net IS DISTINCT FROM NEW.net
    OR OLD.tax IS DISTINCT FROM NEW.tax
    OR OLD.invoice_total IS DISTINCT FROM NEW.invoice_total
    OR OLD.credit IS DISTINCT FROM NEW.credit
    OR OLD.applied_balance IS DISTINCT FROM NEW.applied_balance
    OR OLD.net_invoice_total IS DISTINCT FROM NEW.net_invoice_total
    OR OLD.period_start IS DISTINCT FROM NEW.period_start
    OR OLD.period_end IS DISTINCT FROM NEW.period_end
    OR OLD.bill_for_date IS DISTINCT FROM NEW.bill_for_date
    OR OLD.invoice_date IS DISTINCT FROM NEW.invoice_date
    OR OLD.due_date IS DISTINCT FROM NEW.due_date
    OR OLD.payment_terms::text IS DISTINCT FROM NEW.payment_terms::text
    OR OLD.notes IS DISTINCT FROM NEW.notes
    OR OLD.custom_data::text IS DISTINCT FROM NEW.custom_data::text
    OR OLD.tags::text IS DISTINCT FROM NEW.tags::text
    OR OLD.usage_sequence IS DISTINCT FROM NEW.usage_sequence
    OR OLD.contract_version IS DISTINCT FROM NEW.contract_version
    OR OLD.created_by IS DISTINCT FROM NEW.created_by
    OR OLD.approved_at IS DISTINCT FROM NEW.approved_at
    OR OLD.created_at IS DISTINCT FROM NEW.created_at
)) EXECUTE FUNCTION invoice_refuse();

CREATE TRIGGER invoice_kept BEFORE DELETE ON invoice FOR EACH ROW
WHEN (OLD.approved_at IS NOT NULL) EXECUTE FUNCTION invoice_refuse();

CREATE FUNCTION invoice_part_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP <> 'INSERT' AND EXISTS (
        SELECT 1 FROM invoice WHERE organisation_id = OLD.organisation_id
            AND id = OLD.invoice_id AND approved_at IS NOT NULL
    ) OR TG_OP <> 'DELETE' AND EXISTS (
        SELECT 1 FROM invoice WHERE organisation_id = NEW.organisation_id
            AND id = NEW.invoice_id AND approved_at IS NOT NULL
    ) THEN
        RAISE EXCEPTION 'an approved invoice does not change'
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END;
END $$;

CREATE TRIGGER invoice_part_frozen BEFORE INSERT OR UPDATE OR DELETE ON invoice_part
FOR EACH ROW EXECUTE FUNCTION invoice_part_refuse();
