CREATE TABLE tax_category_counter (
    organisation_id BLOB NOT NULL REFERENCES organisation (organisation_id),
    last INTEGER NOT NULL,
    CONSTRAINT tax_category_counter_key PRIMARY KEY (organisation_id)
);

CREATE TABLE tax_category (
    organisation_id BLOB NOT NULL REFERENCES organisation (organisation_id),
    id BLOB NOT NULL,
    code TEXT NOT NULL,
    name TEXT NOT NULL,
    external_codes TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    CONSTRAINT tax_category_id_key PRIMARY KEY (organisation_id, id),
    CONSTRAINT tax_category_code_key UNIQUE (organisation_id, code)
);
CREATE INDEX tax_category_created_at ON tax_category (organisation_id, created_at, id);

CREATE TABLE jurisdiction_rate (
    organisation_id BLOB NOT NULL,
    id BLOB NOT NULL,
    business_entity_id BLOB NOT NULL,
    tax_category_id BLOB NOT NULL,
    country_code TEXT NOT NULL,
    state_code TEXT,
    city TEXT,
    zip_code_start TEXT,
    zip_code_end TEXT,
    effective_from TEXT NOT NULL,
    effective_to TEXT,
    is_active BOOLEAN NOT NULL,
    name TEXT,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    CONSTRAINT jurisdiction_rate_id_key PRIMARY KEY (organisation_id, id),
    CONSTRAINT jurisdiction_rate_tax_category FOREIGN KEY (organisation_id, tax_category_id)
        REFERENCES tax_category (organisation_id, id)
);
CREATE INDEX jurisdiction_rate_destination ON jurisdiction_rate
    (organisation_id, business_entity_id, tax_category_id, country_code, state_code);

CREATE TABLE tax_rate (
    organisation_id BLOB NOT NULL,
    id BLOB NOT NULL,
    jurisdiction_rate_id BLOB NOT NULL,
    tax_name TEXT NOT NULL,
    rate_percent TEXT COLLATE DECIMAL NOT NULL,
    is_compound BOOLEAN NOT NULL,
    compound_order INTEGER NOT NULL,
    jurisdiction_level TEXT,
    jurisdiction_code TEXT,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    CONSTRAINT tax_rate_id_key PRIMARY KEY (organisation_id, id),
    CONSTRAINT tax_rate_jurisdiction_rate FOREIGN KEY (organisation_id, jurisdiction_rate_id)
        REFERENCES jurisdiction_rate (organisation_id, id) ON DELETE CASCADE
);
CREATE INDEX tax_rate_jurisdiction_rate_id ON tax_rate (organisation_id, jurisdiction_rate_id, id);
