//! The contents of a script, each step with its line.

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;
use serde::de::{self, Deserializer};
use serde_saphyr::Spanned;

use super::{PeerError, pause};

/// How long `expect` waits when the script does not specify it.
const PATIENCE: Duration = Duration::from_mins(1);
/// Most messages of a burst.
const MAX_AT_ONCE: u32 = 1_000;

/// A script, read and checked.
#[derive(Debug)]
pub(super) struct Script {
    path: PathBuf,
    /// The other person; if absent, whoever writes first.
    pub(super) with: Option<String>,
    /// How long `expect` waits.
    pub(super) patience: Duration,
    pub(super) steps: Vec<(u64, Step)>,
}

/// One step.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Step {
    /// Writes a message.
    Say(String),
    /// Types for this long.
    Type(Pause),
    /// Reads everything after this long.
    Read(Pause),
    /// Does nothing for this long.
    Wait(Pause),
    /// Goes offline.
    Offline,
    /// Comes back.
    Online,
    /// Writes this many messages at once.
    Burst(u32),
    /// Blocks the other.
    Block,
    /// Unblocks the other.
    Unblock,
    /// Waits for a message that contains this text.
    Expect(String),
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Say(_) => "say",
            Self::Type(_) => "type",
            Self::Read(_) => "read",
            Self::Wait(_) => "wait",
            Self::Offline => "offline",
            Self::Online => "online",
            Self::Burst(_) => "burst",
            Self::Block => "block",
            Self::Unblock => "unblock",
            Self::Expect(_) => "expect",
        })
    }
}

/// A duration written as in the configuration: `500ms`, `2s`, `1m`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pause(pub(super) Duration);

impl<'de> Deserialize<'de> for Pause {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        pause::parse(&text).map(Self).map_err(de::Error::custom)
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    with: Option<String>,
    patience: Option<Pause>,
    steps: Vec<Spanned<Step>>,
}

impl Script {
    /// Reads a script from a file.
    pub(super) fn read(path: &Path) -> Result<Self, PeerError> {
        let text = std::fs::read_to_string(path).map_err(|source| PeerError::Read {
            path: path.to_owned(),
            source,
        })?;
        Self::parse(path, &text)
    }

    fn parse(path: &Path, text: &str) -> Result<Self, PeerError> {
        let mut script = Self {
            path: path.to_owned(),
            with: None,
            patience: PATIENCE,
            steps: Vec::new(),
        };
        let written: Written = serde_saphyr::from_str(text).map_err(|error| {
            let line = error.location().map_or(1, |location| location.line());
            script.wrong(line, &error.without_snippet())
        })?;
        script.with = written.with;
        script.patience = written.patience.map_or(PATIENCE, |pause| pause.0);
        for Spanned {
            value, referenced, ..
        } in written.steps
        {
            let line = referenced.line();
            if matches!(value, Step::Burst(count) if !(1..=MAX_AT_ONCE).contains(&count)) {
                let message = format!("burst: write a number from 1 to {MAX_AT_ONCE}");
                return Err(script.wrong(line, &message));
            }
            script.steps.push((line, value));
        }
        if script.steps.is_empty() {
            return Err(script.wrong(1, &"steps: there are none"));
        }
        Ok(script)
    }

    /// A line of the script that is invalid, or could not be done.
    pub(super) fn wrong(&self, line: u64, message: &dyn fmt::Display) -> PeerError {
        PeerError::Script {
            path: self.path.clone(),
            line,
            message: message.to_string(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Script, String> {
        Script::parse(Path::new("talk.yml"), text).map_err(|error| error.to_string())
    }

    #[test]
    fn every_step_is_read_with_its_line() {
        let script = parse(
            "# a talk\nwith: alice\npatience: 5s\nsteps:\n  - expect: hello\n  - read: 500ms\n\n  \
             - type: 2\n  - say: \"Hi: there\"\n  - wait: 1m\n  - offline\n  - online\n  \
             - burst: 3\n  - block\n  - unblock\n",
        )
        .unwrap();
        assert_eq!(script.with.as_deref(), Some("alice"));
        assert_eq!(script.patience, Duration::from_secs(5));
        let steps = script.steps.iter();
        let steps: Vec<String> = steps.map(|(line, step)| format!("{line} {step}")).collect();
        let expected = [
            "5 expect",
            "6 read",
            "8 type",
            "9 say",
            "10 wait",
            "11 offline",
            "12 online",
            "13 burst",
            "14 block",
            "15 unblock",
        ];
        assert_eq!(steps, expected);
    }

    #[test]
    fn a_mistake_is_reported_with_its_line() {
        for (text, line, words) in [
            ("steps:\n  - say: x\n  - sing: y\n", 3, "sing"),
            ("steps:\n  - wait: soon\n", 2, "is not a duration"),
            ("steps:\n  - say: x\n  - burst: many\n", 3, "u32"),
            ("steps:\n  - say: x\n  - burst: 0\n", 3, "from 1 to 1000"),
            ("stops:\n  - say: x\n", 1, "stops"),
            ("steps:\n  - say: x\n  - expect\n", 4, "expected string"),
            ("steps:\n  - say: [\n", 2, ""),
            ("steps: []\n", 1, "there are none"),
        ] {
            let error = parse(text).unwrap_err();
            let head = format!("talk.yml:{line}: ");
            assert!(error.starts_with(&head) && error.contains(words), "{error}");
        }
    }
}
