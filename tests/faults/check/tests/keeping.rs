//! I2, I7, I8, I13: receipts that are kept, gaps, false failures.

use serde_json::{Value, json};

use super::edit::Case;
use crate::check::Invariant::{I2, I7, I8, I10, I13};
use crate::check::sim::{Reply, World};
use crate::history::{Close, Event, History};

/// A message that is read, and time to notify its sender.
fn read() -> Case {
    let (mut world, one, other) = World::pair();
    world.send(one, 1);
    world.read(other, 0, 1);
    world.wait(7_000);
    let case = Case::of(world.finish());
    case.is_clean();
    case
}

/// The database forgets it; the lines of the receipt.
fn forgets(case: &mut Case) {
    let invoke = case.invokes("message-read")[0];
    let lines = [invoke, case.answer_to(invoke)];
    let stored = case.stored(0);
    stored.status = "sent".into();
    let found = case.breaks(&[I8, I10]);
    let lost = found
        .iter()
        .find(|v| v.what.contains("acknowledged receipt"));
    assert_eq!(lost.expect("a lost receipt").lines, lines);
}

pub(super) fn an_acknowledged_read_that_is_not_stored_is_seen() {
    forgets(&mut read());
}

pub(super) fn an_acknowledged_read_of_one_message_that_is_not_stored_is_seen() {
    let mut case = read();
    let mut message = Value::Null;
    let announced = case.envelopes("message-status-changed")[0];
    case.edit(announced, |data| message = data.clone());
    let invoke = case.invokes("message-read")[0];
    case.edit(invoke, |payload| {
        *payload = json!({"messageId": message["_id"]});
    });
    let answer = case.answer_to(invoke);
    case.edit(answer, |answer| *answer = message);
    case.is_clean();
    forgets(&mut case);
}

pub(super) fn a_confirmed_delivery_that_is_not_stored_is_seen() {
    let (mut world, one, other) = World::pair();
    world.send(one, 1);
    world.delivered(other, 0, 1);
    let mut case = Case::of(world.finish());
    case.is_clean();
    case.stored(0).status = "not_sent".into();
    let invoke = case.invokes("message-delivered")[0];
    case.shows(I8, &[invoke, case.answer_to(invoke)]);
}

pub(super) fn a_sender_who_never_hears_of_a_read_is_seen() {
    let mut case = read();
    let announced = case.envelopes("message-status-changed")[0];
    case.remove(announced);
    let invoke = case.invokes("message-read")[0];
    case.shows(I8, &[invoke, case.answer_to(invoke)]);
    // a fault may have delayed it
    let mut fault = case.history.lines[invoke - 1].clone();
    fault.event = Event::Fault {
        id: json!(77),
        what: "stop-mongod".to_owned(),
        of: None,
        stops_answers: false,
        loses_writes: true,
    };
    let mut healed = fault.clone();
    healed.event = Event::Healed { id: json!(77) };
    case.history.lines.insert(invoke, healed);
    case.history.lines.insert(invoke, fault);
    case.is_clean();
}

pub(super) fn a_message_sent_to_nobody_is_seen() {
    let (mut world, one, other) = World::pair();
    world.close(other, Close::Clean);
    world.wait(10_000);
    world.send(one, 1);
    let mut case = Case::of(world.finish());
    case.is_clean();
    let invoke = case.invokes("send-message")[0];
    let announced = case.envelopes("new-message")[0];
    for line in [announced, case.answer_to(invoke)] {
        case.edit(line, |message| message["status"] = json!("sent"));
    }
    case.shows(I8, &[invoke, announced]);
}

pub(super) fn a_gap_on_a_connection_is_seen() {
    let (mut world, one, other) = World::pair();
    for _ in 0..3 {
        world.send(one, 1);
    }
    let mut case = Case::of(world.finish());
    case.is_clean();
    for c in [one, other] {
        let mut case = case.clone();
        let heard = case.holding(&["new-message", &format!("\"c\":{c},")]);
        case.remove(heard[1]);
        case.shows(I7, &[heard[0], heard[2] - 1]);
    }
    // with nothing received before, there is no gap to see
    let heard = case.holding(&["new-message", &format!("\"c\":{one},")]);
    case.remove(heard[0]);
    case.is_clean();
}

pub(super) fn an_error_envelope_beside_an_answer_is_seen() {
    let mut case = read();
    let answer = case.answer_to(case.invokes("send-message")[0]);
    let announced = case.envelopes("new-message")[0];
    let mut error = case.history.lines[announced - 1].clone();
    error.t = case.history.lines[answer - 1].t;
    if let Event::Envelope { kind, .. } = &mut error.event {
        *kind = "error".into();
    }
    case.history.lines.insert(answer, error);
    case.edit(answer + 1, |data| {
        *data = json!({"event": "send-message", "code": "internal", "message": "no"});
    });
    case.shows(I13, &[answer + 1]);
}

pub(super) fn a_failure_that_was_none_is_seen() {
    let (mut world, one, _) = World::pair();
    let draft = world.draft(0, 1);
    world.submit(one, &draft, Reply::Failed);
    world.submit(one, &draft, Reply::Ok);
    let mut case = Case::of(world.finish());
    case.is_clean();
    let sends = case.invokes("send-message");
    let (failed, ok) = (case.answer_to(sends[0]), case.answer_to(sends[1]));
    case.edit(ok, |message| message["duplicate"] = json!(true));
    case.shows(I2, &[failed, ok]);
    // one of which nothing is known explains it
    case.edit(failed, |error| error["code"] = json!("unknown-outcome"));
    case.is_clean();
}

pub(super) fn what_a_line_lacks_is_assumed_or_refused() {
    let run = r#"{"t":0,"e":"run","seed":1,"deadlineMs":1,"graceMs":1,"silentMs":1,"leaseMs":1,"slackMs":1}"#;
    let fault = r#"{"t":1,"e":"fault","id":1,"what":"kill-mongod"}"#;
    let history = History::read(format!("{run}\n{fault}\n").as_bytes()).unwrap();
    assert_eq!(history.run().cross_ms, 1_500);
    let Event::Fault {
        stops_answers,
        loses_writes,
        ..
    } = history.lines[1].event
    else {
        panic!("a fault");
    };
    assert!(stops_answers && loses_writes);
    let sample = r#"{"t":1,"e":"sample","server":0,"label":"after","rssKib":1,"fds":1"#;
    let with = |more: &str| History::read(format!("{run}\n{sample}{more}}}\n").as_bytes());
    with(r#","sockets":0"#).unwrap();
    let refused = with("").unwrap_err();
    assert!(format!("{refused:#}").contains("sockets"), "{refused:#}");
}
