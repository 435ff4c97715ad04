-- What an organisation's documents look like, where it has templates of its own.
CREATE TABLE document_template (
    organisation_id BLOB NOT NULL REFERENCES organisation (organisation_id),
    id BLOB NOT NULL,
    document_type TEXT NOT NULL,
    format TEXT NOT NULL,
    source TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    CONSTRAINT document_template_id_key PRIMARY KEY (organisation_id, id)
);
CREATE UNIQUE INDEX document_template_document_type_format_key
    ON document_template (organisation_id, document_type, format);

-- Names and addresses on an approved invoice, as they were on that day. Rows are never changed.
CREATE TABLE invoice_parties (
    organisation_id BLOB NOT NULL REFERENCES organisation (organisation_id),
    id BLOB NOT NULL,
    parties TEXT NOT NULL,
    CONSTRAINT invoice_parties_id_key PRIMARY KEY (organisation_id, id)
);
