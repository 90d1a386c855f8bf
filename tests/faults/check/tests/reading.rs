//! The format, and the form of what is reported.

use super::edit::Case;
use crate::check::sim::{Random, World, play};
use crate::check::{Invariant, MAX_TOLD, Violation};
use crate::history::{Dump, Event, History, Outcome};

fn text(history: &History) -> String {
    let mut text = Vec::new();
    history.write(&mut text).unwrap();
    String::from_utf8(text).unwrap()
}

pub(super) fn a_history_is_read_as_it_was_written() {
    let case = Case::of(play(3, Random(5).take(200)).finish());
    let written = text(&case.history);
    let read = History::read(written.as_bytes()).unwrap();
    assert_eq!(read.lines.len(), case.history.lines.len());
    assert_eq!(read.run(), case.history.run());
    assert_eq!(text(&read), written);
    let mut dumped = Vec::new();
    case.dump.write(&mut dumped).unwrap();
    let dump = Dump::read(dumped.as_slice()).unwrap();
    assert_eq!(dump.messages.len(), case.dump.messages.len());
    Case::of((read, dump)).is_clean();
}

const RUN: &str =
    r#"{"t":0,"e":"run","seed":1,"deadlineMs":1,"graceMs":1,"silentMs":1,"leaseMs":1,"slackMs":1}"#;
const OPEN: &str = r#"{"t":1,"e":"open","c":1,"u":"a","server":0,"acks":false,"wire":"ws4"}"#;

pub(super) fn a_null_result_is_an_answer() {
    let answer = r#"{"t":2,"e":"answer","c":1,"op":1,"ok":null}"#;
    let history = History::read([RUN, OPEN, answer].join("\n").as_bytes()).unwrap();
    let ok = matches!(
        &history.lines[2].event,
        Event::Answer { outcome: Outcome::Ok(ok), .. } if ok.get() == "null"
    );
    assert!(ok);
}

pub(super) fn a_history_that_breaks_its_format_is_refused() {
    let close = r#"{"t":2,"e":"close","c":1,"how":"cut"}"#;
    let refused = [
        (vec![OPEN], "line 1: is no `run`"),
        (vec![RUN, "{"], "line 2"),
        (vec![RUN, r#"{"t":1,"e":"party"}"#], "line 2"),
        (vec![RUN, RUN], "line 2: `run` again"),
        (vec![RUN, close], "line 2: connection 1 is not open"),
        (
            vec![RUN, OPEN, close, close],
            "line 4: connection 1 is not open",
        ),
        (vec![RUN, OPEN, OPEN], "line 3: connection 1 is not new"),
        (
            vec![RUN, OPEN, r#"{"t":0,"e":"close","c":1,"how":"cut"}"#],
            "line 3: time goes back",
        ),
        (
            vec![RUN, OPEN, r#"{"t":2,"e":"answer","c":1,"op":1}"#],
            "line 3",
        ),
    ];
    for (lines, reason) in refused {
        let error = History::read(lines.join("\n").as_bytes()).unwrap_err();
        let announced = format!("{error:#}");
        assert!(announced.starts_with(reason), "{announced}");
    }
}

pub(super) fn many_violations_are_counted() {
    let (mut world, one, _) = World::pair();
    for _ in 0..MAX_TOLD + 7 {
        world.send(one, 1);
    }
    world.page = 500;
    let mut case = Case::of(world.finish());
    case.is_clean();
    for stored in &mut case.dump.messages {
        stored.counts = [0, 0];
    }
    let violations = case.breaks(&[Invariant::I17]);
    assert_eq!(violations.len(), MAX_TOLD + 1);
    assert_eq!(violations[MAX_TOLD].what, "and 7 more");
}

pub(super) fn violations_name_their_lines() {
    let violation = |lines: &[usize]| Violation {
        invariant: Invariant::I7,
        what: "it is so".to_owned(),
        lines: lines.to_vec(),
    };
    assert_eq!(violation(&[]).to_string(), "I7: it is so (dump)");
    assert_eq!(violation(&[4]).to_string(), "I7: it is so (line 4)");
    assert_eq!(violation(&[4, 9]).to_string(), "I7: it is so (lines 4, 9)");
}

pub(super) fn the_same_run_is_judged_the_same() {
    let mut case = Case::of(play(4, Random(9).take(400)).finish());
    // many things are wrong
    for stored in case.dump.messages.iter_mut().step_by(3) {
        stored.seq += 1;
        stored.status = "not_sent".into();
        stored.message.push('!');
    }
    case.dump.messages.truncate(case.dump.messages.len() / 2);
    let first = case.violations();
    assert!(first.len() > 100, "{}", first.len());
    for _ in 0..5 {
        assert_eq!(case.violations(), first);
    }
}
