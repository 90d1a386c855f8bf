//! Contact rules that refuse the start, each with a sentence.

use std::collections::BTreeMap;

use chatzz::config::{Config, Mode};

use crate::support::database::TestDatabase;
use crate::support::server::Server;

const KEY: &str = "CHATZZ_CONTACT_RULE";

/// The one mistake of this value; `None` when it is taken.
fn mistake(rule: &str) -> Option<String> {
    let values = BTreeMap::from([(KEY, rule)]);
    let lookup = |name: &str| values.get(name).map(ToString::to_string);
    match Config::from_lookup(lookup, std::iter::empty(), Mode::Dev) {
        Ok(_) => None,
        Err(errors) => {
            let errors: Vec<String> = errors.iter().map(ToString::to_string).collect();
            assert_eq!(errors.len(), 1, "{errors:?}");
            Some(errors[0].clone())
        }
    }
}

fn rule_with(filter: &str) -> String {
    format!(r#"{{"collection":"friends","filter":{filter}}}"#)
}

#[test]
fn what_compares_is_taken() {
    for filter in [
        r#"{"a":"$from","b":"$to"}"#,
        r#"{"$or":[{"a":"$from","b":"$to"},{"a":"$to","b":"$from"}],"state":"accepted"}"#,
        r#"{"members":{"$all":["$from","$to"]},"end":{"$exists":false}}"#,
        r#"{"_id":"$from","friends":{"$elemMatch":{"user":"$to","since":{"$gt":{"$date":"2020-01-01T00:00:00Z"}}}}}"#,
        r#"{"_id":"$from","friends":{"$elemMatch":{"$eq":"$to"}},"age":{"$not":{"$lt":18}}}"#,
        r#"{"$and":[{"a":{"$in":["$from"]}},{"b":{"$eq":"$to"}},{"c":{"$oid":"65a000000000000000000001"}}]}"#,
    ] {
        assert_eq!(mistake(&rule_with(filter)), None, "{filter}");
    }
    let elsewhere =
        r#"{"database":"shop","collection":"orders","filter":{"buyer":"$from","seller":"$to"}}"#;
    assert_eq!(mistake(elsewhere), None);
}

#[test]
fn what_runs_code_or_makes_no_sense_is_refused_in_one_line() {
    let both = r#""a":"$from","b":"$to""#;
    for (filter, word) in [
        (format!(r#"{{{both},"$where":"true"}}"#), "$where"),
        (format!(r#"{{{both},"$expr":{{"$eq":[1,1]}}}}"#), "$expr"),
        (
            format!(r#"{{{both},"c":{{"$function":{{"body":"x"}}}}}}"#),
            "$function",
        ),
        (
            format!(r#"{{{both},"$and":[{{"$or":[{{"$where":"1"}}]}}]}}"#),
            "$where",
        ),
        (
            format!(r#"{{{both},"c":{{"$elemMatch":{{"$where":"1"}}}}}}"#),
            "$where",
        ),
        (
            format!(r#"{{{both},"c":{{"$not":{{"$regex":"x"}}}}}}"#),
            "$regex",
        ),
        (
            format!(r#"{{{both},"c":{{"$code":"return true"}}}}"#),
            "code",
        ),
        (format!(r#"{{{both},"c":{{"$eq":{{"$gt":1}}}}}}"#), "$gt"),
        (format!(r#"{{{both},"c":"$form"}}"#), "$form"),
        (format!(r#"{{{both},"$or":[]}}"#), "$or"),
        (format!(r#"{{{both},"$or":{{"a":1}}}}"#), "$or"),
        (format!(r#"{{{both},"$text":{{"$search":"x"}}}}"#), "$text"),
        (r#"{"a":"$from"}"#.to_owned(), "$to"),
        (r#"{"b":"$to"}"#.to_owned(), "$from"),
        ("{}".to_owned(), "$from"),
    ] {
        let sentence = mistake(&rule_with(&filter)).unwrap_or_else(|| panic!("taken: {filter}"));
        assert!(sentence.starts_with(&format!("{KEY}: ")), "{sentence}");
        assert!(sentence.contains(word), "{word}: {sentence}");
        assert!(!sentence.contains('\n'), "{sentence}");
    }
    let deep = format!("{}1{}", r#"{"$and":["#.repeat(40), "]}".repeat(40));
    for rule in [
        "friends",
        "",
        "[]",
        r#"{"collection":"friends"}"#,
        r#"{"filter":{"a":"$from","b":"$to"}}"#,
        r#"{"collection":"","filter":{"a":"$from","b":"$to"}}"#,
        r#"{"collection":"a$b","filter":{"a":"$from","b":"$to"}}"#,
        r#"{"database":"admin","collection":"friends","filter":{"a":"$from","b":"$to"}}"#,
        r#"{"collection":"friends","filter":{"a":"$from","b":"$to"},"pipeline":[]}"#,
        &rule_with(&deep),
    ] {
        assert!(mistake(rule).is_some(), "taken: {rule}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rule_that_the_database_refuses_refuses_the_start() {
    let database = TestDatabase::shared().await;
    let rule = rule_with(r#"{"a":"$from","b":{"$in":"$to"}}"#);

    let started = Server::try_on_database(database.uri(), database.name(), &[(KEY, &rule)]).await;

    let sentence = started.err().expect("it is refused");
    assert!(sentence.contains(KEY), "{sentence}");
    assert!(sentence.contains(".friends"), "{sentence}");
    assert!(sentence.contains("$in"), "{sentence}");
}
