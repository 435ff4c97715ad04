CREATE TABLE tax_category_counter (
    organisation_id uuid NOT NULL REFERENCES organisation,
    last bigint NOT NULL,
    CONSTRAINT tax_category_counter_key PRIMARY KEY (organisation_id)
);

CREATE TABLE tax_category (
    organisation_id uuid NOT NULL REFERENCES organisation,
    id uuid NOT NULL,
    code text NOT NULL,
    name text NOT NULL,
    external_codes json NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    CONSTRAINT tax_category_id_key PRIMARY KEY (organisation_id, id),
    CONSTRAINT tax_category_code_key UNIQUE (organisation_id, code)
);
CREATE INDEX tax_category_created_at ON tax_category (organisation_id, created_at, id);

CREATE TABLE jurisdiction_rate (
    organisation_id uuid NOT NULL,
    id uuid NOT NULL,
    business_entity_id uuid NOT NULL,
    tax_category_id uuid NOT NULL,
    country_code text NOT NULL,
    state_code text,
    city text,
    zip_code_start text,
    zip_code_end text,
    effective_from date NOT NULL,
    effective_to date,
    is_active boolean NOT NULL,
    name text,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    CONSTRAINT jurisdiction_rate_id_key PRIMARY KEY (organisation_id, id),
    CONSTRAINT jurisdiction_rate_tax_category FOREIGN KEY (organisation_id, tax_category_id)
        REFERENCES tax_category (organisation_id, id)
);
CREATE INDEX jurisdiction_rate_destination ON jurisdiction_rate
    (organisation_id, business_entity_id, tax_category_id, country_code, state_code);

CREATE TABLE tax_rate (
    organisation_id uuid NOT NULL,
    id uuid NOT NULL,
    jurisdiction_rate_id uuid NOT NULL,
    tax_name text NOT NULL,
    rate_percent numeric NOT NULL,
    is_compound boolean NOT NULL,
    compound_order bigint NOT NULL,
    jurisdiction_level text,
    jurisdiction_code text,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    CONSTRAINT tax_rate_id_key PRIMARY KEY (organisation_id, id),
    CONSTRAINT tax_rate_jurisdiction_rate FOREIGN KEY (organisation_id, jurisdiction_rate_id)
        REFERENCES jurisdiction_rate (organisation_id, id) ON DELETE CASCADE
);
CREATE INDEX tax_rate_jurisdiction_rate_id ON tax_rate (organisation_id, jurisdiction_rate_id, id);
