//! The chart of accounts that every organisation begins with (semantics §11.1). Its ids are the same in
//! every organisation, so that nothing has to be looked up before something is posted.

use jiff::Timestamp;
use serde_json::json;
use uuid::Uuid;

use super::{Account, AccountId, Category};

/// An account that the posting table names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DefaultAccount {
    /// Money in hand and at banks.
    Cash,
    /// What is owed to the organisation: gathers the two below.
    AccountsReceivable,
    /// What customers owe.
    CustomersReceivable,
    /// What gateways collected and have not paid out.
    GatewaysReceivable,
    /// Tax that customers withheld and paid for the organisation.
    TdsReceivable,
    /// Earned, not billed.
    UnbilledRevenue,
    /// What the organisation owes to its suppliers.
    AccountsPayable,
    /// What reduces receivables: gathers the two below.
    ContraReceivable,
    /// Owed to customers as refunds.
    CustomersContra,
    /// Owed to gateways.
    GatewaysContra,
    /// What customers may set off.
    CustomerWallet,
    /// Billed, not earned.
    DeferredRevenue,
    /// Tax that is owed to tax offices.
    SalesTax,
    /// Earned in earlier years.
    RetainedEarnings,
    /// Earned.
    SalesRevenue,
    /// GST on purchases.
    Gst,
    /// What gateways charge.
    GatewayFees,
    /// Given back to customers, or given up.
    SalesReturns,
    /// Tax that customers withheld and nobody gives back.
    TaxWithheld,
}

/// A row of the chart.
#[derive(Clone, Copy, Debug)]
pub struct ChartRow {
    /// Which account.
    pub account: DefaultAccount,
    /// The last digits of its id, in hexadecimal.
    pub number: u16,
    /// Its kind.
    pub category: Category,
    /// Its name.
    pub name: &'static str,
    /// The account above it.
    pub parent: Option<&'static str>,
    /// Whether it gathers others.
    pub is_parent: bool,
}

const fn top(
    account: DefaultAccount,
    number: u16,
    category: Category,
    name: &'static str,
) -> ChartRow {
    ChartRow {
        account,
        number,
        category,
        name,
        parent: None,
        is_parent: false,
    }
}

const fn gathering(row: ChartRow) -> ChartRow {
    ChartRow {
        is_parent: true,
        ..row
    }
}

const fn below(row: ChartRow, parent: &'static str) -> ChartRow {
    ChartRow {
        parent: Some(parent),
        ..row
    }
}

/// The whole chart. A number never changes and is never used again.
pub static CHART: [ChartRow; 19] = {
    use Category::{Assets, Equity, Expenses, Income, Liabilities};
    use DefaultAccount as A;
    const RECEIVABLE: &str = "Accounts Receivable";
    const CONTRA: &str = "Contra Accounts Receivable";
    const GATEWAYS: &str = "Payment Gateways";
    [
        top(A::Cash, 0x100, Assets, "Cash"),
        gathering(top(A::AccountsReceivable, 0x110, Assets, RECEIVABLE)),
        below(
            top(A::CustomersReceivable, 0x111, Assets, "Customers"),
            RECEIVABLE,
        ),
        below(
            top(A::GatewaysReceivable, 0x112, Assets, GATEWAYS),
            RECEIVABLE,
        ),
        top(A::TdsReceivable, 0x120, Assets, "TDS Receivable"),
        top(A::UnbilledRevenue, 0x130, Assets, "Unbilled Revenue"),
        top(A::AccountsPayable, 0x200, Liabilities, "Accounts Payable"),
        gathering(top(A::ContraReceivable, 0x210, Liabilities, CONTRA)),
        below(
            top(A::CustomersContra, 0x211, Liabilities, "Customers"),
            CONTRA,
        ),
        below(top(A::GatewaysContra, 0x212, Liabilities, GATEWAYS), CONTRA),
        top(A::CustomerWallet, 0x220, Liabilities, "Customer Wallet"),
        top(A::DeferredRevenue, 0x230, Liabilities, "Deferred Revenue"),
        top(A::SalesTax, 0x240, Liabilities, "Sales Tax"),
        top(A::RetainedEarnings, 0x300, Equity, "Retained Earnings"),
        top(A::SalesRevenue, 0x400, Income, "Sales and Services Revenue"),
        top(A::Gst, 0x500, Expenses, "GST"),
        top(A::GatewayFees, 0x510, Expenses, "Payment Gateway Fees"),
        top(
            A::SalesReturns,
            0x520,
            Expenses,
            "Sales Returns and Allowances",
        ),
        top(A::TaxWithheld, 0x530, Expenses, "Tax Withheld"),
    ]
};

/// What the id of a default account begins with: a name-like id (version 8), which no random id equals.
const ID_BASE: u128 = 0x0000_0000_0000_8000_8000_0000_0000_0000;

impl DefaultAccount {
    /// Its row of the chart.
    pub fn row(self) -> &'static ChartRow {
        let mut rows = CHART.iter();
        // The chart has every account: a test walks it.
        rows.find(|row| row.account == self).unwrap_or(&CHART[0])
    }

    /// Its id, in every organisation.
    pub fn id(self) -> AccountId {
        AccountId(Uuid::from_u128(ID_BASE | u128::from(self.row().number)))
    }
}

impl ChartRow {
    /// The account as an organisation begins with it.
    pub fn account(&self, at: Timestamp) -> Account {
        Account {
            id: self.account.id(),
            name: self.name.to_owned(),
            category: self.category,
            is_parent: self.is_parent,
            parent_path: self.parent.map(str::to_owned),
            description: None,
            custom_data: json!({ "default_account": true }),
            created_at: at,
            updated_at: at,
        }
    }
}
