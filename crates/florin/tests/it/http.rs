//! The smallest HTTP client that can see what a test must see: one kept connection, blocking, and no
//! retries that would hide a lost answer.

use std::{
    io::{self, BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

use serde_json::Value;

/// How long an answer may take before the test fails instead of hanging.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(120);

/// Who signs a request.
#[derive(Clone, Debug)]
pub(crate) struct Signature {
    pub(crate) organisation: String,
    pub(crate) key: String,
}

/// A connection to a server.
pub(crate) struct Client {
    signature: Signature,
    stream: BufReader<TcpStream>,
}

/// Status and body.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Value,
}

impl Answer {
    pub(crate) fn id(&self) -> &str {
        self.body["id"]
            .as_str()
            .unwrap_or_else(|| panic!("no id in {self:?}"))
    }
}

impl Client {
    pub(crate) fn connect(address: SocketAddr, signature: &Signature) -> io::Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(ANSWER_TIMEOUT))?;
        let (stream, signature) = (BufReader::new(stream), signature.clone());
        Ok(Self { signature, stream })
    }

    pub(crate) fn get(&mut self, path: &str) -> io::Result<Answer> {
        self.write(&self.head("GET", path, ""))?;
        self.answer()
    }

    pub(crate) fn post(&mut self, path: &str, body: &Value) -> io::Result<Answer> {
        self.post_under(None, path, body)
    }

    /// Posts and answers the body as it came.
    pub(crate) fn post_for_bytes(
        &mut self,
        path: &str,
        body: &Value,
    ) -> io::Result<(u16, Vec<u8>)> {
        self.write_with_body("POST", path, body, "")?;
        self.bytes()
    }

    pub(crate) fn patch(&mut self, path: &str, body: &Value) -> io::Result<Answer> {
        self.write_with_body("PATCH", path, body, "")?;
        self.answer()
    }

    fn write_with_body(
        &mut self,
        method: &str,
        path: &str,
        body: &Value,
        more: &str,
    ) -> io::Result<()> {
        let body = body.to_string();
        let headers = format!("content-length: {}\r\n{more}", body.len());
        let head = self.head(method, path, &headers);
        self.write(&format!("{head}{body}"))
    }

    /// Posts under an `Idempotency-Key`.
    pub(crate) fn post_under(
        &mut self,
        key: Option<&str>,
        path: &str,
        body: &Value,
    ) -> io::Result<Answer> {
        let key = key.map_or_else(String::new, |key| format!("idempotency-key: {key}\r\n"));
        self.write_with_body("POST", path, body, &key)?;
        self.answer()
    }

    /// The request line and headers, signed, up to the empty line.
    pub(crate) fn head(&self, method: &str, path: &str, headers: &str) -> String {
        let Signature { organisation, key } = &self.signature;
        format!(
            "{method} {path} HTTP/1.1\r\nhost: florin\r\nx-api-key: {key}\r\n\
             organisation: {organisation}\r\n{headers}\r\n"
        )
    }

    pub(crate) fn write(&mut self, text: &str) -> io::Result<()> {
        self.stream.get_mut().write_all(text.as_bytes())
    }

    pub(crate) fn answer(&mut self) -> io::Result<Answer> {
        let (status, bytes) = self.bytes()?;
        let text = || Value::from(String::from_utf8_lossy(&bytes).into_owned());
        let body = serde_json::from_slice(&bytes).unwrap_or_else(|_| text());
        Ok(Answer { status, body })
    }

    /// Status and body as they came.
    fn bytes(&mut self) -> io::Result<(u16, Vec<u8>)> {
        let status = self.line()?;
        let status = status.split(' ').nth(1).and_then(|word| word.parse().ok());
        let status = status.ok_or(io::ErrorKind::InvalidData)?;
        let mut length = 0;
        loop {
            let line = self.line()?.to_ascii_lowercase();
            if line.is_empty() {
                break;
            }
            if let Some(text) = line.strip_prefix("content-length:") {
                length = text
                    .trim()
                    .parse()
                    .map_err(|_| io::ErrorKind::InvalidData)?;
            }
        }
        let mut bytes = vec![0; length];
        self.stream.read_exact(&mut bytes)?;
        Ok((status, bytes))
    }

    /// A line without its end. The server closing the connection is an error.
    pub(crate) fn line(&mut self) -> io::Result<String> {
        let mut line = String::new();
        if self.stream.read_line(&mut line)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(line.trim_end().to_owned())
    }
}
