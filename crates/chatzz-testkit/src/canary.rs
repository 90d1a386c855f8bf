//! Canaries: the testkit plants them in secret fields of users, in passwords and in keys
//! of the configuration, and looks for them in everything that a client receives and a
//! child process prints. So the whole run is a test of I15.

/// In the fields of users that nobody else may see.
pub const USER: &str = "canary-of-users-7d31";
/// The password of the account that servers use for the database.
pub const DATABASE: &str = "canary-of-the-database-c0f2";
/// What tokens are signed with.
pub const JWT: &str = "canary-of-the-jwt-secret-0123456789";

/// The common prefix of all of them.
const ANY: &str = "canary-of-";
/// Fewest bytes of a token that cannot occur by chance.
const FEWEST: usize = 16;

/// The canary, or the token out of these, that a text contains.
pub fn found_in(text: &[u8], tokens: &[String]) -> Option<String> {
    let text = String::from_utf8_lossy(text);
    if let Some(at) = text.find(ANY) {
        return Some(text[at..].chars().take(40).collect());
    }
    let long = tokens.iter().filter(|token| token.len() >= FEWEST);
    long.map(|token| signature(token))
        .find(|part| text.contains(part))
        .map(ToOwned::to_owned)
}

/// The secret part of a token: the part after its last dot, if it is long.
fn signature(token: &str) -> &str {
    let last = token.rsplit('.').next().unwrap_or_default();
    if last.len() >= FEWEST { last } else { token }
}

/// Fails the test if a child process printed one.
pub fn assert_unsaid(what: &str, said: &str) {
    let line = said.lines().find(|line| line.contains(ANY));
    // a test that has failed already says why
    assert!(
        line.is_none() || std::thread::panicking(),
        "{what} holds a canary: {line:?}"
    );
}
