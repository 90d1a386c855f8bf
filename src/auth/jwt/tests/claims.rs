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
async fn times_of_another_type_are_refused() {
    for name in ["exp", "nbf"] {
        for value in [
            json!("9999999999"),
            json!(true),
            json!([]),
            json!({}),
            json!(-1),
        ] {
            refusal(shared(), json!({ name: value })).await;
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
    let other = "the token is for another audience";
    for aud in [json!("mail"), json!(["mail"]), json!([]), json!(5)] {
        assert_eq!(
            refusal(shared(), json!({ "aud": aud })).await,
            other,
            "{aud}"
        );
    }
    let mut config = shared();
    config.audience = vec!["chat".to_owned(), "im".to_owned()];
    for aud in [json!("chat"), json!("im"), json!(["mail", "chat"])] {
        outcome(config.clone(), json!({ "aud": aud }))
            .await
            .unwrap();
    }
    for aud in [
        json!(null),
        json!("mail"),
        json!("Chat"),
        json!([]),
        json!(["mail"]),
        json!(5),
    ] {
        refusal(config.clone(), json!({ "aud": aud })).await;
    }
}

#[tokio::test]
async fn an_issuer_must_be_the_one_that_is_set() {
    let mut config = shared();
    config.issuer = Some("https://login".to_owned());
    outcome(config.clone(), json!({ "iss": "https://login" }))
        .await
        .unwrap();
    for iss in [
        json!(null),
        json!("https://login/"),
        json!("other"),
        json!(5),
        json!({}),
    ] {
        refusal(config.clone(), json!({ "iss": iss })).await;
    }
}

#[tokio::test]
async fn the_user_is_a_string_or_an_integer_in_the_claim_that_is_set() {
    let mut config = shared();
    config.user_claim = "https://app.example.org/id".to_owned();
    let user = async |id: Value| outcome(config.clone(), json!({ &config.user_claim: id })).await;
    assert_eq!(user(json!("bob")).await, Ok(IdInput::Text("bob".into())));
    assert_eq!(user(json!(7)).await, Ok(IdInput::Number(7)));
    for id in [
        json!(null),
        json!(""),
        json!(1.5),
        json!(true),
        json!(["bob"]),
        json!({ "$ne": 1 }),
        json!("x".repeat(257)),
    ] {
        assert_eq!(
            user(id.clone()).await,
            Err("the token names no user".into()),
            "{id}"
        );
    }
}
