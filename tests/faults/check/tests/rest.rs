//! I12, I13, I16.

use serde_json::json;

use super::edit::Case;
use crate::check::Invariant::{I12, I13, I16};
use crate::check::sim::{Reply, World};
use crate::history::{Close, Event};

/// Three people; the third knows the second only.
fn three() -> Case {
    let mut world = World::of(3);
    let conns: Vec<u64> = (0..3).map(|one| world.enter(one)).collect();
    world.befriend(conns[0], 1);
    world.befriend(conns[1], 2);
    world.send(conns[0], 1);
    world.send(conns[2], 1);
    Case::of(world.finish())
}

pub(super) fn a_message_to_a_third_person_is_seen() {
    let mut case = three();
    case.is_clean();
    let line = case.envelopes("new-message")[1];
    let third = case.lines(|event| matches!(event, Event::Open(_)))[2];
    let Event::Open(open) = &case.history.lines[third - 1].event else {
        panic!("an open");
    };
    let third = open.c;
    case.double(line);
    if let Event::Envelope { c, .. } = &mut case.history.lines[line].event {
        *c = third;
    }
    let found = case.violations();
    assert!(
        found
            .iter()
            .any(|v| v.invariant == I12 && v.lines == [line + 1]),
        "{found:?}"
    );
}

pub(super) fn a_foreign_text_anywhere_is_seen() {
    let mut case = three();
    let text = case.dump.messages[1].message.clone();
    let line = case.answer_to(case.invokes("send-message")[0]);
    case.edit(line, |answer| answer["debug"] = json!({"last": [text]}));
    case.shows(I12, &[line]);
}

pub(super) fn the_presence_of_a_stranger_is_seen() {
    let mut case = three();
    let line = *case.envelopes("chat-user-status-changed").last().unwrap();
    // a person who is offline for all the checker knows
    case.edit(line, |data| {
        data["user"]["_id"] = json!("65a0ffffffffffffffffffff");
        data["status"] = json!("offline");
    });
    let found = case.violations();
    assert!(
        found
            .iter()
            .any(|v| v.invariant == I12 && v.lines == [line]),
        "{found:?}"
    );
}

/// One unknown send, whose connection stays for a while.
fn one_send() -> (Case, usize) {
    let (mut world, one, _) = World::pair();
    let draft = world.draft(0, 1);
    world.submit(one, &draft, Reply::Unknown(false));
    world.wait(10_000);
    let case = Case::of(world.finish());
    case.is_clean();
    let invoke = case.invokes("send-message")[0];
    (case, invoke)
}

pub(super) fn an_event_without_an_answer_is_seen() {
    let (mut case, invoke) = one_send();
    let answer = case.answer_to(invoke);
    case.remove(answer);
    let close = case.lines(|event| matches!(event, Event::Close { .. }))[0];
    case.shows(I13, &[invoke, close]);
}

pub(super) fn a_second_answer_is_seen() {
    let (mut case, invoke) = one_send();
    let answer = case.answer_to(invoke);
    case.double(answer);
    case.shows(I13, &[invoke, answer, answer + 1]);
}

pub(super) fn an_answer_to_nothing_is_seen() {
    let (mut case, invoke) = one_send();
    let answer = case.answer_to(invoke);
    case.double(answer);
    if let Event::Answer { op, .. } = &mut case.history.lines[answer].event {
        *op = 999_999;
    }
    case.shows(I13, &[answer + 1]);
}

/// The answer comes this much later, with everything after it.
fn late(case: &mut Case, invoke: usize, ms: u64) -> usize {
    let answer = case.answer_to(invoke);
    delay(case, answer, ms);
    answer
}

pub(super) fn a_late_answer_is_seen() {
    let (mut case, invoke) = one_send();
    late(&mut case, invoke, 5_000);
    case.is_clean();
    let answer = late(&mut case, invoke, 501);
    case.shows(I13, &[invoke, answer]);
}

/// A fault from the invocation to shortly before the answer, 6 s later.
fn while_stopped(what: &str, stops_answers: bool) -> (Case, usize) {
    let (mut case, invoke) = one_send();
    late(&mut case, invoke, 6_000);
    let id = json!(77);
    let mut begin = case.history.lines[invoke - 1].clone();
    let mut end = begin.clone();
    end.t += 5_000_000;
    end.event = Event::Healed { id: id.clone() };
    begin.event = Event::Fault {
        id,
        what: what.to_owned(),
        of: None,
        stops_answers,
        loses_writes: true,
    };
    case.history.lines.insert(invoke, end);
    case.history.lines.insert(invoke, begin);
    (case, invoke)
}

pub(super) fn a_stopped_server_may_answer_later() {
    let (case, _) = while_stopped("stop-server", true);
    case.is_clean();
}

pub(super) fn a_stopped_database_does_not_excuse_the_server() {
    let (case, invoke) = while_stopped("stop-mongod", false);
    case.shows(I13, &[invoke, case.answer_to(invoke)]);
}

pub(super) fn a_call_to_a_dead_server_ends_in_time_as_well() {
    for (what, wire) in [
        ("kill-server", "api"),
        ("kill-server", "ws4"),
        ("stop-server", "api"),
    ] {
        let (mut case, invoke) = while_stopped(what, true);
        case.remove(case.answer_to(invoke));
        let open = case.lines(|event| matches!(event, Event::Open { .. }))[0];
        if let Event::Open(open) = &mut case.history.lines[open - 1].event {
            wire.clone_into(&mut open.wire);
        }
        let close = case.lines(|event| matches!(event, Event::Close { .. }))[0];
        delay(&mut case, close, 10_000);
        case.shows(I13, &[invoke, close]);
    }
}

/// A line comes this much later, with everything after it.
fn delay(case: &mut Case, line: usize, ms: u64) {
    for line in &mut case.history.lines[line - 1..] {
        line.t += ms * 1_000;
    }
}

pub(super) fn a_closed_connection_needs_no_answer() {
    let (mut world, one, _) = World::pair();
    let draft = world.draft(0, 1);
    world.submit(one, &draft, Reply::Lost(false));
    world.close(one, Close::Lost);
    let case = Case::of(world.finish());
    case.is_clean();
}

pub(super) fn leaked_sockets_descriptors_and_memory_are_seen() {
    let (case, _) = one_send();
    let samples = case.lines(|event| matches!(event, Event::Sample(_)));
    let with = |change: &dyn Fn(&mut crate::history::Sample)| {
        let mut case = case.clone();
        if let Event::Sample(sample) = &mut case.history.lines[samples[1] - 1].event {
            change(sample);
        }
        case
    };
    with(&|after| after.fds = 46).is_clean();
    with(&|after| after.fds = 47).shows(I16, &samples);
    with(&|after| after.sockets = 1).shows(I16, &samples);
    with(&|after| after.sessions = Some(1)).shows(I16, &samples);
    with(&|after| after.tasks = Some(37)).shows(I16, &samples);
    with(&|after| after.rss_kib = 60_000 + 65_536).is_clean();
    with(&|after| after.rss_kib = 60_001 + 65_536).shows(I16, &samples);
    with(&|after| after.server = 1).shows(I16, &samples[1..]);
}
