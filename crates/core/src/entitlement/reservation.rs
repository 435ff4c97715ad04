//! Units that are set aside for something that is about to be used, so that nobody else takes them. Owns the states: an
//! open reservation is committed or released once; when its time is over it holds nothing, whatever its state.

use jiff::Timestamp;
use rust_decimal::Decimal;
use uuid::Uuid;

/// Units that are set aside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reservation {
    /// Its id.
    pub id: Uuid,
    /// Of which entitlement.
    pub entitlement_id: Uuid,
    /// Whose.
    pub customer_id: Uuid,
    /// How much.
    pub quantity: Decimal,
    /// What was used of it, once it is committed.
    pub quantity_committed: Decimal,
    /// Where it stands.
    pub status: ReservationStatus,
    /// First instant at which it holds nothing any more.
    pub expires_at: Timestamp,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

/// Where a reservation stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReservationStatus {
    /// It holds its units until it expires.
    Open,
    /// What was used of it is drawn.
    Committed,
    /// Given up.
    Released,
}

/// Why a reservation is not changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReservationRefusal {
    /// It was committed, released, or its time is over.
    #[error("the reservation is {status}: it holds nothing any more")]
    Closed {
        /// How it stands.
        status: &'static str,
    },
    /// More was used than is set aside.
    #[error("{reserved} are set aside: commit that at most, and reserve the rest")]
    AboveReserved {
        /// What is set aside.
        reserved: Decimal,
    },
}

impl ReservationStatus {
    /// Every state.
    pub const ALL: [Self; 3] = [Self::Open, Self::Committed, Self::Released];

    /// The API's word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Committed => "committed",
            Self::Released => "released",
        }
    }

    /// The state of a word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == word)
    }
}

impl Reservation {
    /// The word for where it stands: `open`, `committed`, `released` or `expired`.
    pub fn status_at(&self, at: Timestamp) -> &'static str {
        match self.status {
            ReservationStatus::Open if self.expires_at <= at => "expired",
            status => status.as_str(),
        }
    }

    /// The reservation with `quantity` of it used; without a quantity all of it.
    ///
    /// # Errors
    /// [`ReservationRefusal`].
    pub fn commit(
        self,
        quantity: Option<Decimal>,
        at: Timestamp,
    ) -> Result<Self, ReservationRefusal> {
        let quantity = quantity.unwrap_or(self.quantity);
        if quantity > self.quantity {
            let reserved = self.quantity;
            return Err(ReservationRefusal::AboveReserved { reserved });
        }
        self.closed(ReservationStatus::Committed, quantity, at)
    }

    /// The reservation given up.
    ///
    /// # Errors
    /// [`ReservationRefusal::Closed`].
    pub fn release(self, at: Timestamp) -> Result<Self, ReservationRefusal> {
        self.closed(ReservationStatus::Released, Decimal::ZERO, at)
    }

    fn closed(
        self,
        status: ReservationStatus,
        quantity_committed: Decimal,
        at: Timestamp,
    ) -> Result<Self, ReservationRefusal> {
        let now = self.status_at(at);
        if now != ReservationStatus::Open.as_str() {
            return Err(ReservationRefusal::Closed { status: now });
        }
        Ok(Self {
            status,
            quantity_committed,
            updated_at: at,
            ..self
        })
    }
}
