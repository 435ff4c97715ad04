//! The yardstick: the rows that a run wrote, inserted again into an empty database without computing them.

use std::time::{Duration, Instant};

use florin_app::{App, organisation};
use florin_core::{id::OrganisationId, invoice::Draft};
use florin_store::{self as store, Actor, billed_period::Billed, invoice::Invoice};
use uuid::Uuid;

use crate::seed::{World, open};

/// Invoices of one transaction, as many as a run's chunk has.
const BATCH: usize = 1_000;

/// What a run has made.
pub(crate) struct Made {
    pub(crate) drafts: Vec<Draft>,
    billed: Vec<Billed>,
}

/// Everything that the run wrote about invoices.
pub(crate) async fn drafts(app: &App, organisation: OrganisationId) -> Made {
    let mut tx = app.db.read(organisation).await.unwrap();
    let mut made = Made {
        drafts: Vec::new(),
        billed: Vec::new(),
    };
    let mut parameters = vec![("limit".to_owned(), "1000".to_owned())];
    loop {
        let query = store::list::parse(&store::invoice::LIST, &parameters).unwrap();
        let page = store::invoice::page(&mut tx, &query).await.unwrap();
        let ids: Vec<Uuid> = page.results.iter().map(|head| head.id).collect();
        let invoices = store::invoice::of_ids(&mut tx, &ids).await.unwrap();
        let drafts: Vec<Draft> = invoices.into_iter().filter_map(draft).collect();
        let parts = drafts.iter().flat_map(|draft| draft.parts());
        let parts: Vec<Uuid> = parts.map(|part| part.id).collect();
        let billed = store::billed_period::of_parts(&mut tx, &parts).await;
        made.billed.extend(billed.unwrap());
        made.drafts.extend(drafts);
        let Some(next) = page.next else { return made };
        parameters.truncate(1);
        parameters.push(("cursor".to_owned(), next));
    }
}

fn draft(invoice: Invoice) -> Option<Draft> {
    match invoice {
        Invoice::Draft(draft) => Some(draft),
        Invoice::Issued(_) => None,
    }
}

/// How long the same rows take in an empty database of the same kind.
pub(crate) async fn insert(world: &World, made: &Made) -> Duration {
    let app = open(&world.empty_database().await).await;
    let new = organisation::NewOrganisation {
        name: "Raw".to_owned(),
        is_sandbox: false,
        time_zone: "UTC".to_owned(),
    };
    let (organisation, _) = organisation::create(&app, new).await.unwrap();
    let began = Instant::now();
    let mut billed = made.billed.chunks(BATCH * 3);
    for drafts in made.drafts.chunks(BATCH) {
        let mut tx = app.begin(organisation.id, Actor::System, "").await.unwrap();
        let inserted = store::invoice::insert_drafts(&mut tx, drafts).await;
        inserted.unwrap();
        if let Some(billed) = billed.next() {
            let inserted = store::billed_period::insert(&mut tx, billed).await;
            inserted.unwrap();
        }
        tx.commit().await.unwrap();
    }
    began.elapsed()
}
