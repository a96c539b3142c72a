//! The key type of a model.

use proc_macro2::TokenStream;
use quote::{format_ident, quote};
use syn::ext::IdentExt;
use syn::{DeriveInput, Error, Result};

use crate::field::{Attr, inside};
use crate::options::Options;

/// `PoolKey` and `impl Keyed for Pool`, if the model names a key.
pub(crate) fn expand(input: &DeriveInput, options: &Options, attrs: &[Attr]) -> Result<TokenStream> {
    let key = &options.key;
    if let Some(rest) = options.rest.as_ref().filter(|rest| !key.contains(rest)) {
        return Err(Error::new_spanned(rest, "no such field in the key"));
    }
    if key.is_empty() {
        return Ok(TokenStream::new());
    }
    let rest = match options.rest.as_ref().map(|rest| rest.unraw().to_string()) {
        Some(rest) => quote!(::core::option::Option::Some(#rest)),
        None => quote!(::core::option::Option::None),
    };
    let fields = key
        .iter()
        .map(|name| {
            attrs
                .iter()
                .find(|a| a.ident == *name)
                .ok_or_else(|| Error::new_spanned(name, "no such field in the struct"))
        })
        .collect::<Result<Vec<_>>>()?;
    let (model, vis) = (&input.ident, &input.vis);
    let ident = format_ident!("{model}Key");
    let doc = format!("What tells one [`{model}`] from another. Its text is the import id.");
    let idents: Vec<_> = fields.iter().map(|a| &a.ident).collect();
    let names: Vec<_> = fields.iter().map(|a| &a.name).collect();
    let docs: Vec<_> = fields.iter().map(|a| if a.doc.is_empty() { &a.name } else { &a.doc }).collect();
    let types: Vec<_> = fields.iter().map(|a| inside(a.ty(), "Option").unwrap_or(a.ty())).collect();
    let from_model: Vec<_> = fields
        .iter()
        .map(|a| {
            let ident = &a.ident;
            match inside(a.ty(), "Option") {
                Some(_) => quote!(self.#ident.clone()?),
                None => quote!(self.#ident.clone()),
            }
        })
        .collect();
    let format = vec!["{}"; fields.len()].join("/");
    Ok(quote! {
        #[doc = #doc]
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #vis struct #ident { #(#[doc = #docs] pub #idents: #types,)* }

        impl ::core::fmt::Display for #ident {
            fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                ::core::write!(f, #format, #(self.#idents),*)
            }
        }

        impl ::core::str::FromStr for #ident {
            type Err = ::terraform_plugin::model::KeyError;

            fn from_str(id: &str) -> ::core::result::Result<Self, ::terraform_plugin::model::KeyError> {
                let parts = ::terraform_plugin::model::key::split(
                    id, <Self as ::terraform_plugin::model::Key>::FIELDS, #rest,
                )?;
                let mut parts = parts.into_iter();
                ::core::result::Result::Ok(Self {
                    #(#idents: {
                        let part = parts.next().unwrap_or_default();
                        part.parse::<#types>()
                            .map_err(|why| ::terraform_plugin::model::KeyError::part(#names, part, why))?
                    },)*
                })
            }
        }

        impl ::terraform_plugin::model::Key for #ident {
            const FIELDS: &'static [&'static str] = &[#(#names),*];

            fn attributes() -> ::std::vec::Vec<::terraform_plugin::schema::Attribute> {
                ::std::vec![#(
                    ::terraform_plugin::model::build::attribute::<#types>(
                        #names, #docs, ::terraform_plugin::schema::Rule::Required,
                    ).done(),
                )*]
            }

            fn decode(
                attributes: &::std::collections::BTreeMap<::std::string::String, ::terraform_plugin::value::Value>,
            ) -> ::core::result::Result<Self, ::terraform_plugin::model::Fault> {
                ::core::result::Result::Ok(Self {
                    #(#idents: ::terraform_plugin::model::build::field::<#types>(attributes, #names)?,)*
                })
            }

            fn encode(
                &self,
            ) -> ::std::collections::BTreeMap<::std::string::String, ::terraform_plugin::value::Value> {
                ::std::collections::BTreeMap::from([#(
                    (#names.to_owned(), ::terraform_plugin::model::Typed::to_value(&self.#idents)),
                )*])
            }
        }

        impl ::terraform_plugin::model::Keyed for #model {
            type Key = #ident;

            fn key(&self) -> ::core::option::Option<#ident> {
                ::core::option::Option::Some(#ident { #(#idents: #from_model,)* })
            }
        }
    })
}
