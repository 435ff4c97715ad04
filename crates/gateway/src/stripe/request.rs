//! One request: form-encoded, bounded in time and size, repeated where that is safe.
//!
//! Repeated are reads, and writes under an `Idempotency-Key`: after a lost connection, a fault of the server, or
//! while the first request under the key still runs. Nothing here logs a header, a body or an answer.

use std::time::Duration;

use florin_app::gateway::{Credentials, GatewayError, GatewayResult};
use reqwest::{Method, RequestBuilder, Response, redirect};
use serde_json::Value as Json;
use url::form_urlencoded::Serializer;

use super::{Options, Stripe, answer};

/// Tries of one request.
const TRIES: u32 = 3;
/// Bytes of an answer at most: a page of a list is the largest.
const ANSWER_BYTES_MAX: usize = 8 * 1024 * 1024;
/// The version of Stripe's API that answers are read in.
const VERSION: &str = "2024-06-20";

/// A request.
#[derive(Clone, Debug)]
pub(super) struct Call<'c> {
    method: Method,
    path: &'c str,
    pairs: Vec<(String, String)>,
    key: Option<&'c str>,
}

/// Why there is no document.
#[derive(Debug)]
pub(super) enum Failure {
    /// The bank refused; the PaymentIntent that it was for.
    Declined {
        /// Stripe's word for why.
        code: String,
        /// Why, for people.
        message: String,
        /// Id of the PaymentIntent.
        intent: Option<String>,
    },
    /// Anything else.
    Other(GatewayError),
}

impl From<Failure> for GatewayError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Declined { code, message, .. } => Self::Declined { code, message },
            Failure::Other(error) => error,
        }
    }
}

impl<'c> Call<'c> {
    /// Reads.
    pub(super) fn get(path: &'c str) -> Self {
        Self::list(path, Vec::new())
    }

    /// Reads a page of a list.
    pub(super) fn list(path: &'c str, pairs: Vec<(String, String)>) -> Self {
        Self {
            method: Method::GET,
            path,
            pairs,
            key: None,
        }
    }

    /// Writes.
    pub(super) fn post(path: &'c str, pairs: Vec<(String, String)>) -> Self {
        Self {
            method: Method::POST,
            ..Self::list(path, pairs)
        }
    }

    /// The same under a key, so that it can be repeated.
    pub(super) fn under(self, key: &'c str) -> Self {
        Self {
            key: Some(key),
            ..self
        }
    }

    fn is_repeatable(&self) -> bool {
        self.method == Method::GET || self.key.is_some()
    }
}

/// An id as a segment of a path: letters, digits and `_`, so that nothing a caller sends leads elsewhere.
///
/// # Errors
/// [`GatewayError::Refused`] for anything else, which is no id of Stripe's.
pub(super) fn id(text: &str) -> GatewayResult<&str> {
    let is_id = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    if text.is_empty() || !text.bytes().all(is_id) {
        let message = "Stripe's ids have letters, digits and _".to_owned();
        return Err(GatewayError::Refused { message });
    }
    Ok(text)
}

/// An HTTP client that verifies certificates as the machine does, and follows no redirection with a key.
pub(super) fn client(options: &Options) -> Result<reqwest::Client, String> {
    let client = reqwest::Client::builder()
        .timeout(options.timeout)
        .connect_timeout(options.timeout / 3)
        .redirect(redirect::Policy::none())
        .user_agent(concat!("florin/", env!("CARGO_PKG_VERSION")))
        .build();
    client.map_err(|error| error.to_string())
}

/// What one try came to.
enum Tried {
    Done(Result<Json, Failure>),
    Again(String),
}

impl Stripe {
    /// Sends a call; a refusal of the bank is an error.
    pub(super) async fn send(&self, with: &Credentials, call: Call<'_>) -> GatewayResult<Json> {
        Ok(self.ask(with, call).await?)
    }

    /// Sends a call, again where it may.
    pub(super) async fn ask(&self, with: &Credentials, call: Call<'_>) -> Result<Json, Failure> {
        let mut pause = self.options.pause;
        let mut tries = 1;
        loop {
            let message = match self.once(with, &call).await {
                Tried::Done(outcome) => return outcome,
                Tried::Again(message) => message,
            };
            if tries == TRIES || !call.is_repeatable() {
                return Err(Failure::Other(GatewayError::Unanswered { message }));
            }
            tracing::info!(path = call.path, tries, message, "stripe is asked again");
            tokio::time::sleep(pause).await;
            pause = pause.saturating_mul(2);
            tries += 1;
        }
    }

    async fn once(&self, with: &Credentials, call: &Call<'_>) -> Tried {
        let request = self.request(with, call);
        let response = match request.send().await {
            Ok(response) => response,
            // Without the URL, whose query may name a customer.
            Err(error) => return Tried::Again(error.without_url().to_string()),
        };
        let status = response.status().as_u16();
        let told = response.headers().get("stripe-should-retry").cloned();
        let body = match bounded(response).await {
            Ok(body) => body,
            Err(message) => return Tried::Again(message),
        };
        let document: Option<Json> = serde_json::from_slice(&body).ok();
        match (status, document) {
            (200..300, Some(document)) => Tried::Done(Ok(document)),
            (200..300, None) => Tried::Again("an answer is no JSON".to_owned()),
            (status, document) => {
                let again = match told.as_ref().map(|told| told.as_bytes()) {
                    Some(b"true") => true,
                    Some(b"false") if status < 500 => false,
                    _ => matches!(status, 408 | 409 | 429 | 500..),
                };
                match again {
                    true => Tried::Again(format!("status {status}")),
                    false => Tried::Done(Err(refusal(status, &document.unwrap_or_default()))),
                }
            }
        }
    }

    fn request(&self, with: &Credentials, call: &Call<'_>) -> RequestBuilder {
        let mut form = Serializer::new(String::new());
        form.extend_pairs(&call.pairs);
        let pairs = form.finish();
        let mut url = format!("{}{}", self.options.base_url, call.path);
        let is_read = call.method == Method::GET;
        if is_read && !pairs.is_empty() {
            url = format!("{url}?{pairs}");
        }
        let mut request = self
            .client
            .request(call.method.clone(), url)
            .bearer_auth(with.api_key.reveal())
            .header("stripe-version", VERSION);
        if let Some(key) = call.key {
            request = request.header("idempotency-key", key);
        }
        if is_read {
            return request;
        }
        request
            .header("content-type", "application/x-www-form-urlencoded")
            .body(pairs)
    }
}

async fn bounded(mut response: Response) -> Result<Vec<u8>, String> {
    let mut body = Vec::new();
    loop {
        let chunk = response.chunk().await;
        let chunk = chunk.map_err(|error| error.without_url().to_string())?;
        let Some(chunk) = chunk else {
            return Ok(body);
        };
        if body.len() + chunk.len() > ANSWER_BYTES_MAX {
            return Err("an answer is too long".to_owned());
        }
        body.extend_from_slice(&chunk);
    }
}

fn refusal(status: u16, document: &Json) -> Failure {
    let error = &document["error"];
    let text = |pointer: &str| answer::optional(error, pointer);
    let message = text("/message").unwrap_or_else(|| format!("status {status}"));
    match status {
        401 | 403 => Failure::Other(GatewayError::KeyRefused),
        402 => Failure::Declined {
            code: text("/decline_code")
                .or_else(|| text("/code"))
                .unwrap_or_else(|| "declined".to_owned()),
            message,
            intent: text("/payment_intent/id"),
        },
        _ => Failure::Other(GatewayError::Refused { message }),
    }
}

/// Three tries and their pauses end while an attempt still counts as being on its way.
const _: () = {
    let options_timeout = Duration::from_secs(30);
    let longest = options_timeout.as_secs() * TRIES as u64 + 2;
    assert!((longest as i64) < florin_core::charge::ANSWER_MAX.as_secs());
};
