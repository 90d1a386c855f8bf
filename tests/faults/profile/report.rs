//! What is printed about a run.

use crate::run::{Figures, Ran};

/// Most violations that are printed; all are in the folder of the run.
const MAX_SHOWN: usize = 20;

/// Prints what came of a run, or why it did not come to its end; whether it is good.
pub(crate) fn show(name: &str, ran: &Result<Ran, String>) -> bool {
    let ran = match ran {
        Ok(ran) => ran,
        Err(late) => {
            println!("{name}: {late}");
            return false;
        }
    };
    print_figures(name, &ran.figures);
    for violation in ran.violations.iter().take(MAX_SHOWN) {
        println!("{violation}");
    }
    for failure in ran.failures.iter().take(MAX_SHOWN) {
        println!("{failure}");
    }
    if ran.is_good() {
        println!("{name}: no violation");
    } else {
        let (violations, failures) = (ran.violations.len(), ran.failures.len());
        let folder = ran.folder.display();
        println!("{name}: {violations} violations, {failures} failures, see {folder}");
    }
    ran.is_good()
}

/// One line of JSON.
pub(crate) fn print_figures(name: &str, figures: &Figures) {
    let figures = serde_json::to_string(figures).expect("figures are plain data");
    println!("{name}: {figures}");
}

/// Violations and failures as the text of a failed test.
pub(crate) fn complaints(ran: &Ran) -> String {
    let shown = ran.violations.iter().take(MAX_SHOWN);
    let mut shown: Vec<String> = shown.map(ToString::to_string).collect();
    shown.extend(ran.failures.iter().take(MAX_SHOWN).cloned());
    let shown = shown.join("\n");
    format!(
        "{} violations, {} failures; plan, history and dump are in {}\n{shown}",
        ran.violations.len(),
        ran.failures.len(),
        ran.folder.display()
    )
}
