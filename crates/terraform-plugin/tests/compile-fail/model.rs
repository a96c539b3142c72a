//! What a model must say of itself.

use terraform_plugin::Model;

#[derive(Model, Clone)]
#[model(area = "Tests")]
struct Nameless {
    #[attr(required)]
    name: String,
}

#[derive(Model, Clone)]
#[model(name = "keyless", area = "Tests", key(id))]
struct WrongKey {
    #[attr(required)]
    name: String,
}

#[derive(Model, Clone)]
#[model(name = "impatient", area = "Tests")]
struct Impatient {
    #[attr(timeouts(create = "soon"))]
    timeouts: terraform_plugin::Timeouts,
}

fn main() {}
