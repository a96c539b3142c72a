//! Configurations in Terraform's own language.

use hcl::Body;
use hcl::expr::Expression;
use hcl::structure::{Block, Structure};

use super::{Config, Expr};
use crate::value::Value;

impl Config {
    /// A configuration in HCL.
    ///
    /// # Errors
    ///
    /// What cannot be read of it.
    pub fn from_hcl(text: &str) -> Result<Self, String> {
        let body: Body = text.parse().map_err(|error| format!("no HCL: {error}"))?;
        let mut config = Self::new();
        for block in body.blocks() {
            config.add_block(block);
        }
        if config.wrong.is_empty() { Ok(config) } else { Err(config.wrong.join("; ")) }
    }

    /// With values for variables as a `.tfvars` file gives them.
    ///
    /// # Errors
    ///
    /// What cannot be read of it.
    pub fn with_variables(mut self, text: &str) -> Result<Self, String> {
        let body: Body = text.parse().map_err(|error| format!("no HCL: {error}"))?;
        for attribute in body.attributes() {
            match literal(&attribute.expr) {
                Expr::Value(value) => self.variables.insert(attribute.key.to_string(), value),
                _ => return Err(format!("{}: a value is wanted", attribute.key.as_str())),
            };
        }
        Ok(self)
    }

    fn add_block(&mut self, block: &Block) {
        let content = body(&block.body);
        let content = block
            .labels
            .iter()
            .rev()
            .fold(content, |inner, label| Expr::Object(vec![(label.as_str().to_owned(), inner)]));
        self.add_top(block.identifier.as_str(), content);
    }
}

/// A body as an object: blocks are lists of objects, those with labels objects by label.
fn body(of: &Body) -> Expr {
    let mut object: Vec<(String, Expr)> = Vec::new();
    for structure in of.iter() {
        match structure {
            Structure::Attribute(attribute) => object.push((attribute.key.to_string(), literal(&attribute.expr))),
            Structure::Block(block) => {
                let name = block.identifier.to_string();
                let inner = body(&block.body);
                let place = object.iter().position(|(given, _)| *given == name).unwrap_or_else(|| {
                    object.push((name, Expr::List(Vec::new())));
                    object.len() - 1
                });
                match (&mut object[place].1, block.labels.first()) {
                    (Expr::List(several), None) => several.push(inner),
                    (Expr::Object(by_key), Some(label)) => by_key.push((label.as_str().to_owned(), inner)),
                    (first, Some(label)) => *first = Expr::Object(vec![(label.as_str().to_owned(), inner)]),
                    // An attribute and a block of one name: the schema will say what is wrong.
                    (_, None) => {}
                }
            }
        }
    }
    Expr::Object(object)
}

/// Literals at once, so that defaults of variables are values.
fn literal(expression: &Expression) -> Expr {
    match expression {
        Expression::Null => Expr::Value(Value::Null),
        Expression::Bool(value) => Expr::Value(Value::Bool(*value)),
        Expression::String(text) => Expr::Value(text.as_str().into()),
        Expression::Number(number) => {
            number.to_string().parse().map_or(Expr::Hcl(expression.clone()), |n| Expr::Value(Value::Number(n)))
        }
        Expression::Array(elements) => Expr::List(elements.iter().map(literal).collect()).settled(),
        Expression::Object(attributes) => {
            let plain = |key: &hcl::expr::ObjectKey| match key {
                hcl::expr::ObjectKey::Identifier(name) => Some(name.to_string()),
                hcl::expr::ObjectKey::Expression(Expression::String(name)) => Some(name.clone()),
                hcl::expr::ObjectKey::Expression(_) => None,
                _ => None,
            };
            let by_name: Option<Vec<_>> =
                attributes.iter().map(|(key, value)| Some((plain(key)?, literal(value)))).collect();
            by_name.map_or(Expr::Hcl(expression.clone()), |by_name| Expr::Object(by_name).settled())
        }
        _ => Expr::Hcl(expression.clone()),
    }
}

impl Expr {
    /// A value, where everything inside is one.
    fn settled(self) -> Self {
        let value = |expr: &Self| if let Self::Value(value) = expr { Some(value.clone()) } else { None };
        let settled = match &self {
            Self::List(elements) => elements.iter().map(value).collect::<Option<_>>().map(Value::List),
            Self::Object(attributes) => {
                let all = attributes.iter().map(|(name, of)| Some((name.clone(), value(of)?)));
                all.collect::<Option<_>>().map(Value::Object)
            }
            _ => None,
        };
        settled.map_or(self, Self::Value)
    }
}
