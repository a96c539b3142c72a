//! `#[derive(Choice)]`.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Data, DeriveInput, Error, Fields, LitStr, Result, Variant};

pub(crate) fn expand(input: &DeriveInput) -> Result<TokenStream> {
    let Data::Enum(data) = &input.data else {
        return Err(Error::new_spanned(&input.ident, "Choice is derived for enums"));
    };
    let ident = &input.ident;
    let words = data.variants.iter().map(word).collect::<Result<Vec<_>>>()?;
    let variants: Vec<_> = data.variants.iter().map(|v| &v.ident).collect();
    Ok(quote! {
        impl #ident {
            /// The words, in the order of the variants.
            pub const WORDS: &'static [&'static str] = &[#(#words),*];

            /// The word.
            pub const fn as_str(&self) -> &'static str {
                match self { #(Self::#variants => #words,)* }
            }
        }

        impl ::core::fmt::Display for #ident {
            fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl ::core::str::FromStr for #ident {
            type Err = ::std::string::String;

            fn from_str(text: &str) -> ::core::result::Result<Self, ::std::string::String> {
                match text {
                    #(#words => ::core::result::Result::Ok(Self::#variants),)*
                    other => ::core::result::Result::Err(::std::format!(
                        "must be {}, not {other:?}",
                        ::terraform_plugin::model::checks::says_one_of(Self::WORDS)
                    )),
                }
            }
        }

        impl ::terraform_plugin::model::Typed for #ident {
            type Known = Self;

            fn kind() -> ::terraform_plugin::schema::Kind {
                <::std::string::String as ::terraform_plugin::model::Typed>::kind()
            }

            fn from_value(
                value: &::terraform_plugin::value::Value,
            ) -> ::core::result::Result<Self, ::terraform_plugin::model::Fault> {
                let text = <::std::string::String as ::terraform_plugin::model::Typed>::from_value(value)?;
                text.parse().map_err(|what: ::std::string::String| ::terraform_plugin::model::Fault::new(what))
            }

            fn to_value(&self) -> ::terraform_plugin::value::Value {
                ::terraform_plugin::value::Value::String(self.as_str().to_owned())
            }

            fn known_from_value(
                value: &::terraform_plugin::value::Value,
            ) -> ::core::result::Result<Self, ::terraform_plugin::model::Fault> {
                <Self as ::terraform_plugin::model::Typed>::from_value(value)
            }

            fn known_to_value(known: &Self) -> ::terraform_plugin::value::Value {
                ::terraform_plugin::model::Typed::to_value(known)
            }

            fn says() -> ::core::option::Option<::std::string::String> {
                ::core::option::Option::Some(::terraform_plugin::model::checks::says_one_of(Self::WORDS))
            }
        }
    })
}

fn word(variant: &Variant) -> Result<String> {
    if !matches!(variant.fields, Fields::Unit) {
        return Err(Error::new_spanned(variant, "a variant of a Choice holds nothing"));
    }
    let mut word = None;
    for attribute in variant.attrs.iter().filter(|a| a.path().is_ident("choice")) {
        attribute.parse_nested_meta(|meta| {
            if !meta.path.is_ident("word") {
                return Err(meta.error("unknown option; there is word"));
            }
            word = Some(meta.value()?.parse::<LitStr>()?.value());
            Ok(())
        })?;
    }
    Ok(word.unwrap_or_else(|| snake_case(&variant.ident.to_string())))
}

fn snake_case(name: &str) -> String {
    let mut word = String::new();
    for c in name.chars() {
        if c.is_ascii_uppercase() && !word.is_empty() {
            word.push('_');
        }
        word.push(c.to_ascii_lowercase());
    }
    word
}

#[cfg(test)]
mod tests {
    #[test]
    fn names_become_words() {
        assert_eq!(super::snake_case("UdpTcp"), "udp_tcp");
    }
}
