CREATE TABLE account (
    organisation_id BLOB NOT NULL REFERENCES organisation (organisation_id),
    id BLOB NOT NULL,
    name TEXT NOT NULL,
    account_category TEXT NOT NULL,
    balance_normality TEXT NOT NULL,
    is_parent BOOLEAN NOT NULL,
    parent_path TEXT,
    description TEXT,
    custom_data TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    CONSTRAINT account_id_key PRIMARY KEY (organisation_id, id)
);
CREATE INDEX account_created_at ON account (organisation_id, created_at, id);

-- The chart of accounts of organisations that are older than this table; `florin_core::ledger::CHART` is
-- the chart of new ones.
INSERT INTO account (
    organisation_id, id, name, account_category, balance_normality, is_parent, parent_path, custom_data,
    created_at, updated_at
)
WITH chart (id, name, account_category, balance_normality, is_parent, parent_path) AS (
    SELECT X'00000000000080008000000000000100', 'Cash', 'Assets', 'debit', FALSE, NULL UNION ALL
    SELECT X'00000000000080008000000000000110', 'Accounts Receivable', 'Assets', 'debit', TRUE, NULL UNION ALL
    SELECT X'00000000000080008000000000000111', 'Customers', 'Assets', 'debit', FALSE, 'Accounts Receivable' UNION ALL
    SELECT X'00000000000080008000000000000112', 'Payment Gateways', 'Assets', 'debit', FALSE, 'Accounts Receivable' UNION ALL
    SELECT X'00000000000080008000000000000120', 'TDS Receivable', 'Assets', 'debit', FALSE, NULL UNION ALL
    SELECT X'00000000000080008000000000000130', 'Unbilled Revenue', 'Assets', 'debit', FALSE, NULL UNION ALL
    SELECT X'00000000000080008000000000000200', 'Accounts Payable', 'Liabilities', 'credit', FALSE, NULL UNION ALL
    SELECT X'00000000000080008000000000000210', 'Contra Accounts Receivable', 'Liabilities', 'credit', TRUE, NULL UNION ALL
    SELECT X'00000000000080008000000000000211', 'Customers', 'Liabilities', 'credit', FALSE, 'Contra Accounts Receivable' UNION ALL
    SELECT X'00000000000080008000000000000212', 'Payment Gateways', 'Liabilities', 'credit', FALSE, 'Contra Accounts Receivable' UNION ALL
    SELECT X'00000000000080008000000000000220', 'Customer Wallet', 'Liabilities', 'credit', FALSE, NULL UNION ALL
    SELECT X'00000000000080008000000000000230', 'Deferred Revenue', 'Liabilities', 'credit', FALSE, NULL UNION ALL
    SELECT X'00000000000080008000000000000240', 'Sales Tax', 'Liabilities', 'credit', FALSE, NULL UNION ALL
    SELECT X'00000000000080008000000000000300', 'Retained Earnings', 'Equity', 'credit', FALSE, NULL UNION ALL
    SELECT X'00000000000080008000000000000400', 'Sales and Services Revenue', 'Income', 'credit', FALSE, NULL UNION ALL
    SELECT X'00000000000080008000000000000500', 'GST', 'Expenses', 'debit', FALSE, NULL UNION ALL
    SELECT X'00000000000080008000000000000510', 'Payment Gateway Fees', 'Expenses', 'debit', FALSE, NULL UNION ALL
    SELECT X'00000000000080008000000000000520', 'Sales Returns and Allowances', 'Expenses', 'debit', FALSE, NULL UNION ALL
    SELECT X'00000000000080008000000000000530', 'Tax Withheld', 'Expenses', 'debit', FALSE, NULL
)
SELECT organisation_id, id, chart.name, account_category, balance_normality, is_parent, parent_path,
    '{"default_account":true}', created_at, created_at
FROM organisation CROSS JOIN chart;

-- Entries are never changed: a correction is a reversing entry. The lines of an entry come first and the
-- entry closes them, so that the check of its balance sees them all and none can be added later.
CREATE TABLE journal_entry (
    organisation_id BLOB NOT NULL REFERENCES organisation (organisation_id),
    id BLOB NOT NULL,
    event TEXT NOT NULL,
    source_id BLOB,
    revision INTEGER NOT NULL,
    reverses_id BLOB,
    description TEXT NOT NULL,
    currency TEXT NOT NULL,
    minor_digits INTEGER NOT NULL,
    business_entity_id BLOB,
    posted_at INTEGER NOT NULL,
    status_type TEXT NOT NULL,
    custom_data TEXT,
    line_count INTEGER NOT NULL,
    actor TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    seal_number INTEGER,
    CONSTRAINT journal_entry_id_key PRIMARY KEY (organisation_id, id)
);
-- An event is posted once.
CREATE UNIQUE INDEX journal_entry_source_id_event_revision_key
    ON journal_entry (organisation_id, source_id, event, revision);
CREATE INDEX journal_entry_posted_at ON journal_entry (organisation_id, posted_at, id);
CREATE INDEX journal_entry_seal_number ON journal_entry (organisation_id, seal_number, id);

CREATE TABLE journal_line (
    organisation_id BLOB NOT NULL,
    journal_entry_id BLOB NOT NULL,
    position INTEGER NOT NULL,
    account_id BLOB NOT NULL,
    debits INTEGER NOT NULL,
    credits INTEGER NOT NULL,
    currency TEXT NOT NULL,
    posted_at INTEGER NOT NULL,
    customer_id BLOB,
    contract_id BLOB,
    invoice_id BLOB,
    credit_note_id BLOB,
    payment_id BLOB,
    refund_id BLOB,
    product_id BLOB,
    line_id BLOB,
    tax_id BLOB,
    revenue_contract_id BLOB,
    revenue_contract_item_id BLOB,
    performance_obligation_id BLOB,
    CONSTRAINT journal_line_journal_entry_id_position_key
        PRIMARY KEY (organisation_id, journal_entry_id, position),
    CONSTRAINT journal_line_one_side CHECK (
        debits >= 0 AND credits >= 0 AND (debits = 0) <> (credits = 0)
    ),
    CONSTRAINT journal_line_journal_entry FOREIGN KEY (organisation_id, journal_entry_id)
        REFERENCES journal_entry (organisation_id, id) DEFERRABLE INITIALLY DEFERRED,
    CONSTRAINT journal_line_account FOREIGN KEY (organisation_id, account_id)
        REFERENCES account (organisation_id, id)
) WITHOUT ROWID;
CREATE INDEX journal_line_account_id ON journal_line (organisation_id, account_id, posted_at);
CREATE INDEX journal_line_customer_id ON journal_line (organisation_id, customer_id);
CREATE INDEX journal_line_invoice_id ON journal_line (organisation_id, invoice_id);

-- Entries are sealed in batches; the hash of a seal covers its entries and the hash of the seal before.
CREATE TABLE journal_seal (
    organisation_id BLOB NOT NULL REFERENCES organisation (organisation_id),
    number INTEGER NOT NULL,
    entry_count INTEGER NOT NULL,
    previous_hash BLOB NOT NULL,
    hash BLOB NOT NULL,
    sealed_at INTEGER NOT NULL,
    CONSTRAINT journal_seal_number_key PRIMARY KEY (organisation_id, number)
);

CREATE TRIGGER journal_entry_never_changes BEFORE UPDATE OF
    organisation_id, id, event, source_id, revision, reverses_id, description, currency,
    minor_digits, business_entity_id, posted_at, status_type, custom_data, line_count, actor, created_at
    ON journal_entry
BEGIN
    SELECT RAISE(ABORT, 'journal_entry is append-only: a correction is a reversing entry');
END;
CREATE TRIGGER journal_entry_is_sealed_once BEFORE UPDATE OF seal_number ON journal_entry
    WHEN OLD.seal_number IS NOT NULL
BEGIN
    SELECT RAISE(ABORT, 'journal_entry is append-only: a correction is a reversing entry');
END;
CREATE TRIGGER journal_entry_stays BEFORE DELETE ON journal_entry
    WHEN OLD.status_type = 'posted'
BEGIN
    SELECT RAISE(ABORT, 'journal_entry is append-only: a correction is a reversing entry');
END;
CREATE TRIGGER journal_line_never_changes BEFORE UPDATE ON journal_line
BEGIN
    SELECT RAISE(ABORT, 'journal_line is append-only: a correction is a reversing entry');
END;
CREATE TRIGGER journal_line_stays BEFORE DELETE ON journal_line
    WHEN EXISTS (
        SELECT 1 FROM journal_entry AS entry
        WHERE entry.organisation_id = OLD.organisation_id AND entry.id = OLD.journal_entry_id
            AND entry.status_type = 'posted'
    )
BEGIN
    SELECT RAISE(ABORT, 'journal_line is append-only: a correction is a reversing entry');
END;
CREATE TRIGGER journal_seal_never_changes BEFORE UPDATE ON journal_seal
BEGIN
    SELECT RAISE(ABORT, 'journal_seal is append-only: a correction is a reversing entry');
END;
CREATE TRIGGER journal_seal_stays BEFORE DELETE ON journal_seal
BEGIN
    SELECT RAISE(ABORT, 'journal_seal is append-only: a correction is a reversing entry');
END;

CREATE TRIGGER journal_line_is_open BEFORE INSERT ON journal_line
    WHEN EXISTS (
        SELECT 1 FROM journal_entry AS entry
        WHERE entry.organisation_id = NEW.organisation_id AND entry.id = NEW.journal_entry_id
    )
BEGIN
    SELECT RAISE(ABORT, 'the journal entry is closed: no line can be added');
END;

CREATE TRIGGER journal_entry_is_balanced AFTER INSERT ON journal_entry
    WHEN NOT COALESCE((
        SELECT COUNT(*) = NEW.line_count AND SUM(line.debits) = SUM(line.credits)
            AND MIN(line.currency) = NEW.currency AND MAX(line.currency) = NEW.currency
            AND MIN(line.posted_at) = NEW.posted_at AND MAX(line.posted_at) = NEW.posted_at
        FROM journal_line AS line
        WHERE line.organisation_id = NEW.organisation_id AND line.journal_entry_id = NEW.id
    ), FALSE)
BEGIN
    SELECT RAISE(ABORT, 'the journal entry is not balanced');
END;
