//! A client of the API. Owns the signature and what is said when the API refuses.

use std::net::SocketAddr;

use anyhow::{Context, Result, bail};
use reqwest::Method;
use serde_json::Value as Json;

use super::account::Account;

pub(super) struct Client {
    http: reqwest::Client,
    address: SocketAddr,
    organisation: String,
    key: String,
}

impl Client {
    pub(super) fn new(address: SocketAddr, account: &Account) -> Result<Self> {
        Ok(Self {
            http: reqwest::Client::builder().no_proxy().build()?,
            address,
            organisation: account.organisation.clone(),
            key: account.key.clone(),
        })
    }

    pub(super) async fn get(&self, path: &str) -> Result<Json> {
        self.json(Method::GET, path, None).await
    }

    pub(super) async fn post(&self, path: &str, body: &Json) -> Result<Json> {
        self.json(Method::POST, path, Some(body)).await
    }

    pub(super) async fn patch(&self, path: &str, body: &Json) -> Result<Json> {
        self.json(Method::PATCH, path, Some(body)).await
    }

    /// An answer that is no JSON.
    pub(super) async fn bytes(&self, path: &str) -> Result<Vec<u8>> {
        self.send(self.request(Method::GET, path), path).await
    }

    /// Sends events; a repetition under the same key keeps nothing.
    pub(super) async fn events(&self, path: &str, lines: String, key: &str) -> Result<()> {
        let request = self.request(Method::POST, path).body(lines);
        let request = request.header("content-type", "application/x-ndjson");
        self.send(request.header("idempotency-key", key), path)
            .await?;
        Ok(())
    }

    async fn json(&self, method: Method, path: &str, body: Option<&Json>) -> Result<Json> {
        let mut request = self.request(method, path);
        if let Some(body) = body {
            request = request.header("content-type", "application/json");
            request = request.body(body.to_string());
        }
        let bytes = self.send(request, path).await?;
        serde_json::from_slice(&bytes).with_context(|| format!("{path} did not answer JSON"))
    }

    fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        let address = self.address;
        let request = self.http.request(method, format!("http://{address}{path}"));
        request
            .header("x-api-key", &self.key)
            .header("organisation", &self.organisation)
    }

    async fn send(&self, request: reqwest::RequestBuilder, path: &str) -> Result<Vec<u8>> {
        let answer = request.send().await;
        let answer = answer.with_context(|| format!("{path} was not answered"))?;
        let status = answer.status();
        let bytes = answer.bytes().await?.to_vec();
        if !status.is_success() {
            bail!(
                "{path} answered {status}: {}",
                String::from_utf8_lossy(&bytes)
            );
        }
        Ok(bytes)
    }
}
