//! Where the revenue of an invoice's lines goes when it is billed (semantics §11.5).

use std::collections::HashMap;

use uuid::Uuid;

use super::{AccountId, DefaultAccount};
use crate::id::LineId;

/// When the revenue of a line is earned, seen from its invoice.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Policy {
    /// It is earned later: what is billed is owed as service until it is recognised.
    #[default]
    Deferred,
    /// It is earned with the invoice, on this account.
    Immediate(AccountId),
    /// It was earned before the invoice: the invoice settles what was unbilled.
    Unbilled,
}

/// What the ledger knows of a line besides its amount.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LineRevenue {
    /// Its product.
    pub product_id: Option<Uuid>,
    /// When its revenue is earned.
    pub policy: Policy,
}

/// The same of every line that is posted; a line that is not named is deferred and of no product.
#[derive(Clone, Debug, Default)]
pub struct Revenues(HashMap<LineId, LineRevenue>);

impl Policy {
    /// The account that an invoice credits.
    pub fn account(self) -> AccountId {
        match self {
            Self::Deferred => DefaultAccount::DeferredRevenue.id(),
            Self::Immediate(account) => account,
            Self::Unbilled => DefaultAccount::UnbilledRevenue.id(),
        }
    }
}

impl Revenues {
    /// What is known of a line.
    pub fn of(&self, line: LineId) -> LineRevenue {
        self.0.get(&line).copied().unwrap_or_default()
    }
}

impl FromIterator<(LineId, LineRevenue)> for Revenues {
    fn from_iter<T: IntoIterator<Item = (LineId, LineRevenue)>>(lines: T) -> Self {
        Self(lines.into_iter().collect())
    }
}
