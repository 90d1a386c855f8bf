//! `chatzz adopt`: what the npm package chatzz 1.1.5 left becomes a database of ours.

mod after;
mod interrupted;
mod kept;
mod large;
mod late;
mod messes;
mod names;
mod old;
mod recorded;
mod refused;
mod undo;
