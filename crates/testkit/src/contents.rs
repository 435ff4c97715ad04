//! All rows of a database as text: what must not change where nothing is written.

use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection, Row, SqliteConnection, raw_sql};

/// Every table with its rows, in an order that does not depend on how they came.
pub(crate) async fn of(url: &str) -> Vec<(String, String)> {
    if url.starts_with("sqlite:") {
        of_sqlite(url).await
    } else {
        of_postgres(url).await
    }
}

async fn of_sqlite(url: &str) -> Vec<(String, String)> {
    let mut connection = SqliteConnection::connect(url).await.unwrap();
    let tables = "SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name";
    let tables = connection.fetch_all(raw_sql(tables)).await.unwrap();
    let mut contents = Vec::new();
    for table in tables {
        let table: String = table.get(0);
        let columns = format!("SELECT name FROM pragma_table_info('{table}')");
        let columns = raw_sql(AssertSqlSafe(columns));
        let columns = connection.fetch_all(columns).await.unwrap();
        let quoted = columns
            .iter()
            .map(|column| format!("quote(\"{}\")", column.get::<String, _>(0)));
        let row = quoted.collect::<Vec<_>>().join(" || '|' || ");
        let rows = format!("SELECT {row} AS row FROM \"{table}\" ORDER BY 1");
        let rows = connection
            .fetch_all(raw_sql(AssertSqlSafe(rows)))
            .await
            .unwrap();
        let rows = rows.iter().map(|row| row.get::<String, _>(0));
        contents.push((table, rows.collect::<Vec<_>>().join("\n")));
    }
    contents
}

async fn of_postgres(url: &str) -> Vec<(String, String)> {
    let mut connection = PgConnection::connect(url).await.unwrap();
    let tables = "SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1";
    let tables = connection.fetch_all(raw_sql(tables)).await.unwrap();
    let mut contents = Vec::new();
    for table in tables {
        let table: String = table.get(0);
        let rows = format!("SELECT one::text FROM \"{table}\" AS one ORDER BY 1");
        let rows = connection
            .fetch_all(raw_sql(AssertSqlSafe(rows)))
            .await
            .unwrap();
        let rows = rows.iter().map(|row| row.get::<String, _>(0));
        contents.push((table, rows.collect::<Vec<_>>().join("\n")));
    }
    contents
}
