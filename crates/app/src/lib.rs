//! Operations: read, decide, write.
//!
//! Owns the order of things inside a transaction, the ports to the outside (clock, ids) and jobs. Does
//! not own rules of billing ([`florin_core`]), SQL ([`florin_store`]) or HTTP. **There is no response
//! type, no SQL text and no arithmetic on money in this crate.**

pub mod aggregate;
pub mod api_key;
pub mod business_entity;
pub mod clock;
pub mod contact;
pub mod custom_attribute;
pub mod customer;
pub mod customer_address;
pub mod customer_connector;
pub mod customer_relationship;
mod error;
pub mod housekeeping;
pub mod ids;
pub mod jurisdiction_rate;
pub mod organisation;
pub mod product;
pub mod product_pricing;
pub mod raw_metric;
pub mod tag;
pub mod tax_category;
pub mod usage;
pub mod usage_event;
pub mod usage_upload;

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
        let at = florin_core::instant::to_microseconds(self.clock.now());
        let author = Author {
            organisation,
            actor,
            request_id: request_id.to_owned(),
            at,
        };
        Ok(self.db.begin(author).await?)
    }
}
