CREATE TABLE product (
    organisation_id BLOB NOT NULL REFERENCES organisation (organisation_id),
    id BLOB NOT NULL,
    name TEXT NOT NULL,
    description TEXT,
    sku TEXT,
    slug TEXT,
    kind TEXT NOT NULL,
    product_category TEXT,
    status TEXT NOT NULL,
    is_active BOOLEAN NOT NULL,
    timing TEXT,
    subtype TEXT,
    unit_singular TEXT,
    unit_plural TEXT,
    tax_codes TEXT NOT NULL,
    tax_category TEXT,
    parent_link_id BLOB,
    default_pricing_id BLOB,
    track_usage BOOLEAN NOT NULL,
    enum_values TEXT NOT NULL,
    tags TEXT NOT NULL,
    custom_attributes TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    deleted_at INTEGER,
    CONSTRAINT product_id_key PRIMARY KEY (organisation_id, id),
    CONSTRAINT product_parent FOREIGN KEY (organisation_id, parent_link_id)
        REFERENCES product (organisation_id, id)
);
CREATE UNIQUE INDEX product_sku_key ON product (organisation_id, sku) WHERE deleted_at IS NULL;
CREATE UNIQUE INDEX product_slug_key ON product (organisation_id, slug) WHERE deleted_at IS NULL;
CREATE INDEX product_created_at ON product (organisation_id, created_at, id);
CREATE INDEX product_name ON product (organisation_id, name, id);
CREATE INDEX product_parent_link_id ON product (organisation_id, parent_link_id);

CREATE TABLE product_pricing (
    organisation_id BLOB NOT NULL,
    id BLOB NOT NULL,
    product_id BLOB NOT NULL,
    name TEXT,
    pricing_type TEXT NOT NULL,
    currency TEXT,
    cadence TEXT,
    is_recurring BOOLEAN NOT NULL,
    content TEXT NOT NULL,
    content_hash TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    deleted_at INTEGER,
    CONSTRAINT product_pricing_id_key PRIMARY KEY (organisation_id, id),
    CONSTRAINT product_pricing_product FOREIGN KEY (organisation_id, product_id)
        REFERENCES product (organisation_id, id)
);
CREATE INDEX product_pricing_product_id
    ON product_pricing (organisation_id, product_id, created_at, id);
CREATE INDEX product_pricing_content_hash
    ON product_pricing (organisation_id, product_id, content_hash);

CREATE TABLE product_bundle_member (
    organisation_id BLOB NOT NULL,
    pricing_id BLOB NOT NULL,
    product_id BLOB NOT NULL,
    CONSTRAINT product_bundle_member_pricing_id_product_id_key
        PRIMARY KEY (organisation_id, pricing_id, product_id),
    CONSTRAINT product_bundle_member_pricing FOREIGN KEY (organisation_id, pricing_id)
        REFERENCES product_pricing (organisation_id, id),
    CONSTRAINT product_bundle_member_product FOREIGN KEY (organisation_id, product_id)
        REFERENCES product (organisation_id, id)
);
CREATE INDEX product_bundle_member_product_id
    ON product_bundle_member (organisation_id, product_id);
