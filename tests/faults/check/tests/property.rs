//! Runs of any shape: clean ones are clean, broken ones are caught.

use proptest::prelude::{Strategy, any, prop};
use proptest::test_runner::{Config, TestCaseError, TestRunner};
use serde_json::json;

use super::edit::Case;
use crate::check::Invariant::{self, I1, I2, I3, I4, I7, I8, I9, I10, I11, I12, I13};
use crate::check::sim::{Step, play};
use crate::history::{DumpedMessage, Event, Outcome, Phase};

/// How many people, and what they do.
fn runs() -> impl Strategy<Value = (usize, Vec<Step>)> {
    (2_usize..5, prop::collection::vec(any::<Step>(), 1..120))
}

fn runner(cases: u32) -> TestRunner {
    TestRunner::new(Config {
        cases,
        failure_persistence: None,
        ..Config::default()
    })
}

pub(super) fn clean_runs_are_clean() {
    let run = runner(150).run(&runs(), |(people, steps)| {
        let violations = Case::of(play(people, steps).finish()).violations();
        let announced: Vec<String> = violations.iter().map(ToString::to_string).collect();
        if announced.is_empty() {
            return Ok(());
        }
        Err(TestCaseError::fail(announced.join("\n")))
    });
    run.unwrap();
}

/// Breaks a run in one way; the invariants of which one must be told. `None`
/// where the run has nothing to break like this.
type Break = fn(&mut Case, usize) -> Option<Vec<Invariant>>;

const BREAKS: [(&str, Break); 12] = [
    ("drop an acknowledged message", drop_acknowledged),
    ("swap two positions", swap_positions),
    ("store a message twice", store_twice),
    ("lower a status", lower_status),
    ("drop what was missed", drop_missed),
    ("tell a third person", tell_third),
    ("drift unread", drift_unread),
    ("read before the receiver", read_early),
    ("answer twice", answer_twice),
    ("make a text up", make_up),
    ("lose a message of a page", lose_of_page),
    ("show somebody wrongly", show_wrongly),
];

/// Rounds of random runs until every way was tried twice; one is the rule.
const MAX_ROUNDS: usize = 20;

pub(super) fn broken_runs_are_caught() {
    let mut broken = [0_usize; BREAKS.len()];
    let strategy = (runs(), any::<prop::sample::Index>());
    let run = |broken: &mut [usize; BREAKS.len()]| {
        let counts = std::cell::RefCell::new(*broken);
        let run = runner(40).run(&strategy, |((people, steps), index)| {
            let case = Case::of(play(people, steps).finish());
            for (number, (name, change)) in BREAKS.iter().enumerate() {
                let mut case = case.clone();
                let Some(expected) = change(&mut case, index.index(10_000)) else {
                    continue;
                };
                counts.borrow_mut()[number] += 1;
                let found = case.violations();
                let caught = found.iter().any(|v| expected.contains(&v.invariant));
                if !caught {
                    let announced: Vec<String> = found.iter().map(ToString::to_string).collect();
                    return Err(TestCaseError::fail(format!("{name}: {announced:?}")));
                }
            }
            Ok(())
        });
        *broken = counts.into_inner();
        run
    };
    // what few runs have to break takes more than one round
    for _ in 0..MAX_ROUNDS {
        run(&mut broken).unwrap();
        if broken.iter().all(|times| *times > 1) {
            break;
        }
    }
    for ((name, _), times) in BREAKS.iter().zip(broken) {
        assert!(times > 1, "{name} was tried {times} times");
    }
}

fn pick<T: Clone>(from: &[T], index: usize) -> Option<T> {
    from.get(index.checked_rem(from.len())?).cloned()
}

/// Answers to sends that were ok.
fn oks(case: &Case) -> Vec<usize> {
    let sends = case.invokes("send-message").into_iter();
    let answers = sends.filter_map(|invoke| {
        let Event::Invoke(asked) = &case.history.lines[invoke - 1].event else {
            return None;
        };
        let is_ok = |event: &Event| matches!(event, Event::Answer { op, outcome: Outcome::Ok(_), .. } if *op == asked.op);
        case.lines(is_ok).first().copied()
    });
    answers.collect()
}

fn drop_acknowledged(case: &mut Case, index: usize) -> Option<Vec<Invariant>> {
    let line = pick(&oks(case), index)?;
    let mut id = None;
    case.edit(line, |message| id = Some(message["_id"].clone()));
    let before = case.dump.messages.len();
    case.dump
        .messages
        .retain(|stored| json!(stored.id) != *id.as_ref().unwrap());
    (case.dump.messages.len() < before).then(|| vec![I1])
}

fn swap_positions(case: &mut Case, index: usize) -> Option<Vec<Invariant>> {
    let one = index.checked_rem(case.dump.messages.len())?;
    let next = one + 1;
    let same = case.dump.messages.get(next)?.chat_room == case.dump.messages[one].chat_room;
    let (first, second) = (case.dump.messages[one].seq, case.dump.messages[next].seq);
    case.stored(one).seq = second;
    case.stored(next).seq = first;
    same.then(|| vec![I4])
}

fn store_twice(case: &mut Case, index: usize) -> Option<Vec<Invariant>> {
    let mut copy = pick(&case.dump.messages, index)?;
    copy.id = "6bff0000ffffffffffffffff".into();
    let room = case
        .dump
        .messages
        .iter()
        .filter(|m| m.chat_room == copy.chat_room);
    copy.seq = room.count() as u64 + 1;
    case.dump.messages.push(copy);
    Some(vec![I3])
}

fn lower_status(case: &mut Case, index: usize) -> Option<Vec<Invariant>> {
    let read: Vec<usize> = (0..case.dump.messages.len())
        .filter(|one| case.dump.messages[*one].status == "read")
        .collect();
    let stored = case.stored(pick(&read, index)?);
    stored.status = "sent".into();
    Some(vec![I8])
}

fn drop_missed(case: &mut Case, index: usize) -> Option<Vec<Invariant>> {
    let all = case.dump.messages.clone();
    // each look goes through the whole run
    let some = all.iter().cycle().skip(index % all.len().max(1)).take(8);
    let only: Vec<_> = some.filter(|one| is_only_missed(case, one)).collect();
    let id = pick(&only, index)?.id.clone();
    for line in case.holding(&["user-details", &id]) {
        case.edit(line, |details| {
            for missed in details["missedMessages"]
                .as_object_mut()
                .unwrap()
                .values_mut()
            {
                missed
                    .as_array_mut()
                    .unwrap()
                    .retain(|m| m["_id"] != json!(id));
            }
        });
    }
    Some(vec![I7])
}

/// Whether a message reached its receiver at logins only, and they confirmed nothing to its sender.
fn is_only_missed(case: &Case, message: &DumpedMessage) -> bool {
    let user = |chat_user: &str| chat_user.replacen("65c0", "65a0", 1);
    let (from, to) = (user(&message.from), user(&message.to));
    let live = case.holding(&["\"new-message\"", &message.id]);
    let heard = live
        .iter()
        .any(|line| case.user_of(*line).as_deref() == Some(&to));
    let pages = case.holding(&["hasMore", &message.id]);
    let last_phase = case.lines(|e| matches!(e, Event::Phase(Phase::Final)))[0];
    let shown = pages.iter().any(|line| *line < last_phase);
    let confirms = case.holding(&["upTo", &format!("\"userId\":\"{from}\"")]);
    let mut confirms = confirms.into_iter();
    let confirmed = confirms.any(|line| case.user_of(line).as_deref() == Some(&to));
    !heard && !shown && !confirmed
}

fn tell_third(case: &mut Case, index: usize) -> Option<Vec<Invariant>> {
    let line = pick(&case.envelopes("new-message"), index)?;
    case.edit(line, |message| {
        let text = message["message"].as_str().unwrap().to_owned();
        let (_, number) = text.split_once(" # ").unwrap();
        message["note"] = json!(format!("65b0 > 65b1 # {number}"));
    });
    Some(vec![I12])
}

fn drift_unread(case: &mut Case, index: usize) -> Option<Vec<Invariant>> {
    let all = case.envelopes("user-details");
    let people = case.dump.chat_users.len();
    let line = pick(&all[all.len() - people..], index)?;
    case.edit(line, |details| {
        let contact = &mut details["connectedUsers"][0]["unreadCount"];
        *contact = json!(contact.as_u64().unwrap() + 1);
    });
    Some(vec![I10])
}

fn read_early(case: &mut Case, index: usize) -> Option<Vec<Invariant>> {
    let sent = case.holding(&["\"status\":\"sent\""]);
    // what is announced late may have been read in the meantime: nobody has requested anything yet
    let asked = case.holding(&["message-read"]).first().copied();
    let unread = |line: &usize| sent.contains(line) && asked.is_none_or(|asked| *line < asked);
    let heard = case.envelopes("new-message");
    let open: Vec<usize> = heard.into_iter().filter(unread).collect();
    let line = pick(&open, index)?;
    case.edit(line, |message| message["status"] = json!("read"));
    Some(vec![I8])
}

fn answer_twice(case: &mut Case, index: usize) -> Option<Vec<Invariant>> {
    let line = pick(&case.lines(|e| matches!(e, Event::Answer { .. })), index)?;
    case.double(line);
    Some(vec![I13])
}

fn make_up(case: &mut Case, index: usize) -> Option<Vec<Invariant>> {
    let line = pick(&case.envelopes("new-message"), index)?;
    case.edit(line, |message| {
        let text = message["message"].as_str().unwrap().to_owned();
        message["message"] = json!(text + " more");
    });
    Some(vec![I2])
}

fn lose_of_page(case: &mut Case, index: usize) -> Option<Vec<Invariant>> {
    let last_phase = case.lines(|e| matches!(e, Event::Phase(Phase::Final)))[0];
    let mut pages = case.holding(&["\"hasMore\"", "\"_id\""]);
    pages.retain(|line| *line > last_phase);
    let line = pick(&pages, index)?;
    case.edit(line, |page| {
        let messages = page["messages"].as_array_mut().unwrap();
        messages.remove(index % messages.len());
    });
    Some(vec![I9])
}

fn show_wrongly(case: &mut Case, index: usize) -> Option<Vec<Invariant>> {
    let user = index.checked_rem(case.dump.chat_users.len())?;
    case.dump.chat_users[user].status = Some("offline".into());
    Some(vec![I11])
}
