//! Accounts. Owns their rows; their balances are sums of [`crate::journal`]'s lines.

use florin_core::ledger::{Account, AccountId, CHART, Category};
use sea_query::{Asterisk, Expr, Order, Query};

use crate::{
    Error, Result, Row, Tx,
    record::{self, Values},
};

/// Adds the chart of accounts that an organisation begins with.
///
/// # Errors
/// What the statement answers.
pub async fn insert_chart(tx: &mut Tx) -> Result<()> {
    let at = tx.at()?;
    let rows = CHART.iter().map(|row| row.account(at));
    let rows: Vec<Values> = rows.map(|account| values(&account)).collect();
    let columns = rows.first().into_iter().flatten().map(|(name, _)| *name);
    let mut insert = Query::insert();
    insert.into_table("account");
    insert.columns(["organisation_id"].into_iter().chain(columns));
    for row in rows {
        let row = row.into_iter().map(|(_, value)| Expr::val(value));
        let organisation = Expr::val(tx.organisation().0);
        insert.values_panic([organisation].into_iter().chain(row));
    }
    tx.execute(&insert).await?;
    Ok(())
}

fn values(account: &Account) -> Values {
    let Account {
        id,
        name,
        category,
        is_parent,
        parent_path,
        description,
        custom_data,
        created_at,
        updated_at,
    } = account.clone();
    vec![
        ("id", id.0.into()),
        ("name", name.into()),
        ("account_category", category.as_str().into()),
        ("balance_normality", category.normal_side().as_str().into()),
        ("is_parent", is_parent.into()),
        ("parent_path", parent_path.into()),
        ("description", description.into()),
        ("custom_data", record::json(Some(custom_data))),
        ("created_at", created_at.into()),
        ("updated_at", updated_at.into()),
    ]
}

fn decode(row: &Row) -> Result<Account> {
    let category: String = row.get("account_category")?;
    Ok(Account {
        id: AccountId(row.get("id")?),
        name: row.get("name")?,
        category: Category::parse(&category).ok_or_else(|| Error::Corrupt {
            column: "account_category".to_owned(),
            reason: format!("{category} is not a category"),
        })?,
        is_parent: row.get("is_parent")?,
        parent_path: row.optional("parent_path")?,
        description: row.optional("description")?,
        custom_data: row.get("custom_data")?,
        created_at: row.get("created_at")?,
        updated_at: row.get("updated_at")?,
    })
}

/// Every account, the default ones first.
///
/// # Errors
/// What the statement answers.
pub async fn all(tx: &mut Tx) -> Result<Vec<Account>> {
    let mut select = tx.select("account");
    select.column(Asterisk).order_by("id", Order::Asc);
    tx.fetch_all(&select).await?.iter().map(decode).collect()
}
