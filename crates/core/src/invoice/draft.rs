//! Drafts: invoices that can still change. Owns what of them may change and when they are stale.

use uuid::Uuid;

use super::{Header, Part, Refusal, Source, Status, Totals, served};

/// An invoice that can still change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Draft {
    id: Uuid,
    header: Header,
    parts: Vec<Part>,
    totals: Totals,
    state: DraftState,
    freshness: Freshness,
}

/// What became of a draft.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DraftState {
    /// It can be edited, made anew, approved.
    Open,
    /// Another draft has taken its place.
    Edited {
        /// That one.
        by: Uuid,
    },
    /// It was deleted.
    Discarded,
}

/// What a draft was made from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Freshness {
    /// The usage sequence up to which its usage was counted (DESIGN §4).
    pub usage_sequence: Option<u64>,
    /// The version of its contract.
    pub contract_version: Option<u32>,
}

/// A change of a draft: what is `None` stays.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DraftEdit {
    /// The date on the document.
    pub invoice_date: Option<jiff::civil::Date>,
    /// When it is due.
    pub payment_terms: Option<crate::payment_terms::PaymentTerms>,
    /// A text on the document; blank takes it away.
    pub notes: Option<String>,
    /// The caller's own id; blank takes it away.
    pub external_id: Option<String>,
    /// Free data.
    pub custom_data: Option<serde_json::Value>,
    /// Labels.
    pub tags: Option<serde_json::Value>,
    /// Parts that were rated anew, in place of all that were there.
    pub parts: Option<Vec<Part>>,
}

impl Draft {
    /// A draft of parts that were rated. Its period is what its lines serve, unless the header says.
    ///
    /// # Errors
    /// [`Refusal::Empty`], [`Refusal::CurrencyMismatch`], [`Refusal::Money`].
    pub fn new(
        id: Uuid,
        header: Header,
        parts: Vec<Part>,
        freshness: Freshness,
    ) -> Result<Self, Refusal> {
        Self::restore(id, header, parts, DraftState::Open, freshness)
    }

    /// A draft as the store keeps it.
    ///
    /// # Errors
    /// As [`Draft::new`].
    pub fn restore(
        id: Uuid,
        mut header: Header,
        parts: Vec<Part>,
        state: DraftState,
        freshness: Freshness,
    ) -> Result<Self, Refusal> {
        if parts.is_empty() {
            return Err(Refusal::Empty);
        }
        let currency = header.currency;
        let is_same = |part: &Part| part.rated.net.currency() == currency;
        if !parts.iter().all(is_same) {
            return Err(Refusal::CurrencyMismatch);
        }
        let totals = Totals::of(&parts, currency)?;
        header.period = header.period.or_else(|| served(&parts));
        Ok(Self {
            id,
            header,
            parts,
            totals,
            state,
            freshness,
        })
    }

    /// Its id, which it keeps when it is approved.
    pub const fn id(&self) -> Uuid {
        self.id
    }

    /// What it says besides its amounts.
    pub const fn header(&self) -> &Header {
        &self.header
    }

    /// Its rated bills.
    pub fn parts(&self) -> &[Part] {
        &self.parts
    }

    /// What it comes to.
    pub const fn totals(&self) -> Totals {
        self.totals
    }

    /// What became of it.
    pub const fn state(&self) -> DraftState {
        self.state
    }

    /// What it was made from.
    pub const fn freshness(&self) -> Freshness {
        self.freshness
    }

    /// Where it stands.
    pub const fn status(&self) -> Status {
        match self.state {
            DraftState::Open => Status::Draft,
            DraftState::Edited { .. } => Status::Edited,
            DraftState::Discarded => Status::Discarded,
        }
    }

    /// Whether something came since it was made: usage above its mark, or a later version of its
    /// contract. Such a draft is made anew before it is approved. One of which only lines by hand are left
    /// is never stale: made anew it would be what it is.
    pub fn is_stale(&self, now: Freshness) -> bool {
        let has_more_usage = self.freshness.usage_sequence.is_some()
            && now.usage_sequence > self.freshness.usage_sequence;
        let has_other_terms = self.freshness.contract_version.is_some()
            && now.contract_version > self.freshness.contract_version;
        let mut parts = self.parts.iter();
        (has_more_usage || has_other_terms) && parts.any(|part| part.source != Source::OneOff)
    }

    /// The draft with other contents.
    ///
    /// # Errors
    /// [`Refusal::NotADraft`]; as [`Draft::new`].
    pub fn edit(self, edit: DraftEdit) -> Result<Self, Refusal> {
        self.require_open()?;
        let Self {
            id,
            mut header,
            mut parts,
            state,
            freshness,
            ..
        } = self;
        header.invoice_date = edit.invoice_date.unwrap_or(header.invoice_date);
        header.payment_terms = edit.payment_terms.or(header.payment_terms);
        header.notes = edit
            .notes
            .or(header.notes)
            .filter(|notes| !notes.is_empty());
        let external_id = edit.external_id.or(header.external_id);
        header.external_id = external_id.filter(|id| !id.is_empty());
        header.custom_data = edit.custom_data.unwrap_or(header.custom_data);
        header.tags = edit.tags.unwrap_or(header.tags);
        if let Some(rated) = edit.parts {
            parts = rated;
            header.period = None;
        }
        Self::restore(id, header, parts, state, freshness)
    }

    /// The draft made anew from its contract and usage; it keeps its id and what people wrote on it, lines too.
    ///
    /// # Errors
    /// [`Refusal::NotADraft`]; as [`Draft::new`].
    pub fn regenerate(self, parts: Vec<Part>, freshness: Freshness) -> Result<Self, Refusal> {
        let mut parts = parts;
        let by_hand = self.parts.iter().filter(|part| {
            let is_kept = parts.iter().any(|other| other.id == part.id);
            part.source == Source::OneOff && !is_kept
        });
        let by_hand: Vec<Part> = by_hand.cloned().collect();
        parts.extend(by_hand);
        let edit = DraftEdit {
            parts: Some(parts),
            ..DraftEdit::default()
        };
        let edited = self.edit(edit)?;
        Ok(Self {
            freshness,
            ..edited
        })
    }

    /// Deletes the draft: what it billed is free to be billed again.
    ///
    /// # Errors
    /// [`Refusal::NotADraft`].
    pub fn discard(self) -> Result<Self, Refusal> {
        self.require_open()?;
        let state = DraftState::Discarded;
        Ok(Self { state, ..self })
    }

    /// Leaves its place to another draft.
    ///
    /// # Errors
    /// [`Refusal::NotADraft`].
    pub fn supersede(self, by: Uuid) -> Result<Self, Refusal> {
        self.require_open()?;
        let state = DraftState::Edited { by };
        Ok(Self { state, ..self })
    }

    pub(super) fn require_open(&self) -> Result<(), Refusal> {
        match self.state {
            DraftState::Open => Ok(()),
            DraftState::Edited { .. } | DraftState::Discarded => {
                Err(Refusal::NotADraft(self.status()))
            }
        }
    }
}
