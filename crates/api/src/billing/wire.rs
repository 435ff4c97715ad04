//! What bills are asked for by, as JSON writes it.

use florin_app::billing::{CONTRACTS_MAX, Moment, Regenerated, Request};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::error::{BadField, Error, Result};

/// One billing cycle of a contract.
#[derive(Debug, Deserialize, ToSchema)]
pub(super) struct GenerateInvoiceInput {
    /// Who bought.
    customer_id: Uuid,
    /// The contract.
    contract_id: Uuid,
    /// First moment of the service: seconds since 1970 (UNIX), or an ISO 8601 date or date-time.
    #[schema(value_type = Value, example = 1_767_225_600)]
    from_date: Value,
    /// End of the service, after `from_date`; the same forms. A date alone includes that day.
    #[schema(value_type = Value, example = 1_769_904_000)]
    to_date: Value,
    /// The day of one of the contract's billing cycles. Without it nothing is due, and the invoice is of nothing.
    #[schema(value_type = Option<Value>, example = 1_769_904_000)]
    bill_for_date: Option<Value>,
    /// The day of the month on which the whole cycle starts; any unless told.
    #[schema(minimum = 1, maximum = 31, example = 1)]
    billing_cycle_start_day: Option<i8>,
    /// Whether a cycle that is on approved invoices is an error, which it is unless told; else it gives no invoice.
    #[schema(example = true)]
    check_duplicate_invoice: Option<bool>,
}

/// One billing cycle of several contracts.
#[derive(Debug, Deserialize, ToSchema)]
pub(super) struct GenerateInvoicesInput {
    /// The contracts.
    #[schema(min_items = 1, max_items = 1000)]
    contract_ids: Vec<Uuid>,
    /// First moment of the service: seconds since 1970 (UNIX), or an ISO 8601 date or date-time.
    #[schema(value_type = Value, example = 1_767_225_600)]
    from_date: Value,
    /// End of the service, after `from_date`; the same forms. A date alone includes that day.
    #[schema(value_type = Value, example = 1_769_904_000)]
    to_date: Value,
    /// The day of a billing cycle that the contracts have. Without it the invoices are of nothing.
    #[schema(value_type = Option<Value>, example = 1_769_904_000)]
    bill_for_date: Option<Value>,
    /// The day of the month on which the whole cycle starts; any unless told.
    #[schema(minimum = 1, maximum = 31, example = 1)]
    billing_cycle_start_day: Option<i8>,
    /// Whether a cycle that is on approved invoices is an error, which it is unless told; else it gives no invoice.
    #[schema(example = true)]
    check_duplicate_invoice: Option<bool>,
}

const _: () = assert!(CONTRACTS_MAX == 1_000, "the schema says so too");

/// The invoices that were made.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct GeneratedResponse {
    /// Their ids.
    pub(super) invoice_ids: Vec<Uuid>,
}

/// What became of a draft that was to be made anew.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct RegeneratedResponse {
    /// Id of the invoice.
    invoice_id: Uuid,
    /// `draft`, or `discarded` where nothing of it is due any more.
    #[schema(example = "draft")]
    status: String,
}

impl From<Regenerated> for RegeneratedResponse {
    fn from(regenerated: Regenerated) -> Self {
        let Regenerated { invoice_id, status } = regenerated;
        Self {
            invoice_id,
            status: status.as_str().to_owned(),
        }
    }
}

impl GenerateInvoiceInput {
    /// The request, or every date that is none.
    pub(super) fn into_request(self) -> Result<Request> {
        let Self {
            customer_id,
            contract_id,
            from_date,
            to_date,
            bill_for_date,
            billing_cycle_start_day,
            check_duplicate_invoice,
        } = self;
        let dates = Dates::read(&from_date, &to_date, bill_for_date.as_ref())?;
        Ok(Request {
            customer_id: Some(customer_id),
            contract_id,
            from: dates.from,
            to: dates.to,
            bill_for_date: dates.bill_for,
            billing_cycle_start_day,
            check_duplicate_invoice: check_duplicate_invoice.unwrap_or(true),
        })
    }
}

impl GenerateInvoicesInput {
    /// A request for each contract, or every date that is none.
    pub(super) fn into_requests(self) -> Result<Vec<Request>> {
        let Self {
            contract_ids,
            from_date,
            to_date,
            bill_for_date,
            billing_cycle_start_day,
            check_duplicate_invoice,
        } = self;
        let dates = Dates::read(&from_date, &to_date, bill_for_date.as_ref())?;
        let requests = contract_ids.into_iter().map(|contract_id| Request {
            customer_id: None,
            contract_id,
            from: dates.from.clone(),
            to: dates.to.clone(),
            bill_for_date: dates.bill_for.clone(),
            billing_cycle_start_day,
            check_duplicate_invoice: check_duplicate_invoice.unwrap_or(true),
        });
        Ok(requests.collect())
    }
}

struct Dates {
    from: Moment,
    to: Moment,
    bill_for: Option<Moment>,
}

impl Dates {
    fn read(from: &Value, to: &Value, bill_for: Option<&Value>) -> Result<Self> {
        let mut bad = Vec::new();
        let mut read = |name: &str, value: &Value| {
            let moment = moment(value);
            if moment.is_none() {
                bad.push(not_a_moment(name));
            }
            moment
        };
        let from = read("from_date", from);
        let to = read("to_date", to);
        let bill_for = bill_for.filter(|value| !value.is_null());
        let bill_for = bill_for.map(|value| read("bill_for_date", value));
        match (from, to) {
            (Some(from), Some(to)) if bad.is_empty() => Ok(Self {
                from,
                to,
                bill_for: bill_for.flatten(),
            }),
            _ => Err(Error::Unreadable(bad)),
        }
    }
}

fn moment(value: &Value) -> Option<Moment> {
    match value {
        Value::Number(number) => number.as_i64().map(Moment::Seconds),
        // Clients also send seconds as text.
        Value::String(text) => match text.parse() {
            Ok(seconds) => Some(Moment::Seconds(seconds)),
            Err(_) => Some(Moment::Text(text.clone())),
        },
        _ => None,
    }
}

fn not_a_moment(name: &str) -> BadField {
    BadField {
        part: "body",
        path: vec![name.to_owned()],
        message: "send whole seconds since 1970, or an ISO 8601 date or date-time".to_owned(),
        kind: "value_error.datetime".to_owned(),
    }
}
