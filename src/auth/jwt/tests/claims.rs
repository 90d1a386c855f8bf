//! What a token says, claim by claim.

use super::*;

#[tokio::test]
async fn a_token_counts_from_nbf_until_exp_and_not_a_moment_longer() {
    for (changed, expected) in [
        (json!({ "exp": now() - 1 }), "the token has expired"),
        (json!({ "exp": now() }), "the token has expired"),
        (json!({ "exp": 0 }), "the token has expired"),
        (json!({ "nbf": now() + 60 }), "the token is not valid yet"),
        (json!({ "exp": null }), "the token has no exp"),
    ] {
        assert_eq!(
            refusal(shared(), changed.clone()).await,
            expected,
            "{changed}"
        );
    }
    outcome(shared(), json!({ "nbf": now() - 1 }))
        .await
        .unwrap();
    outcome(shared(), json!({ "exp": now() + 60 }))
        .await
        .unwrap();
}

#[tokio::test]
async fn times_of_another_type_are_refused_by_name() {
    for name in ["exp", "nbf"] {
        for (value, problem) in [
            (json!("9999999999"), "not a number"),
            (json!(true), "not a number"),
            (json!([]), "not a number"),
            (json!({}), "not a number"),
            (json!(-1), "negative"),
        ] {
            let expected = format!("the token's {name} is {problem}");
            assert_eq!(refusal(shared(), json!({ name: value })).await, expected);
        }
    }
    refusal(shared(), json!({ "exp": "9999999999", "nbf": 0 })).await;
}

#[tokio::test]
async fn leeway_stretches_both_ends() {
    let mut config = shared();
    config.leeway = std::time::Duration::from_secs(30);
    outcome(config.clone(), json!({ "exp": now() - 10 }))
        .await
        .unwrap();
    outcome(config.clone(), json!({ "nbf": now() + 10 }))
        .await
        .unwrap();
    refusal(config.clone(), json!({ "exp": now() - 40 })).await;
    refusal(config.clone(), json!({ "nbf": now() + 40 })).await;
    let exp = now() + 10;
    let token = token(Algorithm::HS256, &claims(&json!({ "exp": exp })));
    let end = verifier(config)
        .await
        .verify(&token)
        .await
        .unwrap()
        .expires_at;
    assert_eq!(end.unwrap().timestamp_millis(), (exp + 30) * 1_000);
}

#[tokio::test]
async fn an_end_beyond_all_dates_is_the_last_one() {
    for exp in [
        json!(u64::MAX - 5_000),
        json!(1e18),
        json!(999_999_999_999_i64),
    ] {
        let token = token(Algorithm::HS256, &claims(&json!({ "exp": exp })));
        let end = verifier(shared())
            .await
            .verify(&token)
            .await
            .unwrap()
            .expires_at;
        assert_eq!(
            end.unwrap().timestamp_millis(),
            253_402_300_799_000,
            "{exp}"
        );
    }
}

#[tokio::test]
async fn without_a_required_expiry_a_token_may_have_none_but_no_wrong_one() {
    let mut config = shared();
    config.require_expiry = false;
    outcome(config.clone(), json!({ "exp": null }))
        .await
        .unwrap();
    refusal(config.clone(), json!({ "exp": now() - 1 })).await;
    refusal(config, json!({ "exp": "9999999999" })).await;
}

#[tokio::test]
async fn an_audience_must_be_ours_and_one_that_nobody_expects_is_refused() {
    for (aud, expected) in [
        (json!("mail"), "has an aud, and this server expects none"),
        (json!(["mail"]), "has an aud, and this server expects none"),
        (json!([]), "has an aud, and this server expects none"),
        (json!(5), "'s aud is neither a string nor a list of strings"),
        (
            json!(["mail", 5]),
            "'s aud is neither a string nor a list of strings",
        ),
    ] {
        let refusal = refusal(shared(), json!({ "aud": aud })).await;
        let said = refusal.strip_prefix("the token").unwrap().trim_start();
        assert_eq!(said, expected, "{aud}");
    }
    let mut config = shared();
    config.audience = vec!["chat".to_owned(), "im".to_owned()];
    for aud in [json!("chat"), json!("im"), json!(["mail", "chat"])] {
        outcome(config.clone(), json!({ "aud": aud }))
            .await
            .unwrap();
    }
    for aud in [json!("mail"), json!("Chat"), json!([]), json!(["mail"])] {
        let refusal = refusal(config.clone(), json!({ "aud": aud })).await;
        assert_eq!(refusal, "the token is for another audience", "{aud}");
    }
    let none = refusal(config.clone(), json!({ "aud": null })).await;
    assert_eq!(none, "the token has no aud");
    refusal(config, json!({ "aud": 5 })).await;
}

#[tokio::test]
async fn an_issuer_must_be_the_one_that_is_set() {
    let mut config = shared();
    config.issuer = Some("https://login".to_owned());
    outcome(config.clone(), json!({ "iss": "https://login" }))
        .await
        .unwrap();
    for (iss, expected) in [
        (json!(null), "the token has no iss"),
        (json!("https://login/"), "the token is of another issuer"),
        (json!("other"), "the token is of another issuer"),
        (json!(5), "the token's iss is not a string"),
        (json!({}), "the token's iss is not a string"),
        (json!(["https://login"]), "the token's iss is not a string"),
    ] {
        let refusal = refusal(config.clone(), json!({ "iss": iss })).await;
        assert_eq!(refusal, expected, "{iss}");
    }
}

#[tokio::test]
async fn the_user_is_a_string_or_an_integer_in_the_claim_that_is_set() {
    let mut config = shared();
    config.user_claim = "https://app.example.org/id".to_owned();
    let user = async |id: Value| outcome(config.clone(), json!({ &config.user_claim: id })).await;
    assert_eq!(user(json!("bob")).await, Ok(IdInput::Text("bob".into())));
    assert_eq!(user(json!(7)).await, Ok(IdInput::Number(7)));
    let other = "'s https://app.example.org/id is neither a string nor an integer";
    for (id, expected) in [
        (json!(null), " has no https://app.example.org/id"),
        (json!(""), "'s https://app.example.org/id is empty"),
        (json!(1.5), other),
        (json!(true), other),
        (json!(["bob"]), other),
        (json!({ "$oid": "65a0000000000000000000aa" }), other),
        (
            json!("x".repeat(257)),
            "'s https://app.example.org/id is longer than 256 characters",
        ),
    ] {
        let expected = format!("the token{expected}");
        assert_eq!(user(id.clone()).await, Err(expected), "{id}");
    }
}
