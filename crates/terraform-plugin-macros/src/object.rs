//! `#[derive(Model)]`, `#[derive(Nested)]`, `#[derive(ProviderConfig)]`.

use proc_macro2::TokenStream;
use quote::{format_ident, quote};
use syn::{Data, DeriveInput, Error, Expr, ExprLit, Fields, Ident, Lit, Result};

use crate::field::{Attr, Role as AttrRole, Rule};
use crate::options::{Options, doc};
use crate::{check, key};

/// What the struct is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    Model,
    Nested,
    Provider,
}

pub(crate) fn expand(input: &DeriveInput, role: Role) -> Result<TokenStream> {
    let attrs = attributes(input)?;
    let options = Options::parse(&input.attrs)?;
    for (_, names) in &options.checks {
        for name in names {
            if !attrs.iter().any(|a| a.ident == *name) {
                return Err(Error::new_spanned(name, "no such field in the struct"));
            }
        }
    }
    let of_role = match role {
        Role::Model => {
            let model = model(input, &options, &attrs)?;
            let key = key::expand(input, &options, &attrs)?;
            quote!(#model #key)
        }
        Role::Nested => nested(&input.ident),
        Role::Provider => TokenStream::new(),
    };
    if role != Role::Model && (options.name.is_some() || !options.key.is_empty()) {
        return Err(Error::new_spanned(&input.ident, "only models have a name and a key"));
    }
    if role != Role::Model
        && let Some(attr) = attrs.iter().find(|a| matches!(a.role, AttrRole::Ready | AttrRole::Timeouts(_)))
    {
        return Err(Error::new_spanned(&attr.ident, "`ready` and `timeouts` belong to the model itself"));
    }
    for attr in &attrs {
        if let Some(version) = &attr.version
            && !attrs.iter().any(|a| a.ident == *version && a.local)
        {
            return Err(Error::new_spanned(version, "no such attribute that is `local`"));
        }
    }
    let twin = twin(input, &attrs);
    let object = object(input, &options, &attrs);
    Ok(quote!(#twin #object #of_role))
}

fn attributes(input: &DeriveInput) -> Result<Vec<Attr>> {
    if !input.generics.params.is_empty() {
        return Err(Error::new_spanned(&input.generics, "a model has no type parameters"));
    }
    match &input.data {
        Data::Struct(data) => match &data.fields {
            Fields::Named(fields) => fields.named.iter().map(Attr::parse).collect(),
            Fields::Unit => Ok(Vec::new()),
            Fields::Unnamed(_) => Err(Error::new_spanned(&input.ident, "the fields must have names")),
        },
        Data::Enum(_) | Data::Union(_) => Err(Error::new_spanned(&input.ident, "this is derived for structs")),
    }
}

fn plan_ident(input: &DeriveInput) -> Ident {
    format_ident!("{}Plan", input.ident)
}

/// The plan twin.
fn twin(input: &DeriveInput, attrs: &[Attr]) -> TokenStream {
    let (vis, plan) = (&input.vis, plan_ident(input));
    let description =
        format!("The plan twin of [`{}`]: what a configuration or plan says about each attribute.", input.ident);
    let fields = attrs.iter().map(|attr| {
        let (vis, ident, ty) = (&attr.field.vis, &attr.ident, attr.ty());
        let doc = if attr.doc.is_empty() { &attr.name } else { &attr.doc };
        if attr.is_flattened() {
            return quote!(#[doc = #doc] #vis #ident: <#ty as ::terraform_plugin::model::Object>::Plan);
        }
        quote!(#[doc = #doc] #vis #ident: ::terraform_plugin::model::Attr<<#ty as ::terraform_plugin::model::Typed>::Known>)
    });
    quote! {
        #[doc = #description]
        #[derive(Clone, Debug, Default, PartialEq)]
        #vis struct #plan { #(#fields,)* }
    }
}

fn object(input: &DeriveInput, options: &Options, attrs: &[Attr]) -> TokenStream {
    let (ident, plan, description) = (&input.ident, plan_ident(input), doc(&input.attrs));
    let own: Vec<&Attr> = attrs.iter().filter(|a| !a.is_flattened()).collect();
    let idents: Vec<_> = own.iter().map(|a| &a.ident).collect();
    let names: Vec<_> = own.iter().map(|a| &a.name).collect();
    let types: Vec<_> = own.iter().map(|a| a.ty()).collect();
    let flattened: Vec<&Attr> = attrs.iter().filter(|a| a.is_flattened()).collect();
    let flat: Vec<_> = flattened.iter().map(|a| &a.ident).collect();
    let flat_types: Vec<_> = flattened.iter().map(|a| a.ty()).collect();
    let schema = attrs.iter().map(|attr| match (attr.is_flattened(), attr.ty()) {
        (true, ty) => quote!(all.extend(<#ty as ::terraform_plugin::model::Object>::attributes());),
        (false, _) => {
            let attribute = attribute(attr, attrs);
            quote!(all.push(#attribute);)
        }
    });
    let decode = attrs.iter().map(|attr| {
        let (ident, name, ty) = (&attr.ident, &attr.name, attr.ty());
        if attr.is_flattened() {
            return quote!(#ident: <#ty as ::terraform_plugin::model::Object>::decode(attributes)?);
        }
        let function = if attr.lenient() { quote!(field_or_default) } else { quote!(field) };
        quote!(#ident: ::terraform_plugin::model::build::#function::<#ty>(attributes, #name)?)
    });
    let checks = options.checks.iter().map(|(function, fields)| {
        let fields = fields.iter().map(|f| syn::ext::IdentExt::unraw(f).to_string());
        quote!(::terraform_plugin::schema::Check::#function([#(#fields),*]))
    });
    let map = quote!(::std::collections::BTreeMap<::std::string::String, ::terraform_plugin::value::Value>);
    let result = |ok| quote!(::core::result::Result<#ok, ::terraform_plugin::model::Fault>);
    let (decoded, decoded_plan) = (result(quote!(Self)), result(quote!(#plan)));
    quote! {
        impl ::terraform_plugin::model::Object for #ident {
            type Plan = #plan;

            const DESCRIPTION: &'static str = #description;

            fn attributes() -> ::std::vec::Vec<::terraform_plugin::schema::Attribute> {
                let mut all = ::std::vec::Vec::new();
                #(#schema)*
                all
            }

            fn checks() -> ::std::vec::Vec<::terraform_plugin::schema::Check> {
                #[allow(unused_mut)]
                let mut all = ::std::vec![#(#checks),*];
                #(all.extend(<#flat_types as ::terraform_plugin::model::Object>::checks());)*
                all
            }

            #[allow(unused_variables)]
            fn decode(attributes: &#map) -> #decoded {
                ::core::result::Result::Ok(Self { #(#decode,)* })
            }

            fn encode(&self) -> #map {
                #[allow(unused_mut)]
                let mut all = ::std::collections::BTreeMap::from([
                    #((#names.to_owned(), ::terraform_plugin::model::Typed::to_value(&self.#idents)),)*
                ]);
                #(all.extend(::terraform_plugin::model::Object::encode(&self.#flat));)*
                all
            }

            #[allow(unused_variables)]
            fn decode_plan(attributes: &#map) -> #decoded_plan {
                ::core::result::Result::Ok(#plan {
                    #(#idents: ::terraform_plugin::model::build::plan_field::<#types>(attributes, #names)?,)*
                    #(#flat: <#flat_types as ::terraform_plugin::model::Object>::decode_plan(attributes)?,)*
                })
            }

            #[allow(unused_variables)]
            fn encode_plan(plan: &#plan) -> #map {
                #[allow(unused_mut)]
                let mut all = ::std::collections::BTreeMap::from([
                    #((#names.to_owned(), ::terraform_plugin::model::build::plan_value::<#types>(&plan.#idents)),)*
                ]);
                #(all.extend(<#flat_types as ::terraform_plugin::model::Object>::encode_plan(&plan.#flat));)*
                all
            }
        }
    }
}

/// The expression that makes an attribute's schema.
fn attribute(attr: &Attr, all: &[Attr]) -> TokenStream {
    let (name, doc, ty) = (&attr.name, &attr.doc, attr.ty());
    if let AttrRole::Timeouts(_) = attr.role {
        return quote!(::terraform_plugin::model::build::timeouts(
            #name, #doc, <Self as ::terraform_plugin::model::Model>::timeout
        ));
    }
    let rule = match &attr.rule {
        Rule::Required => quote!(::terraform_plugin::schema::Rule::Required),
        Rule::Optional => quote!(::terraform_plugin::schema::Rule::Optional),
        Rule::Keep => quote!(::terraform_plugin::schema::Rule::Keep),
        Rule::Computed => quote!(::terraform_plugin::schema::Rule::Computed),
        // A text stands for whatever type can be made of it.
        Rule::Default(text @ Expr::Lit(ExprLit { lit: Lit::Str(_), .. })) => {
            quote!(::terraform_plugin::model::build::default_value::<#ty>(::core::convert::From::from(#text)))
        }
        Rule::Default(expr) => quote!(::terraform_plugin::model::build::default_value::<#ty>(#expr)),
    };
    let mut flags = TokenStream::new();
    for (set, flag) in [
        (attr.local, quote!(.local())),
        (attr.replace, quote!(.replace())),
        (attr.sensitive, quote!(.sensitive())),
        (attr.write_only, quote!(.write_only())),
        (attr.repeated, quote!(.repeated())),
        (attr.rouses || all.iter().any(|other| other.version.as_ref() == Some(&attr.ident)), quote!(.rouses())),
    ] {
        if set {
            flags.extend(flag);
        }
    }
    if let Some(name) = &attr.api {
        flags.extend(quote!(.api(#name)));
    }
    if let Some(version) = attr.version.as_ref().map(|v| syn::ext::IdentExt::unraw(v).to_string()) {
        flags.extend(quote!(.version(#version)));
    }
    if let Some(usual) = &attr.usual {
        let inner = crate::field::bare(ty);
        flags.extend(match usual {
            // A text stands for whatever type can be made of it.
            text @ Expr::Lit(ExprLit { lit: Lit::Str(_), .. }) => {
                quote!(.usual::<#inner>(::core::convert::From::from(#text)))
            }
            expr => quote!(.usual::<#inner>(#expr)),
        });
    }
    if let Some(instead) = &attr.deprecated {
        flags.extend(quote!(.deprecated(#instead)));
    }
    if let Some(same) = &attr.same {
        let inner = crate::field::bare(ty);
        flags.extend(quote!(.same(|a, b| ::terraform_plugin::model::build::same::<#inner>(a, b, #same))));
    }
    for check in check::expressions(attr) {
        flags.extend(quote!(.check(#check)));
    }
    quote!(::terraform_plugin::model::build::attribute::<#ty>(#name, #doc, #rule) #flags.done())
}

fn model(input: &DeriveInput, options: &Options, attrs: &[Attr]) -> Result<TokenStream> {
    let ident = &input.ident;
    let missing =
        |what| Error::new_spanned(ident, format!("write #[model(name = \"...\", area = \"...\")]: {what} is missing"));
    let name = options.name.as_ref().ok_or_else(|| missing("name"))?;
    let area = options.area.as_ref().ok_or_else(|| missing("area"))?;
    let version = options.version.as_ref().map_or_else(|| quote!(0), |v| quote!(#v));
    let option = |value: Option<TokenStream>| match value {
        Some(value) => quote!(::core::option::Option::Some(#value)),
        None => quote!(::core::option::Option::None),
    };
    let deprecated = option(options.deprecated.as_ref().map(|d| quote!(#d)));
    let mut ready = None;
    let mut timeouts = None;
    for attr in attrs {
        let name = &attr.name;
        match attr.role {
            AttrRole::Plain | AttrRole::Flatten => continue,
            AttrRole::Ready if ready.is_none() => ready = Some(quote!(#name)),
            AttrRole::Timeouts(_) if timeouts.is_none() => timeouts = Some(quote!(#name)),
            AttrRole::Ready | AttrRole::Timeouts(_) => {
                return Err(Error::new_spanned(&attr.ident, "there can be one `ready` and one `timeouts`"));
            }
        }
    }
    let (ready, timeouts) = (option(ready), option(timeouts));
    let timeout = timeout(attrs)?;
    Ok(quote! {
        impl ::terraform_plugin::model::Model for #ident {
            const NAME: &'static str = #name;
            const AREA: &'static str = #area;
            const VERSION: i64 = #version;
            const DEPRECATED: ::core::option::Option<&'static str> = #deprecated;
            const READY: ::core::option::Option<&'static str> = #ready;
            const TIMEOUTS: ::core::option::Option<&'static str> = #timeouts;

            fn timeout(operation: ::terraform_plugin::model::Operation) -> ::core::time::Duration {
                match operation {
                    #(#timeout)*
                    #[allow(unreachable_patterns)]
                    other => other.usual_timeout(),
                }
            }
        }
    })
}

/// The arms that give the object's own default timeouts.
fn timeout(attrs: &[Attr]) -> Result<Vec<TokenStream>> {
    let Some(list) = attrs.iter().find_map(|a| match &a.role {
        AttrRole::Timeouts(list) => Some(list),
        _ => None,
    }) else {
        return Ok(Vec::new());
    };
    list.iter()
        .map(|(operation, text)| {
            let variant = match operation.to_string().as_str() {
                "create" => quote!(Create),
                "read" => quote!(Read),
                "update" => quote!(Update),
                _ => quote!(Delete),
            };
            let millis = millis(&text.value())
                .ok_or_else(|| Error::new_spanned(text, "not a duration; write `90s`, `20m` or `1h30m`"))?;
            Ok(quote! {
                ::terraform_plugin::model::Operation::#variant => ::core::time::Duration::from_millis(#millis),
            })
        })
        .collect()
}

/// The same texts as `terraform_plugin::model::Duration` takes, read at compile time.
fn millis(mut text: &str) -> Option<u64> {
    let mut sum = 0_u64;
    while !text.is_empty() {
        let digits = text.find(|c: char| !c.is_ascii_digit())?;
        let number: u64 = text[..digits].parse().ok()?;
        text = &text[digits..];
        let (unit, factor) = [("d", 86_400_000), ("h", 3_600_000), ("ms", 1), ("m", 60_000), ("s", 1_000)]
            .into_iter()
            .find(|(unit, _)| text.starts_with(unit))?;
        text = &text[unit.len()..];
        sum = sum.checked_add(number.checked_mul(factor)?)?;
    }
    (sum > 0).then_some(sum)
}

/// What lets a struct be the type of an attribute.
fn nested(ident: &Ident) -> TokenStream {
    let value = quote!(::terraform_plugin::value::Value);
    let fault = quote!(::terraform_plugin::model::Fault);
    quote! {
        impl ::terraform_plugin::model::Typed for #ident {
            type Known = <#ident as ::terraform_plugin::model::Object>::Plan;

            fn kind() -> ::terraform_plugin::schema::Kind {
                ::terraform_plugin::schema::Kind::Nested(
                    ::terraform_plugin::schema::Nesting::Single,
                    <Self as ::terraform_plugin::model::Object>::attributes(),
                )
            }

            fn from_value(value: &#value) -> ::core::result::Result<Self, #fault> {
                ::terraform_plugin::model::build::object::<Self>(value)
            }

            fn to_value(&self) -> #value {
                #value::Object(::terraform_plugin::model::Object::encode(self))
            }

            fn known_from_value(value: &#value) -> ::core::result::Result<Self::Known, #fault> {
                ::terraform_plugin::model::build::object_plan::<Self>(value)
            }

            fn known_to_value(known: &Self::Known) -> #value {
                #value::Object(<Self as ::terraform_plugin::model::Object>::encode_plan(known))
            }

            fn checks() -> ::std::vec::Vec<::terraform_plugin::schema::Check> {
                <Self as ::terraform_plugin::model::Object>::checks()
            }
        }
    }
}
