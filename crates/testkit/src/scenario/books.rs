//! Wallets and books as a story shows them, and what holds at the end of every story.

use std::collections::BTreeMap;

use florin_core::{
    currency::Currency,
    ledger::{DefaultAccount, Side},
    money::Money,
};
use florin_store::{account, journal};
use serde_json::Value;

use super::{invoices::amount, succeeded};
use crate::TestApp;

fn money(minor: i64, code: &str) -> String {
    let money = Currency::iso(code).map(|currency| Money::from_minor(minor, currency));
    money.map_or_else(|_| minor.to_string(), |money| money.to_major().to_string())
}

/// Each wallet with something in it.
pub(super) async fn wallet(app: &TestApp, customer: &str) -> Result<Vec<String>, String> {
    let answer = succeeded(app.get(&format!("/customers/{customer}/wallets")).await)?;
    let wallets = match &answer.body {
        Value::Array(wallets) => wallets.clone(),
        body => body["results"].as_array().cloned().unwrap_or_default(),
    };
    let shown = wallets.iter().filter_map(|wallet| {
        let minor = wallet["balance"].as_i64()?;
        let code = wallet["currency"].as_str()?;
        (minor != 0).then(|| format!("{} {code}", money(minor, code)))
    });
    Ok(shown.collect())
}

/// Each account that is not balanced, on the side where it stands.
pub(super) async fn shown(app: &TestApp) -> Result<Vec<String>, String> {
    let mut tx = app.read().await;
    let accounts = account::all(&mut tx)
        .await
        .map_err(|error| error.to_string())?;
    let balances = journal::balances(&mut tx)
        .await
        .map_err(|error| error.to_string())?;
    let mut lines = Vec::new();
    for balance in balances {
        let net = balance.debits - balance.credits;
        let Some(account) = accounts
            .iter()
            .find(|account| account.id == balance.account)
        else {
            return Err(format!("there is no account {:?}", balance.account));
        };
        let name = match &account.parent_path {
            Some(parent) => format!("{parent} / {}", account.name),
            None => account.name.clone(),
        };
        let side = if net > 0 { Side::Debit } else { Side::Credit };
        if net != 0 {
            let amount = money(net.abs(), &balance.currency);
            lines.push(format!(
                "{name} {amount} {} {}",
                balance.currency,
                side.as_str()
            ));
        }
    }
    Ok(lines)
}

/// DESIGN §13: the books are right, debits equal credits, the lines of an invoice come to its total, and what is
/// deferred or recognised is what was invoiced.
///
/// # Errors
/// What does not hold.
pub async fn check_invariants(app: &TestApp) -> Result<(), String> {
    let report = florin_app::verify::run(&app.app, app.organisation).await;
    let report = report.map_err(|error| error.to_string())?;
    if !report.findings.is_empty() {
        return Err(format!(
            "at the end the books are wrong: {:#?}",
            report.findings
        ));
    }
    let net = invoiced_net(app).await?;
    let mut tx = app.read().await;
    let balances = journal::balances(&mut tx)
        .await
        .map_err(|error| error.to_string())?;
    let mut trial: BTreeMap<String, i64> = BTreeMap::new();
    let mut earned: BTreeMap<String, i64> = BTreeMap::new();
    let of_revenue = [
        DefaultAccount::DeferredRevenue,
        DefaultAccount::SalesRevenue,
    ];
    for balance in balances {
        let credits = balance.credits - balance.debits;
        *trial.entry(balance.currency.clone()).or_default() += credits;
        if of_revenue
            .iter()
            .any(|account| account.id() == balance.account)
        {
            *earned.entry(balance.currency).or_default() += credits;
        }
    }
    if trial.values().any(|sum| *sum != 0) {
        return Err(format!("the trial balance is {trial:?}"));
    }
    let earned: BTreeMap<String, String> = earned
        .iter()
        .map(|(code, minor)| (code.clone(), money(*minor, code)))
        .collect();
    let is_same = net.iter().all(|(code, net)| {
        earned
            .get(code)
            .map_or(net.parse() == Ok(rust_decimal::Decimal::ZERO), |sum| {
                sum == net
            })
    });
    if is_same {
        return Ok(());
    }
    Err(format!(
        "invoiced net is {net:?}, recognised and deferred are {earned:?}"
    ))
}

/// The net of issued invoices by currency; their lines must sum to it.
async fn invoiced_net(app: &TestApp) -> Result<BTreeMap<String, String>, String> {
    let answer = succeeded(app.get("/invoices?limit=100").await)?;
    let mut sums: BTreeMap<String, rust_decimal::Decimal> = BTreeMap::new();
    for invoice in answer.at("/results").as_array().into_iter().flatten() {
        if invoice["status"] == "draft" {
            continue;
        }
        let id = invoice["id"].as_str().unwrap_or_default();
        let code = invoice["currency_code"].as_str().unwrap_or_default();
        let summary = succeeded(app.get(&format!("/invoices/{id}/summary")).await)?;
        let net = amount(&summary.body["net_total"], code);
        let net: rust_decimal::Decimal = net.parse().map_err(|_| format!("net is {net}"))?;
        *sums.entry(code.to_owned()).or_default() += net;
    }
    let shown = sums.into_iter().map(|(code, sum)| {
        let sum = amount(&Value::from(sum.to_string()), &code);
        (code, sum)
    });
    Ok(shown.collect())
}
