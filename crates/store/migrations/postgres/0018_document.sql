-- What an organisation's documents look like, where it has templates of its own.
CREATE TABLE document_template (
    organisation_id uuid NOT NULL REFERENCES organisation,
    id uuid NOT NULL,
    document_type text NOT NULL,
    format text NOT NULL,
    source text NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    CONSTRAINT document_template_id_key PRIMARY KEY (organisation_id, id)
);
CREATE UNIQUE INDEX document_template_document_type_format_key
    ON document_template (organisation_id, document_type, format);

-- Names and addresses on an approved invoice, as they were on that day. Rows are never changed.
CREATE TABLE invoice_parties (
    organisation_id uuid NOT NULL REFERENCES organisation,
    id uuid NOT NULL,
    parties json NOT NULL,
    CONSTRAINT invoice_parties_id_key PRIMARY KEY (organisation_id, id)
);
