//! I1, I2, I3.

use serde_json::json;

use super::edit::Case;
use crate::check::Invariant::{I1, I2, I3, I4, I7, I8, I9, I10, I17};
use crate::check::sim::{Reply, World};

/// Three messages; the second is on line `second.0`, answered on `second.1`.
fn three() -> Case {
    let (mut world, one, other) = World::pair();
    world.send(one, 1);
    world.send(one, 1);
    world.send(other, 0);
    Case::of(world.finish())
}

pub(super) fn a_clean_run_has_no_violation() {
    three().is_clean();
}

pub(super) fn an_acknowledged_message_that_is_not_stored_is_lost() {
    let mut case = three();
    let invoke = case.invokes("send-message")[2];
    let answer = case.answer_to(invoke);
    case.dump.messages.pop();
    case.dump.chat_rooms[0].last_seq = Some(2);
    // both histories and a count of unread ones show what is not stored
    let violations = case.breaks(&[I1, I4, I10, I17]);
    assert_eq!(violations[0].lines, [invoke, answer]);
}

pub(super) fn an_acknowledged_message_missing_in_a_history_is_lost() {
    let mut case = three();
    let answer = case.answer_to(case.invokes("send-message")[0]);
    let page = case.answer_to(case.invokes("get-old-messages")[0]);
    case.edit(page, |page| {
        page["messages"].as_array_mut().unwrap().remove(0);
    });
    let violations = case.breaks(&[I1, I4, I9]);
    assert_eq!(violations[0].lines, [answer, page - 1]);
}

pub(super) fn an_answer_with_another_number_than_stored_is_a_loss() {
    let mut case = three();
    let invoke = case.invokes("send-message")[0];
    let answer = case.answer_to(invoke);
    case.edit(answer, |message| message["seq"] = json!(9));
    case.shows(I1, &[invoke, answer]);
}

pub(super) fn an_unknown_outcome_may_be_stored_or_not() {
    for stored in [true, false] {
        for reply in [Reply::Unknown(stored), Reply::Lost(stored)] {
            let (mut world, one, _) = World::pair();
            let draft = world.draft(0, 1);
            world.submit(one, &draft, reply);
            let case = Case::of(world.finish());
            assert_eq!(case.dump.messages.len(), usize::from(stored));
            case.is_clean();
        }
    }
}

pub(super) fn a_stored_message_that_nobody_sent_is_a_phantom() {
    let mut case = three();
    let mut extra = case.dump.messages[2].clone();
    extra.id = "6bff0000000000000000ffff".into();
    extra.message.push_str(" and more");
    extra.client_id = Some("nobody".into());
    extra.seq = 4;
    case.dump.messages.push(extra);
    // nor did it reach anybody
    case.breaks(&[I2, I7, I10, I17]);
}

pub(super) fn a_message_seen_before_it_was_sent_is_a_phantom() {
    let mut case = three();
    let invoke = case.invokes("send-message")[2];
    case.swap(invoke, invoke + 1);
    case.shows(I2, &[invoke, invoke + 1]);
}

pub(super) fn a_failed_send_that_appears_is_a_phantom() {
    let (mut world, one, _) = World::pair();
    let draft = world.draft(0, 1);
    world.submit(one, &draft, Reply::Unknown(true));
    let mut case = Case::of(world.finish());
    case.is_clean();
    let answer = case.answer_to(case.invokes("send-message")[0]);
    case.edit(answer, |error| error["code"] = json!("unavailable"));
    let seen = case.envelopes("new-message")[0];
    case.shows(I2, &[seen, answer]);
}

pub(super) fn a_failed_try_and_an_unknown_one_may_be_stored() {
    let (mut world, one, _) = World::pair();
    let draft = world.draft(0, 1);
    world.submit(one, &draft, Reply::Failed);
    world.submit(one, &draft, Reply::Unknown(true));
    world.submit(one, &draft, Reply::Failed);
    Case::of(world.finish()).is_clean();
}

pub(super) fn an_envelope_that_makes_no_sense_is_a_phantom() {
    let (mut world, one, other) = World::pair();
    world.send(one, 1);
    world.read(other, 0, 1);
    let mut case = Case::of(world.finish());
    let line = case.envelopes("message-status-changed")[0];
    case.edit(line, |data| data["seq"] = json!("one"));
    case.shows(I2, &[line]);
}

pub(super) fn a_message_stored_twice_is_a_duplicate() {
    let mut case = three();
    let invoke = case.invokes("send-message")[2];
    let mut again = case.dump.messages[2].clone();
    again.id = "6bff0000000000000000ffff".into();
    again.seq = 4;
    case.dump.messages.push(again);
    // the copy reached nobody
    let violations = case.breaks(&[I3, I7, I10, I17]);
    assert_eq!(violations[0].lines, [invoke]);
}

fn repeated() -> Case {
    let (mut world, one, _) = World::pair();
    let draft = world.send(one, 1);
    world.submit(one, &draft, Reply::Ok);
    world.send(one, 1);
    Case::of(world.finish())
}

pub(super) fn repeats_agree_and_say_that_they_are_duplicates() {
    let mut case = repeated();
    case.is_clean();
    let [first, second, third] = case.invokes("send-message")[..] else {
        panic!("three sends");
    };
    let third = case.dump.messages[usize::from(third > second)].clone();
    let lines = [case.answer_to(first), case.answer_to(second)];
    case.edit(lines[1], |message| {
        message["_id"] = json!(third.id);
        message["seq"] = json!(third.seq);
    });
    // nor is the other message stored like this
    let violations = case.breaks(&[I1, I3, I4, I8]);
    assert!(
        violations
            .iter()
            .any(|v| v.invariant == I3 && v.lines == lines)
    );
}

pub(super) fn a_repeat_answered_as_new_is_a_violation() {
    let mut case = repeated();
    let [first, second, _] = case.invokes("send-message")[..] else {
        panic!("three sends");
    };
    let lines = [case.answer_to(first), case.answer_to(second)];
    case.edit(lines[1], |message| {
        message.as_object_mut().unwrap().remove("duplicate");
    });
    case.shows(I3, &lines);
}
