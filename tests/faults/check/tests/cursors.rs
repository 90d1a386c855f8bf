//! I17, and what is withheld.

use serde_json::json;

use super::edit::Case;
use crate::check::Invariant::{I8, I9, I12, I17};
use crate::check::sim::World;
use crate::history::{Close, Event, NOBODY};

/// Four messages, the first two read, then the others; both people are notified of both moves.
fn read_twice() -> Case {
    let (mut world, one, other) = World::pair();
    world.enter(1);
    for _ in 0..4 {
        world.send(one, 1);
    }
    world.read(other, 0, 2);
    world.read(other, 0, 4);
    let case = Case::of(world.finish());
    case.is_clean();
    case
}

/// Two messages that waited for the second person.
fn sent_ranges() -> Case {
    let (mut world, one, other) = World::pair();
    world.close(other, Close::Clean);
    world.wait(2_000);
    world.send(one, 1);
    world.send(one, 1);
    world.enter(1);
    let case = Case::of(world.finish());
    case.is_clean();
    case
}

/// The cursors of the second person.
fn cursors(case: &mut Case) -> &mut crate::history::DumpedCursors {
    let reader = case.dump.chat_rooms[0].chat_users[1].clone();
    case.dump.chat_rooms[0].cursors.get_mut(&reader).unwrap()
}

/// Lines in which the sender is notified of moves.
fn heard(case: &Case) -> Vec<usize> {
    let sender = case.lines(|event| matches!(event, Event::Open(_)))[0];
    let Event::Open(open) = &case.history.lines[sender - 1].event else {
        panic!("an open");
    };
    let of_sender = format!("\"c\":{},", open.c);
    case.holding(&["message-status-changed", &of_sender])
}

pub(super) fn counts_that_are_no_recount_are_seen() {
    let mut case = read_twice();
    case.stored(2).counts = [2, 0];
    case.shows(I17, &[]);
}

pub(super) fn a_cursor_beyond_the_last_message_is_seen() {
    let mut case = read_twice();
    cursors(&mut case).delivered = 5;
    case.shows(I17, &[]);
}

pub(super) fn a_count_that_is_not_that_of_the_position_is_seen() {
    let mut case = read_twice();
    cursors(&mut case).read_count = 3;
    case.shows(I17, &[]);
}

pub(super) fn a_read_cursor_that_fell_is_seen() {
    let mut case = read_twice();
    let cursors = cursors(&mut case);
    (cursors.read, cursors.read_count) = (2, 2);
    let line = heard(&case)[1];
    case.shows(I17, &[line]);
}

pub(super) fn a_sent_cursor_that_fell_is_seen() {
    let mut case = sent_ranges();
    let line = heard(&case)[0];
    cursors(&mut case).sent = 1;
    case.shows(I17, &[line]);
}

pub(super) fn a_range_announced_twice_on_a_connection_is_seen() {
    for mut case in [read_twice(), sent_ranges()] {
        let line = *heard(&case).last().unwrap();
        case.double(line);
        case.shows(I17, &[line, line + 1]);
    }
}

pub(super) fn a_range_that_falls_on_a_connection_is_seen() {
    let mut case = read_twice();
    let heard = heard(&case);
    let invokes = case.invokes("message-read");
    // both are requested before either is answered
    let second = case.history.lines.remove(invokes[1] - 1);
    case.history.lines.insert(invokes[0], second);
    case.history.lines[invokes[0]].t = case.history.lines[invokes[0] - 1].t;
    let (first, second) = (heard[0] + 1, heard[1]);
    case.swap(first, second);
    let found = case.violations();
    let falls = |v: &crate::check::Violation| v.invariant == I17 && v.lines == [first, second];
    assert!(found.iter().any(falls), "{found:?}");
}

pub(super) fn a_range_with_another_time_than_others_heard_is_seen() {
    let mut case = read_twice();
    let lines = case.envelopes("message-status-changed");
    // the reader's other connection is notified that a part of it was read at another time
    let other = lines.into_iter().rfind(|line| !heard(&case).contains(line));
    let other = other.unwrap();
    for stored in &mut case.dump.messages {
        stored.read_at = None;
    }
    case.edit(other, |data| {
        data["range"] = json!({"from": 4, "to": 4});
        data["readAt"] = json!("2026-11-21T00:00:00.000Z");
    });
    let announced = heard(&case)[1];
    let found = case.breaks(&[I8, I17]);
    let lines = [announced.min(other), announced.max(other)];
    assert!(found.iter().any(|v| v.invariant == I17 && v.lines == lines));
}

pub(super) fn a_gap_between_ranges_is_none() {
    let mut case = read_twice();
    let line = heard(&case)[1];
    case.edit(line, |data| data["range"] = json!({"from": 4, "to": 4}));
    case.is_clean();
}

pub(super) fn a_page_with_a_hole_of_unread_ones_is_seen() {
    let mut case = read_twice();
    let pages = case.invokes("get-old-messages").into_iter();
    let page = pages.map(|invoke| case.answer_to(invoke)).next().unwrap();
    let mut seqs = Vec::new();
    case.edit(page, |page| {
        let messages = page["messages"].as_array_mut().unwrap();
        messages[0]["status"] = json!("sent");
        messages[0].as_object_mut().unwrap().remove("readAt");
        seqs.extend(messages.iter().map(|message| message["seq"].clone()));
    });
    assert!(seqs.len() > 1, "{seqs:?}");
    let found = case.violations();
    let hole = |v: &crate::check::Violation| v.invariant == I17 && v.lines == [page];
    assert!(found.iter().any(hole), "{found:?}");
}

/// Three messages, of which the second is withheld, and a receipt around it.
fn withheld() -> Case {
    let (mut world, one, other) = World::pair();
    for _ in 0..3 {
        world.send(one, 1);
    }
    world.read(other, 0, 1);
    world.read(other, 0, 3);
    world.page = 10;
    let mut case = Case::of(world.finish());
    let id = case.dump.messages[1].id.clone();
    let receiver = case.dump.chat_users[1].user.clone();
    let last = case.dump.messages[2].id.clone();
    // its receiver never receives it, and no receipt covers it
    let announced = case.holding(&["message-status-changed", &last]);
    for line in announced {
        case.edit(line, |data| {
            data.as_object_mut().unwrap().remove("range");
        });
    }
    let of = |case: &Case, line: usize| case.user_of(line) == Some(receiver.clone());
    let heard = case.holding(&["\"new-message\"", &id]);
    let heard: Vec<usize> = heard.into_iter().filter(|line| of(&case, *line)).collect();
    for line in heard.into_iter().rev() {
        case.remove(line);
    }
    for line in case.holding(&["hasMore", &id]) {
        let hides = of(&case, line);
        case.edit(line, |page| {
            let messages = page["messages"].as_array_mut().unwrap();
            messages.retain(|m| !hides || m["_id"] != json!(id));
            for message in messages.iter_mut().filter(|m| m["_id"] == json!(id)) {
                message["status"] = json!("sent");
                message.as_object_mut().unwrap().remove("readAt");
            }
        });
    }
    for (message, count) in case.dump.messages.iter_mut().zip([1, 1, 2]) {
        message.counts = [count, 0];
    }
    let stored = case.stored(1);
    NOBODY.clone_into(&mut stored.to);
    "sent".clone_into(&mut stored.status);
    stored.read_at = None;
    cursors(&mut case).read_count = 2;
    case
}

pub(super) fn a_withheld_message_is_no_matter() {
    withheld().is_clean();
}

pub(super) fn a_page_before_a_position_may_end_below_what_is_withheld() {
    let mut case = withheld();
    let receiver = case.dump.chat_users[1].user.clone();
    let mut asks = case.invokes("get-old-messages").into_iter();
    let ask = asks.rfind(|ask| case.user_of(*ask) == Some(receiver.clone()));
    let ask = ask.unwrap();
    case.edit(ask, |payload| payload["before"] = json!(3));
    if let Event::Invoke(invoke) = &mut case.history.lines[ask - 1].event {
        invoke.walk = None;
    }
    let answer = case.answer_to(ask);
    case.edit(answer, |page| {
        page["messages"].as_array_mut().unwrap().truncate(1);
    });
    // it is no walk any more, which is what is missing then
    let found = case.violations();
    assert!(found.iter().all(|v| v.lines.is_empty()), "{found:?}");
}

pub(super) fn a_withheld_message_that_is_read_is_seen() {
    let mut case = withheld();
    let id = case.dump.messages[1].id.clone();
    let page = case.holding(&["hasMore", &id])[0];
    case.edit(page, |page| page["messages"][1]["status"] = json!("read"));
    case.shows(I17, &[page]);
}

pub(super) fn a_range_that_covers_a_withheld_message_is_seen() {
    let mut case = withheld();
    let line = heard(&case)[1];
    case.edit(line, |data| data["range"] = json!({"from": 2, "to": 3}));
    case.shows(I17, &[line]);
}

pub(super) fn a_withheld_message_that_its_receiver_hears_is_seen() {
    let mut case = withheld();
    let id = case.dump.messages[1].id.clone();
    let line = case.holding(&["\"new-message\"", &id])[0];
    let receiver = case.lines(|event| matches!(event, Event::Open(_)))[1];
    let Event::Open(open) = &case.history.lines[receiver - 1].event else {
        panic!("an open");
    };
    let other = open.c;
    case.double(line);
    if let Event::Envelope { c, .. } = &mut case.history.lines[line].event {
        *c = other;
    }
    let found = case.breaks(&[I9, I12]);
    assert!(
        found
            .iter()
            .any(|v| v.invariant == I12 && v.lines == [line + 1])
    );
}
