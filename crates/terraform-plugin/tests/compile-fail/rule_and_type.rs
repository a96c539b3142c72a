//! What a rule leaves open must be an `Option`, and what it fixes must not.

use terraform_plugin::Nested;

#[derive(Nested, Clone)]
struct Keep {
    #[attr(keep)]
    size: i64,
}

#[derive(Nested, Clone)]
struct Optional {
    #[attr(optional)]
    size: i64,
}

#[derive(Nested, Clone)]
struct Required {
    #[attr(required)]
    size: Option<i64>,
}

#[derive(Nested, Clone)]
struct Defaulted {
    #[attr(default = 3)]
    size: Option<i64>,
}

fn main() {}
