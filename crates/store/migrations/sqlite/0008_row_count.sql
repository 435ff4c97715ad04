-- A list answers with the count of all its rows, and SQLite counts by walking them: 200,000 rows take
-- longer than the page. One writer makes an exact counter cheap.
CREATE TABLE row_count (
    organisation_id BLOB NOT NULL,
    name TEXT NOT NULL,
    row_count INTEGER NOT NULL,
    CONSTRAINT row_count_name_key PRIMARY KEY (organisation_id, name)
) WITHOUT ROWID;

INSERT INTO row_count (organisation_id, name, row_count)
SELECT organisation_id, 'customer', COUNT(*) FROM customer GROUP BY organisation_id;

CREATE TRIGGER customer_added AFTER INSERT ON customer BEGIN
    INSERT INTO row_count (organisation_id, name, row_count)
    VALUES (NEW.organisation_id, 'customer', 1)
    ON CONFLICT (organisation_id, name) DO UPDATE SET row_count = row_count + 1;
END;

CREATE TRIGGER customer_removed AFTER DELETE ON customer BEGIN
    UPDATE row_count SET row_count = row_count - 1
    WHERE organisation_id = OLD.organisation_id AND name = 'customer';
END;
