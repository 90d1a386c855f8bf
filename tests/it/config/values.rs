//! What each kind of value may be.

use std::time::Duration;

use chatzz::config::{AllowedOrigin, AllowedOrigins};

use super::{config, mistakes, refused, warnings};

#[test]
fn durations_have_units_and_a_bare_number_is_seconds() {
    let request = |text: &str| {
        let pairs = [("CHATZZ_REQUEST_TIMEOUT", text)];
        config(&pairs).timeouts.request
    };
    assert_eq!(request("500ms"), Duration::from_millis(500));
    assert_eq!(request("5s"), Duration::from_secs(5));
    assert_eq!(request(" 7 "), Duration::from_secs(7));
    assert_eq!(request("1m"), Duration::from_mins(1));
    for text in [
        "",
        "s",
        "1.5s",
        "-1",
        "5 years",
        "99999999999999999999s",
        "2h",
    ] {
        refused("CHATZZ_REQUEST_TIMEOUT", text);
    }
    refused("CHATZZ_LEASE", "2999ms");
    assert_eq!(
        config(&[("CHATZZ_OFFLINE_GRACE", "0")])
            .presence
            .offline_grace,
        Duration::ZERO
    );
}

#[test]
fn sizes_have_units_and_a_bare_number_is_bytes() {
    let outbox = |text: &str| {
        let pairs = [("CHATZZ_OUTBOX_BYTES", text)];
        config(&pairs).socket.outbox_bytes
    };
    assert_eq!(outbox("5000").bytes(), 5_000);
    assert_eq!(outbox("64KiB").bytes(), 65_536);
    assert_eq!(outbox("1mib").to_string(), "1MiB");
    for text in ["", "64KB", "KiB", "1KiB", "1GiB", "99999999999999999999GiB"] {
        refused("CHATZZ_OUTBOX_BYTES", text);
    }
}

#[test]
fn values_out_of_range_are_refused() {
    refused("CHATZZ_MESSAGE_MAX_CHARS", "65537");
    refused("CHATZZ_MESSAGE_MAX_CHARS", "0");
    refused("CHATZZ_MISSED_TOTAL", "5001");
    refused("CHATZZ_LANES", "0");
    refused("CHATZZ_MIGRATE_ON_START", "yes");
    refused("CHATZZ_STATUS_EVENT", "status");
    refused("CHATZZ_LOG", "info,a=b=c");
    refused("CHATZZ_LOG_FORMAT", "xml");
    refused("CHATZZ_BLOCKED_SENDS", "hide");
    refused("CHATZZ_USER_ID_TYPE", "number");
    refused("CHATZZ_NODE_ID", "");
    refused("CHATZZ_NODE_ID", "knötchen");
    refused("CHATZZ_NODE_ID", &"n".repeat(129));
}

#[test]
fn a_bare_word_of_the_log_filter_is_a_level() {
    let filter = |text: &str| config(&[("CHATZZ_LOG", text)]).log.filter;
    for text in [
        "info",
        "OFF",
        "chatzz=debug,info",
        "chatzz::store=off,warn",
        "info,chatzz[store.append]=debug",
        "[{user}]=trace,error",
    ] {
        assert_eq!(filter(text), text);
    }
    // the library takes the space for a part of the target
    assert_eq!(
        filter("chatzz::store=debug, info,"),
        "chatzz::store=debug,info"
    );
    for text in [
        "warning",
        "info,chatzz",
        "chatzz=debug,verbose",
        ",",
        "",
        "none",
    ] {
        refused("CHATZZ_LOG", text);
    }
    let line = refused("CHATZZ_LOG", "chatzz=debug,warning");
    assert!(line.contains("`warning` is not a level"), "{line}");
    assert!(line.contains("`warn`"), "{line}");
}

#[test]
fn listeners_may_be_off_or_on_any_free_port() {
    let off = config(&[("CHATZZ_METRICS_LISTEN", "off")]);
    assert_eq!(off.http.metrics_listen, None);
    let free = [
        ("CHATZZ_LISTEN", "127.0.0.1:0"),
        ("CHATZZ_METRICS_LISTEN", "127.0.0.1:0"),
    ];
    assert_eq!(mistakes(&free), Vec::<String>::new());
    refused("CHATZZ_METRICS_LISTEN", "never");
}

fn exactly(origin: &str) -> AllowedOrigin {
    AllowedOrigin::Exactly(origin.to_owned())
}

#[test]
fn origins_are_kept_in_the_form_browsers_send() {
    let origins = |text: &str| {
        let pairs = [("CHATZZ_ALLOWED_ORIGINS", text)];
        config(&pairs).http.allowed_origins
    };
    assert_eq!(origins(""), AllowedOrigins::SameHost);
    assert_eq!(origins("*"), AllowedOrigins::Any);
    let listed = [
        "https://app.example.org",
        "http://localhost:5173",
        "http://[::1]:8080",
        "capacitor://localhost",
    ];
    assert_eq!(
        origins(
            "HTTPS://App.Example.org:443, http://localhost:5173,http://[::1]:8080,\
             capacitor://localhost"
        ),
        AllowedOrigins::Listed(listed.map(exactly).to_vec())
    );
    let below = AllowedOrigin::Below {
        scheme: "https://".to_owned(),
        domain: ".preview.example.org".to_owned(),
    };
    assert_eq!(
        origins("null, file://, https://*.Preview.example.org"),
        AllowedOrigins::Listed(vec![exactly("null"), exactly("file://"), below.clone()])
    );
    for (origin, allows) in [
        ("https://pr-7.preview.example.org", true),
        ("https://a.b.preview.example.org", true),
        ("https://preview.example.org", false),
        ("http://pr-7.preview.example.org", false),
        ("https://pr-7.preview.example.org:8443", false),
        ("https://evil.net/.preview.example.org", false),
        ("https://.preview.example.org", false),
    ] {
        assert_eq!(below.allows(origin), allows, "{origin}");
    }
    for text in [
        "https://*.org",
        "https://*",
        "https://app*.example.org",
        "app.example.org",
        "https://app.example.org/",
        "https://a/b",
        "https://a,*",
        "https://a,,https://b",
        "https://me@host",
        "https://host:99999",
        "https://",
    ] {
        refused("CHATZZ_ALLOWED_ORIGINS", text);
    }
}

#[test]
fn paths_begin_with_a_slash() {
    let path = |text: &str| config(&[("CHATZZ_SOCKET_PATH", text)]).socket.path;
    assert_eq!(path("/chat/io/"), "/chat/io");
    assert_eq!(
        config(&[("CHATZZ_NAMESPACE", "/chat")]).socket.namespace,
        "/chat"
    );
    for text in ["", "/", "socket.io", "/a b", "/a?b", "/{a}", "//"] {
        refused("CHATZZ_SOCKET_PATH", text);
    }
    for text in ["", "chat", "/a,b", "/{a}", "/chat/"] {
        refused("CHATZZ_NAMESPACE", text);
    }
}

#[test]
fn an_ipv4_proxy_may_be_written_as_an_ipv6_address() {
    let trusted = |text: &str| {
        let read = config(&[("CHATZZ_TRUSTED_PROXIES", text)]).proxies.trusted;
        read.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    assert_eq!(trusted("::ffff:10.0.0.7"), ["10.0.0.7/32"]);
    assert_eq!(trusted("::ffff:10.0.0.0/104"), ["10.0.0.0/8"]);
    assert_eq!(trusted("::ffff:0:0/96"), ["0.0.0.0/0"]);
    assert_eq!(trusted("2001:db8::/32, ::1"), ["2001:db8::/32", "::1/128"]);
    assert_eq!(trusted("::/0"), ["::/0"]);
}

#[test]
fn the_connection_string_is_never_shown() {
    let uri = "mongodb://anna:p%40ss@db1,db2:27018/app?authSource=admin&x=geheim";
    let config = config(&[("CHATZZ_MONGODB_URI", uri)]);
    let debug = format!("{config:?}");
    assert!(
        !debug.contains("p%40ss") && !debug.contains("geheim"),
        "{debug}"
    );
    let redacted = config.mongodb.uri.redacted();
    assert_eq!(redacted, "mongodb://***@db1,db2:27018/app?***");
    let line = refused("CHATZZ_MONGODB_URI", "anna:geheim@db");
    assert!(!line.contains("geheim"), "{line}");
    refused("CHATZZ_MONGODB_URI", "mongodb://");
}

#[test]
fn a_badly_escaped_password_is_hidden_all_the_same() {
    let redacted = |uri: &str| {
        config(&[("CHATZZ_MONGODB_URI", uri)])
            .mongodb
            .uri
            .redacted()
    };
    assert_eq!(
        redacted("mongodb://a:x@y/z?q@db/app"),
        "mongodb://***@db/app"
    );
    assert_eq!(
        redacted("mongodb+srv://db.example.org"),
        "mongodb+srv://db.example.org"
    );
}

/// What is left of a connection string with these options, and the warnings.
fn connection(options: &str) -> (String, Vec<String>) {
    let uri = format!("mongodb://anna:geheim@db1,db2/app?{options}");
    let pairs = [("CHATZZ_MONGODB_URI", uri.as_str())];
    let left = config(&pairs).mongodb.uri.expose().to_owned();
    let left = left.replace("mongodb://anna:geheim@db1,db2/app", "");
    (left, warnings(&pairs))
}

#[test]
fn options_of_other_drivers_are_named_and_left_out() {
    let (left, warnings) = connection(
        "replicaSet=rs0&socketTimeoutMS=45000&authSource=admin&useNewUrlParser=true\
         &sslCA=x&maxLifeTimeMS=5&w=1&readPreference=secondary&maxPoolSize=5&",
    );
    assert_eq!(left, "?replicaSet=rs0&authSource=admin");
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    let names = "socketTimeoutMS, useNewUrlParser, sslCA, maxLifeTimeMS, w, readPreference, \
                 maxPoolSize.";
    assert!(warnings[0].contains(names), "{}", warnings[0]);
    assert!(!warnings[0].contains("45000") && !warnings[0].contains("geheim"));
    let (left, _) = connection("compressors=zstd");
    assert_eq!(left, "");
}

#[test]
fn options_that_ask_for_what_chatzz_does_anyway_are_not_worth_a_warning() {
    let usual = "retryWrites=true&w=majority&appName=Cluster0&authMechanism=DEFAULT";
    let (left, warnings) = connection(usual);
    assert_eq!(left, "?retryWrites=true&appName=Cluster0");
    assert_eq!(warnings, Vec::<String>::new());
    let (left, _) = connection("authMechanism=SCRAM-SHA-1");
    assert_eq!(left, "?authMechanism=SCRAM-SHA-1");
}

#[test]
fn a_misspelled_option_is_refused_with_the_one_that_was_meant() {
    for (written, meant) in [
        ("tlss=true", "`tls`"),
        ("replicaset1=rs0", "`replicaSet`"),
        ("authsorce=admin", "`authSource`"),
        ("tlsCaFiles=/ca.pem", "`tlsCAFile`"),
    ] {
        let uri = format!("mongodb://anna:geheim@db/?{written}");
        let line = refused("CHATZZ_MONGODB_URI", &uri);
        assert!(line.contains(meant), "{line}");
        assert!(!line.contains("geheim"), "{line}");
    }
    for broken in ["geheim", "=geheim", "a%20b=geheim", "tls=true&geheim"] {
        let line = refused("CHATZZ_MONGODB_URI", &format!("mongodb://db/?{broken}"));
        assert!(!line.contains("geheim"), "{line}");
    }
}

#[test]
fn names_that_mongodb_refuses_are_refused() {
    for text in ["", "system.users", "a$b", "a\0b", ".a", &"x".repeat(121)] {
        refused("CHATZZ_MESSAGE_COLLECTION", text);
        refused("CHATZZ_USER_COLLECTION", text);
    }
    for text in [
        "",
        "admin",
        "local",
        "a b",
        "a.b",
        "a/b",
        "a$b",
        &"x".repeat(64),
    ] {
        refused("CHATZZ_DATABASE", text);
        refused("CHATZZ_USER_DATABASE", text);
    }
    refused("CHATZZ_META_PREFIX", "system.");
    let bare = config(&[("CHATZZ_META_PREFIX", "")]);
    assert_eq!(bare.mongodb.nodes_collection(), "nodes");
}

#[test]
fn user_fields_are_an_allow_list_of_paths() {
    let fields = |text: &str| config(&[("CHATZZ_USER_FIELDS", text)]).users.fields;
    assert_eq!(
        fields("name , profile.avatar"),
        ["_id", "name", "profile.avatar"]
    );
    assert_eq!(
        fields("name,_id,names.first"),
        ["name", "_id", "names.first"]
    );
    for text in [
        "",
        "name,",
        "$where",
        "a.$b",
        "a..b",
        "name,name",
        "name,name.first",
        "name.first,name",
        "_id.x",
        "status",
        "deleted.at",
        "missedFrom",
    ] {
        refused("CHATZZ_USER_FIELDS", text);
    }
}

#[test]
fn a_field_that_looks_secret_is_warned_about() {
    let reported = warnings(&[("CHATZZ_USER_FIELDS", "_id,name,auth.passwordHash,API_Key")]);
    assert_eq!(reported.len(), 2, "{reported:?}");
    assert!(
        reported[0].contains("`auth.passwordHash`"),
        "{}",
        reported[0]
    );
    assert!(reported[1].contains("`API_Key`"), "{}", reported[1]);
    assert_eq!(warnings(&[]), Vec::<String>::new());
}
