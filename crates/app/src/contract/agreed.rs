//! A contract as it would be made. Owns the order of reading it: what was written, the plan that it is made from, who
//! pays. Nothing is written here but inline products.

use florin_core::contract::{self, Contract, Details, Surroundings};
use florin_core::customer::Customer;
use florin_core::plan::Plan;
use florin_store::Tx;
use jiff::tz::TimeZone;

use super::{Written, invalid, parent, read};
use crate::{App, Error, Result, organisation, plan, test_clock};

/// What a contract is read beside.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Around<'a> {
    /// What it had before: prices and custom attributes that stay the same are not looked at again.
    pub(crate) before: Option<&'a Contract>,
    /// Who buys, where it is no customer yet.
    pub(crate) guest: Option<&'a Customer>,
}

/// The contract that is written, not kept. `adjusted` has the last word on its terms.
///
/// # Errors
/// [`Error::Invalid`] with everything that is wrong, each thing at its field; [`Error::Refused`] for inline products
/// that break rules.
pub(crate) async fn agreed(
    app: &App,
    tx: &mut Tx,
    written: Written,
    around: Around<'_>,
    adjusted: impl FnOnce(Details) -> Result<Details>,
) -> Result<Contract> {
    let zone = organisation::zone(tx).await?;
    let id = written.id.unwrap_or_else(|| app.ids.next());
    let plan = planned(tx, &written).await;
    let copies = written.phases.is_empty();
    let read = read(app, tx, &zone, written, around).await;
    let (plan, mut details) = Error::both(plan, read)?;
    if let Some(plan) = plan {
        details = of_plan(&plan, details, &zone, copies)?;
    }
    let details = adjusted(details)?;
    test_clock::follow(tx, details.header.customer_id).await?;
    let parent_customer_id = parent(tx, details.header.customer_id).await?;
    let surroundings = Surroundings {
        zone,
        parent_customer_id,
    };
    let mut ids = || app.ids.next();
    let at = tx.at().unwrap_or_else(|_| app.clock.now());
    contract::create(id, details, &surroundings, &mut ids, at).map_err(invalid)
}

/// The plan that is named, in the contract's currency.
async fn planned(tx: &mut Tx, written: &Written) -> Result<Option<Plan>> {
    let Some(id) = written.plan_id else {
        return Ok(None);
    };
    let plan = plan::on_sale(tx, id).await?;
    let currency = plan.currency().map(|currency| currency.to_string());
    match currency.filter(|currency| *currency != written.currency) {
        None => Ok(Some(plan)),
        Some(other) => {
            let message = format!("the plan is in {other}");
            Err(Error::field("currency", "value_error.currency", message))
        }
    }
}

/// A contract that remembers its plan; with `copies` it has what the plan sells.
fn of_plan(plan: &Plan, details: Details, zone: &TimeZone, copies: bool) -> Result<Details> {
    let Details {
        mut header,
        status,
        phases,
    } = details;
    if copies {
        let agreement = plan.agreement(header, status, zone);
        return agreement.map_err(|error| Error::field("start_date", "value_error.date", error));
    }
    header.plan = Some(plan.version());
    Ok(Details {
        header,
        status,
        phases,
    })
}
