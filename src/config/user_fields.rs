//! The allow-list of user fields: paths that can be projected and shown.

use super::parse::{Parsed, Refusal, comma_list, shown};
use super::warning::Warning;

/// Fields that chatzz itself adds to the user's own in the same object.
pub(crate) const RESERVED: [&str; 11] = [
    "status",
    "lastOnline",
    "chatRoomId",
    "unreadCount",
    "lastMessage",
    "addedBy",
    "addedAt",
    "addedWhileAway",
    "missedCount",
    "missedFrom",
    "deleted",
];

/// Parts of names that suggest secrets, without `_` and `-`, in lower case.
const SECRET: [&str; 12] = [
    "password",
    "passwd",
    "passphrase",
    "pwd",
    "hash",
    "salt",
    "token",
    "secret",
    "apikey",
    "privatekey",
    "credential",
    "otp",
];

/// The paths, `_id` first when it is not listed.
pub(super) fn parse(text: &str) -> Parsed<Vec<String>> {
    let mut fields: Vec<String> = comma_list(text).map(path).collect::<Parsed<_>>()?;
    if fields.is_empty() {
        return Err(Refusal::new(
            "the list is empty; write at least `_id`, with commas between several fields",
        ));
    }
    let mut rest = fields.as_slice();
    while let [field, others @ ..] = rest {
        rest = others;
        if others.contains(field) {
            return Err(Refusal::new(format!(
                "{} stands twice; write it once",
                shown(field)
            )));
        }
        if let Some(other) = others.iter().find(|other| collide(field, other)) {
            return Err(Refusal::new(format!(
                "{} and {} are one inside the other; write only one of them",
                shown(field),
                shown(other)
            )));
        }
    }
    // Clients identify people by `_id`, and MongoDB projects it by default.
    if !fields.iter().any(|field| field == "_id") {
        if let Some(inner) = fields.iter().find(|field| collide("_id", field)) {
            return Err(Refusal::new(format!(
                "{} is inside `_id`, which is always sent; remove it",
                shown(inner)
            )));
        }
        fields.insert(0, "_id".to_owned());
    }
    Ok(fields)
}

/// A warning for each field that looks like a secret.
pub(super) fn warnings(fields: &[String]) -> impl Iterator<Item = Warning> {
    fields
        .iter()
        .filter(|field| {
            let plain = field.to_ascii_lowercase().replace(['_', '-'], "");
            SECRET.iter().any(|part| plain.contains(part))
        })
        .map(|field| Warning::SecretField {
            field: field.clone(),
        })
}

fn path(text: &str) -> Parsed<String> {
    let bad = |part: &str| part.is_empty() || part.starts_with('$') || part.contains('\0');
    if text.split('.').any(bad) {
        return Err(Refusal::new(format!(
            "{} is not the path of a field; write names, dots inside a path and commas \
             between paths, such as `_id,name,profile.avatar`",
            shown(text)
        )));
    }
    let first = text.split('.').next().unwrap_or_default();
    if RESERVED.contains(&first) {
        return Err(Refusal::new(format!(
            "`{first}` is a field that chatzz itself sends beside the user's; remove it"
        )));
    }
    Ok(text.to_owned())
}

/// Whether one path is inside the other: no projection can contain both.
fn collide(a: &str, b: &str) -> bool {
    let inside = |outer: &str, inner: &str| {
        inner
            .strip_prefix(outer)
            .is_some_and(|rest| rest.starts_with('.'))
    };
    inside(a, b) || inside(b, a)
}
