//! `.env.example` and `docs/configuration.md`, generated from the declarations.

use std::fmt::Write as _;

use super::SECTIONS;
use super::key::{DefaultValue, Key};

const ENV_HEAD: &str = "\
# Every key of chatzz, with its default. Copy this file to `.env`, or set the
# variables in the environment, which takes precedence over the file.
#
# duration: 500ms, 5s, 2m, 1h; a bare number is seconds
# size: 512B, 256KiB, 1MiB; a bare number is bytes
# list: commas between the elements
# rate: 50/10s is fifty at once, and five a second from then on
# rates: of each socket, user or address, such as socket=50/10s,user=80/10s, or `off`
# caps: such as user=50,all=20000, or `off`
#
# In this file, put values that contain spaces, `#`, `$` or quotes in single quotes.
# Once it holds a secret, it is refused while everybody can read it: chmod 640 .env
";

const MARKDOWN_HEAD: &str = "\
# Configuration

<!-- Made by `chatzz config --markdown` from the declarations in src/config. Do not edit. -->

chatzz reads variables that begin with `CHATZZ_` from the environment and from a file `.env` in the working directory; the
environment takes precedence. `chatzz config > .env` writes a file to start from, with every key commented out; it is the
same as [.env.example](../.env.example).

* **All mistakes are reported at once**, and the server does not start until they are corrected. Values that contradict
  each other are mistakes as well, such as a time-out that can never be reached, or the secret of one mode of
  authentication beside another mode.
* **An unknown `CHATZZ_` key** is not an error. It is reported in the log, or together with the mistakes, with the key
  that was probably meant.
* **With `CHATZZ_LOG_FORMAT=json`**, mistakes are JSON lines, too.
* **Secrets can be read from files.** If a key has a second name with `_FILE`, that variable takes the path of a file
  with the value. Files with secrets, `.env` among them, are refused when everybody on the machine can read them: use
  `chmod 640`, or in Kubernetes `defaultMode: 0440` with an `fsGroup`. Values of secrets are never shown, neither in the
  log nor in a mistake.

| kind | how to write it |
|---|---|
| duration | `500ms`, `5s`, `2m` or `1h`; a bare number is seconds |
| size | `512B`, `256KiB` or `1MiB`; a bare number is bytes |
| list | commas between the elements |
| rate | `50/10s` is fifty at once, and five a second from then on |
| rates | rates of each socket, user or address, such as `socket=50/10s,user=80/10s`; a scope that is not named is not limited, and `off` limits nothing |
| caps | numbers, such as `user=50,all=20000`; the same applies |

`CHATZZ_MONGOD` (path of a `mongod`) and `CHATZZ_NATS_SERVER` (path of a `nats-server`) are read by `chatzz dev` and the
tests, `CHATZZ_CHROMIUM` (path of a browser) by the tests, `CHATZZ_PEER_TOKEN` (a token) by `chatzz peer`, and
`CHATZZ_API_URL`, `CHATZZ_KEY` and `CHATZZ_KEY_FILE` by the [commands that call the HTTP API](back-end.md#on-the-command-line).
";

/// The text of `.env.example`: every key with its default, commented out.
pub fn env_example() -> String {
    let mut text = ENV_HEAD.to_owned();
    for (title, keys) in titled() {
        let title = title.replace('`', "");
        let _ = writeln!(text, "\n# ---- {title} {}", "-".repeat(60 - title.len()));
        for key in keys {
            text.push('\n');
            for line in lines(key) {
                let _ = writeln!(text, "# {line}");
            }
            let default = match key.default {
                DefaultValue::Text(words) | DefaultValue::Rule { rule: words, .. } => words,
            };
            let _ = writeln!(text, "# {}; default: {default}", kind(key));
            let _ = writeln!(text, "#{}={}", key.name, quoted(key.example()));
            if let Some(file) = key.file {
                let _ = writeln!(text, "# Or the path of a file that holds it:");
                let _ = writeln!(text, "#{}={}", file.name, file.example);
            }
        }
    }
    text
}

/// The text of `docs/configuration.md`: every key in a table of its section.
pub fn markdown() -> String {
    let mut text = MARKDOWN_HEAD.to_owned();
    for (title, keys) in titled() {
        let _ = writeln!(
            text,
            "\n## {title}\n\n| key | default | kind | what it does |\n|---|---|---|---|"
        );
        for key in keys {
            let names: Vec<String> = key.names().map(|name| format!("`{name}`")).collect();
            let default = match key.default {
                DefaultValue::Text(value) => format!("`{value}`"),
                DefaultValue::Rule { rule, .. } => rule.to_owned(),
            };
            let what: Vec<&str> = lines(key).collect();
            let _ = writeln!(
                text,
                "| {} | {default} | {} | {} |",
                names.join(" or "),
                kind(key),
                what.join(" ")
            );
        }
    }
    text
}

/// The titles in their order, each with its keys.
fn titled() -> Vec<(&'static str, Vec<&'static Key>)> {
    let mut all: Vec<(&str, Vec<&Key>)> = Vec::new();
    for section in SECTIONS {
        match all.last_mut() {
            Some((title, keys)) if *title == section.title => keys.extend(section.keys),
            _ => all.push((section.title, section.keys.iter().collect())),
        }
    }
    all
}

/// The documentation of a key, without the space that `///` leaves before it.
fn lines(key: &Key) -> impl Iterator<Item = &'static str> {
    let lines = key.docs.iter().map(|line| line.trim());
    lines.filter(|line| !line.is_empty())
}

/// The kind of value.
fn kind(key: &Key) -> String {
    let secret = if key.is_secret { ", secret" } else { "" };
    let bounds = key.bounds.map(|(low, high)| format!(", {low} to {high}"));
    format!("{}{secret}{}", key.unit, bounds.unwrap_or_default())
}

/// A value, quoted as `.env` requires.
fn quoted(value: &str) -> String {
    if value.contains([' ', '#', '$', '"']) {
        format!("'{value}'")
    } else {
        value.to_owned()
    }
}
