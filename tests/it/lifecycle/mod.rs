//! Starting, stopping, dying and coming back, as an operator sees it.

mod start;
mod stop;
mod takeover;
