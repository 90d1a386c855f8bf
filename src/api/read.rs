//! Where the fields of a request stand: in the body, or in the query.

use std::marker::PhantomData;

use axum::extract::Query as Parameters;
use http::Uri;
use percent_encoding::percent_decode_str;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use url::form_urlencoded;

use crate::service::Error;
use crate::wire::request::decode;

/// A place in a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    Body,
    /// In a body of many lines, of which each says as much.
    Lines,
    Query,
    Nowhere,
}

/// Something that a request says.
pub(super) trait Read: Sized + Send + 'static {
    /// Where it says it.
    const PLACE: Place;

    /// Reads it.
    fn read(uri: &Uri, body: &[u8]) -> Result<Self, Error>;

    /// What may be said.
    fn schema(read: &mut SchemaGenerator) -> Schema;
}

/// Reads what a request says. A parameter that nobody reads is refused: whoever writes it
/// means something by it.
pub(super) fn read<R: Read>(uri: &Uri, body: &[u8]) -> Result<R, Error> {
    let query = uri.query().unwrap_or_default();
    if percent_decode_str(query).decode_utf8().is_err() {
        return Err(Error::BadRequest(
            "the query is not UTF-8 once it is decoded".into(),
        ));
    }
    if R::PLACE != Place::Query
        && let Some((name, _)) = form_urlencoded::parse(query.as_bytes()).next()
    {
        let detail = format!("{name}: unknown parameter, this call takes none");
        return Err(Error::BadRequest(detail));
    }
    R::read(uri, body)
}

/// The fields of a JSON body.
pub(super) struct Body<T>(pub(super) T);

/// The fields of each line of a body, which the call reads itself.
pub(super) struct Lines<T>(PhantomData<T>);

/// The parameters of a query.
pub(super) struct Query<T>(pub(super) T);

/// Nothing.
pub(super) struct Nothing;

impl<T: DeserializeOwned + JsonSchema + Send + 'static> Read for Body<T> {
    const PLACE: Place = Place::Body;

    fn read(_: &Uri, body: &[u8]) -> Result<Self, Error> {
        let not_json = |_| Error::BadRequest("the body is not JSON".into());
        let body: &RawValue = serde_json::from_slice(body).map_err(not_json)?;
        decode(Some(body)).map(Self)
    }

    fn schema(read: &mut SchemaGenerator) -> Schema {
        read.subschema_for::<T>()
    }
}

impl<T: JsonSchema + Send + 'static> Read for Lines<T> {
    const PLACE: Place = Place::Lines;

    fn read(_: &Uri, _: &[u8]) -> Result<Self, Error> {
        Ok(Self(PhantomData))
    }

    fn schema(read: &mut SchemaGenerator) -> Schema {
        read.subschema_for::<T>()
    }
}

impl<T: DeserializeOwned + JsonSchema + Send + 'static> Read for Query<T> {
    const PLACE: Place = Place::Query;

    fn read(uri: &Uri, _: &[u8]) -> Result<Self, Error> {
        let read = Parameters::try_from_uri(uri);
        let wrong = |text: &str| {
            Error::BadRequest(wrong_query(
                text,
                &T::json_schema(&mut SchemaGenerator::default()),
            ))
        };
        let Parameters(read) = read.map_err(|refused| wrong(&refused.body_text()))?;
        Ok(Self(read))
    }

    fn schema(_: &mut SchemaGenerator) -> Schema {
        // parameters stand one by one, and not among the schemas
        schemars::generate::SchemaSettings::draft2020_12()
            .with(|settings| settings.inline_subschemas = true)
            .for_deserialize()
            .into_generator()
            .into_root_schema_for::<T>()
    }
}

/// What is wrong with a query, and of a parameter that is missing what to write.
fn wrong_query(text: &str, schema: &Schema) -> String {
    let (_, text) = text.split_once("query string: ").unwrap_or(("", text));
    let missing = text.strip_prefix("missing field `");
    let Some(name) = missing.and_then(|rest| rest.strip_suffix('`')) else {
        return text.to_owned();
    };
    let field = schema.get("properties").and_then(|fields| fields.get(name));
    let meaning = field.and_then(|field| field.get("description"));
    let meaning = meaning
        .and_then(serde_json::Value::as_str)
        .unwrap_or_default();
    let words: Vec<&str> = meaning.split_whitespace().collect();
    format!("{name}: is missing. {}", words.join(" "))
}

impl Read for Nothing {
    const PLACE: Place = Place::Nowhere;

    fn read(_: &Uri, _: &[u8]) -> Result<Self, Error> {
        Ok(Self)
    }

    fn schema(_: &mut SchemaGenerator) -> Schema {
        Schema::default()
    }
}
