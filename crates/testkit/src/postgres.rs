//! A throw-away PostgreSQL: from `FLORIN_TEST_POSTGRES_URL`, or started from local binaries.
//!
//! One server per test process, in a temporary folder, on a socket of its own. It stops when the test
//! process is gone, however that ends: a shell waits for the end of a pipe that only the process holds.

use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use sqlx::{Connection, PgConnection, postgres::PgConnectOptions};
use tokio::sync::OnceCell;

const HELP: &str = "the tests need PostgreSQL 14 or newer: install it \
    (Debian: `apt-get install postgresql`, macOS: `brew install postgresql`; it need not run), \
    or name a server on which databases may be made: \
    FLORIN_TEST_POSTGRES_URL=postgres://user:password@host/database";

static SERVER: OnceCell<String> = OnceCell::const_new();
static DATABASES: AtomicU32 = AtomicU32::new(0);

/// URL of a new, empty database.
///
/// The server runs without fsync: a database survives the end of its clients, not of the machine.
///
/// # Panics
/// Where there is no PostgreSQL; the message says how to get it.
pub async fn new_database() -> String {
    let admin = SERVER.get_or_init(server).await;
    let number = DATABASES.fetch_add(1, Ordering::Relaxed);
    let name = format!("florin_test_{}_{number}", std::process::id());
    let mut connection = PgConnection::connect(admin)
        .await
        .expect("PostgreSQL answers");
    for statement in [
        format!("DROP DATABASE IF EXISTS {name}"),
        format!("CREATE DATABASE {name}"),
    ] {
        let statement = sqlx::AssertSqlSafe(statement);
        sqlx::raw_sql(statement)
            .execute(&mut connection)
            .await
            .expect("databases may be made");
    }
    let (server, options) = admin.split_once('?').unwrap_or((admin, ""));
    let (server, _) = server.rsplit_once('/').expect("the URL names a database");
    format!("{server}/{name}?{options}")
}

/// URL of the first database of a server that keeps what it acknowledges, for benchmarks.
///
/// # Panics
/// As [`new_database`].
pub async fn durable_server() -> String {
    let binaries = binaries().unwrap_or_else(|| panic!("{HELP}"));
    started(&binaries, "on").await
}

async fn server() -> String {
    #[expect(clippy::disallowed_methods, reason = "a test's only setting")]
    if let Ok(url) = std::env::var("FLORIN_TEST_POSTGRES_URL") {
        return url;
    }
    let binaries = binaries().unwrap_or_else(|| panic!("{HELP}"));
    started(&binaries, "off").await
}

async fn started(binaries: &Path, fsync: &str) -> String {
    let folder = tempfile::Builder::new()
        .prefix("florin-pg")
        .tempdir()
        .unwrap()
        .keep();
    start(binaries, &folder, fsync);
    let url = format!(
        "postgres://florin@localhost/postgres?host={}",
        folder.display()
    );
    let options: PgConnectOptions = url.parse().unwrap();
    for _ in 0..200 {
        if PgConnection::connect_with(&options).await.is_ok() {
            return url;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let log = std::fs::read_to_string(folder.join("log")).unwrap_or_default();
    panic!("PostgreSQL did not start: {log}\n{HELP}");
}

/// Folder of `initdb` and `postgres`: on the path, or where Debian and Homebrew put them.
fn binaries() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
    for parent in ["/usr/lib/postgresql", "/opt/homebrew/opt", "/usr/local/opt"] {
        let children = std::fs::read_dir(parent).into_iter().flatten().flatten();
        folders.extend(children.map(|child| child.path().join("bin")));
    }
    folders
        .into_iter()
        .find(|folder| folder.join("initdb").exists() && folder.join("postgres").exists())
}

/// PostgreSQL refuses to run as root: then another user runs it, who must own the folder.
const RUN: &str = r#"
as=""
if [ "$(id -u)" = 0 ]; then
    user=$(id -un postgres 2>/dev/null || echo nobody)
    chown "$user" "$FOLDER"
    as="setpriv --reuid=$user --regid=$(id -g "$user") --clear-groups --"
fi
cd "$FOLDER"
$as "$BIN/initdb" --no-sync --auth=trust --username=florin --encoding=UTF8 --locale=C \
    --pgdata="$FOLDER/data" > "$FOLDER/log" 2>&1
$as "$BIN/postgres" -D "$FOLDER/data" -k "$FOLDER" -c listen_addresses= -c fsync="$FSYNC" \
    -c max_connections=500 -c shared_buffers=64MB >> "$FOLDER/log" 2>&1 < /dev/null &
server=$!
cat > /dev/null
kill -QUIT "$server" 2> /dev/null
wait "$server" 2> /dev/null
cd /
rm -rf "$FOLDER"
"#;

fn start(binaries: &Path, folder: &Path, fsync: &str) {
    let shell = Command::new("sh")
        .args(["-c", RUN])
        .env("BIN", binaries)
        .env("FOLDER", folder)
        .env("FSYNC", fsync)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    let mut shell = shell.expect("a shell runs");
    // Held until the process ends, whose end the shell waits for.
    std::mem::forget(shell.stdin.take());
    std::mem::forget(shell);
}
