//! The end of mongod's log, for error texts.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;

/// How much of the log's end is looked at, in bytes.
const LOOKED_AT: u64 = 64 * 1024;
/// The most lines shown.
const LINES: usize = 10;
/// The most characters of a line shown; some of mongod's have several thousand.
const LINE_LENGTH: usize = 500;

/// Returns the last lines of a log that report a failure, or else the last lines of all.
///
/// A failing mongod still writes dozens of informational lines before it exits.
pub(super) fn tail(log: &Path) -> String {
    match read_end(log) {
        Ok(text) => pick(&text),
        Err(error) => format!("(the log cannot be read: {error})"),
    }
}

fn read_end(log: &Path) -> io::Result<String> {
    let mut file = File::open(log)?;
    let length = file.seek(SeekFrom::End(0))?;
    file.seek(SeekFrom::Start(length.saturating_sub(LOOKED_AT)))?;
    let mut bytes = Vec::new();
    file.take(LOOKED_AT).read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn pick(text: &str) -> String {
    // "I" is information, "D1" to "D5" are debugging; anything else is a warning or worse, or was
    // written before the log proper was open.
    let telling = |line: &&str| !line.contains(r#""s":"I""#) && !line.contains(r#""s":"D"#);
    let mut lines: Vec<&str> = text.lines().filter(telling).collect();
    if lines.is_empty() {
        lines = text.lines().collect();
    }
    let shown = lines.iter().skip(lines.len().saturating_sub(LINES));
    let cut: Vec<String> = shown
        .map(|line| line.chars().take(LINE_LENGTH).collect())
        .collect();
    cut.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_are_picked_from_among_information() {
        let text = "{\"s\":\"I\",\"msg\":\"starting\"}\n{\"s\":\"E\",\"msg\":\"taken\"}\n{\"s\":\"I\",\"msg\":\"exiting\"}\n";
        assert_eq!(pick(text), "{\"s\":\"E\",\"msg\":\"taken\"}");
    }

    #[test]
    fn without_a_failure_the_last_lines_are_shown_cut_to_a_length() {
        let text = format!("{}\n", r#""s":"I" ä"#.repeat(200)).repeat(LINES + 5);
        let picked = pick(&text);
        assert_eq!(picked.lines().count(), LINES);
        assert!(
            picked
                .lines()
                .all(|line| line.chars().count() == LINE_LENGTH)
        );
    }
}
