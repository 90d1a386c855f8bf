//! E1 to E4, H1, and what is sent by the HTTP API.

use serde_json::value::to_raw_value;
use serde_json::{Value, json};

use super::edit::Case;
use crate::check::Invariant::{E1, E2, E3, E4, H1, I1, I2, I4, I10, I17};
use crate::check::sim::{RUN, Reply, World};
use crate::history::{Close, Event, Heard, Invoke, Line, Open, Outcome, Policy, Run, Verdict};

/// Three messages of one chat room.
fn three() -> Case {
    let (mut world, one, other) = World::pair();
    world.send(one, 1);
    world.send(other, 0);
    world.send(one, 1);
    Case::of(world.finish())
}

fn set(case: &mut Case, run: Run) {
    case.history.lines[0].event = Event::Run(run);
}

/// The event that a message of the dump was stored.
fn created(case: &Case, number: usize) -> Value {
    let stored = &case.dump.messages[number];
    let user = |chat_user: &str| {
        let mut users = case.dump.chat_users.iter();
        let user = users.find(|one| one.id == *chat_user).unwrap();
        user.user.clone()
    };
    let date = chrono::DateTime::from_timestamp_millis(stored.created_at).unwrap();
    json!({ "message": {
        "_id": stored.id, "createdAt": date.to_rfc3339(), "seq": stored.seq,
        "from": user(&stored.from), "to": user(&stored.to), "message": stored.message,
        "status": stored.status, "chatRoomId": stored.chat_room,
    } })
}

/// Writes down that a consumer was given the event of a message; its line.
fn hear(case: &mut Case, by: &str, number: usize, taken: bool) -> usize {
    let data = created(case, number);
    let id = format!("message-created-{}", case.dump.messages[number].id);
    let t = case.history.lines.last().unwrap().t;
    let event = Event::Heard(Heard {
        by: by.into(),
        taken,
        id,
        kind: "message.created".into(),
        data: to_raw_value(&data).unwrap(),
    });
    case.history.lines.push(Line { t, event });
    case.history.lines.len()
}

fn heard(case: &mut Case, line: usize) -> &mut Heard {
    match &mut case.history.lines[line - 1].event {
        Event::Heard(heard) => heard,
        other => panic!("line {line} is {other:?}"),
    }
}

/// Three messages, of all of which a consumer hears; the lines.
fn all_heard(by: &str) -> (Case, [usize; 3]) {
    let mut case = three();
    let (pulls, pushes) = (by == "pull", by == "push");
    set(
        &mut case,
        Run {
            pulls,
            pushes,
            ..RUN
        },
    );
    let lines = [0, 1, 2].map(|number| hear(&mut case, by, number, true));
    case.is_clean();
    (case, lines)
}

pub(super) fn an_acknowledged_message_of_which_a_consumer_never_hears_is_seen() {
    for by in ["pull", "push"] {
        let (mut case, lines) = all_heard(by);
        let acknowledged = case.answer_to(case.invokes("send-message")[1]);
        case.remove(lines[1]);
        case.shows(E1, &[acknowledged]);
    }
}

pub(super) fn a_consumer_that_hears_of_nothing_at_all_is_seen() {
    let mut case = three();
    set(
        &mut case,
        Run {
            pushes: true,
            ..RUN
        },
    );
    assert_eq!(case.breaks(&[E1]).len(), 3);
}

pub(super) fn an_event_that_was_refused_each_time_is_not_heard_of() {
    let (mut case, lines) = all_heard("push");
    let acknowledged = case.answer_to(case.invokes("send-message")[2]);
    heard(&mut case, lines[2]).taken = false;
    case.shows(E1, &[acknowledged]);
    let again = hear(&mut case, "push", 2, true);
    assert_eq!(again, lines[2] + 1);
    case.is_clean();
}

pub(super) fn events_of_a_chat_room_out_of_order_are_seen() {
    let (mut case, lines) = all_heard("push");
    case.swap(lines[0], lines[1]);
    case.shows(E2, &[lines[0], lines[1]]);
    // what comes once more is no matter
    let (mut case, _) = all_heard("push");
    hear(&mut case, "push", 0, true);
    case.is_clean();
}

pub(super) fn an_event_about_what_is_not_stored_is_seen() {
    let (mut case, lines) = all_heard("pull");
    let heard = heard(&mut case, lines[2]);
    let text = heard.data.get().replace("\"seq\":3", "\"seq\":4");
    heard.data = serde_json::from_str(&text).unwrap();
    case.shows(E3, &[lines[2]]);
    // also one that was not taken
    let mut case = three();
    let line = hear(&mut case, "push", 2, false);
    case.dump.messages.pop();
    case.dump.chat_rooms[0].last_seq = Some(2);
    let found = case.breaks(&[I1, I4, I10, I17, E3]);
    assert!(found.iter().any(|violation| violation.lines == [line]));
}

pub(super) fn an_event_that_makes_no_sense_is_seen() {
    let (mut case, lines) = all_heard("push");
    // it is the event of no message, then
    heard(&mut case, lines[2]).data = to_raw_value(&json!({ "message": 7 })).unwrap();
    let acknowledged = case.answer_to(case.invokes("send-message")[2]);
    let found = case.breaks(&[E1, E3]);
    assert_eq!(found[0].lines, [acknowledged]);
    assert_eq!(found[1].lines, [lines[2]]);
}

pub(super) fn an_event_that_comes_twice_to_who_stores_the_cursor_is_seen() {
    let (mut case, lines) = all_heard("pull");
    let again = hear(&mut case, "pull", 1, true);
    case.shows(E4, &[lines[1], again]);
    case.history.lines[again - 1].t += 20_000_000;
    case.shows(E4, &[lines[1], again]);
    // a server that was killed may have written it down twice
    let t = case.history.lines[again - 1].t - 8_000_000;
    let event = Event::Fault {
        id: json!(1),
        what: "kill-server".to_owned(),
        of: Some(json!({ "server": 0 })),
        stops_answers: true,
        loses_writes: true,
    };
    case.history.lines.insert(again - 1, Line { t, event });
    let event = Event::Healed { id: json!(1) };
    case.history.lines.insert(again, Line { t, event });
    case.is_clean();
}

pub(super) fn an_event_with_another_id_is_seen() {
    let (mut case, lines) = all_heard("push");
    let again = hear(&mut case, "push", 2, true);
    heard(&mut case, again).id.push_str("-again");
    case.shows(E4, &[lines[2], again]);
    let (mut case, lines) = all_heard("push");
    let id = heard(&mut case, lines[0]).id.clone();
    heard(&mut case, lines[1]).id = id;
    // the second message has no event of its own, then
    let found = case.breaks(&[E1, E4]);
    assert_eq!(found[1].lines, [lines[0], lines[1]]);
}

pub(super) fn an_event_that_says_something_else_when_it_comes_again_is_seen() {
    for (kind, is_fixed) in [("contact.added", true), ("notification.due", false)] {
        let (mut case, _) = all_heard("push");
        let lines = [7, 8].map(|said| {
            let line = hear(&mut case, "push", 0, true);
            let heard = heard(&mut case, line);
            (heard.id, heard.kind) = ("the-same".to_owned(), kind.into());
            heard.data = to_raw_value(&json!({ "said": said })).unwrap();
            line
        });
        if is_fixed {
            case.shows(E4, &lines);
        } else {
            case.is_clean();
        }
        heard(&mut case, lines[1]).kind = "user.blocked".into();
        case.shows(E4, &lines);
    }
}

/// Writes down what the application said about each message, before it was sent.
fn ask(case: &mut Case, policy: Policy, verdicts: [Option<Verdict>; 3]) {
    set(
        case,
        Run {
            hooks: Some(policy),
            ..RUN
        },
    );
    let sends = case.invokes("send-message");
    for (line, verdict) in sends.into_iter().zip(verdicts).rev() {
        let Some(verdict) = verdict else {
            continue;
        };
        let from = case.user_of(line).unwrap();
        let Event::Invoke(invoke) = &case.history.lines[line - 1].event else {
            panic!("it is invoked");
        };
        let payload: Value = serde_json::from_str(invoke.payload.get()).unwrap();
        let data = json!({ "from": from, "to": payload["userId"], "message": payload["message"] });
        let data = to_raw_value(&data).unwrap();
        let t = case.history.lines[line - 1].t;
        let event = Event::Asked { verdict, data };
        case.history.lines.insert(line, Line { t, event });
    }
}

pub(super) fn a_stored_message_that_a_hook_refused_is_seen() {
    for policy in [Policy::Refuse, Policy::Allow] {
        let mut case = three();
        ask(&mut case, policy, [Some(Verdict::Allow); 3]);
        case.is_clean();
        let mut case = three();
        let verdicts = [Verdict::Allow, Verdict::Refuse, Verdict::Allow];
        ask(&mut case, policy, verdicts.map(Some));
        let asked = case.lines(|event| matches!(event, Event::Asked { .. }))[1];
        case.shows(H1, &[asked]);
    }
}

pub(super) fn what_could_not_be_asked_follows_the_policy() {
    for unasked in [None, Some(Verdict::None)] {
        let verdicts = [Some(Verdict::Allow), unasked, Some(Verdict::Allow)];
        let mut case = three();
        ask(&mut case, Policy::Allow, verdicts);
        case.is_clean();
        let mut case = three();
        ask(&mut case, Policy::Refuse, verdicts);
        assert_eq!(case.breaks(&[H1]).len(), 1);
    }
}

pub(super) fn a_message_that_was_allowed_only_after_it_was_seen_is_seen() {
    let mut case = three();
    ask(&mut case, Policy::Refuse, [Some(Verdict::Allow); 3]);
    let asked = case.lines(|event| matches!(event, Event::Asked { .. }))[2];
    let line = case.history.lines.remove(asked - 1);
    let t = case.history.lines.last().unwrap().t;
    case.history.lines.push(Line { t, ..line });
    let last = case.history.lines.len();
    case.shows(H1, &[last]);
}

pub(super) fn a_refusal_of_which_the_application_knows_nothing_is_seen() {
    let (mut world, one, _) = World::pair();
    let draft = world.draft(0, 1);
    world.submit(one, &draft, Reply::Failed);
    let mut case = Case::of(world.finish());
    let invoke = case.invokes("send-message")[0];
    let answer = case.answer_to(invoke);
    case.edit(answer, |error| error["code"] = json!("refused"));
    ask(&mut case, Policy::Allow, [None; 3]);
    case.shows(H1, &[invoke, answer]);
    ask(
        &mut case,
        Policy::Allow,
        [Some(Verdict::Refuse), None, None],
    );
    case.is_clean();
}

/// Three messages, of which the last one is sent by the application; its answer, and the line.
fn by_api(answer: Outcome) -> (Case, usize) {
    let mut case = three();
    let invoke = case.invokes("send-message")[2];
    let answered = case.answer_to(invoke);
    let user = case.user_of(invoke).unwrap();
    // nobody is shown the key
    let stored = case.stored(2);
    let client = stored.client_id.take().unwrap();
    let key = format!(r#","clientId":"{client}""#);
    for line in &mut case.history.lines {
        let text = line.to_json().unwrap().replace(&key, "");
        *line = Line::parse(&text).unwrap();
    }
    let c = 9_000;
    let Event::Invoke(asked) = case.history.lines[invoke - 1].event.clone() else {
        panic!("it is invoked");
    };
    let mut payload: Value = serde_json::from_str(asked.payload.get()).unwrap();
    payload.as_object_mut().unwrap().remove("clientId");
    payload["key"] = json!("order-17");
    let payload = to_raw_value(&payload).unwrap();
    let op = asked.op;
    case.history.lines[invoke - 1].event = Event::Invoke(Invoke {
        c,
        payload,
        ..asked
    });
    case.history.lines[answered - 1].event = Event::Answer {
        c,
        op,
        outcome: answer,
    };
    let t = case.history.lines[answered - 1].t;
    let event = Event::Close {
        c,
        how: Close::Clean,
    };
    case.history.lines.insert(answered, Line { t, event });
    let t = case.history.lines[invoke - 1].t;
    let event = Event::Open(Open {
        c,
        u: user,
        server: 0,
        acks: false,
        wire: "api".to_owned(),
    });
    case.history.lines.insert(invoke - 1, Line { t, event });
    (case, answered + 1)
}

fn problem(stored: &str) -> Outcome {
    let problem = json!({ "code": "unavailable", "stored": stored });
    Outcome::Error(to_raw_value(&problem).unwrap())
}

pub(super) fn what_the_application_sends_obeys_the_same_rules() {
    let case = three();
    let answer = case.answer_to(case.invokes("send-message")[2]);
    let Event::Answer {
        outcome: Outcome::Ok(ok),
        ..
    } = &case.history.lines[answer - 1].event
    else {
        panic!("it was stored");
    };
    let mut message: Value = serde_json::from_str(ok.get()).unwrap();
    message.as_object_mut().unwrap().remove("clientId");
    let (mut case, answered) = by_api(Outcome::Ok(to_raw_value(&message).unwrap()));
    case.is_clean();
    case.dump.messages.pop();
    case.dump.chat_rooms[0].last_seq = Some(2);
    let violations = case.breaks(&[I1, I4, I10, I17]);
    let invoke = case.invokes("send-message")[2];
    assert_eq!(violations[0].lines, [invoke, answered]);
}

pub(super) fn what_was_stored_although_an_answer_says_no_is_a_phantom() {
    let (case, _) = by_api(problem("perhaps"));
    case.is_clean();
    let (case, answered) = by_api(problem("no"));
    let violations = case.breaks(&[I2]);
    assert!(violations[0].lines.contains(&answered));
}

pub(super) fn a_message_of_the_application_needs_no_verdict() {
    let (mut case, _) = by_api(problem("perhaps"));
    let verdicts = [Some(Verdict::Allow), Some(Verdict::Allow), None];
    ask(&mut case, Policy::Refuse, verdicts);
    case.is_clean();
}
