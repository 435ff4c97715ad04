CREATE TABLE aggregate (
    organisation_id BLOB NOT NULL REFERENCES organisation (organisation_id),
    id BLOB NOT NULL,
    name TEXT NOT NULL,
    dataschema TEXT,
    aggregation_query TEXT,
    cust_agg_query TEXT,
    visual_query_builder TEXT NOT NULL,
    datasource BLOB,
    raw_metric_id BLOB,
    version INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    deleted_at INTEGER,
    CONSTRAINT aggregate_id_key PRIMARY KEY (organisation_id, id),
    CONSTRAINT aggregate_raw_metric FOREIGN KEY (organisation_id, raw_metric_id)
        REFERENCES raw_metric (organisation_id, id)
);
CREATE INDEX aggregate_created_at ON aggregate (organisation_id, created_at, id);

-- What an aggregate measures and measured. Rows are never changed.
CREATE TABLE aggregate_version (
    organisation_id BLOB NOT NULL,
    id BLOB NOT NULL,
    aggregate_id BLOB NOT NULL,
    version INTEGER NOT NULL,
    dataschema TEXT,
    aggregation_query TEXT,
    cust_agg_query TEXT,
    visual_query_builder TEXT NOT NULL,
    datasource BLOB,
    created_at INTEGER NOT NULL,
    CONSTRAINT aggregate_version_id_key PRIMARY KEY (organisation_id, id),
    CONSTRAINT aggregate_version_aggregate FOREIGN KEY (organisation_id, aggregate_id)
        REFERENCES aggregate (organisation_id, id)
);
CREATE UNIQUE INDEX aggregate_version_aggregate_id_version_key
    ON aggregate_version (organisation_id, aggregate_id, version);

-- Which prices count by which aggregates; their documents say so, but only a column can be looked up. Prices
-- that are older than this table name none: there were no aggregates.
CREATE TABLE product_pricing_aggregate (
    organisation_id BLOB NOT NULL,
    pricing_id BLOB NOT NULL,
    aggregate_id BLOB NOT NULL,
    CONSTRAINT product_pricing_aggregate_pricing_id_aggregate_id_key
        PRIMARY KEY (organisation_id, pricing_id, aggregate_id),
    CONSTRAINT product_pricing_aggregate_pricing FOREIGN KEY (organisation_id, pricing_id)
        REFERENCES product_pricing (organisation_id, id),
    CONSTRAINT product_pricing_aggregate_aggregate FOREIGN KEY (organisation_id, aggregate_id)
        REFERENCES aggregate (organisation_id, id)
);
CREATE INDEX product_pricing_aggregate_aggregate_id
    ON product_pricing_aggregate (organisation_id, aggregate_id);
