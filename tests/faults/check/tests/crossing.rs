//! I11 between two servers, and how much is judged.

use serde_json::json;

use super::edit::Case;
use crate::check::Invariant::{I7, I11};
use crate::check::judge;
use crate::check::sim::World;
use crate::history::{Close, Event};

/// The second person leaves for a while, perhaps from another server.
fn leaves(how: Close, server: u64) -> (Case, usize) {
    let (mut world, _, other) = World::pair();
    world.wait(6_000);
    world.close(other, how);
    world.wait(12_000);
    let mut case = Case::of(world.finish());
    let second = case.dump.chat_users[1].user.clone();
    for line in &mut case.history.lines {
        if let Event::Open(open) = &mut line.event
            && open.u == second
        {
            open.server = server;
        }
    }
    case.is_clean();
    let closed = case.lines(|event| matches!(event, Event::Close { .. }))[0];
    (case, closed)
}

/// The line that tells the first person that the second left, and the one before that
/// said that they are online.
fn announced(case: &Case) -> (usize, usize) {
    let offline = case.holding(&["chat-user-status-changed", "\"status\":\"offline\""])[0];
    (offline, case.answer_to(case.invokes("add-chat-user")[0]))
}

/// One message to somebody who may be at another server; the lines of its answer and of
/// its announcement to them.
fn sent_across(server: u64) -> (Case, usize, usize) {
    let (mut world, one, _) = World::pair();
    world.send(one, 1);
    world.wait(12_000);
    let mut case = Case::of(world.finish());
    let second = case.lines(|event| matches!(event, Event::Open(_)))[1];
    let Event::Open(open) = &mut case.history.lines[second - 1].event else {
        panic!("an open");
    };
    open.server = server;
    let receiver = open.c;
    case.is_clean();
    let answer = case.answer_to(case.invokes("send-message")[0]);
    let of_receiver = format!("\"c\":{receiver},");
    let announced = case.holding(&["new-message", &of_receiver])[0];
    (case, answer, announced)
}

pub(super) fn a_message_that_never_reaches_somebody_who_is_there_is_seen_at_any_server() {
    for server in [0, 1] {
        let (mut case, answer, announced) = sent_across(server);
        case.remove(announced);
        let answer = answer - usize::from(announced < answer);
        case.shows(I7, &[answer]);
    }
}

/// A fault from a line on, for so long.
fn fault(case: &mut Case, line: usize, ms: u64, event: Event) {
    let mut begin = case.history.lines[line - 1].clone();
    let mut end = begin.clone();
    end.t += ms * 1_000;
    end.event = Event::Healed { id: json!(77) };
    begin.event = event;
    case.history.lines.insert(line - 1, end);
    case.history.lines.insert(line - 1, begin);
}

pub(super) fn another_server_has_a_little_longer_to_announce() {
    let (mut case, closed) = leaves(Close::Clean, 1);
    let (offline, known) = announced(&case);
    case.history.lines[offline - 1].t += 1_900_000;
    case.is_clean();
    case.history.lines[offline - 1].t += 200_000;
    case.shows(I11, &[known, closed]);
    case.remove(offline);
    case.shows(I11, &[known, closed]);
}

pub(super) fn an_offline_event_about_somebody_at_another_server_is_seen() {
    let (mut case, closed) = leaves(Close::Clean, 1);
    let (offline, _) = announced(&case);
    let mut early = case.history.lines[offline - 1].clone();
    early.t = case.history.lines[closed - 1].t - 3_000_000;
    case.remove(offline);
    case.history.lines.insert(closed - 1, early);
    let there = case.envelopes("user-details")[1];
    case.shows(I11, &[there, closed]);
}

pub(super) fn people_of_a_killed_server_are_offline_after_its_lease() {
    let (mut case, closed) = leaves(Close::Lost, 1);
    let kill = Event::Fault {
        id: json!(77),
        what: "kill-server".to_owned(),
        of: Some(json!({"server": 1})),
        stops_answers: true,
        loses_writes: true,
    };
    fault(&mut case, closed, 9_000, kill);
    case.is_clean();
    // after the grace of 1 s; the bound is 4 s, a third of it, slack and cross
    let (offline, known) = announced(&case);
    case.history.lines[offline - 1].t += 6_000_000;
    case.is_clean();
    case.history.lines[offline - 1].t += 400_000;
    case.shows(I11, &[known, closed + 2]);
}

pub(super) fn a_fault_of_the_database_excuses_what_is_known_of_others_alone() {
    let database = || Event::Fault {
        id: json!(77),
        what: "stop-mongod".to_owned(),
        of: None,
        stops_answers: false,
        loses_writes: true,
    };
    for (server, excused) in [(0, false), (1, true)] {
        let (mut case, closed) = leaves(Close::Clean, server);
        let (offline, known) = announced(&case);
        case.history.lines[offline - 1].t += 3_000_000;
        fault(&mut case, closed, 2_000, database());
        if excused {
            case.is_clean();
        } else {
            case.shows(I11, &[known, closed + 2]);
        }
    }
}

pub(super) fn what_was_judged_is_counted() {
    for (server, across) in [(0, false), (1, true)] {
        let (case, _) = leaves(Close::Clean, server);
        let (_, judged) = judge(&case.history, &case.dump);
        assert!(judged.watched_us > 10_000_000, "{judged:?}");
        assert_eq!(judged.across_us > 0, across, "{judged:?}");
    }
}
