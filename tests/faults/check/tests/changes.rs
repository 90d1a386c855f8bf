//! I18.

use serde_json::value::to_raw_value;
use serde_json::{Value, json};

use super::edit::Case;
use crate::check::Invariant::I18;
use crate::check::sim::World;
use crate::history::{Close, Event, Heard, Invoke, Line, Open, Outcome};

/// Makes a message say nothing, wherever it stands.
fn empty(value: &mut Value, id: &str, rev: u64) {
    match value {
        Value::Object(fields) => {
            if fields.get("_id").is_some_and(|one| one == id) && fields.contains_key("message") {
                fields.insert("message".to_owned(), json!(""));
                fields.insert("redacted".to_owned(), json!(true));
                fields.insert("rev".to_owned(), json!(rev));
            }
            fields.values_mut().for_each(|one| empty(one, id, rev));
        }
        Value::Array(all) => all.iter_mut().for_each(|one| empty(one, id, rev)),
        _ => {}
    }
}

/// Where the application redacts the first message, and what follows.
struct Redacted {
    case: Case,
    id: String,
    /// The lines of the call and its answer.
    redact: [usize; 2],
    /// The lines in which the two people hear of it.
    heard: [usize; 2],
    /// The lines of a request of the changes after 0, and its answer.
    changes: [usize; 2],
}

fn redacted() -> Redacted {
    let (mut world, one, other) = World::pair();
    world.send(one, 1);
    world.send(other, 0);
    // both stay for long after
    world.wait(20_000);
    let mut case = Case::of(world.finish());
    let sent = case.invokes("send-message")[1];
    let announced = case.envelopes("new-message").into_iter();
    let next = announced.chain([case.answer_to(sent)]).max().unwrap() + 1;
    let stored = case.dump.messages[0].clone();
    let first = case.envelopes("new-message")[0];
    let Event::Envelope { data, .. } = &case.history.lines[first - 1].event else {
        panic!("a message");
    };
    let mut message: Value = serde_json::from_str(data.get()).unwrap();
    empty(&mut message, &stored.id, 1);
    for line in next..=case.history.lines.len() {
        let says = matches!(
            &case.history.lines[line - 1].event,
            Event::Envelope { .. }
                | Event::Answer {
                    outcome: Outcome::Ok(_),
                    ..
                }
        );
        if says {
            case.edit(line, |value| empty(value, &stored.id, 1));
        }
    }
    let document = case.stored(0);
    document.message.clear();
    document.redacted = true;
    document.rev = Some(1);
    case.dump.chat_rooms[0].rev = 1;
    let raw = |value: &Value| to_raw_value(value).unwrap();
    let user = case.user_of(case.invokes("send-message")[0]).unwrap();
    let contact = message["to"]["_id"].clone();
    let (c, op) = (9_000, 9_000);
    let invoke = |c, op, event: &str, payload: Value| {
        Event::Invoke(Invoke {
            c,
            op,
            event: event.into(),
            payload: raw(&payload),
            walk: None,
        })
    };
    let answer = |c, op, ok: &Value| Event::Answer {
        c,
        op,
        outcome: Outcome::Ok(raw(ok)),
    };
    let changed = |c| Event::Envelope {
        c,
        kind: "message-changed".into(),
        data: raw(&message),
    };
    let page = json!({ "messages": [message], "hasMore": false, "rev": 1 });
    let events = vec![
        Event::Open(Open {
            c,
            u: user,
            server: 0,
            acks: false,
            wire: "api".to_owned(),
        }),
        invoke(c, op, "redact", json!({ "messageId": stored.id })),
        answer(c, op, &message),
        Event::Close {
            c,
            how: Close::Clean,
        },
        changed(one),
        changed(other),
        invoke(
            one,
            op + 1,
            "get-changes",
            json!({ "userId": contact, "afterRev": 0 }),
        ),
        answer(one, op + 1, &page),
    ];
    let t = case.history.lines[next - 2].t;
    let lines = events.into_iter().map(|event| Line { t, event });
    case.history.lines.splice(next - 1..next - 1, lines);
    case.is_clean();
    Redacted {
        case,
        id: stored.id,
        redact: [next + 1, next + 2],
        heard: [next + 4, next + 5],
        changes: [next + 6, next + 7],
    }
}

pub(super) fn a_redacted_message_is_the_same_one_that_was_sent() {
    redacted();
}

pub(super) fn a_text_that_is_shown_after_it_was_redacted_is_seen() {
    let Redacted {
        mut case,
        id,
        redact,
        ..
    } = redacted();
    let text = case.dump.messages[1].message.clone();
    let page = case.answer_to(case.invokes("get-old-messages")[0]);
    let said = case.invokes("send-message")[0];
    let Event::Invoke(sent) = &case.history.lines[said - 1].event else {
        panic!("it is sent");
    };
    let sent: Value = serde_json::from_str(sent.payload.get()).unwrap();
    assert_ne!(sent["message"], json!(text));
    case.edit(page, |page| {
        let message = &mut page["messages"][0];
        assert_eq!(message["_id"], json!(id));
        message["message"] = sent["message"].clone();
        let fields = message.as_object_mut().unwrap();
        fields.remove("redacted");
        fields.remove("rev");
    });
    case.shows(I18, &[redact[1], page]);
}

pub(super) fn a_text_that_stays_in_the_database_is_seen() {
    let mut run = redacted();
    run.case.stored(0).message.push_str("what it said");
    run.case.shows(I18, &[]);
}

pub(super) fn a_rev_that_two_messages_have_is_seen() {
    let mut run = redacted();
    let first = run.case.stored(0).clone();
    let second = run.case.stored(1);
    second.redacted = true;
    second.message.clear();
    second.rev = first.rev;
    // and nobody was shown the second one as it is
    let violations = run.case.violations();
    assert!(violations.iter().any(|violation| {
        violation.invariant == I18 && violation.what.contains("have the same rev 1")
    }));
}

pub(super) fn a_rev_beyond_that_of_the_chat_room_is_seen() {
    let mut run = redacted();
    run.case.dump.chat_rooms[0].rev = 0;
    run.case.shows(I18, &[]);
}

pub(super) fn a_change_under_another_rev_is_seen() {
    let mut run = redacted();
    run.case
        .edit(run.heard[1], |message| message["rev"] = json!(2));
    run.case.shows(I18, &[run.heard[1]]);
}

pub(super) fn a_change_that_somebody_never_hears_of_is_seen() {
    let mut run = redacted();
    run.case.remove(run.heard[0]);
    run.case.shows(I18, &run.redact);
}

pub(super) fn a_gap_that_the_changes_do_not_close_is_seen() {
    let mut run = redacted();
    run.case
        .edit(run.changes[1], |page| page["messages"] = json!([]));
    run.case.shows(I18, &run.changes);
    // nor is it better to say that there was none
    run.case.edit(run.changes[1], |page| page["rev"] = json!(0));
    run.case.shows(I18, &run.changes);
}

pub(super) fn an_event_that_tells_a_text_long_after_it_was_redacted_is_seen() {
    let run = redacted();
    let first = run.case.envelopes("new-message")[0];
    let Event::Envelope { data, .. } = &run.case.history.lines[first - 1].event else {
        panic!("a message");
    };
    let message: Value = serde_json::from_str(data.get()).unwrap();
    let heard = Heard {
        by: "pull".into(),
        taken: true,
        id: format!("message-created-{}", run.id),
        kind: "message.created".into(),
        data: to_raw_value(&json!({ "message": message })).unwrap(),
    };
    let answered = run.case.history.lines[run.redact[1] - 1].t;
    let event = Event::Heard(heard);
    for (later, is_late) in [(1_000_000, false), (30_000_000, true)] {
        let mut case = run.case.clone();
        let line = Line {
            t: answered + later,
            event: event.clone(),
        };
        case.history.lines.push(line);
        if is_late {
            let last = case.history.lines.len();
            case.shows(I18, &[run.redact[1], last]);
        } else {
            case.is_clean();
        }
    }
}
