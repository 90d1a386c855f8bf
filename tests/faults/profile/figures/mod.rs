//! What is promised in figures, measured.

mod elections;
mod logins;
mod restart;

use std::pin::Pin;

use serde_json::Value;

use super::runtime;

/// Something that is measured: whether it is as promised, and the figures.
type Measured = Pin<Box<dyn Future<Output = (bool, Value)>>>;

/// A part of the long profile.
pub(crate) struct Part {
    /// Its name on the command line.
    pub(crate) name: &'static str,
    measure: fn() -> Measured,
}

/// All of them.
pub(crate) const PARTS: [&Part; 5] = [
    &Part {
        name: "first-events",
        measure: || Box::pin(logins::first_events()),
    },
    &Part {
        name: "missed",
        measure: || Box::pin(logins::many_missed()),
    },
    &Part {
        name: "restart",
        measure: || Box::pin(restart::with_a_million_messages()),
    },
    &Part {
        name: "step-downs",
        measure: || Box::pin(elections::step_downs()),
    },
    &Part {
        name: "primary-kills",
        measure: || Box::pin(elections::primary_kills()),
    },
];

/// Measures and prints; whether it is as promised.
pub(crate) fn show(part: &Part) -> bool {
    let (good, figures) = runtime().block_on((part.measure)());
    let verdict = if good {
        "as promised"
    } else {
        "NOT as promised"
    };
    println!("{}: {verdict}: {figures}", part.name);
    good
}
