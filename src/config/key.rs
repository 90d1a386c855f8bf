//! The type of the key table's entries.

/// One key of the configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Key {
    /// The variable, beginning with `CHATZZ_`.
    pub name: &'static str,
    /// What holds when it is not set.
    pub default: DefaultValue,
    /// What kind of value it takes.
    pub unit: &'static str,
    /// What it does and when to change it, in one line.
    pub help: &'static str,
}

/// What holds when a key is not set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DefaultValue {
    /// This text, read like a value that was set.
    Text(&'static str),
    /// Something that depends on other keys, the machine or the command.
    Told {
        /// The rule, in words.
        rule: &'static str,
        /// A value for `.env.example`.
        example: &'static str,
    },
}

impl Key {
    /// The value that stands in `.env.example`.
    pub fn example(&self) -> &'static str {
        match self.default {
            DefaultValue::Text(text) => text,
            DefaultValue::Told { example, .. } => example,
        }
    }
}

/// A key of the table.
pub(super) const fn key(
    name: &'static str,
    default: DefaultValue,
    unit: &'static str,
    help: &'static str,
) -> Key {
    Key {
        name,
        default,
        unit,
        help,
    }
}

/// A default that is read like a value.
pub(super) const fn text(text: &'static str) -> DefaultValue {
    DefaultValue::Text(text)
}

/// A default that depends on something else.
pub(super) const fn told(rule: &'static str, example: &'static str) -> DefaultValue {
    DefaultValue::Told { rule, example }
}

/// Two tables as one; `N` is the number of keys in both.
#[expect(
    clippy::indexing_slicing,
    reason = "the compiler evaluates it: out of bounds is a build error"
)]
pub(super) const fn join<const N: usize>(first: &[Key], second: &[Key]) -> [Key; N] {
    let mut all = [first[0]; N];
    let mut index = 0;
    while index < N {
        all[index] = if index < first.len() {
            first[index]
        } else {
            second[index - first.len()]
        };
        index += 1;
    }
    all
}
