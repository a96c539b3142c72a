//! Exactly one rule an attribute.

use terraform_plugin::{Model, Nested};

#[derive(Nested, Clone)]
struct Two {
    #[attr(required, keep)]
    size: i64,
}

#[derive(Nested, Clone)]
struct None {
    #[attr(replace)]
    size: i64,
}

#[derive(Nested, Clone)]
struct Unknown {
    #[attr(mandatory)]
    size: i64,
}

#[derive(Nested, Clone)]
struct WriteOnly {
    #[attr(keep, write_only)]
    secret: Option<String>,
}

#[derive(Model, Clone)]
#[model(name = "ready", area = "Tests", key(name))]
struct Ready {
    #[attr(required)]
    name: String,
    #[attr(ready)]
    ready: Option<bool>,
}

fn main() {}
