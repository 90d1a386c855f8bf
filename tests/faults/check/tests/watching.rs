//! I11.

use super::edit::Case;
use crate::check::Invariant::I11;
use crate::check::sim::World;
use crate::history::Close;

/// The second person leaves for a while; the line of the close.
fn leaves(how: Close) -> (Case, usize) {
    let (mut world, _, other) = World::pair();
    world.wait(2_000);
    world.close(other, how);
    world.wait(10_000);
    let case = Case::of(world.finish());
    case.is_clean();
    let closed = case.lines(is_close)[0];
    (case, closed)
}

fn is_close(event: &crate::history::Event) -> bool {
    matches!(event, crate::history::Event::Close { .. })
}

fn announced(case: &Case, status: &str) -> Vec<usize> {
    let status = format!("\"status\":\"{status}\"");
    case.holding(&["chat-user-status-changed", &status])
}

pub(super) fn a_lost_offline_event_is_seen() {
    for how in [Close::Clean, Close::Cut, Close::Silent] {
        let (mut case, closed) = leaves(how);
        let offline = announced(&case, "offline")[0];
        case.remove(offline);
        let known = case.answer_to(case.invokes("add-chat-user")[0]);
        case.shows(I11, &[known, closed]);
    }
}

pub(super) fn an_offline_event_that_comes_too_late_is_seen() {
    let (mut case, closed) = leaves(Close::Clean);
    let offline = announced(&case, "offline")[0];
    case.history.lines[offline - 1].t += 3_000_000;
    let known = case.answer_to(case.invokes("add-chat-user")[0]);
    case.shows(I11, &[known, closed]);
}

pub(super) fn a_missing_online_event_is_seen() {
    let (mut world, _, other) = World::pair();
    world.close(other, Close::Clean);
    world.wait(5_000);
    world.enter(1);
    world.wait(5_000);
    let mut case = Case::of(world.finish());
    case.is_clean();
    let offline = announced(&case, "offline")[0];
    let online = announced(&case, "online")[0];
    let back = case.envelopes("user-details")[2];
    case.remove(online);
    case.shows(I11, &[offline, back]);
}

pub(super) fn a_reload_within_the_grace_is_no_departure() {
    let (mut world, _, other) = World::pair();
    world.close(other, Close::Cut);
    world.wait(300);
    world.enter(1);
    world.wait(5_000);
    let case = Case::of(world.finish());
    assert_eq!(
        announced(&case, "online").len(),
        1,
        "that of the final phase"
    );
    case.is_clean();
}

pub(super) fn a_second_connection_keeps_its_user_online() {
    let (mut world, _, other) = World::pair();
    world.enter(1);
    world.close(other, Close::Clean);
    world.wait(5_000);
    let case = Case::of(world.finish());
    case.is_clean();
}

pub(super) fn an_offline_event_while_another_connection_stays_is_seen() {
    let (mut world, one, other) = World::pair();
    world.enter(1);
    world.wait(2_000);
    world.close(other, Close::Clean);
    let closed = world.line();
    world.wait(5_000);
    let mut case = Case::of(world.finish());
    let mut offline = case.history.lines[announced(&case, "offline")[0] - 1].clone();
    offline.t = case.history.lines[closed - 1].t;
    if let crate::history::Event::Envelope { c, .. } = &mut offline.event {
        *c = one;
    }
    case.history.lines.insert(closed, offline);
    let person = case.dump.chat_users[1].user.clone();
    case.edit(closed + 1, |data| {
        data["user"]["_id"] = serde_json::json!(person);
    });
    case.shows(I11, &[closed, closed + 1]);
}

pub(super) fn a_silent_end_is_announced_after_its_bound() {
    let (case, closed) = leaves(Close::Silent);
    let offline = announced(&case, "offline")[0];
    let lines = &case.history.lines;
    assert!(lines[offline - 1].t >= lines[closed - 1].t + 2_900_000);
}

pub(super) fn a_killed_server_has_its_lease() {
    let mut world = World::of(3);
    let one = world.enter(0);
    for other in 1..3 {
        world.enter(other);
        world.befriend(one, other);
    }
    world.wait(2_000);
    world.crash(500);
    world.enter(0);
    world.wait(9_000);
    let mut case = Case::of(world.finish());
    case.is_clean();
    // the first login after it shows somebody of the dead server as online
    let line = case.envelopes("user-details")[3];
    case.edit(line, |details| {
        details["connectedUsers"][0]["status"] = serde_json::json!("online");
    });
    let found = case.breaks(&[I11]);
    assert!(found[0].lines.contains(&line), "{found:?}");
    // for less than the lease it is right
    let (mut world, _, _) = World::pair();
    world.crash(500);
    let c = world.enter(0);
    world.wait(1_000);
    world.close(c, Close::Clean);
    let mut case = Case::of(world.finish());
    let line = case.envelopes("user-details")[2];
    case.edit(line, |details| {
        details["connectedUsers"][0]["status"] = serde_json::json!("online");
    });
    case.is_clean();
}

pub(super) fn a_ghost_in_the_database_is_seen() {
    let (mut case, _) = leaves(Close::Clean);
    case.dump.chat_users[1].status = Some("offline".into());
    let last = *case.envelopes("user-details").last().unwrap();
    case.shows(I11, &[last]);
    let mut ghost = case.dump.chat_users[0].clone();
    ghost.id = "65c0ffffffffffffffffffff".into();
    ghost.user = "65a0ffffffffffffffffffff".into();
    case.dump.chat_users[1].status = Some("online".into());
    case.dump.chat_users.push(ghost);
    case.shows(I11, &[]);
}

pub(super) fn somebody_who_blocked_the_watcher_may_look_offline() {
    let (mut world, _, _) = World::pair();
    world.wait(2_000);
    let mut case = Case::of(world.finish());
    let details = case.envelopes("user-details");
    let shows = |case: &mut Case| {
        // in the final phase the first person sees the second as offline, wrongly
        case.edit(details[3], |details| {
            details["connectedUsers"][0]["status"] = serde_json::json!("offline");
        });
    };
    shows(&mut case);
    case.breaks(&[I11]);
    let add = case.invokes("add-chat-user")[0];
    let (blocker, other) = (
        case.dump.chat_users[0].user.clone(),
        case.dump.chat_users[1].user.clone(),
    );
    assert_eq!(case.user_of(add), Some(blocker));
    if let crate::history::Event::Invoke(invoke) = &mut case.history.lines[add - 1].event {
        invoke.event = "block-user".into();
    }
    case.edit(add, |payload| {
        payload["userId"] = serde_json::json!(other);
    });
    let answer = case.answer_to(add);
    case.edit(answer, |answer| {
        *answer = serde_json::json!({"blocked": true});
    });
    case.is_clean();
}
