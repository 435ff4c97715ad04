//! Contracts with all around them that billing looks at, loaded for many at once.
//!
//! Owns what is read before anything is decided; nothing is read afterwards but the documents that are to be made
//! anew. Does not own what is due ([`super::plan`]).

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
};

use florin_core::{
    contract::{Contract, Line, PhaseBilling, Taxation},
    customer::Customer,
    id::LineId,
    invoice::LineLabel,
    product::Product,
    product_pricing::Quantity,
};
use florin_store::{self as store, Tx, billed_period::Billed};
use jiff::civil::Date;
use uuid::Uuid;

use super::{
    Problem,
    estimate::Guest,
    taxes::{TaxBook, delivered_to},
};
use crate::Result;

/// What one unit is called where its product does not say.
const UNIT: &str = "unit";

/// How far back a contract is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Look {
    /// From the day of the last look on: nothing was changed since.
    Since(Date),
    /// From the beginning: it is new, or was changed, or its approved bills may differ from what is due.
    Whole,
}

/// A contract to be looked at, as it was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Wanted {
    /// The contract.
    pub(super) id: Uuid,
    /// The day on which it is to be looked at, as its row says.
    pub(super) next_bill_day: Option<Date>,
    /// Whether all of it is looked at whatever its row says.
    pub(super) is_whole: bool,
}

/// What is known of a line besides its terms.
#[derive(Clone, Debug)]
pub(super) struct LineFacts {
    /// The metric that counts it.
    pub(super) aggregate: Option<Uuid>,
    /// What documents call it.
    pub(super) label: LineLabel,
    /// The tax category of its product.
    tax_category: Option<String>,
}

/// A contract with all around it.
#[derive(Clone, Debug)]
pub(super) struct Subject {
    /// The contract, with the status of today.
    pub(super) contract: Contract,
    /// The day on which it was to be looked at.
    pub(super) next_bill_day: Option<Date>,
    /// How far back it is looked at.
    pub(super) look: Look,
    /// Whether its approved bills are to be compared with the usage of today.
    pub(super) is_noted: bool,
    /// Who is served.
    pub(super) customer: Arc<Customer>,
    /// Who pays.
    pub(super) payer: Uuid,
    /// Who bills.
    pub(super) business_entity_id: Option<Uuid>,
    /// Whether its bills go on one invoice with those of others that the payer pays for.
    pub(super) consolidates: bool,
    /// Its lines.
    pub(super) lines: HashMap<LineId, LineFacts>,
    /// What was billed: every revision that the look reaches.
    pub(super) revisions: Vec<Billed>,
    /// Earlier versions under which something was billed.
    pub(super) older: BTreeMap<u32, Contract>,
    taxed: Taxed,
}

/// What is needed to say which taxes apply on a day.
#[derive(Clone, Debug)]
struct Taxed {
    book: Arc<TaxBook>,
    entity: Uuid,
    address: Option<florin_core::address::Address>,
}

impl Subject {
    /// The terms of each phase with the taxes of a day.
    ///
    /// # Errors
    /// [`Problem`] where several rates apply, or the terms of an old contract are none any more.
    pub(super) fn terms(&self, day: Date) -> Result<Vec<PhaseBilling>, Problem> {
        self.terms_of(&self.contract, day)
    }

    /// The terms of an earlier version, with the taxes of a day.
    ///
    /// # Errors
    /// As [`Subject::terms`].
    pub(super) fn terms_of(
        &self,
        contract: &Contract,
        day: Date,
    ) -> Result<Vec<PhaseBilling>, Problem> {
        let taxation = self.taxation(day)?;
        let terms = contract.terms(&taxation);
        terms.map_err(|findings| self.problem(findings))
    }

    /// Whether the terms depend on the day because of taxes.
    pub(super) fn is_taxed(&self) -> bool {
        let mut lines = self.lines.values();
        self.taxed.address.is_some() && lines.any(|line| line.tax_category.is_some())
    }

    fn taxation(&self, day: Date) -> Result<Taxation, Problem> {
        let mut taxation = Taxation {
            is_exempt: self.customer.details.is_tax_exempt(),
            line_taxes: Vec::new(),
        };
        let Some(address) = self.taxed.address.as_ref().filter(|_| !taxation.is_exempt) else {
            return Ok(taxation);
        };
        for (id, line) in &self.lines {
            let Some(category) = &line.tax_category else {
                continue;
            };
            let Taxed { book, entity, .. } = &self.taxed;
            let taxes = book.taxes(*entity, category, address, day);
            let taxes = taxes.map_err(|several| self.problem(several))?;
            taxation
                .line_taxes
                .extend(taxes.into_iter().map(|tax| (*id, tax)));
        }
        Ok(taxation)
    }

    /// That the contract cannot be billed, and why.
    pub(super) fn problem(&self, cause: impl ToString) -> Problem {
        Problem::of_contract(self.contract.id(), cause)
    }
}

/// Contracts with all around them, in the order of `wanted`; those that are gone are left out.
///
/// # Errors
/// [`crate::Error::Store`].
pub(super) async fn load(tx: &mut Tx, wanted: &[Wanted], today: Date) -> Result<Vec<Subject>> {
    let ids: Vec<Uuid> = wanted.iter().map(|one| one.id).collect();
    let mut contracts = store::contract::of_ids(tx, &ids).await?;
    contracts.retain(|contract| contract.record().deleted_at.is_none());
    around(tx, wanted, (contracts, None), today).await
}

/// All around these contracts, of which one may be with somebody who is no customer yet.
///
/// # Errors
/// [`crate::Error::Store`].
pub(super) async fn around(
    tx: &mut Tx,
    wanted: &[Wanted],
    (contracts, guest): (Vec<Contract>, Option<Guest>),
    today: Date,
) -> Result<Vec<Subject>> {
    let ids: Vec<Uuid> = wanted.iter().map(|one| one.id).collect();
    let wanted: HashMap<Uuid, Wanted> = wanted.iter().map(|one| (one.id, *one)).collect();
    let people = People::load(tx, &contracts, guest).await?;
    let products = products(tx, &contracts).await?;
    let noted = store::billing_recheck::noted(tx, &ids).await?;
    let looks: HashMap<Uuid, (Wanted, Look)> = contracts
        .iter()
        .filter_map(|contract| {
            let one = *wanted.get(&contract.id())?;
            let is_whole = one.is_whole || noted.contains(&one.id);
            Some((one.id, (one, look(contract, &one, is_whole))))
        })
        .collect();
    let mut revisions = revisions(tx, &looks).await?;
    let mut subjects = Vec::with_capacity(contracts.len());
    for contract in contracts {
        let Some((one, look)) = looks.get(&contract.id()) else {
            continue;
        };
        let of_contract = revisions.remove(&contract.id()).unwrap_or_default();
        let Some(mut subject) = people.subject(contract.on(today), &products) else {
            continue;
        };
        subject.next_bill_day = one.next_bill_day;
        subject.look = *look;
        subject.is_noted = noted.contains(&one.id);
        subject.older = older(tx, &subject.contract, &of_contract).await?;
        subject.revisions = of_contract;
        subjects.push(subject);
    }
    Ok(subjects)
}

/// A contract that was ever changed is looked at whole: its periods may have been billed on another day than they would
/// be now.
fn look(contract: &Contract, wanted: &Wanted, is_whole: bool) -> Look {
    let first = contract.header().start.day();
    match wanted.next_bill_day {
        Some(day) if day > first && !is_whole && contract.version() == 1 => Look::Since(day),
        _ => Look::Whole,
    }
}

async fn revisions(
    tx: &mut Tx,
    looks: &HashMap<Uuid, (Wanted, Look)>,
) -> Result<HashMap<Uuid, Vec<Billed>>> {
    let mut whole = Vec::new();
    let mut since: Option<Date> = None;
    let mut recent = Vec::new();
    for (id, (_, look)) in looks {
        match look {
            Look::Whole => whole.push(*id),
            Look::Since(day) => {
                recent.push(*id);
                since = Some(since.map_or(*day, |other| other.min(*day)));
            }
        }
    }
    whole.sort_unstable();
    recent.sort_unstable();
    let mut found = store::billed_period::revisions_of_contracts(tx, &whole, None).await?;
    found.extend(store::billed_period::revisions_of_contracts(tx, &recent, since).await?);
    let mut by_contract: HashMap<Uuid, Vec<Billed>> = HashMap::new();
    for billed in found {
        by_contract
            .entry(billed.contract_id)
            .or_default()
            .push(billed);
    }
    Ok(by_contract)
}

/// The versions under which something was billed that are not the current one.
async fn older(
    tx: &mut Tx,
    contract: &Contract,
    billed: &[Billed],
) -> Result<BTreeMap<u32, Contract>> {
    let versions: BTreeSet<u32> = billed.iter().map(|one| one.contract_version).collect();
    let versions = versions
        .into_iter()
        .filter(|version| *version != contract.version());
    let versions: Vec<u32> = versions.collect();
    if versions.is_empty() {
        return Ok(BTreeMap::new());
    }
    let contracts = store::contract::at_versions(tx, contract.id(), &versions).await?;
    let by_version = contracts.into_iter().map(|one| (one.version(), one));
    Ok(by_version.collect())
}

async fn products(tx: &mut Tx, contracts: &[Contract]) -> Result<HashMap<Uuid, Product>> {
    let lines = lines_of(contracts);
    let ids: BTreeSet<Uuid> = lines.map(|line| line.head.product_id).collect();
    let ids: Vec<Uuid> = ids.into_iter().collect();
    let found = store::product::of_ids(tx, &ids).await?;
    Ok(found
        .into_iter()
        .map(|product| (product.id, product))
        .collect())
}

fn lines_of(contracts: &[Contract]) -> impl Iterator<Item = &Line> {
    let phases = contracts.iter().flat_map(Contract::phases);
    phases.flat_map(|phase| &phase.lines)
}

fn facts(line: &Line, products: &HashMap<Uuid, Product>) -> LineFacts {
    let product = products.get(&line.head.product_id);
    let details = product.map(|product| &product.details);
    let unit = details.and_then(|details| details.unit.clone());
    let aggregate = match line.head.pricing.price().quantity {
        Some(Quantity::Metered { aggregate_id }) => aggregate_id,
        _ => None,
    };
    let description = line.head.description.clone();
    let description =
        description.or_else(|| details.and_then(|details| details.description.clone()));
    LineFacts {
        aggregate,
        label: LineLabel {
            line: line.id,
            name: details
                .map(|details| details.name.clone())
                .unwrap_or_default(),
            description,
            unit: unit
                .as_ref()
                .map_or(UNIT.to_owned(), |unit| unit.singular.clone()),
            units: unit.and_then(|unit| unit.plural),
        },
        tax_category: details.and_then(|details| details.tax_category.clone()),
    }
}

/// The customers around contracts.
struct People {
    customers: HashMap<Uuid, Arc<Customer>>,
    parents: HashMap<Uuid, Uuid>,
    addresses: HashMap<Uuid, florin_core::address::Address>,
    default_entity: Option<Uuid>,
    book: Arc<TaxBook>,
}

impl People {
    async fn load(tx: &mut Tx, contracts: &[Contract], guest: Option<Guest>) -> Result<Self> {
        let served: BTreeSet<Uuid> = contracts
            .iter()
            .map(|contract| contract.header().customer_id)
            .collect();
        let ids: Vec<Uuid> = served.iter().copied().collect();
        let mut parents = HashMap::new();
        for link in store::customer_relationship::of_children(tx, &ids).await? {
            parents.insert(link.child_customer_id, link.parent_customer_id);
        }
        let mut all = served.clone();
        all.extend(parents.values());
        all.extend(contracts.iter().filter_map(|contract| {
            let header = contract.header();
            header.invoice_payer_customer_id
        }));
        let all: Vec<Uuid> = all.into_iter().collect();
        let customers = store::customer::of_ids(tx, &all).await?;
        let customers = customers
            .into_iter()
            .map(|customer| (customer.id, Arc::new(customer)));
        let default = store::business_entity::default(tx).await?;
        let mut people = Self {
            customers: customers.collect(),
            parents,
            addresses: HashMap::new(),
            default_entity: default.map(|entity| entity.id),
            book: Arc::default(),
        };
        let address = guest.map(|guest| people.welcome(guest));
        people.load_taxes(tx, contracts, &ids).await?;
        people.addresses.extend(address.flatten());
        Ok(people)
    }

    /// Takes a guest in; answers where it is delivered to.
    fn welcome(&mut self, guest: Guest) -> Option<(Uuid, florin_core::address::Address)> {
        let Guest { customer, address } = guest;
        let id = customer.id;
        self.customers.insert(id, Arc::new(customer));
        address.map(|address| (id, address))
    }

    async fn load_taxes(
        &mut self,
        tx: &mut Tx,
        contracts: &[Contract],
        served: &[Uuid],
    ) -> Result<()> {
        let products = products(tx, contracts).await?;
        let codes = products
            .into_values()
            .filter_map(|product| product.details.tax_category);
        let codes: BTreeSet<String> = codes.collect();
        if codes.is_empty() {
            return Ok(());
        }
        let entities = self.customers.values();
        let entities = entities.filter_map(|customer| customer.details.business_entity_id);
        let entities: BTreeSet<Uuid> = entities.chain(self.default_entity).collect();
        self.book = Arc::new(TaxBook::load(tx, &entities, &codes).await?);
        let entries = store::customer_address::of_customers(tx, served).await?;
        for customer in served {
            let book = entries
                .iter()
                .filter(|entry| entry.customer_id == *customer);
            if let Some(address) = delivered_to(book) {
                self.addresses.insert(*customer, address.clone());
            }
        }
        Ok(())
    }

    fn subject(&self, contract: Contract, products: &HashMap<Uuid, Product>) -> Option<Subject> {
        let header = contract.header();
        let customer = self.customers.get(&header.customer_id)?.clone();
        let payer = contract.payer(self.parents.get(&customer.id).copied());
        let paying = self.customers.get(&payer).unwrap_or(&customer);
        let entity = paying.details.business_entity_id;
        let flags = [paying, &customer].map(|one| one.details.consolidates_invoices());
        let taxed = Taxed {
            book: self.book.clone(),
            entity: entity.or(self.default_entity).unwrap_or_default(),
            address: self.addresses.get(&customer.id).cloned(),
        };
        let lines = contract.phases().iter().flat_map(|phase| &phase.lines);
        let lines = lines.map(|line| (line.id, facts(line, products)));
        Some(Subject {
            lines: lines.collect(),
            next_bill_day: None,
            look: Look::Whole,
            is_noted: false,
            customer,
            payer,
            business_entity_id: entity,
            consolidates: flags.contains(&true),
            revisions: Vec::new(),
            older: BTreeMap::new(),
            taxed,
            contract,
        })
    }
}
