//! Operations: read, decide, write.
//!
//! Owns the order of things inside a transaction, the ports to the outside (clock, ids, usage, gateways) and jobs. Does
//! not own rules of billing ([`florin_core`]), SQL ([`florin_store`]) or HTTP. **There is no response
//! type, no SQL text and no arithmetic on money in this crate.**

pub mod aggregate;
pub mod api_key;
pub mod billing;
pub mod billing_settings;
pub mod business_entity;
pub mod charge;
pub mod checkout;
pub mod clock;
pub mod connector;
pub mod contact;
pub mod contract;
pub mod credit_note;
pub mod currency;
pub mod custom_attribute;
pub mod customer;
pub mod customer_address;
pub mod customer_connector;
pub mod customer_relationship;
pub mod document;
pub mod entitlement;
mod error;
pub mod gateway;
pub mod housekeeping;
pub mod ids;
pub mod invoice;
pub mod job;
pub mod journal;
pub mod jurisdiction_rate;
pub mod organisation;
pub mod payment;
pub mod payment_method;
pub mod plan;
pub mod product;
pub mod product_pricing;
pub mod quote;
pub mod raw_metric;
pub mod tag;
pub mod tax_category;
pub mod test_clock;
pub mod usage;
pub mod usage_backfill;
pub mod usage_correction;
pub mod usage_event;
pub mod usage_upload;
pub mod vault;
pub mod verify;
pub mod wallet;
pub mod webhook;

use std::sync::Arc;

use florin_core::id::OrganisationId;
use florin_store::{Actor, Author, Db, Tx};

pub use clock::Clock;
pub use error::{Error, FieldError, Result};
pub use ids::Ids;

/// What every operation needs. Cheap to clone.
#[derive(Clone)]
pub struct App {
    /// Records.
    pub db: Db,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// New ids and secrets.
    pub ids: Arc<dyn Ids>,
    /// Keys that need not be asked for again just now.
    pub recognised: Arc<api_key::Recognised>,
    /// When keys were last used.
    pub key_use: Arc<api_key::KeyUse>,
    /// Usage events and metrics.
    pub usage: Arc<dyn usage::Usage>,
    /// Which streams there are.
    pub streams: Arc<usage::Streams>,
    /// What checks of entitlements remember.
    pub entitlements: Arc<entitlement::Live>,
    /// Payment gateways.
    pub gateways: gateway::Gateways,
    /// Secrets of connectors.
    pub vault: Arc<vault::Vault>,
    /// Pages of documents.
    pub documents: Arc<dyn document::Renderer>,
}

impl App {
    /// An app on the machine's clock and randomness, with this engine of usage.
    pub fn new(db: Db, usage: Arc<dyn usage::Usage>) -> Self {
        Self {
            db,
            clock: Arc::new(clock::MachineClock),
            ids: Arc::new(ids::MachineIds),
            recognised: Arc::default(),
            key_use: Arc::default(),
            usage,
            streams: Arc::default(),
            entitlements: Arc::default(),
            gateways: gateway::Gateways::default(),
            vault: Arc::default(),
            documents: Arc::new(document::Absent),
        }
    }

    /// Begins a transaction for `organisation`, at the clock's time.
    ///
    /// # Errors
    /// [`Error::Store`] where the database does not answer.
    pub async fn begin(
        &self,
        organisation: OrganisationId,
        actor: Actor,
        request_id: &str,
    ) -> Result<Tx> {
        let author = self.author(organisation, actor, request_id);
        Ok(self.db.begin(author).await?)
    }

    /// Who writes for `organisation`, at the clock's time.
    pub fn author(&self, organisation: OrganisationId, actor: Actor, request_id: &str) -> Author {
        let at = florin_core::instant::to_microseconds(self.clock.now());
        Author {
            organisation,
            actor,
            request_id: request_id.to_owned(),
            at,
        }
    }
}
