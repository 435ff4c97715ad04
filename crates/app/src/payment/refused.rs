//! Why a payment does not change, in the API's codes and fields. Owns nothing else.

use florin_core::payment::{Finding, Findings, Refusal, Rule};
use florin_store as store;

use crate::{Error, FieldError};

/// A refusal of the core as an error of an operation.
pub(crate) fn refused(refusal: Refusal) -> Error {
    let code = match refusal {
        Refusal::Findings(Findings(findings)) => {
            return Error::Invalid(findings.into_iter().map(bad_field).collect());
        }
        Refusal::PartsSum { .. } => {
            return Error::field("refund_amount", "value_error.parts_sum", refusal);
        }
        Refusal::InvoiceUnknown(_) => {
            let field = "refund_payment_part_amounts";
            return Error::field(field, "value_error.unknown", refusal);
        }
        Refusal::Money(_) => return Error::field("amount", "value_error.number", refusal),
        Refusal::NotManual => "PAYMENT_NOT_MANUAL",
        Refusal::KindNotAllowed(_) => "PAYMENT_TYPE_NOT_ALLOWED",
        Refusal::StatusNotAllowed(_) => "PAYMENT_STATUS_NOT_ALLOWED",
        Refusal::AlreadyRefunded => "PAYMENT_ALREADY_REFUNDED",
        Refusal::AboveRefundable { .. } => "REFUND_ABOVE_PAYMENT",
    };
    Error::refused(code, refusal)
}

fn bad_field(finding: Finding) -> FieldError {
    let Finding { path, rule } = finding;
    let kind = match rule {
        Rule::NotPositive => "value_error.number.not_gt",
        Rule::PartsAboveAmount | Rule::WithheldAboveDue(_) => "value_error.number.not_le",
        Rule::InvoiceTwice => "value_error.list.unique_items",
        Rule::InvoiceUnknown => "value_error.unknown",
        Rule::InvoiceVoid => "value_error.invoice_void",
        Rule::CurrencyMismatch => "value_error.currency",
        Rule::WithheldWithoutInvoice | Rule::WithheldMethod => "value_error.tax_withheld",
        Rule::KindNotRecordable(_) | Rule::StatusNotRecordable(_) => "type_error.enum",
    };
    FieldError {
        path,
        message: rule.to_string(),
        kind,
    }
}

const RULES: &[(&str, &str, &str)] = &[(
    "payment_external_id_key",
    "PAYMENT_EXTERNAL_ID_TAKEN",
    "another payment has this external_id: it may have been recorded already",
)];

/// A violated constraint as the rule that it stands for.
pub(super) fn taken(error: store::Error) -> Error {
    Error::from_constraint(error, RULES)
}
