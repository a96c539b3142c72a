//! What stands in `#[attr(...)]`, and the type behind it.

use quote::ToTokens;
use syn::ext::IdentExt;
use syn::meta::ParseNestedMeta;
use syn::spanned::Spanned;
use syn::{Error, Expr, Field, GenericArgument, Ident, LitStr, Path, PathArguments, Result, Type};

/// Who decides on the value.
pub(crate) enum Rule {
    Required,
    Optional,
    Keep,
    Computed,
    Default(Expr),
}

/// What kind of attribute it is.
pub(crate) enum Role {
    Plain,
    Ready,
    /// Operation and text of its default.
    Timeouts(Vec<(Ident, LitStr)>),
    /// Not an attribute: the attributes of the struct that it holds.
    Flatten,
}

/// A field and its options.
pub(crate) struct Attr {
    pub(crate) field: Field,
    pub(crate) ident: Ident,
    pub(crate) name: String,
    pub(crate) doc: String,
    pub(crate) role: Role,
    pub(crate) rule: Rule,
    pub(crate) local: bool,
    pub(crate) replace: bool,
    pub(crate) sensitive: bool,
    pub(crate) write_only: bool,
    pub(crate) deprecated: Option<LitStr>,
    pub(crate) same: Option<Path>,
    pub(crate) api: Option<LitStr>,
    pub(crate) repeated: bool,
    pub(crate) rouses: bool,
    pub(crate) usual: Option<Expr>,
    /// The attribute whose change has this write-only one sent again.
    pub(crate) version: Option<Ident>,
    pub(crate) checks: Checks,
}

/// The checks of an attribute.
#[derive(Default)]
pub(crate) struct Checks {
    pub(crate) range: Option<Expr>,
    pub(crate) length: Option<Expr>,
    pub(crate) regex: Option<Expr>,
    pub(crate) says: Option<Expr>,
    pub(crate) one_of: Option<Expr>,
    pub(crate) check: Vec<Path>,
    pub(crate) each: Vec<Path>,
}

#[derive(Default)]
struct Parsed {
    rules: Vec<(String, Rule)>,
    role: Option<Role>,
    local: bool,
    replace: bool,
    sensitive: bool,
    write_only: bool,
    deprecated: Option<LitStr>,
    same: Option<Path>,
    api: Option<LitStr>,
    repeated: bool,
    rouses: bool,
    usual: Option<Expr>,
    version: Option<Ident>,
    checks: Checks,
}

impl Attr {
    pub(crate) fn parse(field: &Field) -> Result<Self> {
        let ident = field.ident.clone().ok_or_else(|| Error::new(field.span(), "fields must have names"))?;
        let mut parsed = Parsed::default();
        for attribute in field.attrs.iter().filter(|a| a.path().is_ident("attr")) {
            attribute.parse_nested_meta(|meta| parsed.take(&meta))?;
        }
        let rule = parsed.rule(field, &ident)?;
        let attr = Self {
            name: ident.unraw().to_string(),
            doc: crate::options::doc(&field.attrs),
            field: field.clone(),
            ident,
            role: parsed.role.unwrap_or(Role::Plain),
            rule,
            local: parsed.local,
            replace: parsed.replace,
            sensitive: parsed.sensitive,
            write_only: parsed.write_only,
            deprecated: parsed.deprecated,
            same: parsed.same,
            api: parsed.api,
            repeated: parsed.repeated,
            rouses: parsed.rouses,
            usual: parsed.usual,
            version: parsed.version,
            checks: parsed.checks,
        };
        attr.fits()?;
        Ok(attr)
    }

    pub(crate) fn is_flattened(&self) -> bool {
        matches!(self.role, Role::Flatten)
    }

    pub(crate) fn ty(&self) -> &Type {
        &self.field.ty
    }

    /// Whether the field's type must offer a default for the time when its value is not there.
    pub(crate) fn lenient(&self) -> bool {
        let provider_decides = matches!(self.rule, Rule::Computed);
        let local = self.local && matches!(self.rule, Rule::Optional);
        (provider_decides || local) && inside(self.ty(), "Option").is_none()
    }

    fn error(&self, what: &str) -> Error {
        Error::new(self.field.ty.span(), format!("attribute `{}`: {what}", self.name))
    }

    /// Rule and type fit together.
    fn fits(&self) -> Result<()> {
        let ty = self.ty().to_token_stream().to_string().replace(' ', "");
        let option = inside(self.ty(), "Option").is_some();
        match (&self.role, &self.rule) {
            (Role::Ready, _) if ty != "bool" => return Err(self.error("`ready` must be a `bool`")),
            (Role::Timeouts(_), _) if !ty.ends_with("Timeouts") => {
                return Err(self.error("`timeouts` must be of type `Timeouts`"));
            }
            (Role::Ready | Role::Timeouts(_) | Role::Flatten, _) => return Ok(()),
            // It is configured always, and never stored.
            (_, Rule::Required) if self.write_only => {}
            (_, Rule::Required | Rule::Default(_)) if option => {
                return Err(self.error(&format!(
                    "with `required` or `default` it is always set: write `{}` in place of `{ty}`",
                    inside(self.ty(), "Option").map(|t| t.to_token_stream().to_string()).unwrap_or_default()
                )));
            }
            (_, Rule::Keep) if !option => {
                return Err(
                    self.error(&format!("with `keep` it may be unset: write `Option<{ty}>` in place of `{ty}`"))
                );
            }
            (_, Rule::Optional) if !option && !self.local => {
                return Err(
                    self.error(&format!("with `optional` it may be unset: write `Option<{ty}>` in place of `{ty}`"))
                );
            }
            _ => {}
        }
        if self.write_only && !matches!(self.rule, Rule::Required | Rule::Optional) {
            return Err(self.error("`write_only` goes with `required` or `optional`"));
        }
        if self.write_only && !option {
            return Err(self.error(&format!("with `write_only` it is never stored: write `Option<{ty}>`")));
        }
        if self.usual.is_some() && !matches!(self.rule, Rule::Keep | Rule::Computed) {
            return Err(self.error("`usual` is what holds when it is left alone: write `keep`"));
        }
        if self.repeated && element(bare(self.ty())).is_none() {
            return Err(self.error("`repeated` is for lists and sets"));
        }
        if self.rouses && !self.local {
            return Err(self.error("`rouses` is for `local` attributes: a change of any other calls an update anyway"));
        }
        if self.checks.says.is_some() && self.checks.regex.is_none() {
            return Err(self.error("`says` explains a `regex`, and there is none"));
        }
        Ok(())
    }
}

impl Parsed {
    fn take(&mut self, meta: &ParseNestedMeta<'_>) -> Result<()> {
        let word = meta.path.get_ident().map(Ident::to_string).unwrap_or_default();
        match word.as_str() {
            "required" => self.rules.push((word, Rule::Required)),
            "optional" => self.rules.push((word, Rule::Optional)),
            "keep" => self.rules.push((word, Rule::Keep)),
            "computed" => self.rules.push((word, Rule::Computed)),
            "default" => self.rules.push((word, Rule::Default(meta.value()?.parse()?))),
            "ready" => self.role = Some(Role::Ready),
            "timeouts" => self.role = Some(Role::Timeouts(timeouts(meta)?)),
            "local" => self.local = true,
            "replace" => self.replace = true,
            "sensitive" => self.sensitive = true,
            "write_only" => {
                self.write_only = true;
                self.version = version(meta)?;
            }
            "flatten" => self.role = Some(Role::Flatten),
            "api" => self.api = Some(meta.value()?.parse()?),
            "repeated" => self.repeated = true,
            "rouses" => self.rouses = true,
            "usual" => self.usual = Some(meta.value()?.parse()?),
            "deprecated" => self.deprecated = Some(meta.value()?.parse()?),
            "same" => self.same = Some(meta.value()?.parse()?),
            "range" => self.checks.range = Some(meta.value()?.parse()?),
            "length" => self.checks.length = Some(meta.value()?.parse()?),
            "regex" => self.checks.regex = Some(meta.value()?.parse()?),
            "says" => self.checks.says = Some(meta.value()?.parse()?),
            "one_of" => self.checks.one_of = Some(meta.value()?.parse()?),
            "check" => self.checks.check.push(meta.value()?.parse()?),
            "each" => self.checks.each.push(meta.value()?.parse()?),
            _ => {
                return Err(meta.error(
                    "unknown option; rules: required, optional, keep, computed, default; flags: local, replace, sensitive, \
                     write_only, deprecated; same; the API's view: api, repeated, usual, rouses; checks: range, length, regex, says, \
                     one_of, check, each; ready; timeouts; flatten",
                ));
            }
        }
        Ok(())
    }

    fn rule(&mut self, field: &Field, ident: &Ident) -> Result<Rule> {
        let mut rules = std::mem::take(&mut self.rules);
        if let Some(role @ (Role::Ready | Role::Timeouts(_) | Role::Flatten)) = &self.role {
            if !rules.is_empty() {
                return Err(Error::new(
                    field.span(),
                    format!("`{ident}`: `ready`, `timeouts` and `flatten` bring their own rules"),
                ));
            }
            return Ok(if matches!(role, Role::Ready) { Rule::Computed } else { Rule::Optional });
        }
        if rules.len() > 1 {
            let words: Vec<String> = rules.iter().map(|(word, _)| format!("`{word}`")).collect();
            return Err(Error::new(
                field.span(),
                format!("attribute `{ident}` has {} rules, {}: keep exactly one", words.len(), words.join(" and ")),
            ));
        }
        match rules.pop() {
            Some((_, rule)) => Ok(rule),
            None if self.local => Ok(Rule::Optional),
            None => Err(Error::new(
                field.span(),
                format!(
                    "attribute `{ident}` has no rule: write #[attr(...)] with one of `required`, `optional`, `keep`, \
                     `computed`, `default = ...`, `local`"
                ),
            )),
        }
    }
}

/// The attribute named in `write_only(version = ...)`.
fn version(meta: &ParseNestedMeta<'_>) -> Result<Option<Ident>> {
    let mut found = None;
    if meta.input.peek(syn::token::Paren) {
        meta.parse_nested_meta(|inner| {
            if !inner.path.is_ident("version") {
                return Err(inner.error("there is version = ATTRIBUTE"));
            }
            found = Some(inner.value()?.parse()?);
            Ok(())
        })?;
    }
    Ok(found)
}

fn timeouts(meta: &ParseNestedMeta<'_>) -> Result<Vec<(Ident, LitStr)>> {
    let mut found = Vec::new();
    if meta.input.peek(syn::token::Paren) {
        meta.parse_nested_meta(|inner| {
            let operation = inner.path.require_ident()?.clone();
            if !["create", "read", "update", "delete"].contains(&operation.to_string().as_str()) {
                return Err(inner.error("there are create, read, update and delete"));
            }
            found.push((operation, inner.value()?.parse()?));
            Ok(())
        })?;
    }
    Ok(found)
}

/// `T` of `Outer<T>`, or of the map `Outer<_, T>`.
pub(crate) fn inside<'a>(ty: &'a Type, outer: &str) -> Option<&'a Type> {
    let Type::Path(path) = ty else { return None };
    let last = path.path.segments.last().filter(|segment| segment.ident == outer)?;
    let PathArguments::AngleBracketed(arguments) = &last.arguments else { return None };
    arguments.args.iter().rev().find_map(|argument| match argument {
        GenericArgument::Type(inner) => Some(inner),
        _ => None,
    })
}

/// The type without `Option` and `Secret`.
pub(crate) fn bare(ty: &Type) -> &Type {
    match inside(ty, "Option").or_else(|| inside(ty, "Secret")) {
        Some(inner) => bare(inner),
        None => ty,
    }
}

/// The element type of a collection.
pub(crate) fn element(ty: &Type) -> Option<&Type> {
    ["Vec", "BTreeSet", "BTreeMap"].iter().find_map(|outer| inside(ty, outer)).map(bare)
}
