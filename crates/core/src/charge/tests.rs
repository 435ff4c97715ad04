//! What answers make of an attempt.

use super::*;
use crate::currency::Currency;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn open(reference: Option<&str>) -> State {
    State::Open {
        reference: reference.map(str::to_owned),
    }
}

fn action() -> State {
    State::RequiresAction {
        reference: "pi_1".to_owned(),
        url: None,
    }
}

fn succeeded() -> State {
    State::Succeeded {
        reference: "pi_1".to_owned(),
    }
}

fn failed(reference: Option<&str>) -> State {
    State::Failed {
        reference: reference.map(str::to_owned),
        code: "card_declined".to_owned(),
        message: "Your card was declined.".to_owned(),
    }
}

fn canceled(reference: Option<&str>) -> State {
    State::Canceled {
        reference: reference.map(str::to_owned),
    }
}

fn charge(state: State) -> Charge {
    Charge {
        id: Uuid::nil(),
        invoice_id: Uuid::nil(),
        customer_id: Uuid::nil(),
        connector_id: Uuid::nil(),
        customer_reference: "cus_1".to_owned(),
        method_reference: Some("pm_1".to_owned()),
        amount: Money::from_minor(1000, Currency::USD),
        ask_at: state.is_open().then(|| at(120)),
        state,
        asked: 0,
        created_at: at(0),
        updated_at: at(0),
    }
}

#[test]
fn every_pair_of_state_and_answer() {
    for (before, told, after) in [
        (open(None), open(Some("pi_1")), Some(open(Some("pi_1")))),
        (open(Some("pi_1")), open(None), None),
        (open(None), action(), Some(action())),
        (open(None), succeeded(), Some(succeeded())),
        (open(Some("pi_1")), failed(None), Some(failed(Some("pi_1")))),
        (open(None), canceled(None), Some(canceled(None))),
        (action(), action(), None),
        (action(), succeeded(), Some(succeeded())),
        (action(), failed(None), Some(failed(Some("pi_1")))),
        (action(), canceled(None), Some(canceled(Some("pi_1")))),
        // What has ended stays, unless the money came after all.
        (succeeded(), failed(None), None),
        (succeeded(), succeeded(), None),
        (succeeded(), open(None), None),
        (failed(None), canceled(None), None),
        (failed(None), action(), None),
        (failed(None), succeeded(), Some(succeeded())),
        (canceled(None), open(None), None),
        (canceled(None), succeeded(), Some(succeeded())),
    ] {
        let told_to = charge(before.clone()).told(told.clone(), at(7));
        let state = told_to.as_ref().map(|charge| charge.state.clone());
        assert_eq!(state, after, "{before:?} is told {told:?}");
        if let Some(charge) = told_to {
            assert_eq!(charge.ask_at.is_some(), charge.state.is_open());
            assert_eq!(charge.updated_at, at(7));
        }
    }
}

#[test]
fn questions_become_rarer() {
    let mut charge = charge(open(None));
    let mut pauses = Vec::new();
    for _ in 0..40 {
        charge = charge.asked_once_more(at(0));
        pauses.push(charge.ask_at.unwrap().as_second());
    }
    assert_eq!(pauses[..6], [240, 480, 960, 1920, 3600, 3600]);
    assert_eq!(pauses[39], 3600);
    let ended = super::Charge {
        state: succeeded(),
        ..charge
    };
    assert_eq!(ended.asked_once_more(at(0)).ask_at, None);
}

#[test]
fn an_unanswered_attempt_is_sent_again_as_long_as_its_key_is_known() {
    let hour = 3600;
    let on_page = Charge {
        method_reference: None,
        ..charge(open(None))
    };
    let saved = charge(open(None));
    for (charge, told, is_wanted, hours, step) in [
        (&saved, None, true, 1, Step::SendAgain),
        (&saved, None, true, 23, Step::GiveUp),
        (&saved, None, false, 1, Step::GiveUp),
        (&on_page, None, true, 1, Step::GiveUp),
        (&saved, Some(action()), true, 1, Step::Nothing),
        (&saved, Some(action()), true, 24, Step::TakeBack),
        (&saved, Some(action()), false, 1, Step::TakeBack),
        (&saved, Some(succeeded()), false, 30, Step::Nothing),
        (&saved, Some(open(None)), false, 30, Step::Nothing),
    ] {
        let found = charge.step(told.as_ref(), is_wanted, at(hours * hour));
        assert_eq!(found, step, "{told:?} {is_wanted} {hours}");
    }
}

#[test]
fn a_young_open_attempt_may_be_on_its_way() {
    assert!(charge(open(None)).may_be_on_its_way(at(119)));
    assert!(!charge(open(None)).may_be_on_its_way(at(120)));
    assert!(!charge(action()).may_be_on_its_way(at(1)));
}
