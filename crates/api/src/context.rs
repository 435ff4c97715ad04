//! Who asks, and the transaction in which it is answered.
//!
//! Owns authentication, the rate limit and `Idempotency-Key`. Invariant: a request that is answered
//! twice under one key has had one effect.

use std::{num::NonZeroU32, sync::Arc};

use axum::{
    Json,
    body::{Body, to_bytes},
    extract::{FromRequestParts, Request},
    http::{HeaderMap, Method, header, request::Parts},
    middleware::Next,
    response::{IntoResponse, Response},
};
use florin_app::{
    App,
    api_key::{self, Signer},
    billing::Asker,
    charge::Caller,
};
use florin_core::id::OrganisationId;
use florin_store::{Actor, Author, Tx, idempotency};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter, clock::Clock as _};
use serde::Serialize;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::{
    BODY_BYTES_MAX, Settings,
    error::{BadField, Error, Result},
    link::Links,
    observe::RequestId,
};

/// Longest `Idempotency-Key`, in bytes.
const IDEMPOTENCY_KEY_LENGTH_MAX: usize = 255;

/// What every handler shares.
pub struct Server {
    pub(crate) app: App,
    pub(crate) settings: Settings,
    links: Links,
    limiter: Option<DefaultKeyedRateLimiter<Uuid>>,
}

impl Server {
    pub(crate) fn new(app: App, settings: Settings) -> Self {
        let per_second = |rate: NonZeroU32| RateLimiter::keyed(Quota::per_second(rate));
        let limiter = settings.rate_limit.map(per_second);
        Self {
            links: Links::at(&settings.public_url),
            app,
            settings,
            limiter,
        }
    }
}

/// An authenticated request.
#[derive(Clone)]
pub(crate) struct Context {
    pub(crate) app: App,
    links: Links,
    organisation: OrganisationId,
    actor: Actor,
    request_id: String,
    idempotency: Option<Idempotency>,
}

/// The key that the client gave this request, and what the request is.
#[derive(Clone, Debug)]
struct Idempotency {
    key: String,
    fingerprint: Vec<u8>,
}

impl Context {
    /// Where documents and pages of payment are.
    pub(crate) const fn links(&self) -> &Links {
        &self.links
    }

    /// Whose rows the request sees.
    pub(crate) fn organisation(&self) -> OrganisationId {
        self.organisation
    }

    /// Who asks, and in which request.
    pub(crate) fn author(&self) -> (Actor, String) {
        (self.actor.clone(), self.request_id.clone())
    }

    /// Who asks for drafts to be made anew, before the request's transaction.
    pub(crate) fn asker(&self) -> Asker {
        let (actor, request_id) = self.author();
        Asker { actor, request_id }
    }

    /// Who asks, for an operation with several transactions.
    pub(crate) fn caller(&self) -> Caller {
        Caller {
            organisation: self.organisation,
            actor: self.actor.clone(),
            request_id: self.request_id.clone(),
        }
    }

    /// Who writes, and now.
    pub(crate) fn writer(&self) -> Author {
        let actor = self.actor.clone();
        self.app.author(self.organisation, actor, &self.request_id)
    }

    /// The same request under this key, for one whose body is not read before its handler runs.
    pub(crate) fn keyed(mut self, key: Option<String>, fingerprint: Vec<u8>) -> Self {
        self.idempotency = key.map(|key| Idempotency { key, fingerprint });
        self
    }

    /// A connection that reads this organisation's rows.
    pub(crate) async fn read(&self) -> Result<Tx> {
        Ok(self.app.db.read(self.organisation).await?)
    }

    /// Answers at once where the client's `Idempotency-Key` has been answered before: for requests that do something
    /// before they begin their transaction.
    pub(crate) async fn require_unanswered(&self) -> Result<()> {
        match self.idempotency {
            None => Ok(()),
            Some(_) => self.begin().await.map(drop),
        }
    }

    /// Begins this request's transaction. Answers at once where the client's `Idempotency-Key` has
    /// been answered before.
    pub(crate) async fn begin(&self) -> Result<Tx> {
        let actor = self.actor.clone();
        let mut tx = self
            .app
            .begin(self.organisation, actor, &self.request_id)
            .await?;
        let Some(Idempotency { key, fingerprint }) = &self.idempotency else {
            return Ok(tx);
        };
        match idempotency::claim(&mut tx, key, fingerprint).await? {
            None => Ok(tx),
            Some(earlier) if earlier.fingerprint != *fingerprint => {
                Err(Error::IdempotencyKeyReused)
            }
            Some(earlier) => {
                let status = u16::try_from(earlier.status).unwrap_or(200);
                Err(Error::Replay {
                    status,
                    body: earlier.body,
                })
            }
        }
    }

    /// Makes the transaction durable and answers with `answer`.
    pub(crate) async fn commit<T: Serialize>(&self, mut tx: Tx, answer: T) -> Result<Json<T>> {
        self.remember(&mut tx, &answer).await?;
        tx.commit().await?;
        Ok(Json(answer))
    }

    /// Stores the answer that a repetition of this request under its key will get. Call it with a copy
    /// that has no secrets, then commit, where the answer has some: the key's row is kept for a day.
    pub(crate) async fn remember<T: Serialize>(&self, tx: &mut Tx, answer: &T) -> Result<()> {
        let Some(Idempotency { key, .. }) = &self.idempotency else {
            return Ok(());
        };
        let body = serde_json::to_string(answer);
        let body = body.map_err(|error| Error::Internal(error.to_string()))?;
        Ok(idempotency::remember(tx, key, 200, &body).await?)
    }
}

impl FromRequestParts<Arc<Server>> for Context {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, server: &Arc<Server>) -> Result<Self> {
        let app = server.app.clone();
        let secret = secret(&parts.headers).ok_or(Error::Unauthorised(
            "send your API key in the header x-api-key",
        ))?;
        let organisation = organisation(&parts.headers)?;
        let now = app.clock.now();
        let signer = api_key::recognise(&app, secret, now).await?;
        let Signer { key, .. } = signer
            .filter(|signer| signer.organisation == organisation)
            .ok_or(Error::Unauthorised(
                "the API key is unknown, revoked or another organisation's",
            ))?;
        limit(server, key)?;
        app.key_use.note(organisation, key, now);
        let request_id = parts.extensions.get::<RequestId>();
        Ok(Self {
            app,
            links: server.links.clone(),
            organisation,
            actor: Actor::Key(key),
            request_id: request_id.map(|id| id.0.clone()).unwrap_or_default(),
            idempotency: parts.extensions.get().cloned(),
        })
    }
}

fn secret(headers: &HeaderMap) -> Option<&str> {
    if let Some(secret) = headers.get("x-api-key") {
        return secret.to_str().ok();
    }
    let bearer = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, secret) = bearer.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| secret.trim())
}

fn organisation(headers: &HeaderMap) -> Result<OrganisationId> {
    const HELP: &str = "send your organisation's id in the header organisation";
    let text = headers
        .get("organisation")
        .and_then(|value| value.to_str().ok());
    let id = text.and_then(|text| text.trim().parse().ok());
    id.map(OrganisationId).ok_or(Error::Unauthorised(HELP))
}

fn limit(server: &Server, key: Uuid) -> Result<()> {
    let Some(limiter) = &server.limiter else {
        return Ok(());
    };
    limiter.check_key(&key).map_err(|until| {
        let wait = until.wait_time_from(limiter.clock().now());
        Error::RateLimited(wait.as_secs() + 1)
    })
}

/// Gives a POST that carries an `Idempotency-Key` the digest of what it asks, before its handler runs.
pub(crate) async fn idempotency(request: Request, next: Next) -> Response {
    if request.method() != Method::POST {
        return next.run(request).await;
    }
    let key = match idempotency_key(request.headers()) {
        Ok(None) => return next.run(request).await,
        Ok(Some(key)) => key,
        Err(error) => return error.into_response(),
    };
    let (mut parts, body) = request.into_parts();
    let Ok(bytes) = to_bytes(body, BODY_BYTES_MAX).await else {
        return Error::TooLarge(BODY_BYTES_MAX).into_response();
    };
    let mut digest = Sha256::new();
    digest.update(parts.uri.to_string());
    digest.update([0]);
    digest.update(&bytes);
    let fingerprint = digest.finalize().to_vec();
    parts.extensions.insert(Idempotency { key, fingerprint });
    next.run(Request::from_parts(parts, Body::from(bytes)))
        .await
}

/// The client's `Idempotency-Key`, if it sends one.
///
/// # Errors
/// [`Error::Unreadable`] for one that is no key.
pub(crate) fn idempotency_key(headers: &HeaderMap) -> Result<Option<String>> {
    let Some(key) = headers.get("idempotency-key") else {
        return Ok(None);
    };
    let key = key.to_str().unwrap_or_default();
    let is_visible = key.bytes().all(|byte| byte.is_ascii_graphic());
    if key.is_empty() || key.len() > IDEMPOTENCY_KEY_LENGTH_MAX || !is_visible {
        return Err(bad_key());
    }
    Ok(Some(key.to_owned()))
}

fn bad_key() -> Error {
    let message = format!("1 to {IDEMPOTENCY_KEY_LENGTH_MAX} visible ASCII characters");
    let (part, kind) = ("header", "value_error.any_str.length".to_owned());
    let path = vec!["idempotency-key".to_owned()];
    Error::Unreadable(vec![BadField {
        part,
        path,
        message,
        kind,
    }])
}
