//! TLS for clients; the certificate is read again when its files change.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::{Mutex, RwLock};
use rustls::ServerConfig;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::{self, PemObject as _};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use secrecy::ExposeSecret as _;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use crate::config::{TlsConfig, TlsFiles};

/// How often the files are checked.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// Why a certificate cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be used.
    #[error("{0}: {1}")]
    File(&'static str, String),
    /// A file has the wrong content.
    #[error("{0}: it holds no {1} as PEM ({2})")]
    Pem(&'static str, &'static str, pem::Error),
    /// The two do not match, or are of an unsupported kind.
    #[error("CHATZZ_TLS_CERT_FILE and CHATZZ_TLS_KEY_FILE: they cannot be used together: {0}")]
    Pair(#[from] rustls::Error),
}

/// A certificate and its key, as they were last read.
pub(crate) struct Tls {
    files: TlsConfig,
    provider: Arc<CryptoProvider>,
    /// TLS 1.2 and 1.3, HTTP/1.1.
    config: Arc<ServerConfig>,
    served: Arc<Served>,
    /// What was last read, usable or not.
    seen: Mutex<TlsFiles>,
}

/// The certificate that is presented to clients.
#[derive(Debug)]
struct Served(RwLock<Arc<CertifiedKey>>);

impl ResolvesServerCert for Served {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.0.read()))
    }
}

impl Tls {
    /// Reads the certificate and its key.
    ///
    /// # Errors
    /// See [`TlsError`].
    pub(crate) fn new(files: TlsConfig) -> Result<Self, TlsError> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let seen = load(&files)?;
        let certified = certified(&seen, &provider)?;
        let served = Arc::new(Served(RwLock::new(Arc::new(certified))));
        let resolver: Arc<dyn ResolvesServerCert> = served.clone();
        let mut config = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_cert_resolver(resolver);
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self {
            files,
            provider,
            config: Arc::new(config),
            served,
            seen: Mutex::new(seen),
        })
    }

    /// The configuration for the listener.
    pub(crate) fn server_config(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.config)
    }

    /// Checks for changed files until cancelled. Unusable files are reported once, and
    /// the previous certificate stays in use.
    pub(crate) async fn keep(self: Arc<Self>, cancelled: CancellationToken) {
        let mut ticks = interval(LOOK_EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = cancelled.cancelled() => return,
                _ = ticks.tick() => {}
            }
            let tls = Arc::clone(&self);
            let looked = tokio::task::spawn_blocking(move || tls.look()).await;
            match looked {
                Ok(Ok(true)) => tracing::info!("a new certificate is used"),
                Ok(Ok(false)) | Err(_) => {}
                Ok(Err(error)) => tracing::warn!(%error, "the certificate was not changed"),
            }
        }
    }

    /// Reads the files; whether another certificate is in use from now on.
    fn look(&self) -> Result<bool, TlsError> {
        // half written or being replaced: the next check sees the complete files
        let Ok(files) = self.files.load() else {
            return Ok(false);
        };
        let mut seen = self.seen.lock();
        let is_same = files.certificates == seen.certificates
            && files.key.expose_secret() == seen.key.expose_secret();
        if is_same {
            return Ok(false);
        }
        *seen = files;
        let certified = certified(&seen, &self.provider)?;
        *self.served.0.write() = Arc::new(certified);
        Ok(true)
    }
}

fn load(files: &TlsConfig) -> Result<TlsFiles, TlsError> {
    let refused = |(key, sentence)| TlsError::File(key, sentence);
    files.load().map_err(refused)
}

fn certified(files: &TlsFiles, provider: &CryptoProvider) -> Result<CertifiedKey, TlsError> {
    let not_pem = |error| TlsError::Pem("CHATZZ_TLS_CERT_FILE", "certificate", error);
    let chain: Vec<_> = CertificateDer::pem_slice_iter(files.certificates.as_bytes())
        .collect::<Result<_, _>>()
        .map_err(not_pem)?;
    if chain.is_empty() {
        return Err(not_pem(pem::Error::NoItemsFound));
    }
    let key = PrivateKeyDer::from_pem_slice(files.key.expose_secret().as_bytes())
        .map_err(|error| TlsError::Pem("CHATZZ_TLS_KEY_FILE", "private key", error))?;
    Ok(CertifiedKey::from_der(chain, key, provider)?)
}
