//! TLS between the server and MongoDB.

use bson::doc;
use mongodb::Client;

use super::{Certificate, folder, text, write_private};
use crate::support::mongod;
use crate::support::server::Server;

#[tokio::test(flavor = "multi_thread")]
async fn the_database_is_spoken_to_over_tls_and_only_with_a_certificate_that_is_trusted() {
    let (certificate, folder) = (Certificate::new(), folder());
    let (cert, _) = certificate.write(&folder);
    let both = folder.join("both.pem");
    write_private(&both, &format!("{}{}", certificate.key, certificate.cert));
    let mongod = mongod::start("tls", |mut options| {
        options.replica_set = false;
        // until it is ready, it is queried without
        options.extra_args = vec![
            "--tlsMode".to_owned(),
            "preferTLS".to_owned(),
            "--tlsCertificateKeyFile".to_owned(),
            text(&both).to_owned(),
        ];
        options
    })
    .await;
    let plain = mongod.uri();
    let admin = Client::with_uri_str(&plain).await.unwrap();
    let require = doc! { "setParameter": 1, "tlsMode": "requireTLS" };
    admin.database("admin").run_command(require).await.unwrap();
    let with = |ca: &std::path::Path| {
        let port = mongod.port();
        let ca = text(ca);
        format!("mongodb://localhost:{port}/?directConnection=true&tls=true&tlsCAFile={ca}")
    };

    let server = Server::on(&with(&cert), &[]).await;
    let (alice, bob) = server.pair().await;
    alice.send(&bob.id, "hello").await.unwrap();
    assert_eq!(
        bob.client.expect_envelope("new-message").await["message"],
        "hello"
    );

    let other = folder.join("other.pem");
    std::fs::write(&other, Certificate::new().cert).unwrap();
    let soon = [("CHATZZ_STARTUP_TIMEOUT", "1s")];
    for (uri, cause) in [
        (with(&other), "its TLS certificate is not accepted"),
        (plain, "perhaps it requires TLS (tls=true)"),
    ] {
        let keys = [soon[0], ("CHATZZ_MONGODB_URI", uri.as_str())];
        // the test's own connection is the good one; the server gets another
        let refused = Server::try_on_database(&with(&cert), "never", &keys).await;
        let refusal = refused.err().expect("it is not believed");
        assert!(refusal.contains("cannot be reached"), "{refusal}");
        assert!(refusal.contains(cause), "{refusal}");
    }
    drop((alice, bob, server));
    mongod.stop().await.unwrap();
}
