//! What people notice of elections.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::history::{Event, History, Outcome};
use crate::plan::{Fault, Plan, Shape, Step, Topology, generate};
use crate::profile::{LIMIT, folder, report};
use crate::programs::{self, Build};
use crate::run;

/// Elections in a run.
const ELECTIONS: usize = 6;
/// How long a step-down may hold sends up, milliseconds.
const PAUSE_WITHIN: u64 = 2_500;
/// How long it may take until a dead primary is replaced, milliseconds.
const WRITING_WITHIN: u64 = 5_000;
/// How long any answer may take, milliseconds.
const ANSWERED_WITHIN: u64 = 5_000;

/// Step-downs without a failure that a client could see.
pub(super) async fn step_downs() -> (bool, Value) {
    let seen = elect(Fault::StepDown, "step-downs").await;
    let good = seen.is_whole() && seen.failures == 0 && seen.longest <= PAUSE_WITHIN;
    (good, seen.figures())
}

/// A killed primary: writes go on soon, and everything is answered.
pub(super) async fn primary_kills() -> (bool, Value) {
    let seen = elect(Fault::KillMongod, "primary-kills").await;
    let writing = seen.writing.iter().all(|ms| *ms <= WRITING_WITHIN);
    let answered = seen.unanswered == 0 && seen.longest <= ANSWERED_WITHIN;
    let good = seen.is_whole() && writing && answered;
    (good, seen.figures())
}

/// What was seen of a run with elections.
struct Seen {
    /// No violation.
    good: bool,
    elections: usize,
    sends: usize,
    /// Sends answered with an error, by code, and connections lost.
    codes: BTreeMap<String, usize>,
    failures: usize,
    /// The longest that a send waited for its answer, milliseconds.
    longest: u64,
    /// Sends that nothing ever answered.
    unanswered: usize,
    /// From each fault to the next send that was made after it and
    /// acknowledged, milliseconds.
    writing: Vec<u64>,
}

impl Seen {
    /// Whether the run is good and tells of every election that was asked for,
    /// and of a send after each.
    fn is_whole(&self) -> bool {
        self.good && self.elections == ELECTIONS && self.writing.len() == ELECTIONS
    }

    fn figures(&self) -> Value {
        json!({
            "elections": self.elections, "sends": self.sends, "failures": self.codes,
            "unanswered": self.unanswered, "longestAnswerMs": self.longest, "writingAgainMs": self.writing,
        })
    }
}

async fn elect(fault: Fault, name: &str) -> Seen {
    let plan = Plan {
        restless: false,
        steps: vec![
            Step {
                after_ms: 4_000,
                fault
            };
            ELECTIONS
        ],
        ..generate(&Shape::peaceful(Topology::Trio, 1, 5_000), 1)
    };
    let folder = folder(name, plan.seed);
    let ran = run::run(
        &plan,
        &programs::clean(Build::Release),
        folder.clone(),
        LIMIT,
    )
    .await;
    let good = report::show(name, &ran);
    look(&run::history(&folder), good)
}

/// Reads what happened to the sends.
fn look(history: &History, good: bool) -> Seen {
    let mut seen = Seen {
        good,
        elections: 0,
        sends: 0,
        codes: BTreeMap::new(),
        failures: 0,
        longest: 0,
        unanswered: 0,
        writing: Vec::new(),
    };
    let mut invoked: BTreeMap<u64, u64> = BTreeMap::new();
    // faults after which nothing was acknowledged yet
    let mut waiting: Option<u64> = None;
    let millis = |micros: u64| micros / 1_000;
    for line in &history.lines {
        match &line.event {
            Event::Fault { .. } => {
                seen.elections += 1;
                waiting = Some(line.t);
            }
            Event::Invoke(invoke) if &*invoke.event == "send-message" => {
                invoked.insert(invoke.op, line.t);
            }
            Event::Answer { op, outcome, .. } => {
                let Some(began) = invoked.remove(op) else {
                    continue;
                };
                seen.sends += 1;
                seen.longest = seen.longest.max(millis(line.t - began));
                match outcome {
                    Outcome::Ok(_) => {
                        if let Some(fault) = waiting.take_if(|fault| began > *fault) {
                            seen.writing.push(millis(line.t - fault));
                        }
                    }
                    Outcome::Error(error) => {
                        let error: Value = serde_json::from_str(error.get()).unwrap();
                        let code = error["code"].as_str().unwrap_or_default();
                        *seen.codes.entry(code.to_owned()).or_insert(0) += 1;
                        seen.failures += 1;
                    }
                }
            }
            Event::Close {
                how: crate::history::Close::Lost,
                ..
            } => {
                *seen.codes.entry("connection lost".to_owned()).or_insert(0) += 1;
                seen.failures += 1;
            }
            _ => {}
        }
    }
    seen.unanswered = invoked.len();
    seen.failures += seen.unanswered;
    seen
}
