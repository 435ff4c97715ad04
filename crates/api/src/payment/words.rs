//! The words of payments, as the document lists them. Owns no meaning: reading is the core's.

use serde::Serialize;
use utoipa::ToSchema;

/// How money moved.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[expect(dead_code, reason = "only its schema is used")]
pub(super) enum PaymentMethod {
    Card,
    Cash,
    Check,
    ChargeBack,
    BankTransfer,
    DirectDebit,
    AmazonPayments,
    PaypalExpressCheckout,
    Upi,
    NetbankingEmandates,
    Other,
    Credits,
    AchCreditTransfer,
}

/// What moved.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[expect(dead_code, reason = "only its schema is used")]
pub(super) enum PaymentType {
    Payment,
    Refund,
    PaymentReversal,
    Authorization,
    TaxWithheld,
}

/// Where a payment stands.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[expect(dead_code, reason = "only its schema is used")]
pub(super) enum PaymentStatus {
    InProgress,
    RequiresAction,
    PendingCharge,
    Authorized,
    Created,
    Success,
    Voided,
    Failed,
    Canceled,
    Refunded,
    PartiallyRefunded,
    Other,
}

/// Where money goes that is given back: into the wallet, to the method that it came from, or outside of Florin.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[expect(dead_code, reason = "only its schema is used")]
pub(crate) enum RefundDestination {
    Credits,
    OriginalPaymentMethod,
    External,
}
