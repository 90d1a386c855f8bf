//! Who may do what: block lists, whitelists, the contact rule, other people's objects.

mod blocking;
mod limits;
mod matrix;
mod nodes;
mod presence;
mod rule;
mod rule_checks;
mod whitelist;
mod withheld;
mod withheld_limits;
mod withheld_nodes;
