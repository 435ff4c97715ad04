//! What benchmarks over HTTP share: a server process, and clients that keep it busy.

#![allow(dead_code, reason = "each benchmark needs a part")]

use std::{
    io::{BufRead, BufReader},
    net::SocketAddr,
    path::Path,
    process::{Child, Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// How long a client waits when it is refused for the time being.
const REFUSED_WAIT: Duration = Duration::from_millis(50);

/// What follows an argument on the command line.
pub(crate) fn value(name: &str) -> Option<String> {
    let arguments: Vec<String> = std::env::args().collect();
    let at = arguments.iter().position(|argument| argument == name)?;
    arguments.get(at + 1).cloned()
}

/// The same as a number.
pub(crate) fn number(name: &str, default: usize) -> usize {
    value(name).map_or(default, |text| text.parse().unwrap())
}

/// The load generator's own threads.
pub(crate) fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap()
}

/// A process that is stopped when this is dropped.
pub(crate) struct Served {
    pub(crate) child: Child,
    pub(crate) address: SocketAddr,
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The release binary on a folder, without a rate limit.
pub(crate) fn start_server(folder: &Path, url: &str) -> Served {
    let mut child = Command::new(env!("CARGO_BIN_EXE_florin"))
        .args([
            "serve",
            "--listen",
            "127.0.0.1:0",
            "--rate-limit",
            "0",
            "--database-url",
            url,
        ])
        .arg("--data-dir")
        .arg(folder)
        .env("FLORIN_LOG", "warn")
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap())
        .lines()
        .map_while(Result::ok);
    let line = lines.find(|line| line.contains("http://")).unwrap();
    // What the server complains of later is part of the result.
    std::thread::spawn(move || lines.for_each(|line| println!("{line}")));
    let (_, rest) = line.split_once("http://").unwrap();
    let address = rest.split([' ', '/']).next().unwrap();
    Served {
        child,
        address: address.parse().unwrap(),
    }
}

/// The bytes of a request. `headers` are whole lines.
pub(crate) fn request(method: &str, path: &str, headers: &str, body: &[u8]) -> Arc<[u8]> {
    let length = body.len();
    let head = format!(
        "{method} {path} HTTP/1.1\r\nhost: bench\r\n{headers}content-length: {length}\r\n\r\n"
    );
    [head.as_bytes(), body].concat().into()
}

/// What clients saw.
pub(crate) struct Measured {
    /// Requests that were answered.
    pub(crate) requests: usize,
    /// Times that the server asked for patience; the request was sent again.
    pub(crate) refusals: usize,
    pub(crate) per_second: f64,
    pub(crate) p50_ms: f64,
    pub(crate) p99_ms: f64,
}

/// Keeps `clients` connections busy for `duration`. `make` gives the n-th request of all. A request that is
/// refused for the time being counts with all its waiting.
pub(crate) async fn load(
    address: SocketAddr,
    clients: usize,
    duration: Duration,
    make: impl Fn(usize) -> Arc<[u8]>,
) -> Measured {
    let (counter, refusals) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let begun = Instant::now();
    let client = |_| async {
        let mut connection = Connection::open(address).await;
        let mut latencies = Vec::new();
        while begun.elapsed() < duration {
            let request = make(counter.fetch_add(1, Ordering::Relaxed));
            let sent = Instant::now();
            let refused = connection.ask_patiently(&request).await;
            refusals.fetch_add(refused, Ordering::Relaxed);
            latencies.push(sent.elapsed().as_secs_f64() * 1000.0);
        }
        latencies
    };
    let all = futures_util::future::join_all((0..clients).map(client)).await;
    measured(all, begun.elapsed(), refusals.into_inner())
}

/// Sends so many requests a second for a duration, whether answers come or not, as far as `clients` connections
/// can. A latency counts from the moment at which the request was due.
pub(crate) async fn paced(
    address: SocketAddr,
    clients: usize,
    (per_second, duration): (usize, Duration),
    make: impl Fn(usize) -> Arc<[u8]>,
) -> Measured {
    let total = (per_second as f64 * duration.as_secs_f64()) as usize;
    let (counter, refusals) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let begun = Instant::now();
    let client = |_| async {
        let mut connection = Connection::open(address).await;
        let mut latencies = Vec::new();
        loop {
            let n = counter.fetch_add(1, Ordering::Relaxed);
            if n >= total {
                return latencies;
            }
            let due = begun + Duration::from_secs_f64(n as f64 / per_second as f64);
            tokio::time::sleep_until(due.into()).await;
            let refused = connection.ask_patiently(&make(n)).await;
            refusals.fetch_add(refused, Ordering::Relaxed);
            latencies.push(due.elapsed().as_secs_f64() * 1000.0);
        }
    };
    let all = futures_util::future::join_all((0..clients).map(client)).await;
    measured(all, begun.elapsed(), refusals.into_inner())
}

fn measured(latencies: Vec<Vec<f64>>, took: Duration, refusals: usize) -> Measured {
    let mut latencies: Vec<f64> = latencies.into_iter().flatten().collect();
    latencies.sort_by(f64::total_cmp);
    let quantile = |share: f64| latencies[((latencies.len() - 1) as f64 * share) as usize];
    Measured {
        requests: latencies.len(),
        refusals,
        per_second: latencies.len() as f64 / took.as_secs_f64(),
        p50_ms: quantile(0.5),
        p99_ms: quantile(0.99),
    }
}

/// The least of an HTTP client, so that it takes little from the server's cores.
pub(crate) struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Connection {
    pub(crate) async fn open(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).await.unwrap();
        stream.set_nodelay(true).unwrap();
        Self {
            stream,
            buffer: Vec::new(),
        }
    }

    /// Asks until the server is ready, and must succeed; answers how often it was not ready.
    pub(crate) async fn ask_patiently(&mut self, request: &[u8]) -> usize {
        let mut refused = 0;
        loop {
            let answer = self.ask(request).await;
            if !answer.starts_with("HTTP/1.1 429") {
                assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
                return refused;
            }
            refused += 1;
            tokio::time::sleep(REFUSED_WAIT).await;
        }
    }

    /// The whole answer, as it came.
    pub(crate) async fn ask(&mut self, request: &[u8]) -> String {
        self.stream.write_all(request).await.unwrap();
        self.buffer.clear();
        loop {
            let read = self.stream.read_buf(&mut self.buffer).await.unwrap();
            assert!(read > 0, "the server closed the connection");
            if let Some(answer) = complete(&self.buffer) {
                return answer;
            }
        }
    }
}

fn complete(bytes: &[u8]) -> Option<String> {
    let end = bytes.windows(4).position(|window| window == b"\r\n\r\n")? + 4;
    let head = std::str::from_utf8(&bytes[..end]).unwrap();
    let length = head.split("content-length: ").nth(1)?.split('\r').next()?;
    let whole = end + length.parse::<usize>().unwrap();
    (bytes.len() >= whole).then(|| String::from_utf8_lossy(&bytes[..whole]).into_owned())
}
