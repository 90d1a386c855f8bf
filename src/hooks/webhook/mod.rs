//! The application, asked over HTTP: one signed POST for each question, bounded in time, in
//! number and in size.

mod answer;
mod breaker;
mod question;

use std::sync::Arc;

use http::{StatusCode, header};
use serde::Serialize;
use serde_json::{Map, Value};
use tokio::sync::Semaphore;

use self::breaker::Breaker;
use self::question::Question;
use super::{AddVerdict, Answer, BeforeAdd, BeforeSend, CannotAsk, Hook, Hooks, SendVerdict};
use crate::callout::{self, FetchError};
use crate::clock::Clock;
use crate::config::{HooksConfig, ServiceUrl, SigningSecrets};

/// Most bytes of an answer: the details of 100 users fit.
const MAX_BYTES: usize = 1024 * 1024;

/// The application, as a place to ask.
#[derive(Debug)]
pub(crate) struct Webhook {
    client: reqwest::Client,
    url: ServiceUrl,
    secrets: SigningSecrets,
    points: Vec<Point>,
    clock: Clock,
}

/// One hook: one that hangs or fails takes no other with it.
#[derive(Debug)]
struct Point {
    hook: Hook,
    /// Requests that may be on their way.
    places: Semaphore,
    breaker: Breaker,
}

impl Webhook {
    /// The application at this URL; `None` when it is asked about nothing.
    ///
    /// # Errors
    /// When no request can be made, since the root certificates cannot be read.
    pub(crate) fn new(config: &HooksConfig, clock: Clock) -> reqwest::Result<Option<Arc<Self>>> {
        let (Some(url), Some(secrets)) = (config.url.clone(), config.secrets.clone()) else {
            return Ok(None);
        };
        let point = |hook: &Hook| Point {
            hook: *hook,
            places: Semaphore::new(config.concurrency),
            breaker: Breaker::new(*hook, config.timeout),
        };
        Ok(Some(Arc::new(Self {
            client: callout::client(&url, config.timeout, config.concurrency)?,
            url,
            secrets,
            points: config.hooks.iter().map(point).collect(),
            clock,
        })))
    }

    /// Asks, unless it failed too often just now.
    async fn ask<T>(
        &self,
        hook: Hook,
        data: impl Serialize,
        read: impl FnOnce(&[u8]) -> Result<T, String>,
    ) -> Result<T, CannotAsk> {
        let Some(point) = self.point(hook) else {
            return Err(CannotAsk("it is not asked".to_owned()));
        };
        // waiting for a place says nothing of the application; never closed
        let _place = point.places.acquire().await;
        let Some(attempt) = point.breaker.enter() else {
            return Err(CannotAsk("it failed too often just now".to_owned()));
        };
        match self.exchange(hook, data, read).await {
            Ok(answer) => {
                attempt.succeed();
                Ok(answer)
            }
            Err(error) => {
                attempt.fail();
                Err(CannotAsk(error.to_string()))
            }
        }
    }

    fn point(&self, hook: Hook) -> Option<&Point> {
        self.points.iter().find(|point| point.hook == hook)
    }

    async fn exchange<T>(
        &self,
        hook: Hook,
        data: impl Serialize,
        read: impl FnOnce(&[u8]) -> Result<T, String>,
    ) -> Result<T, FetchError> {
        let now = self.clock.now();
        let question = Question::new(hook, now, data);
        let question = serde_json::to_vec(&question)
            .map_err(|_| FetchError::Unusable("the question cannot be written".to_owned()))?;
        let request = callout::signed(&self.client, &self.url, &self.secrets, now, question);
        let response = request.send().await?;
        if response.status() != StatusCode::OK {
            return Err(FetchError::Status(response.status().as_u16()));
        }
        let of_json = response
            .headers()
            .get(header::CONTENT_TYPE)
            .is_some_and(is_json);
        if !of_json {
            let text = "its content-type is not application/json";
            return Err(FetchError::Unusable(text.to_owned()));
        }
        let body = callout::body(response, MAX_BYTES).await?;
        read(&body).map_err(FetchError::Unusable)
    }
}

/// Whether a content-type is that of JSON, with parameters or without.
fn is_json(value: &http::HeaderValue) -> bool {
    let text = value.to_str().unwrap_or_default();
    let media = text.split(';').next().unwrap_or_default();
    media.trim().eq_ignore_ascii_case("application/json")
}

impl Hooks for Webhook {
    fn asks(&self, hook: Hook) -> bool {
        self.point(hook).is_some()
    }

    fn before_send<'a>(&'a self, asked: &'a BeforeSend) -> Answer<'a, SendVerdict> {
        let data = question::Send::from(asked);
        Box::pin(self.ask(Hook::BeforeSend, data, answer::to_send))
    }

    fn before_add<'a>(&'a self, asked: &'a BeforeAdd) -> Answer<'a, AddVerdict> {
        let data = question::Add::from(asked);
        Box::pin(self.ask(Hook::BeforeAdd, data, answer::to_add))
    }

    fn user_details<'a>(
        &'a self,
        users: &'a [Map<String, Value>],
    ) -> Answer<'a, Vec<Map<String, Value>>> {
        let data = question::Users { users };
        let read = |body: &[u8]| answer::to_users(users, body);
        Box::pin(self.ask(Hook::UserDetails, data, read))
    }
}
