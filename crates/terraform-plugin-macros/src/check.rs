//! Checks of one attribute.

use proc_macro2::TokenStream;
use quote::quote;

use crate::field::{Attr, bare, element};

/// Calls that make the attribute's checks, each an expression of type `Check`.
pub(crate) fn expressions(attr: &Attr) -> Vec<TokenStream> {
    let whole = bare(attr.ty());
    let inner = element(whole).unwrap_or(whole);
    let lift = |check: TokenStream| {
        if element(whole).is_some() { quote!(#check.each()) } else { check }
    };
    let checks = &attr.checks;
    let mut found = Vec::new();
    if let Some(range) = &checks.range {
        found.push(lift(quote!(::terraform_plugin::schema::Check::range::<#inner>(#range))));
    }
    if let Some(length) = &checks.length {
        found.push(quote!(::terraform_plugin::schema::Check::length(#length)));
    }
    if let Some(regex) = &checks.regex {
        let says = match &checks.says {
            Some(says) => quote!(::core::option::Option::Some(#says)),
            None => quote!(::core::option::Option::None),
        };
        found.push(lift(quote!(::terraform_plugin::schema::Check::regex(#regex, #says))));
    }
    if let Some(words) = &checks.one_of {
        found.push(lift(quote!(::terraform_plugin::schema::Check::one_of(#words))));
    }
    for path in &checks.check {
        found.push(typed(path, whole));
    }
    for path in &checks.each {
        found.push(lift(typed(path, inner)));
    }
    found
}

/// Such a check is called by the last part of its function's name, in words.
fn typed(path: &syn::Path, ty: &syn::Type) -> TokenStream {
    let says = path.segments.last().map(|s| s.ident.to_string().replace('_', " ")).unwrap_or_default();
    quote!(::terraform_plugin::model::checks::typed::<#ty>(#says, |value: &#ty| #path(value)))
}
