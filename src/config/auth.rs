//! How a client proves who it is.

use super::Mode;
use super::parse;
use super::reader::Reader;

/// How a client proves who it is.
#[derive(Debug, Clone)]
pub struct AuthConfig {
    /// The mode of authentication.
    ///
    /// `CHATZZ_AUTH`, default: none for `serve`, `trusted` for `dev`, choice. `serve`
    /// refuses to start until it is chosen; `migrate` serves nobody and does not look.
    pub mode: AuthMode,
}

/// The modes of authentication.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AuthMode {
    /// Every client is believed about who it is.
    Trusted,
}

impl AuthConfig {
    pub(super) fn read(keys: &mut Reader<'_>, mode: Mode) -> Option<Self> {
        let known = [("trusted", AuthMode::Trusted)];
        let chosen = keys.read_set("CHATZZ_AUTH", |text| parse::choice(text, &known));
        let mode = match (chosen.ok()?, mode) {
            (Some(chosen), _) => chosen,
            (None, Mode::Dev | Mode::Migrate) => AuthMode::Trusted,
            (None, Mode::Serve) => {
                keys.refuse(
                    "CHATZZ_AUTH",
                    "no mode of authentication is chosen; write CHATZZ_AUTH=trusted if \
                     everybody who can reach this server may be believed about who he is, as \
                     behind a gate of your own (to try things out, run `chatzz dev`)",
                );
                return None;
            }
        };
        Some(Self { mode })
    }
}
