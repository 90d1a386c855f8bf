//! What chatzz makes of a database: collections, indexes, migrations.

#[cfg(unix)]
mod carried_over;
mod indexes;
#[cfg(unix)]
mod legacy;
mod letters;
#[cfg(unix)]
mod migrations;
mod standalone;
