//! Changing rows past the app and the triggers of the database: what a verification must find.

use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection, Row, SqliteConnection, raw_sql};

/// Runs a statement on the database of this URL with all triggers and foreign keys off.
pub(crate) async fn run(url: &str, statement: &str) {
    if url.starts_with("sqlite:") {
        on_sqlite(url, statement).await;
    } else {
        on_postgres(url, statement).await;
    }
}

async fn on_sqlite(url: &str, statement: &str) {
    let mut connection = SqliteConnection::connect(url).await.unwrap();
    let triggers = "SELECT name FROM sqlite_master WHERE type = 'trigger'";
    let triggers = connection.fetch_all(raw_sql(triggers)).await.unwrap();
    for trigger in triggers {
        let drop = format!("DROP TRIGGER {}", trigger.get::<String, _>(0));
        connection
            .execute(raw_sql(AssertSqlSafe(drop)))
            .await
            .unwrap();
    }
    connection
        .execute(raw_sql("PRAGMA foreign_keys = OFF"))
        .await
        .unwrap();
    let changed = raw_sql(AssertSqlSafe(statement.to_owned()))
        .execute(&mut connection)
        .await;
    assert_ne!(changed.unwrap().rows_affected(), 0, "nothing was changed");
}

async fn on_postgres(url: &str, statement: &str) {
    let mut connection = PgConnection::connect(url).await.unwrap();
    connection
        .execute(raw_sql("SET session_replication_role = replica"))
        .await
        .unwrap();
    let changed = raw_sql(AssertSqlSafe(statement.to_owned()))
        .execute(&mut connection)
        .await;
    assert_ne!(changed.unwrap().rows_affected(), 0, "nothing was changed");
}
