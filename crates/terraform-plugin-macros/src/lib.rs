//! Derives of `terraform-plugin`: a struct is a schema.
//!
//! - `Model`: a resource or data source. With `key(...)` it also gets a key type, `<Name>Key`.
//! - `Nested`: an object inside a model.
//! - `ProviderConfig`: the provider's own configuration.
//! - `Choice`: an enum whose variants are words.
//!
//! Each of the first three makes a plan twin, `<Name>Plan`, whose fields are `Attr`s.
//!
//! ```text
//! #[model(name = "ceph_pool", area = "Ceph", key(name), version = 0, deprecated = "...",
//!         conflicts(a, b), requires(a, b), exactly_one(a, b), at_least_one(a, b))]
//! #[attr(required | optional | keep | computed | default = EXPR,          exactly one rule; `local` alone is optional
//!        local, replace, sensitive, write_only, deprecated = "...",       flags
//!        same = path,                                                     fn(&T, &T) -> bool: two texts that mean the same
//!        range = 1..=7, length = 1..=40, regex = "...", says = "...", one_of = ["a", "b"],
//!        check = path, each = path)]                                      checks; fn(&T) -> Result<(), String>
//! #[attr(ready)]                                                          the latch: a bool that the framework owns
//! #[attr(timeouts(create = "20m", ...))]                                  the `timeouts` attribute
//! #[choice(word = "...")]                                                 a variant's word; else its name in snake_case
//! ```
//!
//! `range`, `regex`, `one_of` and `each` look at the elements of a collection, `length` and `check` at the whole.

mod check;
mod choice;
mod field;
mod key;
mod object;
mod options;
#[cfg(test)]
mod tests;

use proc_macro::TokenStream;
use syn::{DeriveInput, parse_macro_input};

/// A resource or a data source.
#[proc_macro_derive(Model, attributes(model, attr))]
pub fn model(input: TokenStream) -> TokenStream {
    expand(&parse_macro_input!(input as DeriveInput), object::Role::Model)
}

/// An object inside a model.
#[proc_macro_derive(Nested, attributes(model, attr))]
pub fn nested(input: TokenStream) -> TokenStream {
    expand(&parse_macro_input!(input as DeriveInput), object::Role::Nested)
}

/// The provider's own configuration.
#[proc_macro_derive(ProviderConfig, attributes(model, attr))]
pub fn provider_config(input: TokenStream) -> TokenStream {
    expand(&parse_macro_input!(input as DeriveInput), object::Role::Provider)
}

/// An enum whose variants are words.
#[proc_macro_derive(Choice, attributes(choice))]
pub fn choice(input: TokenStream) -> TokenStream {
    choice::expand(&parse_macro_input!(input as DeriveInput)).unwrap_or_else(syn::Error::into_compile_error).into()
}

fn expand(input: &DeriveInput, role: object::Role) -> TokenStream {
    object::expand(input, role).unwrap_or_else(syn::Error::into_compile_error).into()
}
