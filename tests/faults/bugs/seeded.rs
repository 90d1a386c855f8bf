//! Which bug this process has. This file is put into the copy of chatzz that has them all.

use std::sync::OnceLock;

use crate::config::Warning;

/// The variable that names the bug; no key of the configuration.
const VARIABLE: &str = "CHATZZ_SEEDED_BUG";
/// The bugs there are, one a line, as they are announced: the name comes first.
const BUGS: &str = include_str!("seeded.txt");

static CHOSEN: OnceLock<String> = OnceLock::new();

/// Chooses the bug that the environment names; `false` when there is none of that name.
pub fn choose() -> bool {
    let Ok(name) = std::env::var(VARIABLE) else {
        say("no bug is chosen; this is as chatzz is");
        return true;
    };
    let begin = format!("`{name}`,");
    let Some(bug) = BUGS.lines().find(|line| line.starts_with(&begin)) else {
        say(&format!("there is no bug `{name}`; there are:\n{BUGS}"));
        return false;
    };
    say(&format!("BROKEN ON PURPOSE by {bug}"));
    CHOSEN.get_or_init(|| name);
    true
}

/// Whether this process has that bug.
pub(crate) fn active(bug: &str) -> bool {
    CHOSEN.get().is_some_and(|chosen| chosen == bug)
}

/// Whether a warning is about the variable, which was heard.
pub fn is_heard(warning: &Warning) -> bool {
    let is_it = matches!(warning, Warning::UnknownKey { name, .. } if name == VARIABLE);
    is_it && CHOSEN.get().is_some()
}

fn say(line: &str) {
    eprintln!("chatzz-seeded: {line}");
}
