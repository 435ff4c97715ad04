//! What a caller writes of an invoice.

use florin_app::invoice::{Change, OneOff, Shown};
use florin_core::invoice::{DraftEdit, WrittenLine};
use florin_core::payment_terms::{PaymentTermMode, PaymentTermType, PaymentTerms};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::value::{AnyDay, Number, Percent};

/// What a discount takes off.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum DiscountKind {
    /// An amount in major units.
    Fixed,
    /// A share of the amount.
    Percent,
}

/// A discount on a line written by hand.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
struct LineDiscountBody {
    /// What `unit_amount` means. Amounts come off before percentages.
    #[serde(rename = "type")]
    kind: DiscountKind,
    /// The amount, or the percentage.
    unit_amount: Number,
}

/// A tax on a line written by hand.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
struct LineTaxBody {
    /// The rate.
    unit_amount: Percent,
    /// Whether the taxes before it are part of what it is charged on; false unless told.
    #[schema(example = false)]
    is_compound: Option<bool>,
}

/// A line written by hand.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub(super) struct LineInput {
    /// What documents call it.
    #[schema(min_length = 1, max_length = 255, example = "Consulting")]
    name: String,
    /// A sentence about it.
    #[schema(max_length = 2000, example = "Three days in March")]
    description: Option<String>,
    /// What one unit is called; `unit` unless told.
    #[schema(min_length = 1, max_length = 64, example = "day")]
    unit: Option<String>,
    /// What several units are called; the unit with an s unless told.
    #[schema(min_length = 1, max_length = 64, example = "days")]
    units: Option<String>,
    /// Units, above zero; 1 unless told.
    quantity: Option<Number>,
    /// Price of a unit in major units, not below zero.
    unit_amount: Number,
    /// First day served; the day that the invoice is for unless told.
    service_start_date: Option<AnyDay>,
    /// First day after; the day after the first one unless told.
    #[schema(example = json!(null))]
    service_end_date: Option<AnyDay>,
    /// What is taken off.
    #[schema(max_items = 20)]
    discounts: Option<Vec<LineDiscountBody>>,
    /// Taxes, in this order.
    #[schema(max_items = 20)]
    taxes: Option<Vec<LineTaxBody>>,
}

/// What payment terms count from.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum TermTypeBody {
    /// The day of the approval.
    OnApproval,
    /// The date on the invoice.
    OnCreation,
}

/// What `due_days` means.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum TermModeBody {
    /// Days after the day counted from.
    Relative,
    /// A day of the month.
    Absolute,
}

/// When an invoice is due.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, ToSchema)]
struct InvoiceTermsBody {
    /// The day counted from.
    payment_term_type: TermTypeBody,
    /// Days after it, or a day of the month.
    #[schema(minimum = 1, maximum = 3650, example = 30)]
    due_days: u16,
    /// What `due_days` means; `relative` unless told.
    payment_term_mode: Option<TermModeBody>,
    /// Whether the due day moves to the end of its month; false unless told.
    #[schema(example = false)]
    last_day_of_month: Option<bool>,
}

/// A one-off invoice.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub(super) struct OneOffInput {
    /// Who pays.
    customer_id: Uuid,
    /// The entity that bills; the customer's unless told.
    #[schema(example = json!(null))]
    business_entity_id: Option<Uuid>,
    /// Currency, ISO 4217.
    #[schema(min_length = 3, max_length = 3, example = "USD")]
    currency: String,
    /// The day that it is for; today unless told.
    bill_for_date: Option<AnyDay>,
    /// The date on the document; the day that it is for unless told.
    invoice_date: Option<AnyDay>,
    /// When it is due. Unless told, what the entity says for the customer's country, else 30 days after
    /// the approval.
    payment_terms: Option<InvoiceTermsBody>,
    /// Your own id for the invoice; unique in the organisation.
    #[schema(max_length = 255, example = "ERP-4711")]
    external_id: Option<String>,
    /// A text on the document.
    #[schema(max_length = 10000, example = "Thank you")]
    notes: Option<String>,
    /// Free data.
    #[schema(value_type = Option<Object>, example = json!({}))]
    custom_data: Option<Value>,
    /// Words that it is marked with.
    #[schema(max_items = 50, example = json!(["q1"]))]
    tags: Option<Vec<String>>,
    /// Its lines.
    #[schema(min_items = 1, max_items = 1000)]
    lines: Vec<LineInput>,
}

/// What a caller may change of a draft.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub(super) struct InvoiceEdit {
    /// The date on the document.
    invoice_date: Option<AnyDay>,
    /// When it is due; null leaves what it has.
    payment_terms: Option<InvoiceTermsBody>,
    /// Your own id for the invoice; unique in the organisation. An empty text or null is none.
    #[schema(max_length = 255, example = "ERP-4711")]
    external_id: Option<String>,
    /// A text on the document. An empty text or null is none.
    #[schema(max_length = 10000, example = "Thank you")]
    notes: Option<String>,
    /// Free data.
    #[schema(value_type = Option<Object>, example = json!({}))]
    custom_data: Option<Value>,
    /// Words that it is marked with.
    #[schema(max_items = 50, example = json!(["q1"]))]
    tags: Option<Vec<String>>,
    /// Lines written by hand, in place of those that it has; null leaves them.
    #[schema(max_items = 1000)]
    lines: Option<Vec<LineInput>>,
}

impl From<LineInput> for WrittenLine {
    fn from(input: LineInput) -> Self {
        let LineInput {
            name,
            description,
            unit,
            units,
            quantity,
            unit_amount,
            service_start_date,
            service_end_date,
            discounts,
            taxes,
        } = input;
        let discounts = discounts.unwrap_or_default();
        let amounts = |kind| {
            let of_kind = discounts
                .iter()
                .filter(move |discount| discount.kind == kind);
            of_kind.map(|discount| discount.unit_amount.0).collect()
        };
        let taxes = taxes.into_iter().flatten();
        let taxes = taxes.map(|tax| (tax.unit_amount.0, tax.is_compound.unwrap_or(false)));
        Self {
            name,
            description,
            unit,
            units,
            quantity: quantity.map(|quantity| quantity.0),
            unit_amount: unit_amount.0,
            service_start_date: service_start_date.map(|day| day.0),
            service_end_date: service_end_date.map(|day| day.0),
            discounts_percent: amounts(DiscountKind::Percent),
            discounts_fixed: amounts(DiscountKind::Fixed),
            taxes: taxes.collect(),
        }
    }
}

impl From<InvoiceTermsBody> for PaymentTerms {
    fn from(body: InvoiceTermsBody) -> Self {
        let InvoiceTermsBody {
            payment_term_type,
            due_days,
            payment_term_mode,
            last_day_of_month,
        } = body;
        Self {
            term_type: match payment_term_type {
                TermTypeBody::OnApproval => PaymentTermType::OnApproval,
                TermTypeBody::OnCreation => PaymentTermType::OnCreation,
            },
            mode: match payment_term_mode {
                None | Some(TermModeBody::Relative) => PaymentTermMode::Relative,
                Some(TermModeBody::Absolute) => PaymentTermMode::Absolute,
            },
            due_days,
            last_day_of_month: last_day_of_month.unwrap_or(false),
        }
    }
}

impl From<PaymentTerms> for InvoiceTermsBody {
    fn from(terms: PaymentTerms) -> Self {
        let PaymentTerms {
            term_type,
            mode,
            due_days,
            last_day_of_month,
        } = terms;
        Self {
            payment_term_type: match term_type {
                PaymentTermType::OnApproval => TermTypeBody::OnApproval,
                PaymentTermType::OnCreation => TermTypeBody::OnCreation,
            },
            due_days,
            payment_term_mode: Some(match mode {
                PaymentTermMode::Relative => TermModeBody::Relative,
                PaymentTermMode::Absolute => TermModeBody::Absolute,
            }),
            last_day_of_month: Some(last_day_of_month),
        }
    }
}

impl From<OneOffInput> for OneOff {
    fn from(input: OneOffInput) -> Self {
        let OneOffInput {
            customer_id,
            business_entity_id,
            currency,
            bill_for_date,
            invoice_date,
            payment_terms,
            external_id,
            notes,
            custom_data,
            tags,
            lines,
        } = input;
        Self {
            customer_id,
            business_entity_id,
            currency,
            bill_for_date: bill_for_date.map(|day| day.0),
            invoice_date: invoice_date.map(|day| day.0),
            payment_terms: payment_terms.map(PaymentTerms::from),
            external_id,
            notes,
            custom_data: custom_data.unwrap_or_else(|| json!({})),
            tags: json!(tags.unwrap_or_default()),
            lines: lines.into_iter().map(WrittenLine::from).collect(),
        }
    }
}

impl From<InvoiceEdit> for Change {
    fn from(input: InvoiceEdit) -> Self {
        let InvoiceEdit {
            invoice_date,
            payment_terms,
            external_id,
            notes,
            custom_data,
            tags,
            lines,
        } = input;
        let edit = DraftEdit {
            invoice_date: invoice_date.map(|day| day.0),
            payment_terms: payment_terms.map(PaymentTerms::from),
            notes: Some(notes.unwrap_or_default()),
            external_id: Some(external_id.unwrap_or_default()),
            custom_data: Some(custom_data.unwrap_or_else(|| json!({}))),
            tags: Some(json!(tags.unwrap_or_default())),
            parts: None,
        };
        let lines = lines.map(|lines| lines.into_iter().map(WrittenLine::from).collect());
        Self { edit, lines }
    }
}

impl From<&Shown> for InvoiceEdit {
    fn from(shown: &Shown) -> Self {
        let header = &shown.head.header;
        let tags = header.tag_names().into_iter().map(str::to_owned);
        Self {
            invoice_date: Some(AnyDay(header.invoice_date)),
            payment_terms: header.payment_terms.map(InvoiceTermsBody::from),
            external_id: header.external_id.clone(),
            notes: header.notes.clone(),
            custom_data: Some(header.custom_data.clone()).filter(|data| !data.is_null()),
            tags: Some(tags.collect()),
            lines: None,
        }
    }
}
