//! The macro that turns one declaration into everything about a key.

/// Declares a section of the configuration.
///
/// One entry is the field of the struct, its documentation, how it is read, its row in
/// `SECTION`, and with that its place in `.env.example` and `docs/configuration.md`:
///
/// ```text
/// section! {
///     /// What the section is about.
///     pub struct SocketConfig in "Sockets" {
///         /// How often a quiet client is pinged.
///         /// Lower it when a proxy closes idle connections earlier.
///         ping_interval: Duration =
///             key("CHATZZ_PING_INTERVAL", "duration", default("25s"), within("100ms", "10m")),
///     }
///     with { part: Other = Other::read, }   // optional: fields without a key
///     check(keys) { … }                     // optional: sees every field as a `Read`
/// }
/// ```
///
/// An entry is `key(…)` or `secret(…)`: the name, optionally `or_file` and the example of
/// a path; the unit; the value when it is not set; and the parser. That value is one of
/// `default("text")`, parsed like a value; `unset("rule", value, "example")`;
/// `follows("rule", field, "example")`, the value of an earlier field; and
/// `required("rule", "example")`.
///
/// A struct without `in` has no keys of its own, only parts as after `with`.
macro_rules! section {
    (
        $(#[$about:meta])*
        $vis:vis struct $name:ident in $title:literal {
            $(
                $(#[doc = $doc:literal])+
                $field:ident: $type:ty = $kind:ident(
                    $key:literal $(or_file $file:literal)?,
                    $unit:literal,
                    $unset:ident $given:tt,
                    $($parser:tt)+
                ),
            )+
        }
        $(with {
            $($(#[doc = $part_doc:literal])+ $part:ident: $part_type:ty = $read:expr,)+
        })?
        $(check($keys:ident) $check:block)?
    ) => {
        $(#[$about])*
        #[derive(Debug, Clone)]
        $vis struct $name {
            $(
                $(#[doc = $doc])+
                #[doc = ""]
                #[doc = concat!("Key: `", $key, "`.")]
                $vis $field: $type,
            )+
            $($($(#[doc = $part_doc])+ $vis $part: $part_type,)+)?
        }

        impl $name {
            pub(super) const SECTION: $crate::config::key::Section = $crate::config::key::Section {
                title: $title,
                keys: &[$(section!(
                    @row [$($doc)+] $kind $key [$($file)?] $unit, $unset $given, $($parser)+
                ),)+],
            };

            /// Reads every key, so that all mistakes are found.
            pub(super) fn read(
                keys: &mut $crate::config::reader::Reader<'_>,
            ) -> $crate::config::reader::Read<Self> {
                $(
                    let $field: $crate::config::reader::Read<$type> = {
                        const KEY: &$crate::config::key::Key = &section!(
                            @row [$($doc)+] $kind $key [$($file)?] $unit, $unset $given, $($parser)+
                        );
                        section!(@read keys, KEY, $unset $given, $($parser)+)
                    };
                )+
                $($(let $part = $read(keys);)+)?
                $({
                    let $keys = keys;
                    $check
                })?
                Ok(Self {
                    $($field: $field?,)+
                    $($($part: $part?,)+)?
                })
            }
        }
    };

    (
        $(#[$about:meta])*
        $vis:vis struct $name:ident {
            $($(#[doc = $doc:literal])+ $part:ident: $type:ty = $read:expr,)+
        }
    ) => {
        $(#[$about])*
        #[derive(Debug, Clone)]
        $vis struct $name {
            $($(#[doc = $doc])+ $vis $part: $type,)+
        }

        impl $name {
            /// Reads every section, so that all mistakes are found.
            fn read(
                keys: &mut $crate::config::reader::Reader<'_>,
            ) -> $crate::config::reader::Read<Self> {
                $(let $part = $read(keys);)+
                Ok(Self { $($part: $part?,)+ })
            }
        }
    };

    (@row [$($doc:literal)+] $kind:ident $key:literal [$($file:literal)?] $unit:literal,
     $unset:ident $given:tt, $($parser:tt)+) => {
        $crate::config::key::Key {
            name: $key,
            file: section!(@file $key, $($file)?),
            unit: $unit,
            bounds: section!(@bounds $($parser)+),
            default: section!(@default $unset $given),
            is_secret: section!(@is_secret $kind),
            docs: &[$($doc),+],
        }
    };

    (@file $key:literal,) => { None };
    (@file $key:literal, $example:literal) => {
        Some($crate::config::key::KeyFile {
            name: concat!($key, "_FILE"),
            example: $example,
        })
    };

    (@bounds within($low:literal, $high:literal)) => { Some(($low, $high)) };
    (@bounds $($parser:tt)+) => { None };

    (@is_secret key) => { false };
    (@is_secret secret) => { true };

    (@default default($text:literal)) => { $crate::config::key::DefaultValue::Text($text) };
    (@default required($rule:literal, $example:literal)) => {
        $crate::config::key::DefaultValue::Rule { rule: $rule, example: $example }
    };
    (@default $unset:ident($rule:literal, $value:expr, $example:literal)) => {
        $crate::config::key::DefaultValue::Rule { rule: $rule, example: $example }
    };

    (@read $keys:ident, $key:ident, default $given:tt, $($parser:tt)+) => {
        $keys.read($key, $($parser)+)
    };
    (@read $keys:ident, $key:ident, required $given:tt, $($parser:tt)+) => {
        $keys.read($key, $($parser)+)
    };
    (@read $keys:ident, $key:ident,
     unset($rule:literal, $value:expr, $example:literal), $($parser:tt)+) => {
        match $keys.read_set($key, $($parser)+) {
            Ok(Some(set)) => Ok(set.into()),
            Ok(None) => Ok($value),
            Err(noted) => Err(noted),
        }
    };
    (@read $keys:ident, $key:ident,
     follows($rule:literal, $other:expr, $example:literal), $($parser:tt)+) => {
        match $keys.read_set($key, $($parser)+) {
            Ok(Some(set)) => Ok(set),
            Ok(None) => $other.clone(),
            Err(noted) => Err(noted),
        }
    };
}
