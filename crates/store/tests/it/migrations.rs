//! Both databases end in the same tables, columns and indexes.

use std::collections::BTreeSet;

use florin_store::{Db, Options};
use sqlx::{Connection, PgConnection, Row, SqliteConnection};

/// Columns, as `table.column`, with `?` where the column may be null.
const SQLITE_COLUMNS: &str = "
    SELECT lower(tables.name || '.' || columns.name)
        || CASE WHEN columns.\"notnull\" = 0 AND columns.pk = 0 THEN '?' ELSE '' END
    FROM sqlite_master AS tables JOIN pragma_table_info(tables.name) AS columns
    WHERE tables.type = 'table' AND tables.name NOT LIKE 'sqlite\\_%' ESCAPE '\\'";
const POSTGRES_COLUMNS: &str = "
    SELECT table_name || '.' || column_name || CASE is_nullable WHEN 'YES' THEN '?' ELSE '' END
    FROM information_schema.columns WHERE table_schema = 'public'";

/// Indexes that are not made by a constraint, as `table.index`.
const SQLITE_INDEXES: &str = "
    SELECT tbl_name || '.' || name FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL";
const POSTGRES_INDEXES: &str = "
    SELECT tablename || '.' || indexname FROM pg_indexes
    WHERE schemaname = 'public' AND NOT EXISTS (
        SELECT 1 FROM pg_constraint WHERE conindid = format('%I', indexname)::regclass)";

#[tokio::test]
async fn both_databases_end_in_the_same_tables_columns_and_indexes() {
    let folder = tempfile::tempdir().unwrap();
    let sqlite = format!("sqlite:{}", folder.path().join("florin.db").display());
    let postgres = florin_testkit::postgres::new_database().await;
    for url in [&sqlite, &postgres] {
        migrate(url).await;
    }
    let mut sqlite = SqliteConnection::connect(&sqlite).await.unwrap();
    let mut postgres = PgConnection::connect(&postgres).await.unwrap();
    for (on_sqlite, on_postgres) in [
        (SQLITE_COLUMNS, POSTGRES_COLUMNS),
        (SQLITE_INDEXES, POSTGRES_INDEXES),
    ] {
        let left = sqlx::query(on_sqlite).fetch_all(&mut sqlite).await.unwrap();
        let right = sqlx::query(on_postgres)
            .fetch_all(&mut postgres)
            .await
            .unwrap();
        // Kept by triggers on SQLite alone: see `dialect::keeps_count`.
        let left = names(left.iter().map(|row| row.get(0)));
        let right = names(right.iter().map(|row| row.get(0)));
        let mut only_left = minus(&left, &right);
        only_left.retain(|name| !name.starts_with("row_count."));
        let only_right = minus(&right, &left);
        assert!(!left.is_empty(), "nothing was read");
        assert!(
            only_left.is_empty() && only_right.is_empty(),
            "only on SQLite: {only_left:?}\nonly on PostgreSQL: {only_right:?}"
        );
    }
}

async fn migrate(url: &str) {
    let options = Options {
        url: url.to_owned(),
        connections_max: 1,
    };
    // Twice: a second start finds nothing to do.
    for _ in 0..2 {
        Db::open(&options).await.unwrap().close().await;
        Db::open_usage(&options).await.unwrap().close().await;
    }
}

/// What the migrations made; their own table is the library's.
fn names(rows: impl Iterator<Item = String>) -> BTreeSet<String> {
    rows.filter(|name| !name.starts_with("_sqlx_migrations"))
        .collect()
}

fn minus(left: &BTreeSet<String>, right: &BTreeSet<String>) -> Vec<String> {
    left.difference(right).cloned().collect()
}
