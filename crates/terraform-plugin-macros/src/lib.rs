#![doc = include_str!("../README.md")]

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
