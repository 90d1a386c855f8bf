//! I4, I5, I6, I9.

use serde_json::json;

use super::edit::Case;
use crate::check::Invariant::{I4, I5, I6, I9, I10};
use crate::check::sim::{Reply, World};

/// Seven messages of the first person, so that the final walks have pages.
fn seven() -> Case {
    let (mut world, one, _) = World::pair();
    for _ in 0..7 {
        world.send(one, 1);
    }
    Case::of(world.finish())
}

pub(super) fn a_gap_in_the_numbers_is_seen() {
    let mut case = seven();
    case.is_clean();
    let mut number = |from: u64, to: u64| {
        for line in case.holding(&[&format!("\"seq\":{from}")]) {
            case.edit(line, |value| renumber(value, from, to));
        }
    };
    number(7, 8);
    case.stored(6).seq = 8;
    case.dump.chat_rooms[0].last_seq = Some(8);
    // and the newest page has a hole
    let violations = case.breaks(&[I4, I9]);
    assert!(violations[0].what.contains("where 7 comes next"));
}

/// Gives a message another number, wherever it is.
fn renumber(value: &mut serde_json::Value, from: u64, to: u64) {
    match value {
        serde_json::Value::Object(fields) => {
            for (name, field) in fields {
                if name == "seq" && *field == json!(from) {
                    *field = json!(to);
                } else {
                    renumber(field, from, to);
                }
            }
        }
        serde_json::Value::Array(items) => {
            for item in items {
                renumber(item, from, to);
            }
        }
        _ => {}
    }
}

pub(super) fn times_that_go_back_are_seen() {
    let (mut world, one, _) = World::pair();
    let (first, second) = (world.plain(0, 1), world.plain(0, 1));
    world.submit(one, &first, Reply::Ok);
    world.wait(50);
    world.submit(one, &second, Reply::Ok);
    let mut case = Case::of(world.finish());
    case.is_clean();
    case.stored(0).created_at += 1_000;
    let violations = case.breaks(&[I4]);
    assert!(violations.iter().any(|v| v.what.contains("is older")));
}

pub(super) fn a_message_shown_under_another_number_is_seen() {
    let mut case = seven();
    let line = case.envelopes("new-message")[13];
    case.edit(line, |message| message["seq"] = json!(9));
    case.shows(I4, &[line]);
}

pub(super) fn two_chat_rooms_of_a_pair_are_seen() {
    let mut case = seven();
    let mut second = case.dump.chat_rooms[0].clone();
    second.id = "6b00fffffffffffffffffff1".into();
    second.last_seq = None;
    second.cursors.clear();
    case.dump.chat_rooms.insert(0, second);
    // nobody has walked through the second
    let violations = case.breaks(&[I4, I9]);
    assert!(violations[0].what.contains("two chat rooms"));
}

pub(super) fn a_history_in_another_order_is_seen() {
    let mut case = seven();
    let page = case.answer_to(case.invokes("get-old-messages")[0]);
    case.edit(page, |page| {
        page["messages"].as_array_mut().unwrap().swap(0, 1);
    });
    let violations = case.breaks(&[I4, I9]);
    assert_eq!(violations[0].lines, [page]);
}

/// Two messages of two people, the second after the first was acknowledged.
fn two_people() -> Case {
    let (mut world, one, other) = World::pair();
    world.send(one, 1);
    world.send(other, 0);
    Case::of(world.finish())
}

pub(super) fn a_later_send_with_a_lower_number_breaks_real_time() {
    let mut case = two_people();
    case.is_clean();
    let sends = case.invokes("send-message");
    let lines = [case.answer_to(sends[0]), sends[1]];
    exchange_first_two(&mut case);
    let found = case.violations();
    assert!(
        found.iter().any(|v| v.invariant == I5 && v.lines == lines),
        "{found:?}"
    );
}

/// Gives the first two messages each other's number everywhere but in time.
fn exchange_first_two(case: &mut Case) {
    for line in case.holding(&["\"seq\":"]) {
        case.edit(line, |value| {
            renumber(value, 1, 99);
            renumber(value, 2, 1);
            renumber(value, 99, 2);
            if let Some(page) = value.get_mut("messages").and_then(|m| m.as_array_mut()) {
                page.sort_by_key(|message| message["seq"].as_u64());
            }
        });
    }
    case.stored(0).seq = 2;
    case.stored(1).seq = 1;
    let first = case.dump.messages[0].created_at;
    let second = case.dump.messages[1].created_at;
    assert!(first <= second);
}

pub(super) fn overlapping_sends_may_be_stored_in_any_order() {
    let mut case = two_people();
    let sends = case.invokes("send-message");
    // the second is invoked before the first is answered
    let second = case.history.lines.remove(sends[1] - 1);
    let first = case.history.lines[sends[0] - 1].clone();
    case.history.lines.insert(sends[0] - 1, second);
    case.history.lines[sends[0] - 1].t = first.t;
    case.is_clean();
    exchange_first_two(&mut case);
    let found = case.violations();
    assert!(found.iter().all(|v| v.invariant != I5), "{found:?}");
}

pub(super) fn a_burst_of_one_connection_keeps_its_order() {
    let (mut world, one, _) = World::pair();
    for _ in 0..2 {
        let draft = world.plain(0, 1);
        world.submit(one, &draft, Reply::Unknown(true));
    }
    let mut case = Case::of(world.finish());
    case.is_clean();
    let sends = case.invokes("send-message");
    exchange_first_two(&mut case);
    let found = case.violations();
    assert!(
        found.iter().any(|v| v.invariant == I6 && v.lines == sends),
        "{found:?}"
    );
    assert!(found.iter().all(|v| v.invariant != I5), "{found:?}");
}

pub(super) fn a_page_with_a_hole_is_seen() {
    let (mut world, one, _) = World::pair();
    for _ in 0..5 {
        world.send(one, 1);
    }
    world.page_after(one, 1, 1, 4);
    let mut case = Case::of(world.finish());
    case.is_clean();
    let ask = case.invokes("get-old-messages")[0];
    let page = case.answer_to(ask);
    case.edit(page, |page| {
        page["messages"].as_array_mut().unwrap().remove(1);
    });
    let violations = case.breaks(&[I9]);
    assert!(violations[0].what.contains("goes on with number 4 after 2"));
    assert!(violations[0].lines.ends_with(&[ask, page]));
}

pub(super) fn a_page_older_than_what_was_acknowledged_is_seen() {
    let (mut world, one, other) = World::pair();
    world.send(one, 1);
    world.send(one, 1);
    world.page(other, 0, None, 9, None);
    let mut case = Case::of(world.finish());
    case.is_clean();
    let page = case.answer_to(case.invokes("get-old-messages")[0]);
    case.edit(page, |page| {
        page["messages"].as_array_mut().unwrap().pop();
    });
    let violations = case.breaks(&[I9]);
    assert!(
        violations[0]
            .what
            .contains("ends with number 1, and 2 was known")
    );
}

pub(super) fn pages_of_a_walk_that_overlap_are_seen() {
    let mut case = seven();
    let asks = case.invokes("get-old-messages");
    let (newer, older) = (case.answer_to(asks[0]), case.answer_to(asks[1]));
    let mut newest = None;
    case.edit(newer, |page| newest = Some(page["messages"][0].clone()));
    case.edit(older, |page| {
        page["messages"]
            .as_array_mut()
            .unwrap()
            .push(newest.unwrap());
    });
    let violations = case.breaks(&[I4, I9]);
    assert!(violations.iter().any(|v| v.lines == [newer, older]));
}

pub(super) fn a_message_that_vanishes_from_the_history_is_seen() {
    let (mut world, one, _) = World::pair();
    let draft = world.draft(0, 1);
    world.submit(one, &draft, Reply::Unknown(true));
    let mut case = Case::of(world.finish());
    case.is_clean();
    case.dump.messages.clear();
    case.dump.chat_rooms[0].last_seq = Some(0);
    case.dump.chat_rooms[0].cursors.clear();
    for ask in case.invokes("get-old-messages") {
        case.edit(case.answer_to(ask), |page| page["messages"] = json!([]));
    }
    // it was seen, though never acknowledged
    let violations = case.breaks(&[I9, I10]);
    assert!(violations.iter().any(|v| v.what.contains("is gone")));
}

pub(super) fn a_final_walk_that_stops_early_is_seen() {
    let mut case = seven();
    let last = *case.invokes("get-old-messages").last().unwrap();
    let answer = case.answer_to(last);
    case.remove(answer);
    case.remove(last);
    let violations = case.breaks(&[I9]);
    assert!(
        violations[0]
            .what
            .contains("did not read the whole history")
    );
}
