//! The wallet of a customer: what it may set off against what it owes, one for each currency.
//!
//! Owns the entries and which of them a balance allows. Does not own what makes them (credit notes,
//! payments, invoices). Entries are never changed: a correction is another entry. Invariant: the balance
//! is the sum of the entries; only the reversal of money that never came may take it below zero.

use uuid::Uuid;

use crate::currency::Currency;
use crate::money::{Money, MoneyError};

/// A change of a wallet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Why.
    pub reason: Reason,
    /// Above zero what comes in, below zero what goes out.
    pub amount: Money,
}

/// Why a wallet changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// Given by hand: a promotion, a compensation.
    ManualCredit,
    /// Taken by hand.
    ManualDebit,
    /// A payment was more than what was to be paid, or its excess is used after all.
    Overpayment {
        /// The payment.
        payment: Uuid,
    },
    /// A credit note gives back what was paid, or what an invoice was below zero.
    CreditNote {
        /// The credit note.
        credit_note: Uuid,
    },
    /// Set off against an invoice.
    Applied {
        /// The invoice.
        invoice: Uuid,
    },
    /// A refund: of the wallet's own share (out), or of a payment into the wallet (in).
    Refund {
        /// The refund.
        refund: Uuid,
    },
    /// A payment whose money never came.
    Reversal {
        /// The reversal.
        reversal: Uuid,
    },
}

impl Reason {
    /// The API's word: the `type` of an entry.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ManualCredit => "manual_credit",
            Self::ManualDebit => "manual_debit",
            Self::Overpayment { .. } => "overpayment",
            Self::CreditNote { .. } => "credit_note",
            Self::Applied { .. } => "applied",
            Self::Refund { .. } => "refund",
            Self::Reversal { .. } => "reversal",
        }
    }

    /// The id of what made the entry: payment, credit note, invoice, refund or reversal.
    pub const fn source(self) -> Option<Uuid> {
        match self {
            Self::ManualCredit | Self::ManualDebit => None,
            Self::Overpayment { payment: id }
            | Self::CreditNote { credit_note: id }
            | Self::Applied { invoice: id }
            | Self::Refund { refund: id }
            | Self::Reversal { reversal: id } => Some(id),
        }
    }

    /// The reason of a word and a source; `None` where they do not fit.
    pub fn restore(word: &str, source: Option<Uuid>) -> Option<Self> {
        Some(match (word, source) {
            ("manual_credit", None) => Self::ManualCredit,
            ("manual_debit", None) => Self::ManualDebit,
            ("overpayment", Some(payment)) => Self::Overpayment { payment },
            ("credit_note", Some(credit_note)) => Self::CreditNote { credit_note },
            ("applied", Some(invoice)) => Self::Applied { invoice },
            ("refund", Some(refund)) => Self::Refund { refund },
            ("reversal", Some(reversal)) => Self::Reversal { reversal },
            _ => return None,
        })
    }
}

/// A wallet as the sum of its entries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wallet {
    balance: Money,
}

/// Why a wallet does not change.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// More is taken than there is.
    #[error("the wallet has {balance}, {wanted} are wanted")]
    BalanceTooLow {
        /// What there is.
        balance: Money,
        /// What is taken.
        wanted: Money,
    },
    /// An adjustment by hand is an amount above zero, added or taken.
    #[error("an adjustment is more than nothing")]
    NotPositive,
    /// An amount does not fit.
    #[error(transparent)]
    Money(#[from] MoneyError),
}

impl Wallet {
    /// A wallet without entries.
    pub const fn empty(currency: Currency) -> Self {
        Self {
            balance: Money::zero(currency),
        }
    }

    /// A wallet with the balance that its entries sum to.
    pub const fn with_balance(balance: Money) -> Self {
        Self { balance }
    }

    /// What there is.
    pub const fn balance(self) -> Money {
        self.balance
    }

    /// The wallet after an entry.
    ///
    /// # Errors
    /// [`Refusal::BalanceTooLow`] unless the entry is a reversal; [`Refusal::Money`].
    pub fn post(self, entry: Entry) -> Result<Self, Refusal> {
        let balance = self.balance.checked_add(entry.amount)?;
        let may_overdraw = matches!(entry.reason, Reason::Reversal { .. });
        if entry.amount.is_negative() && balance.is_negative() && !may_overdraw {
            return Err(Refusal::BalanceTooLow {
                balance: self.balance,
                wanted: entry.amount.checked_neg()?,
            });
        }
        Ok(Self { balance })
    }

    /// What of an amount the wallet can pay: nothing of a balance below zero.
    pub fn can_pay(self, amount: Money) -> Money {
        let zero = Money::zero(amount.currency());
        if self.balance.currency() != amount.currency() || self.balance.is_negative() {
            return zero;
        }
        let minor = self.balance.minor().min(amount.minor()).max(0);
        Money::from_minor(minor, amount.currency())
    }
}

/// Adds to a wallet by hand, or takes from it.
///
/// # Errors
/// [`Refusal::NotPositive`], [`Refusal::BalanceTooLow`], [`Refusal::Money`].
pub fn adjust(wallet: Wallet, amount: Money, adds: bool) -> Result<(Wallet, Entry), Refusal> {
    if amount.minor() <= 0 {
        return Err(Refusal::NotPositive);
    }
    let entry = if adds {
        Entry {
            reason: Reason::ManualCredit,
            amount,
        }
    } else {
        Entry {
            reason: Reason::ManualDebit,
            amount: amount.checked_neg()?,
        }
    };
    Ok((wallet.post(entry)?, entry))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn usd(minor: i64) -> Money {
        Money::from_minor(minor, Currency::USD)
    }

    #[test]
    fn nobody_takes_more_than_there_is() {
        let (wallet, _) = adjust(Wallet::empty(Currency::USD), usd(500), true).unwrap();
        assert_eq!(
            adjust(wallet, usd(501), false),
            Err(Refusal::BalanceTooLow {
                balance: usd(500),
                wanted: usd(501)
            })
        );
        assert_eq!(adjust(wallet, usd(0), true), Err(Refusal::NotPositive));
        let euros = Money::from_minor(1, Currency::EUR);
        assert!(matches!(
            adjust(wallet, euros, true),
            Err(Refusal::Money(_))
        ));
        assert_eq!(adjust(wallet, usd(500), false).unwrap().0.balance(), usd(0));
    }

    #[test]
    fn only_money_that_never_came_leaves_a_debt() {
        let reversal = Reason::Reversal {
            reversal: Uuid::nil(),
        };
        let entry = Entry {
            reason: reversal,
            amount: usd(-100),
        };
        let wallet = Wallet::empty(Currency::USD).post(entry).unwrap();
        assert_eq!(wallet.balance(), usd(-100));
        assert_eq!(wallet.can_pay(usd(50)), usd(0));
        // What comes in is taken even where it does not cover the debt.
        assert_eq!(adjust(wallet, usd(30), true).unwrap().0.balance(), usd(-70));
    }
}
