//! What a declaration says about one key.

/// One key of the configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Key {
    /// The variable, beginning with `CHATZZ_`.
    pub name: &'static str,
    /// The variable that can name a file with the value instead.
    pub file: Option<KeyFile>,
    /// The kind of value.
    pub unit: &'static str,
    /// The smallest and the largest value, both allowed.
    pub bounds: Option<(&'static str, &'static str)>,
    /// The value when it is not set.
    pub default: DefaultValue,
    /// Whether the value must be kept secret.
    pub is_secret: bool,
    /// What it does and when to change it, line by line as in the source.
    pub docs: &'static [&'static str],
}

/// The variable that names a file with the value of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyFile {
    /// The name of the key with `_FILE` at its end.
    pub name: &'static str,
    /// A path for `.env.example`.
    pub example: &'static str,
}

/// The value when a key is not set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DefaultValue {
    /// This text, parsed like a value that was set.
    Text(&'static str),
    /// Something that depends on other keys, the machine or the command.
    Rule {
        /// The rule, in words.
        rule: &'static str,
        /// A value for `.env.example`.
        example: &'static str,
    },
}

/// The keys of one part of the server.
#[derive(Debug, Clone, Copy)]
pub struct Section {
    /// The heading in the documentation. Adjacent parts with the same title are one section.
    pub title: &'static str,
    /// The keys, in the order of the documentation.
    pub keys: &'static [Key],
}

impl Key {
    /// The value shown in `.env.example`.
    pub const fn example(&self) -> &'static str {
        match self.default {
            DefaultValue::Text(text) => text,
            DefaultValue::Rule { example, .. } => example,
        }
    }

    /// The names under which it can be set.
    pub fn names(&self) -> impl Iterator<Item = &'static str> + use<> {
        [Some(self.name), self.file.map(|file| file.name)]
            .into_iter()
            .flatten()
    }
}
