//! The dialects of the protocol.

use std::sync::OnceLock;

use super::json::Json;

/// The dialect of a connection; fixed when it joins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// What the npm package chatzz 1.1.5 spoke.
    V1,
    /// Protocol 3, `docs/protocol.md`.
    V3,
    /// The same, for a client that keeps the details of its people: `from` and `to` of
    /// messages are ids.
    V3Compact,
}

/// Values that have a JSON form in each dialect.
pub trait Render {
    /// The form in [`Dialect::V3`].
    fn v3(&self) -> Json;

    /// The form in [`Dialect::V3Compact`], where it differs.
    fn v3_compact(&self) -> Json {
        self.v3()
    }

    /// The form in [`Dialect::V1`], where it differs.
    fn v1(&self) -> Json {
        self.v3()
    }

    /// The form in a dialect.
    fn render(&self, dialect: Dialect) -> Json {
        match dialect {
            Dialect::V1 => self.v1(),
            Dialect::V3 => self.v3(),
            Dialect::V3Compact => self.v3_compact(),
        }
    }
}

/// A value for several connections: its JSON is built once in each dialect that one of
/// them uses, and shared.
pub struct PerDialect<T> {
    value: T,
    v1: OnceLock<Json>,
    v3: OnceLock<Json>,
    v3_compact: OnceLock<Json>,
}

impl<T: Render> PerDialect<T> {
    /// Wraps a value; nothing is built yet.
    pub fn new(value: T) -> Self {
        Self {
            value,
            v1: OnceLock::new(),
            v3: OnceLock::new(),
            v3_compact: OnceLock::new(),
        }
    }

    /// The value itself.
    pub fn value(&self) -> &T {
        &self.value
    }

    /// The JSON, built at the first request for it.
    pub fn json(&self, dialect: Dialect) -> Json {
        let built = match dialect {
            Dialect::V1 => &self.v1,
            Dialect::V3 => &self.v3,
            Dialect::V3Compact => &self.v3_compact,
        };
        built.get_or_init(|| self.value.render(dialect)).clone()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;
    use crate::wire::json::render;

    struct Counted(AtomicUsize);

    impl Render for Counted {
        fn v3(&self) -> Json {
            render(&self.0.fetch_add(1, Ordering::SeqCst)).into()
        }
    }

    #[test]
    fn json_is_built_once_for_all_who_speak_a_dialect() {
        let notice = PerDialect::new(Counted(AtomicUsize::new(7)));
        let [first, second] = [(); 2].map(|()| notice.json(Dialect::V3));
        assert_eq!(first.get(), "7");
        assert!(Arc::ptr_eq(&first, &second));
    }
}
