//! I7, I8, I10.

use serde_json::json;

use super::edit::Case;
use crate::check::Invariant::{I7, I8, I10, I17};
use crate::check::sim::{Reply, World};
use crate::history::Close;

/// Two messages that wait for the second person's next login.
fn waiting() -> Case {
    let (mut world, one, other) = World::pair();
    world.close(other, Close::Clean);
    world.wait(2_000);
    world.send(one, 1);
    world.send(one, 1);
    Case::of(world.finish())
}

pub(super) fn a_message_that_never_reaches_its_receiver_is_seen() {
    let mut case = waiting();
    case.is_clean();
    let send = case.invokes("send-message")[0];
    let id = case.dump.messages[0].id.clone();
    let details = case.holding(&["user-details", &id]);
    for line in details {
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
    // the final walk shows it; that does not count
    case.shows(I7, &[send]);
}

pub(super) fn a_live_message_that_one_connection_never_hears_is_seen() {
    let (mut world, one, other) = World::pair();
    world.enter(1);
    world.send(one, 1);
    world.wait(7_000);
    let mut case = Case::of(world.finish());
    case.is_clean();
    let answer = case.answer_to(case.invokes("send-message")[0]);
    let heard = case.holding(&["new-message", &format!("\"c\":{other},")]);
    case.remove(heard[0]);
    case.shows(I7, &[answer]);
}

pub(super) fn a_message_heard_twice_on_a_connection_is_seen() {
    let (mut world, one, _) = World::pair();
    world.send(one, 1);
    let mut case = Case::of(world.finish());
    let line = case.envelopes("new-message")[1];
    case.double(line);
    case.shows(I7, &[line, line + 1]);
}

pub(super) fn live_messages_out_of_order_are_seen() {
    let (mut world, one, other) = World::pair();
    let (first, second) = (world.draft(0, 1), world.draft(0, 1));
    world.submit(one, &first, Reply::Unknown(true));
    world.submit(one, &second, Reply::Unknown(true));
    let mut case = Case::of(world.finish());
    case.is_clean();
    let heard = case.holding(&["new-message", &format!("\"c\":{other},")]);
    case.edit(heard[0], |_| {});
    // the first comes after the second
    let late = case.history.lines[heard[0] - 1].event.clone();
    case.remove(heard[0]);
    case.history.lines[heard[1] - 2].t -= 1;
    let mut moved = case.history.lines[heard[1] - 2].clone();
    moved.event = late;
    case.history.lines.insert(heard[1] - 1, moved);
    case.shows(I7, &[heard[1] - 1, heard[1]]);
}

/// The second person confirms a message and logs in again.
fn confirmed(crash: bool) -> (Case, usize) {
    let (mut world, one, other) = World::pair();
    world.send(one, 1);
    world.delivered(other, 0, 1);
    if crash {
        world.crash(300);
    } else {
        world.close(other, Close::Clean);
    }
    world.enter(1);
    let line = world.line() - 2;
    world.wait(100);
    let mut case = Case::of(world.finish());
    case.is_clean();
    let line = case
        .envelopes("user-details")
        .into_iter()
        .rfind(|one| *one <= line + 1);
    let line = line.unwrap();
    let heard = case.envelopes("new-message")[0];
    let mut message = None;
    case.edit(heard, |data| message = Some(data.clone()));
    let sender = message.as_ref().unwrap()["from"]["_id"]
        .as_str()
        .unwrap()
        .to_owned();
    case.edit(line, |details| {
        details["missedMessages"][sender] = json!([message]);
    });
    (case, line)
}

pub(super) fn a_confirmed_message_that_is_missed_again_is_seen() {
    let (case, line) = confirmed(false);
    let invoke = case.invokes("message-delivered")[0];
    case.shows(I7, &[invoke, case.answer_to(invoke), line]);
}

pub(super) fn a_confirmation_before_a_crash_may_be_lost() {
    let (case, _) = confirmed(true);
    case.is_clean();
}

/// A message, born sent, then read; line of its envelope at its sender.
fn read() -> (Case, usize) {
    let (mut world, one, other) = World::pair();
    world.send(one, 1);
    world.read(other, 0, 1);
    world.page(one, 1, None, 5, None);
    let case = Case::of(world.finish());
    case.is_clean();
    let line = case.envelopes("message-status-changed")[0];
    (case, line)
}

pub(super) fn a_status_that_goes_back_is_seen() {
    let (mut case, line) = read();
    case.double(line);
    case.edit(line + 1, |message| {
        message["status"] = json!("sent");
        message.as_object_mut().unwrap().remove("readAt");
    });
    case.shows(I8, &[line, line + 1]);
}

pub(super) fn a_range_that_says_sent_of_read_messages_is_none() {
    let (mut world, one, other) = World::pair();
    world.close(other, Close::Clean);
    world.wait(100);
    for _ in 0..3 {
        world.send(one, 1);
    }
    world.enter(1);
    let mut case = Case::of(world.finish());
    case.is_clean();
    let sent = case.envelopes("message-status-changed")[0];
    // the middle one is announced as read before the range comes
    let before = case.history.lines[sent - 1].clone();
    case.history.lines.insert(sent - 1, before);
    let second = case.dump.messages[1].clone();
    case.edit(sent, |message| {
        message["_id"] = json!(second.id);
        message["message"] = json!(second.message);
        message["clientId"] = json!(second.client_id);
        message["seq"] = json!(2);
        message["status"] = json!("read");
        message["createdAt"] = json!(
            chrono::DateTime::from_timestamp_millis(second.created_at)
                .unwrap()
                .to_rfc3339()
        );
        message.as_object_mut().unwrap().remove("range");
    });
    let violations = case.violations();
    // nobody read it, and the database does not know: nothing else is wrong
    assert!(!violations.is_empty());
    let back = violations.iter().filter(|v| v.what.contains("go back"));
    assert_eq!(back.count(), 0, "{violations:?}");
}

pub(super) fn a_page_that_shows_less_than_was_heard_is_seen() {
    let (mut case, line) = read();
    let page = case.answer_to(case.invokes("get-old-messages")[0]);
    case.edit(page, |page| {
        let message = &mut page["messages"][0];
        message["status"] = json!("sent");
        message.as_object_mut().unwrap().remove("readAt");
    });
    case.shows(I8, &[line, page]);
}

pub(super) fn a_message_read_before_its_receiver_said_so_is_seen() {
    let (mut case, line) = read();
    let invoke = case.invokes("message-read")[0];
    case.swap(invoke, line);
    case.shows(I8, &[invoke, line]);
}

pub(super) fn a_time_that_changes_is_seen() {
    let (mut case, line) = read();
    case.edit(line, |message| {
        message["readAt"] = json!("2026-11-21T00:00:00.000Z");
    });
    case.shows(I8, &[line]);
}

pub(super) fn two_times_of_one_message_are_seen() {
    let (mut case, _) = read();
    case.stored(0).read_at = None;
    case.is_clean();
    let page = case.answer_to(case.invokes("get-old-messages")[0]);
    let line = case.envelopes("message-status-changed")[0];
    case.edit(page, |page| {
        page["messages"][0]["readAt"] = json!("2026-11-21T00:00:00.000Z");
    });
    case.shows(I8, &[line, page]);
    // that nothing is known of it any more is no contradiction
    case.edit(page, |page| {
        let message = page["messages"][0].as_object_mut().unwrap();
        message.remove("readAt");
        message.remove("sentAt");
    });
    case.is_clean();
}

pub(super) fn a_read_of_one_message_reads_all_before_it() {
    let (mut world, one, other) = World::pair();
    for _ in 0..3 {
        world.send(one, 1);
    }
    world.read_one(other, 0, 3);
    world.page(one, 1, None, 5, None);
    let mut case = Case::of(world.finish());
    case.is_clean();
    let announced = case.envelopes("message-status-changed")[0];
    let page = case.answer_to(case.invokes("get-old-messages")[0]);
    // the range says no more than the last, and all before it are read all the same
    case.edit(announced, |data| {
        data.as_object_mut().unwrap().remove("range");
    });
    case.is_clean();
    case.edit(page, |page| {
        let first = page["messages"][0].as_object_mut().unwrap();
        first.insert("status".to_owned(), json!("sent"));
        first.remove("readAt");
    });
    let found = case.violations();
    let lines: Vec<_> = found
        .iter()
        .map(|v| (v.invariant, v.lines.clone()))
        .collect();
    assert!(lines.contains(&(I8, vec![announced, page])), "{found:?}");
    assert!(
        lines.iter().any(|(invariant, _)| *invariant == I17),
        "{found:?}"
    );
}

pub(super) fn a_lower_status_in_the_database_is_seen() {
    let (mut case, line) = read();
    let stored = case.stored(0);
    stored.status = "sent".into();
    let found = case.breaks(&[I8, I10]);
    assert!(found.iter().any(|v| v.invariant == I8 && v.lines == [line]));
}

pub(super) fn an_unread_count_that_drifted_is_seen() {
    let mut case = waiting();
    let line = *case
        .holding(&["user-details", "\"unreadCount\":2"])
        .last()
        .unwrap();
    case.edit(line, |details| {
        details["connectedUsers"][0]["unreadCount"] = json!(3);
    });
    case.shows(I10, &[line]);
}

/// One message is unread, of two; the second person logs in again at work.
fn read_one_of_two() -> (Case, usize) {
    let (mut world, one, other) = World::pair();
    world.send(one, 1);
    world.send(one, 1);
    world.read(other, 0, 1);
    world.enter(1);
    world.read_one(other, 0, 2);
    let case = Case::of(world.finish());
    case.is_clean();
    let line = case.holding(&["user-details", "\"unreadCount\":1"])[0];
    (case, line)
}

pub(super) fn an_unread_count_of_a_busy_hour_lies_between_recounts() {
    let (case, line) = read_one_of_two();
    let logins = case.invokes("connect-user");
    let login = logins.into_iter().rfind(|login| *login < line).unwrap();
    for wrong in [0, 2] {
        let mut case = case.clone();
        case.edit(line, |details| {
            details["connectedUsers"][0]["unreadCount"] = json!(wrong);
        });
        case.shows(I10, &[login, line]);
    }
    // while somebody reads, either may be said
    let read = case.invokes("message-read")[1];
    for announced in [0, 1] {
        let mut case = case.clone();
        let early = case.history.lines.remove(read - 1);
        case.history.lines.insert(line - 1, early);
        case.history.lines[line - 1].t = case.history.lines[line - 2].t;
        case.edit(line + 1, |details| {
            details["connectedUsers"][0]["unreadCount"] = json!(announced);
        });
        case.is_clean();
    }
}

pub(super) fn a_last_message_that_is_not_the_last_is_seen() {
    let mut case = waiting();
    let line = *case
        .holding(&["user-details", "lastMessage"])
        .last()
        .unwrap();
    case.edit(line, |details| {
        let contact = details["connectedUsers"][0].as_object_mut().unwrap();
        contact.remove("lastMessage");
    });
    case.breaks(&[I10]);
}
