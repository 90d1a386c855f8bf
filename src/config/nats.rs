//! NATS, which carries at once what several servers have to tell each other.

use std::path::{Path, PathBuf};

use secrecy::SecretString;
use sha2::{Digest as _, Sha256};
use url::Url;

use super::nats_url::NatsUrl;
use super::parse::{self, Parsed, Refusal, shown};
use super::reader::Reader;
use super::secret;
use super::warning::Warning;

const URL: &str = "CHATZZ_NATS_URL";
const URL_FILE: &str = "CHATZZ_NATS_URL_FILE";
const CREDENTIALS_FILE: &str = "CHATZZ_NATS_CREDENTIALS_FILE";
const CA_FILE: &str = "CHATZZ_NATS_CA_FILE";
/// The longest prefix, in bytes.
const MAX_PREFIX: usize = 64;
/// The port of a URL that names none.
const PORT: u16 = 4222;
/// Bytes of the digest that is compared.
const DIGEST_BYTES: usize = 8;

section! {
    /// NATS, which carries at once what several servers have to tell each other.
    pub struct NatsConfig in "NATS" {
        /// The URL of NATS, or several with commas between them, for deployments of several servers.
        /// `tls://` demands TLS; a user with a password, or a token, stands before the `@`. Write the
        /// same for every server of a deployment. Without it, servers find out through MongoDB.
        url: Option<NatsUrl> =
            secret("CHATZZ_NATS_URL" or_file "/run/secrets/chatzz-nats-url", "list of URLs",
                unset("none", None, "tls://chatzz:write-a-password@nats.example.org:4222"),
                NatsUrl::parse),
        /// The beginning of every subject that chatzz uses.
        /// Change it when the account at NATS may use other subjects only.
        prefix: String = key("CHATZZ_NATS_PREFIX", "text", default("chatzz."), prefix),
        /// The credentials file (`.creds`) of the account at NATS, instead of a login in the URL.
        /// It must not be readable by everybody: use `chmod o-rwx`.
        credentials_file: Option<PathBuf> =
            key("CHATZZ_NATS_CREDENTIALS_FILE", "path",
                unset("none", None, "/run/secrets/chatzz-nats.creds"), parse::file),
        /// The authorities, as PEM, that sign the certificates of NATS.
        /// Without it, those that this machine trusts. A changed file is used from the next connection.
        ca_file: Option<PathBuf> =
            key("CHATZZ_NATS_CA_FILE", "path",
                unset("those of the machine", None, "/etc/chatzz/nats-ca.pem"), parse::file),
    }
    check(keys) {
        refuse_stray(keys);
        if let (Ok(Some(url)), Ok(credentials)) = (&url, &credentials_file) {
            check_login(keys, url, credentials.as_deref());
        }
        if let (Ok(Some(url)), Ok(Some(file))) = (&url, &ca_file) {
            check_ca(keys, url, file);
        }
    }
}

impl NatsConfig {
    /// What every server of a deployment must have alike, as a digest: the servers of NATS and
    /// the prefix, without any login. None without NATS.
    pub fn digest(&self) -> Option<String> {
        let url = self.url.as_ref()?;
        let place = |url: &Url| {
            format!(
                "{}:{}",
                url.host_str().unwrap_or(""),
                url.port().unwrap_or(PORT)
            )
        };
        let mut places: Vec<String> = url.servers().iter().map(place).collect();
        places.sort();
        places.dedup();
        let text = format!("{} {}", places.join(","), self.prefix);
        let digest = Sha256::digest(text);
        Some(hex::encode(
            digest
                .iter()
                .take(DIGEST_BYTES)
                .copied()
                .collect::<Vec<u8>>(),
        ))
    }

    /// Reads the credentials file, if there is one.
    ///
    /// # Errors
    /// With a sentence, when it cannot be read or everybody can.
    pub fn credentials(&self) -> Result<Option<SecretString>, String> {
        let file = self.credentials_file.as_deref();
        file.map(credentials).transpose()
    }
}

/// Notes files that are for NATS where no NATS is named.
fn refuse_stray(keys: &mut Reader<'_>) {
    if keys.is_set(URL) || keys.is_set(URL_FILE) {
        return;
    }
    for key in [CREDENTIALS_FILE, CA_FILE] {
        if keys.is_set(key) {
            keys.refuse(
                format!("{URL} and {key}"),
                "the second is for NATS, and no NATS is named; write its URL, or remove the file",
            );
        }
    }
}

fn check_login(keys: &mut Reader<'_>, url: &NatsUrl, file: Option<&Path>) {
    if let Some(file) = file {
        if url.login().is_some() {
            keys.refuse(
                format!("{URL} and {CREDENTIALS_FILE}"),
                "both say how to log in; remove the user and the password from the URL, or the \
                 file",
            );
        }
        if let Err(sentence) = credentials(file) {
            keys.refuse(CREDENTIALS_FILE, sentence);
        }
    }
    if url.login().is_some() && url.is_exposed() {
        keys.warn(Warning::ExposedLogin { key: URL });
    }
}

fn check_ca(keys: &mut Reader<'_>, url: &NatsUrl, file: &Path) {
    if !url.is_encrypted() {
        keys.refuse(
            format!("{URL} and {CA_FILE}"),
            "authorities are for TLS, which `nats://` does not demand; write `tls://`, or remove \
             the file",
        );
    }
    let read = match secret::read(file, false) {
        Ok(text) if !text.contains("-----BEGIN CERTIFICATE-----") => {
            Err("it holds no certificate as PEM; name the right file".to_owned())
        }
        read => read,
    };
    if let Err(sentence) = read {
        keys.refuse(CA_FILE, sentence);
    }
}

fn credentials(file: &Path) -> Result<SecretString, String> {
    let text = secret::read(file, true)?;
    if !text.contains("-----BEGIN NATS USER JWT-----") {
        return Err("it is not a credentials file of NATS; name the right file".to_owned());
    }
    Ok(text.into())
}

/// Subjects of NATS are words with dots between them.
fn prefix(text: &str) -> Parsed<String> {
    let is_word = |word: &str| {
        let fits = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
        !word.is_empty() && word.chars().all(fits)
    };
    let words = text.strip_suffix('.');
    if words.is_some_and(|words| words.split('.').all(is_word)) && text.len() <= MAX_PREFIX {
        return Ok(text.to_owned());
    }
    Err(Refusal::new(format!(
        "{} cannot begin a subject; write words of letters, digits, `_` and `-` with a dot behind \
         each, at most {MAX_PREFIX} bytes, such as `chatzz.`",
        shown(text)
    )))
}
