//! What is printed about a run.

use crate::run::{Figures, Ran};

/// Most violations that are printed; all are in the folder of the run.
const MOST_SHOWN: usize = 20;

/// Prints what came of a run; whether it is good.
pub(crate) fn show(name: &str, ran: &Ran) -> bool {
    print_figures(name, &ran.figures);
    for violation in ran.violations.iter().take(MOST_SHOWN) {
        println!("{violation}");
    }
    if ran.violations.is_empty() {
        println!("{name}: no violation");
    } else {
        let folder = ran.folder.display();
        println!("{name}: {} violations, see {folder}", ran.violations.len());
    }
    ran.violations.is_empty()
}

/// One line of JSON.
pub(crate) fn print_figures(name: &str, figures: &Figures) {
    let figures = serde_json::to_string(figures).expect("figures are plain data");
    println!("{name}: {figures}");
}

/// Violations as the text of a failed test.
pub(crate) fn violations(ran: &Ran) -> String {
    let shown = ran.violations.iter().take(MOST_SHOWN);
    let shown: Vec<String> = shown.map(ToString::to_string).collect();
    let shown = shown.join("\n");
    format!(
        "{} violations; plan, history and dump are in {}\n{shown}",
        ran.violations.len(),
        ran.folder.display()
    )
}
