//! What stands in `#[model(...)]`.

use proc_macro2::Span;
use syn::meta::ParseNestedMeta;
use syn::{Attribute, Expr, ExprLit, Ident, Lit, LitInt, LitStr, Meta, Result};

/// The options of a struct.
#[derive(Default)]
pub(crate) struct Options {
    pub(crate) name: Option<LitStr>,
    pub(crate) area: Option<LitStr>,
    pub(crate) key: Vec<Ident>,
    /// The field of the key that may hold slashes.
    pub(crate) rest: Option<Ident>,
    pub(crate) version: Option<LitInt>,
    pub(crate) deprecated: Option<LitStr>,
    /// The check's function and the fields it is about.
    pub(crate) checks: Vec<(Ident, Vec<Ident>)>,
}

impl Options {
    pub(crate) fn parse(attributes: &[Attribute]) -> Result<Self> {
        let mut options = Self::default();
        for attribute in attributes.iter().filter(|a| a.path().is_ident("model")) {
            attribute.parse_nested_meta(|meta| options.take(&meta))?;
        }
        Ok(options)
    }

    fn take(&mut self, meta: &ParseNestedMeta<'_>) -> Result<()> {
        let word = meta.path.get_ident().map(Ident::to_string).unwrap_or_default();
        match word.as_str() {
            "name" => self.name = Some(meta.value()?.parse()?),
            "area" => self.area = Some(meta.value()?.parse()?),
            "version" => self.version = Some(meta.value()?.parse()?),
            "deprecated" => self.deprecated = Some(meta.value()?.parse()?),
            "key" => self.key = idents(meta)?,
            "rest" => self.rest = Some(meta.value()?.parse()?),
            "conflicts" | "requires" | "exactly_one" | "at_least_one" => {
                let fields = idents(meta)?;
                if fields.len() < 2 {
                    return Err(meta.error("name at least two attributes"));
                }
                self.checks.push((Ident::new(&word, Span::call_site()), fields));
            }
            _ => {
                return Err(meta.error(
                    "unknown option; there are name, area, key, rest, version, deprecated, conflicts, requires, exactly_one, \
                     at_least_one",
                ));
            }
        }
        Ok(())
    }
}

fn idents(meta: &ParseNestedMeta<'_>) -> Result<Vec<Ident>> {
    let mut found = Vec::new();
    meta.parse_nested_meta(|inner| {
        found.push(inner.path.require_ident()?.clone());
        Ok(())
    })?;
    Ok(found)
}

/// The doc comment, one line a line, with the space after `///` taken off.
pub(crate) fn doc(attributes: &[Attribute]) -> String {
    let mut lines = Vec::new();
    for attribute in attributes.iter().filter(|a| a.path().is_ident("doc")) {
        if let Meta::NameValue(meta) = &attribute.meta
            && let Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) = &meta.value
        {
            let text = text.value();
            lines.push(text.strip_prefix(' ').unwrap_or(&text).to_owned());
        }
    }
    lines.join("\n").trim().to_owned()
}
