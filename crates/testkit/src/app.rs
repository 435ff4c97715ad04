//! An app on a fresh database, spoken to over its HTTP routes.

use std::sync::Arc;

use axum::{
    Router,
    body::{Body, to_bytes},
    http::{Method, Request},
};
use florin_api::Settings;
use florin_app::{
    App,
    gateway::TestGateway,
    organisation::{self, NewOrganisation},
    vault::Vault,
};
use florin_core::id::OrganisationId;
use florin_store::{Backend, Db, Options};
use serde_json::Value;
use tempfile::TempDir;
use tower::ServiceExt;

use crate::{
    Answer, MemoryUsage, PlainDocuments, contents,
    fixed::{CountingIds, FixedClock},
    postgres, tamper,
};

/// Under which its secrets are kept.
const MASTER_KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
/// Bytes of an answer that a test reads at most.
const ANSWER_BYTES_MAX: usize = 64 * 1024 * 1024;

/// An app with one organisation and its key. Requests are signed with them.
pub struct TestApp {
    /// The app behind the routes.
    pub app: App,
    /// Its clock.
    pub clock: Arc<FixedClock>,
    /// Its usage events.
    pub usage: Arc<MemoryUsage>,
    /// The gateway that it speaks to, whatever the connector's name is.
    pub gateway: Arc<TestGateway>,
    /// Its routes.
    pub router: Router,
    /// The organisation that signs.
    pub organisation: OrganisationId,
    /// The secret that signs.
    pub key: String,
    url: String,
    folder: Arc<TempDir>,
}

impl TestApp {
    /// Connections that its database lends at a time.
    pub const CONNECTIONS_MAX: u32 = 4;

    /// Starts an app on a new database.
    pub async fn start(backend: Backend) -> Self {
        Self::with_settings(backend, Settings::default()).await
    }

    /// Starts an app on a new database with other settings.
    pub async fn with_settings(backend: Backend, settings: Settings) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = match backend {
            Backend::Sqlite => format!("sqlite:{}", folder.path().join("florin.db").display()),
            Backend::Postgres => postgres::new_database().await,
        };
        let beside = match backend {
            Backend::Sqlite => format!("sqlite:{}", folder.path().join("usage.db").display()),
            Backend::Postgres => url.clone(),
        };
        let options = |url| Options {
            url,
            connections_max: Self::CONNECTIONS_MAX,
        };
        let db = Db::open(&options(url.clone())).await.unwrap();
        let beside = Db::open_usage(&options(beside)).await.unwrap();
        let clock = Arc::new(FixedClock::default());
        let usage = Arc::new(MemoryUsage::beside(clock.clone(), beside));
        let gateway = Arc::new(TestGateway::default());
        let app = App::new(db, usage.clone());
        let app = App {
            clock: clock.clone(),
            ids: Arc::new(CountingIds::default()),
            vault: Arc::new(Vault::new(MASTER_KEY).unwrap()),
            gateways: (app.gateways)
                .with("test", gateway.clone())
                .with("stripe", gateway.clone()),
            documents: Arc::new(PlainDocuments),
            ..app
        };
        let router = florin_api::router(app.clone(), settings);
        let (organisation, key) = create(&app, new("Test", false, "UTC")).await;
        Self {
            app,
            clock,
            usage,
            gateway,
            router,
            organisation,
            key,
            url,
            folder: Arc::new(folder),
        }
    }

    /// The same app, signed by another, new organisation.
    pub async fn other_organisation(&self) -> Self {
        self.organisation_in("UTC").await
    }

    /// The same app, signed by another, new organisation whose days are those of the time zone.
    pub async fn organisation_in(&self, time_zone: &str) -> Self {
        self.organisation(new("Other", false, time_zone)).await
    }

    /// A connection that reads the organisation's rows.
    pub async fn read(&self) -> florin_store::Tx {
        self.app.db.read(self.organisation).await.unwrap()
    }

    /// The same app, signed by another, new organisation that is a sandbox.
    pub async fn sandbox(&self) -> Self {
        self.organisation(new("Sandbox", true, "UTC")).await
    }

    /// The same database and organisation behind another app, as after a restart with other settings.
    pub fn with(&self, app: App) -> Self {
        Self {
            router: florin_api::router(app.clone(), Settings::default()),
            app,
            clock: self.clock.clone(),
            usage: self.usage.clone(),
            gateway: self.gateway.clone(),
            folder: self.folder.clone(),
            url: self.url.clone(),
            organisation: self.organisation,
            key: self.key.clone(),
        }
    }

    async fn organisation(&self, new: NewOrganisation) -> Self {
        let (organisation, key) = create(&self.app, new).await;
        Self {
            app: self.app.clone(),
            clock: self.clock.clone(),
            usage: self.usage.clone(),
            gateway: self.gateway.clone(),
            router: self.router.clone(),
            folder: self.folder.clone(),
            url: self.url.clone(),
            organisation,
            key,
        }
    }

    /// Runs a statement past the app and the database's own rules, as a hand that tampers with the file.
    pub async fn tamper(&self, statement: &str) {
        tamper::run(&self.url, statement).await;
    }

    /// All tables of records with their rows.
    pub async fn contents(&self) -> Vec<(String, String)> {
        contents::of(&self.url).await
    }

    /// `GET`.
    pub async fn get(&self, path: &str) -> Answer {
        self.send(Method::GET, path, None).await
    }

    /// `POST`.
    pub async fn post(&self, path: &str, body: Value) -> Answer {
        self.send(Method::POST, path, Some(body)).await
    }

    /// `PATCH`.
    pub async fn patch(&self, path: &str, body: Value) -> Answer {
        self.send(Method::PATCH, path, Some(body)).await
    }

    /// `PUT`.
    pub async fn put(&self, path: &str, body: Value) -> Answer {
        self.send(Method::PUT, path, Some(body)).await
    }

    /// `DELETE`.
    pub async fn delete(&self, path: &str) -> Answer {
        self.send(Method::DELETE, path, None).await
    }

    /// A signed request.
    pub async fn send(&self, method: Method, path: &str, body: Option<Value>) -> Answer {
        let body = body.map_or_else(Body::empty, |body| Body::from(body.to_string()));
        let request = self.signed(method, path).body(body).unwrap();
        self.request(request).await
    }

    /// The beginning of a signed request.
    pub fn signed(&self, method: Method, path: &str) -> axum::http::request::Builder {
        Request::builder()
            .method(method)
            .uri(path)
            .header("x-api-key", &self.key)
            .header("organisation", self.organisation.to_string())
    }

    /// Sends any request.
    pub async fn request(&self, request: Request<Body>) -> Answer {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let status = response.status().as_u16();
        let text = |value: &axum::http::HeaderValue| value.to_str().unwrap_or_default().to_owned();
        let headers = response.headers().iter();
        let headers = headers
            .map(|(name, value)| (name.to_string(), text(value)))
            .collect();
        let bytes = to_bytes(response.into_body(), ANSWER_BYTES_MAX)
            .await
            .unwrap();
        let body = serde_json::from_slice(&bytes)
            .unwrap_or_else(|_| Value::from(String::from_utf8_lossy(&bytes).into_owned()));
        Answer {
            status,
            headers,
            body,
        }
    }
}

fn new(name: &str, is_sandbox: bool, time_zone: &str) -> NewOrganisation {
    NewOrganisation {
        name: name.to_owned(),
        is_sandbox,
        time_zone: time_zone.to_owned(),
    }
}

async fn create(app: &App, new: NewOrganisation) -> (OrganisationId, String) {
    let (organisation, issued) = organisation::create(app, new).await.unwrap();
    (organisation.id, issued.secret)
}
