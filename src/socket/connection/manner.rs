//! How a socket is spoken to: chosen once, as it joins.

use url::form_urlencoded;

use crate::config::BaseDialect;

/// The dialect of a socket, before its login says more, and whether it hears of errors
/// that it asked no acknowledgement for.
#[derive(Clone, Copy, Debug)]
pub(in crate::socket) struct Manner {
    pub(in crate::socket) dialect: BaseDialect,
    pub(in crate::socket) hears_errors: bool,
}

impl Manner {
    /// What the query of a handshake asks for: `dialect=1` or `dialect=3`, else that of the
    /// deployment; in dialect 1 `errors=1` for `error` envelopes.
    pub(in crate::socket) fn of_query(query: &str, otherwise: BaseDialect) -> Result<Self, String> {
        let mut manner = Self {
            dialect: otherwise,
            hears_errors: false,
        };
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            match &*name {
                "dialect" => {
                    let dialect = BaseDialect::parse(&value);
                    manner.dialect = dialect.ok_or("dialect must be 1 or 3")?;
                }
                "errors" => manner.hears_errors = value == "1",
                _ => {}
            }
        }
        manner.hears_errors |= manner.dialect == BaseDialect::V3;
        Ok(manner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_query_decides_and_else_the_deployment() {
        let of = |query| Manner::of_query(query, BaseDialect::V1).unwrap();
        assert_eq!(of("EIO=3").dialect, BaseDialect::V1);
        assert_eq!(of("dialect=3&EIO=3").dialect, BaseDialect::V3);
        let asked = ["", "errors=0", "errors=1", "dialect=3"].map(|query| of(query).hears_errors);
        assert_eq!(asked, [false, false, true, true]);
        for odd in ["dialect=2", "dialect="] {
            Manner::of_query(odd, BaseDialect::V3).unwrap_err();
        }
    }
}
