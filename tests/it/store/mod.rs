//! What chatzz makes of a database: collections, indexes, migrations.

mod indexes;
#[cfg(unix)]
mod legacy;
#[cfg(unix)]
mod migrations;
mod standalone;
