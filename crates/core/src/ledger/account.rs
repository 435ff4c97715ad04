//! Accounts: where amounts are kept. Owns their shape and which side increases them.

use jiff::Timestamp;
use serde_json::Value as Json;
use uuid::Uuid;

/// The id of an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AccountId(pub Uuid);

/// An account of an organisation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// Its id.
    pub id: AccountId,
    /// What it is called; several accounts may share a name under different parents.
    pub name: String,
    /// What kind of account it is.
    pub category: Category,
    /// Whether it only gathers the accounts below it, and nothing is posted to it.
    pub is_parent: bool,
    /// The names above it; none at the top.
    pub parent_path: Option<String>,
    /// A sentence about it.
    pub description: Option<String>,
    /// Free data.
    pub custom_data: Json,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it was changed.
    pub updated_at: Timestamp,
}

/// The five kinds of accounts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Category {
    /// What the organisation has.
    Assets,
    /// What it owes.
    Liabilities,
    /// What is its owners'.
    Equity,
    /// What it earned.
    Income,
    /// What it spent.
    Expenses,
}

/// The two sides of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Side {
    /// The left one.
    Debit,
    /// The right one.
    Credit,
}

impl Category {
    /// All, with the API's words.
    pub const WORDS: [(Self, &'static str); 5] = [
        (Self::Assets, "Assets"),
        (Self::Liabilities, "Liabilities"),
        (Self::Equity, "Equity"),
        (Self::Income, "Income"),
        (Self::Expenses, "Expenses"),
    ];

    /// The API's word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Assets => "Assets",
            Self::Liabilities => "Liabilities",
            Self::Equity => "Equity",
            Self::Income => "Income",
            Self::Expenses => "Expenses",
        }
    }

    /// The category of a word of the API.
    pub fn parse(word: &str) -> Option<Self> {
        let mut words = Self::WORDS.iter();
        let found = words.find(|(_, other)| *other == word);
        found.map(|(category, _)| *category)
    }

    /// The side that increases an account of this kind: `balance_normality` of the API.
    pub const fn normal_side(self) -> Side {
        match self {
            Self::Assets | Self::Expenses => Side::Debit,
            Self::Liabilities | Self::Equity | Self::Income => Side::Credit,
        }
    }
}

impl Side {
    /// The API's word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Debit => "debit",
            Self::Credit => "credit",
        }
    }

    /// The other one.
    #[must_use]
    pub const fn other(self) -> Self {
        match self {
            Self::Debit => Self::Credit,
            Self::Credit => Self::Debit,
        }
    }
}
