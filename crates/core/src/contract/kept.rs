//! A contract from what is kept of it: the reading side of [`Contract::document`].
//!
//! Owns the reading. Does not own where documents are kept. Invariant: what is read back equals what was
//! written, and is checked again like a contract that was sent.

use std::sync::Arc;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::{Map, Value as Json};
use uuid::Uuid;

use super::{
    Contract, ContractType, End, ExtensionPolicy, Findings, Header, Line, LineHead, Pause, Phase,
    PhaseHead, PhaseType, PlanVersion, Record, RenewalPolicy, Start, Status,
};
use crate::currency::Currency;
use crate::id::LineId;
use crate::product_pricing::Content;
use crate::terms::EnabledFrom;

/// What is kept of a contract beside its document.
#[derive(Clone, Debug)]
pub struct Kept {
    /// Its id.
    pub id: Uuid,
    /// Its version, from 1.
    pub version: u32,
    /// Its status as of the last look; without it, the one that it had when this version was made.
    pub status: Option<Status>,
    /// The zone of its dates.
    pub zone: TimeZone,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// When it was deleted.
    pub deleted_at: Option<Timestamp>,
}

/// Why a document is no contract: another hand wrote it, or another version of this program.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    /// A field lacks its value or has one of another kind.
    #[error("{0} is not what was written there")]
    Field(String),
    /// It breaks rules of contracts.
    #[error(transparent)]
    Findings(#[from] Findings),
}

type Result<T> = std::result::Result<T, Unreadable>;

impl Contract {
    /// The contract whose [`Contract::document`] this is.
    ///
    /// # Errors
    /// [`Unreadable`], never for a document that [`Contract::document`] made.
    pub fn from_document(document: Json, kept: Kept) -> Result<Self> {
        let Kept {
            id,
            version,
            status,
            zone,
            created_at,
            updated_at,
            deleted_at,
        } = kept;
        let mut fields = Fields::of(document, "contract")?;
        let status_then = fields.word("status", Status::parse)?;
        let phases = fields.list("phases")?.into_iter();
        let pauses = fields.list("pauses")?.into_iter();
        let record = Record {
            id,
            version,
            status: status.unwrap_or(status_then),
            header: header(&mut fields, &zone)?,
            phases: phases
                .map(|sent| phase(sent, &zone))
                .collect::<Result<_>>()?,
            pauses: pauses
                .map(|sent| pause(sent, &zone))
                .collect::<Result<_>>()?,
            zone,
            created_at,
            updated_at,
            deleted_at,
        };
        Ok(Self::restore(record)?)
    }
}

fn header(fields: &mut Fields, zone: &TimeZone) -> Result<Header> {
    let version = fields.number("plan_version")?;
    let plan = fields.optional_id("plan_id")?;
    Ok(Header {
        name: fields.text("name")?,
        description: fields.optional_text("description")?,
        customer_id: fields.id("customer_id")?,
        currency: fields.word("currency", |code| Currency::iso(code).ok())?,
        contract_type: fields.word("contract_type", ContractType::parse)?,
        start: fields.start("start_date", zone)?,
        end: fields.end("end_date", zone)?,
        anchor: fields.optional_start("anchor_date", zone)?,
        is_last_day_of_month: fields.flag("is_last_day_of_month")?,
        renewal_policy: fields.optional_word("renewal_policy", RenewalPolicy::parse)?,
        include_in_renewal: fields.optional_flag("include_in_renewal")?,
        plan: plan.map(|plan_id| PlanVersion { plan_id, version }),
        bill_parent_customer: fields.flag("bill_parent_customer")?,
        invoice_payer_customer_id: fields.optional_id("invoice_payer_customer_id")?,
        contract_link: fields.optional_text("contract_link")?,
        tags: fields.take("tags"),
        custom_attributes: fields.take("custom_attributes"),
        source: fields.take("source"),
        renewed_from: fields.optional_id("renewed_from")?,
    })
}

fn phase(document: Json, zone: &TimeZone) -> Result<Phase> {
    let mut fields = Fields::of(document, "phase")?;
    let lines = fields.list("pricings")?.into_iter();
    Ok(Phase {
        id: fields.id("id")?,
        start: fields.start("start_date", zone)?,
        end: fields.end("end_date", zone)?,
        head: PhaseHead {
            name: fields.text("name")?,
            description: fields.optional_text("description")?,
            phase_type: fields.word("phase_type", PhaseType::parse)?,
            features: fields.optional_price("features")?,
            source_plan_phase_id: fields.optional_id("source_plan_phase_id")?,
            phase_metadata: fields.take("phase_metadata"),
        },
        lines: lines.map(|sent| line(sent, zone)).collect::<Result<_>>()?,
    })
}

fn line(document: Json, zone: &TimeZone) -> Result<Line> {
    let mut fields = Fields::of(document, "pricing of a phase")?;
    let switches = fields.list("is_enabled")?.into_iter();
    let pricing = fields.optional_price("pricing")?;
    Ok(Line {
        id: LineId(fields.id("id")?),
        start: fields.start("start_date", zone)?,
        end: fields.end("end_date", zone)?,
        head: LineHead {
            product_id: fields.id("product_id")?,
            pricing_id: fields.optional_id("pricing_id")?,
            pricing: pricing.ok_or_else(|| fields.bad("pricing"))?,
            anchor: fields.optional_start("anchor_date", zone)?,
            is_enabled: switches.map(switch).collect::<Result<_>>()?,
            external_id: fields.optional_text("external_id")?,
            description: fields.optional_text("description")?,
            plan_id: fields.optional_id("plan_id")?,
            custom_data: fields.take("custom_data"),
        },
    })
}

fn switch(document: Json) -> Result<EnabledFrom> {
    let mut fields = Fields::of(document, "entry of is_enabled")?;
    Ok(EnabledFrom {
        effective_from: fields.word("effective_from", |day| day.parse().ok())?,
        value: fields.flag("value")?,
    })
}

fn pause(document: Json, zone: &TimeZone) -> Result<Pause> {
    let mut fields = Fields::of(document, "pause")?;
    Ok(Pause {
        id: fields.id("id")?,
        start: fields.start("start_date", zone)?,
        end: fields.end("end_date", zone)?,
        policy: fields.word("unpause_extension_policy", ExtensionPolicy::parse)?,
        extended_days: fields
            .number("extended_days")?
            .ok_or_else(|| fields.bad("extended_days"))?,
    })
}

/// The members of an object, each taken once.
pub(crate) struct Fields {
    of: &'static str,
    members: Map<String, Json>,
}

impl Fields {
    pub(crate) fn of(document: Json, of: &'static str) -> Result<Self> {
        match document {
            Json::Object(members) => Ok(Self { of, members }),
            _ => Err(Unreadable::Field(of.to_owned())),
        }
    }

    pub(crate) fn bad(&self, key: &str) -> Unreadable {
        Unreadable::Field(format!("{key} of a {}", self.of))
    }

    pub(crate) fn take(&mut self, key: &str) -> Json {
        self.members.get_mut(key).map_or(Json::Null, Json::take)
    }

    /// The value under a key as `read` understands it; none for null.
    pub(crate) fn optional<T>(
        &mut self,
        key: &str,
        read: impl FnOnce(Json) -> Option<T>,
    ) -> Result<Option<T>> {
        match self.take(key) {
            Json::Null => Ok(None),
            value => read(value).map(Some).ok_or_else(|| self.bad(key)),
        }
    }

    pub(crate) fn optional_word<T>(
        &mut self,
        key: &str,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Result<Option<T>> {
        self.optional(key, |value| value.as_str().and_then(parse))
    }

    pub(crate) fn word<T>(
        &mut self,
        key: &str,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Result<T> {
        let word = self.optional_word(key, parse)?;
        word.ok_or_else(|| self.bad(key))
    }

    pub(crate) fn optional_text(&mut self, key: &str) -> Result<Option<String>> {
        self.optional(key, |value| match value {
            Json::String(text) => Some(text),
            _ => None,
        })
    }

    pub(crate) fn text(&mut self, key: &str) -> Result<String> {
        self.optional_text(key)?.ok_or_else(|| self.bad(key))
    }

    pub(crate) fn optional_id(&mut self, key: &str) -> Result<Option<Uuid>> {
        self.optional_word(key, |id| id.parse().ok())
    }

    pub(crate) fn id(&mut self, key: &str) -> Result<Uuid> {
        self.word(key, |id| id.parse().ok())
    }

    pub(crate) fn optional_flag(&mut self, key: &str) -> Result<Option<bool>> {
        self.optional(key, |value| value.as_bool())
    }

    pub(crate) fn flag(&mut self, key: &str) -> Result<bool> {
        self.optional_flag(key)?.ok_or_else(|| self.bad(key))
    }

    pub(crate) fn number<T: TryFrom<i64>>(&mut self, key: &str) -> Result<Option<T>> {
        self.optional(key, |value| value.as_i64()?.try_into().ok())
    }

    pub(crate) fn list(&mut self, key: &str) -> Result<Vec<Json>> {
        match self.take(key) {
            Json::Array(entries) => Ok(entries),
            _ => Err(self.bad(key)),
        }
    }

    pub(crate) fn optional_start(&mut self, key: &str, zone: &TimeZone) -> Result<Option<Start>> {
        self.optional_word(key, |at| Start::at(at.parse().ok()?, zone).ok())
    }

    pub(crate) fn start(&mut self, key: &str, zone: &TimeZone) -> Result<Start> {
        self.optional_start(key, zone)?.ok_or_else(|| self.bad(key))
    }

    pub(crate) fn end(&mut self, key: &str, zone: &TimeZone) -> Result<Option<End>> {
        self.optional_word(key, |at| End::at(at.parse().ok()?, zone).ok())
    }

    pub(crate) fn optional_price(&mut self, key: &str) -> Result<Option<Arc<Content>>> {
        self.optional(key, |value| Content::read(value).ok().map(Arc::new))
    }
}
