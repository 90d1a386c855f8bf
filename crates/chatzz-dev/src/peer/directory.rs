//! Names for ids: `chatzz dev` publishes its demo users.

use std::time::Duration;

use serde_json::Value;

/// The path where `chatzz dev` publishes them.
const PATH: &str = "/demo/users";
/// How long the request may take; other servers have no such page.
const PATIENCE: Duration = Duration::from_secs(5);

/// The demo users, if there are any.
#[derive(Debug, Default)]
pub(super) struct Directory(Vec<Value>);

impl Directory {
    /// Asks a server for its demo users.
    pub(super) async fn of(host: &str) -> Self {
        Self(ask(host).await.unwrap_or_default())
    }

    /// The id of the user whom the developer names.
    pub(super) fn id(&self, name: &str) -> Value {
        let named = self.0.iter().find(|user| user["username"] == name);
        named.map_or_else(|| name.into(), |user| user["_id"].clone())
    }
}

async fn ask(host: &str) -> reqwest::Result<Vec<Value>> {
    // reqwest is built without its own provider
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = reqwest::Client::builder()
        .timeout(PATIENCE)
        .no_proxy()
        .tls_certs_only([])
        .build()?;
    let answer = client.get(format!("http://{host}{PATH}")).send().await?;
    let text = answer.error_for_status()?.text().await?;
    Ok(serde_json::from_str(&text).unwrap_or_default())
}

/// The name of a person on the terminal.
pub(super) fn name_of(user: &Value) -> String {
    let names = ["displayName", "firstName", "username", "name"];
    let name = names.iter().find_map(|field| user[*field].as_str());
    name.map_or_else(|| key(&user["_id"]), str::to_owned)
}

/// An id as text.
pub(super) fn key(id: &Value) -> String {
    id.as_str().map_or_else(|| id.to_string(), str::to_owned)
}
