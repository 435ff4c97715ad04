//! What tests share: an app on either database, deterministic time and ids, answers as text.
//!
//! Owns set-up only. Nothing of it is in the product. A test that uses [`both!`] runs twice, once on
//! each database; none is ever skipped: without PostgreSQL it fails and says how to get it.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a fixture that cannot be made fails the test"
)]

mod answer;
mod app;
mod contents;
mod document;
pub mod fixed;
mod invoice;
mod memory_usage;
pub mod peer;
mod plain_documents;
pub mod postgres;
pub mod python;
pub mod scenario;
mod stopping_gateway;
mod tamper;

pub use answer::Answer;
pub use app::TestApp;
pub use document::{Document, Operation};
pub use florin_store::Backend;
pub use invoice::cents;
pub use memory_usage::MemoryUsage;
pub use plain_documents::PlainDocuments;
pub use stopping_gateway::StoppingGateway;

/// Runs each test on both databases, as `name::sqlite` and `name::postgres`.
#[macro_export]
macro_rules! both {
    ($($(#[$meta:meta])* async fn $name:ident($app:ident) $body:block)*) => {
        $(
            $(#[$meta])*
            mod $name {
                #[allow(unused_imports, reason = "a test may need nothing of its file")]
                use super::*;

                async fn run($app: $crate::TestApp) $body

                #[tokio::test]
                async fn sqlite() {
                    run($crate::TestApp::start($crate::Backend::Sqlite).await).await;
                }

                #[tokio::test]
                async fn postgres() {
                    run($crate::TestApp::start($crate::Backend::Postgres).await).await;
                }
            }
        )*
    };
}
