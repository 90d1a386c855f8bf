//! What the table says of a call beside what it reads and answers: who may make it, what it
//! may take, and the statuses of its problems.

use http::{Method, StatusCode};

use super::read::Place;
use crate::config::ApiScope;

/// What a call may take.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    /// Bytes of a body, where it has one.
    pub(super) body: usize,
    /// Whether it is answered within the time limit of a request. Others take as long as
    /// there is something to do, or to wait for.
    pub(super) has_time_limit: bool,
}

/// Of most calls: 64 KiB of text, however escaped.
pub(super) const USUAL: Bounds = Bounds {
    body: 512 * 1_024,
    has_time_limit: true,
};
/// Of a batch.
pub(super) const BATCH: Bounds = Bounds {
    body: 8 * 1_024 * 1_024,
    ..USUAL
};
/// Of a call that may take long.
pub(super) const UNTIMED: Bounds = Bounds {
    has_time_limit: false,
    ..USUAL
};

/// What is the same of every request to one call.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Route {
    /// The call's name.
    pub(super) name: &'static str,
    pub(super) scope: Option<ApiScope>,
    /// Whether the call may store something.
    pub(super) is_mutating: bool,
    pub(super) bounds: Bounds,
    /// Where the fields of the request stand.
    pub(super) place: Place,
    /// The statuses that only some calls have.
    pub(super) own_problems: &'static [u16],
}

/// Whether a call of this scope and method may store something.
pub(super) fn is_mutating(scope: Option<ApiScope>, method: &Method) -> bool {
    !matches!(scope, None | Some(ApiScope::Read)) && *method != Method::GET
}

impl Route {
    /// Most bytes of a body that is read before the call.
    pub(super) fn max_body(&self) -> usize {
        match self.place {
            Place::Body => self.bounds.body,
            Place::Lines | Place::Query | Place::Nowhere => 0,
        }
    }

    /// Whether it may be answered with a problem of this status.
    pub(super) fn may_fail_with(&self, status: StatusCode) -> bool {
        match status {
            StatusCode::BAD_REQUEST
            | StatusCode::UNAUTHORIZED
            | StatusCode::TOO_MANY_REQUESTS
            | StatusCode::INTERNAL_SERVER_ERROR
            | StatusCode::SERVICE_UNAVAILABLE => true,
            StatusCode::FORBIDDEN => self.scope.is_some(),
            StatusCode::PAYLOAD_TOO_LARGE => self.place == Place::Body,
            // lines are read by the call, which has begun to answer by then
            StatusCode::REQUEST_TIMEOUT => self.place != Place::Lines,
            StatusCode::GATEWAY_TIMEOUT => self.is_mutating && self.place != Place::Lines,
            _ => self.own_problems.contains(&status.as_u16()),
        }
    }
}
