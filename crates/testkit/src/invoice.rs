//! Approved invoices of lines at given prices, without a contract. Owns set-up only.

use florin_app::{journal, wallet};
use florin_core::{
    calendar::Period,
    currency::Currency,
    id::LineId,
    invoice::{
        Approval, Draft, Freshness, Header, Issued, LineLabel, OneOffLine, approve, one_off,
    },
    ledger,
    money::Money,
    payment_terms::{PaymentTermMode, PaymentTermType, PaymentTerms},
    pricing::Model,
};
use florin_store::{self as store, Actor, Tx, invoice::Invoice};
use jiff::tz::TimeZone;
use uuid::Uuid;

use crate::TestApp;

impl TestApp {
    /// An approved invoice of a customer: one line for each price, which it shows as `Line 1`, `Line 2`… The wallet
    /// pays what it can.
    pub async fn issued(&self, customer: &str, prices: &[Money]) -> String {
        let mut tx = self.begin().await;
        let draft = self.draft(customer.parse().unwrap(), prices);
        let id = draft.id();
        store::invoice::insert_drafts(&mut tx, std::slice::from_ref(&draft))
            .await
            .unwrap();
        let (customer, currency) = (draft.header().customer_id, draft.header().currency);
        let balance = store::wallet::balance(&mut tx, customer, currency).await;
        let at = tx.at().unwrap();
        let approval = Approval {
            number: format!("INV-{}", &id.simple().to_string()[20..]),
            at,
            on: at.to_zoned(TimeZone::UTC).date(),
            wallet: balance.unwrap(),
            payment_terms: PaymentTerms {
                term_type: PaymentTermType::OnApproval,
                mode: PaymentTermMode::Relative,
                due_days: 30,
                last_day_of_month: false,
            },
        };
        let approved = approve(draft, approval).unwrap();
        let entries: Vec<_> = approved
            .wallet
            .map(|entry| (customer, entry))
            .into_iter()
            .collect();
        let approved = [approved];
        store::invoice::issue(&mut tx, &approved).await.unwrap();
        wallet::post(&self.app, &mut tx, &entries).await.unwrap();
        let events: Vec<_> = ledger::of_approval(&approved[0].invoice, None).collect();
        journal::post(&self.app, &mut tx, &events).await.unwrap();
        tx.commit().await.unwrap();
        id.to_string()
    }

    /// A draft of lines at these prices.
    pub fn draft(&self, customer: Uuid, prices: &[Money]) -> Draft {
        let ids = || self.app.ids.next();
        let day = self.app.clock.now().to_zoned(TimeZone::UTC).date();
        let currency = prices[0].currency();
        let service = Period::new(day, day.tomorrow().unwrap()).unwrap();
        let line = |(price, number): (&Money, usize)| OneOffLine {
            label: LineLabel {
                line: LineId(ids()),
                name: format!("Line {number}"),
                description: None,
                unit: "unit".to_owned(),
                units: None,
            },
            service,
            model: Model::PerUnit {
                unit_amount: price.to_major(),
            },
            quantity: 1.into(),
            discounts: Vec::new(),
            taxes: Vec::new(),
        };
        let lines = prices.iter().zip(1..).map(line).collect();
        let part = one_off(ids(), customer, currency, day, lines).unwrap();
        let header = Header::new(customer, currency, day);
        Draft::new(ids(), header, vec![part], Freshness::default()).unwrap()
    }

    /// The approved invoice with this id.
    pub async fn invoice(&self, id: &str) -> Issued {
        let mut tx = self.app.db.read(self.organisation).await.unwrap();
        let found = store::invoice::find(&mut tx, id.parse().unwrap()).await;
        match found.unwrap() {
            Some(Invoice::Issued(issued)) => issued,
            other => panic!("{id} is no approved invoice: {other:?}"),
        }
    }

    /// Where an invoice stands and what is due of it in minor units: `partially_paid 300`.
    pub async fn standing(&self, id: &str) -> String {
        let invoice = self.invoice(id).await;
        format!(
            "{} {}",
            invoice.status().as_str(),
            invoice.amount_due().minor()
        )
    }

    /// A transaction of the organisation.
    pub async fn begin(&self) -> Tx {
        let begun = self.app.begin(self.organisation, Actor::System, "").await;
        begun.unwrap()
    }
}

/// So many cents of a US dollar.
pub fn cents(minor: i64) -> Money {
    Money::from_minor(minor, Currency::USD)
}
