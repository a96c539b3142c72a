//! What is written in a configuration, before it is known.

use std::collections::BTreeSet;
use std::str::FromStr;

use hcl::expr::{Expression, ObjectKey, Operation, TraversalOperator, Variable};
use hcl::template::{Directive, Element, Template};
use serde_json::Value as Json;

use crate::state::{Address, InstanceKey};
use crate::value::Value;

/// Something that becomes a value.
#[derive(Clone, Debug, PartialEq)]
pub enum Expr {
    /// It is one.
    Value(Value),
    /// Some of its elements become values.
    List(Vec<Expr>),
    /// Some of its attributes become values.
    Object(Vec<(String, Expr)>),
    /// An expression of the language.
    Hcl(Expression),
    /// A text with expressions in it.
    Template(Template),
}

impl From<Value> for Expr {
    fn from(value: Value) -> Self {
        Self::Value(value)
    }
}

impl From<Json> for Expr {
    /// As Terraform reads `.tf.json`: texts with `${...}` are templates. What is no template after all is a text.
    fn from(json: Json) -> Self {
        match json {
            Json::Array(elements) => Self::List(elements.into_iter().map(Self::from).collect()),
            Json::Object(attributes) => {
                Self::Object(attributes.into_iter().map(|(name, value)| (name, Self::from(value))).collect())
            }
            Json::String(text) if text.contains("${") || text.contains("%{") => match Template::from_str(&text) {
                Ok(template) => Self::Template(template),
                Err(_) => Self::Value(text.into()),
            },
            other => Self::Value(other.into()),
        }
    }
}

impl Expr {
    /// An attribute of an object that is written out; takes it away.
    pub(crate) fn take(&mut self, name: &str) -> Option<Self> {
        let Self::Object(attributes) = self else { return None };
        let found = attributes.iter().position(|(given, _)| given == name)?;
        Some(attributes.remove(found).1)
    }

    /// The elements of a list that is written out.
    pub(crate) fn into_list(self) -> Vec<Self> {
        match self {
            Self::List(elements) => elements,
            Self::Hcl(Expression::Array(elements)) => elements.into_iter().map(Self::Hcl).collect(),
            Self::Value(Value::List(elements)) => elements.into_iter().map(Self::Value).collect(),
            Self::Value(Value::Null) => Vec::new(),
            one => vec![one],
        }
    }

    /// The attributes of an object that is written out.
    pub(crate) fn into_object(self) -> Vec<(String, Self)> {
        match self {
            Self::Object(attributes) => attributes,
            Self::Value(Value::Object(attributes)) => {
                attributes.into_iter().map(|(name, value)| (name, Self::Value(value))).collect()
            }
            _ => Vec::new(),
        }
    }

    /// A name that is written where no value is meant: `depends_on = [a.b]`, in JSON a text.
    pub(crate) fn as_name(&self) -> Option<Name> {
        match self {
            Self::Hcl(expression) => Name::of(expression),
            Self::Value(Value::String(text)) => Name::of(&Expression::from_str(text).ok()?),
            Self::Template(template) => match template.elements() {
                [Element::Interpolation(one)] => Name::of(&one.expr),
                _ => None,
            },
            _ => None,
        }
    }

    /// The truth that is written out.
    pub(crate) fn as_bool(&self) -> Option<bool> {
        match self {
            Self::Value(value) => value.as_bool(),
            Self::Hcl(Expression::Bool(value)) => Some(*value),
            _ => None,
        }
    }

    /// Calls a function for each expression inside.
    fn visit(&self, see: &mut dyn FnMut(&Expression)) {
        match self {
            Self::Value(_) => {}
            Self::List(elements) => elements.iter().for_each(|element| element.visit(see)),
            Self::Object(attributes) => attributes.iter().for_each(|(_, value)| value.visit(see)),
            Self::Hcl(expression) => visit(expression, see),
            Self::Template(template) => visit_template(template, see),
        }
    }

    /// The names that it speaks of: of resources, of `local` and `var`.
    pub(crate) fn names(&self) -> BTreeSet<Name> {
        let mut names = BTreeSet::new();
        self.visit(&mut |expression| names.extend(Name::of(expression)));
        names
    }
}

fn visit(expression: &Expression, see: &mut dyn FnMut(&Expression)) {
    see(expression);
    match expression {
        Expression::Array(elements) => elements.iter().for_each(|element| visit(element, see)),
        Expression::Object(attributes) => {
            for (key, value) in attributes {
                if let ObjectKey::Expression(key) = key {
                    visit(key, see);
                }
                visit(value, see);
            }
        }
        Expression::TemplateExpr(template) => {
            if let Ok(template) = Template::from_expr(template) {
                visit_template(&template, see);
            }
        }
        Expression::Traversal(traversal) => {
            // A plain name has been seen as a whole.
            if !matches!(traversal.expr, Expression::Variable(_)) {
                visit(&traversal.expr, see);
            }
            for operator in &traversal.operators {
                if let TraversalOperator::Index(index) = operator {
                    visit(index, see);
                }
            }
        }
        Expression::FuncCall(call) => call.args.iter().for_each(|argument| visit(argument, see)),
        Expression::Parenthesis(inner) => visit(inner, see),
        Expression::Conditional(choice) => {
            [&choice.cond_expr, &choice.true_expr, &choice.false_expr].into_iter().for_each(|one| visit(one, see));
        }
        Expression::Operation(operation) => match &**operation {
            Operation::Unary(of) => visit(&of.expr, see),
            Operation::Binary(of) => [&of.lhs_expr, &of.rhs_expr].into_iter().for_each(|one| visit(one, see)),
        },
        Expression::ForExpr(each) => {
            let given =
                [Some(&each.collection_expr), each.key_expr.as_ref(), Some(&each.value_expr), each.cond_expr.as_ref()];
            given.into_iter().flatten().for_each(|one| visit(one, see));
        }
        _ => {}
    }
}

fn visit_template(template: &Template, see: &mut dyn FnMut(&Expression)) {
    for element in template.elements() {
        match element {
            Element::Literal(_) => {}
            Element::Interpolation(interpolation) => visit(&interpolation.expr, see),
            Element::Directive(directive) => match &**directive {
                Directive::If(choice) => {
                    visit(&choice.cond_expr, see);
                    visit_template(&choice.true_template, see);
                    choice.false_template.iter().for_each(|template| visit_template(template, see));
                }
                Directive::For(each) => {
                    visit(&each.collection_expr, see);
                    visit_template(&each.template, see);
                }
            },
        }
    }
}

/// A name with what stands behind it: `pve_vm.web["a"].vmid`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Name(pub Vec<Part>);

/// A part of a name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Part {
    Attribute(String),
    Index(usize),
    Key(String),
}

impl Name {
    /// The name as far as it is one: up to the first index that has to be computed, or the first splat.
    pub(crate) fn of(expression: &Expression) -> Option<Self> {
        let root = |variable: &Variable| Part::Attribute(variable.to_string());
        match expression {
            Expression::Variable(variable) => Some(Self(vec![root(variable)])),
            Expression::Traversal(traversal) => {
                let Expression::Variable(variable) = &traversal.expr else { return None };
                let part = |operator: &TraversalOperator| match operator {
                    TraversalOperator::GetAttr(name) => Some(Part::Attribute(name.to_string())),
                    TraversalOperator::LegacyIndex(n) => usize::try_from(*n).ok().map(Part::Index),
                    TraversalOperator::Index(Expression::Number(n)) => n.to_string().parse().ok().map(Part::Index),
                    TraversalOperator::Index(Expression::String(key)) => Some(Part::Key(key.clone())),
                    _ => None,
                };
                Some(Self([root(variable)].into_iter().chain(traversal.operators.iter().map_while(part)).collect()))
            }
            _ => None,
        }
    }

    /// The resource or the instance that it names, and what of the name is left.
    pub(crate) fn address(&self) -> Option<(Address, &[Part])> {
        let (data, rest) = match self.0.split_first()? {
            (Part::Attribute(root), rest) if root == "data" => (true, rest),
            (Part::Attribute(root), _) if RESERVED.contains(&root.as_str()) => return None,
            _ => (false, self.0.as_slice()),
        };
        let [Part::Attribute(ty), Part::Attribute(name), rest @ ..] = rest else { return None };
        let (key, rest) = match rest.split_first() {
            Some((Part::Index(n), rest)) => (InstanceKey::Number(*n), rest),
            Some((Part::Key(key), rest)) => (InstanceKey::Key(key.clone()), rest),
            _ => (InstanceKey::None, rest),
        };
        Some((Address { data, ty: ty.clone(), name: name.clone(), key }, rest))
    }

    /// The name of something that is defined beside resources: `local.x`, `var.x`.
    pub(crate) fn under(&self, root: &str) -> Option<&str> {
        match self.0.as_slice() {
            [Part::Attribute(given), Part::Attribute(name), ..] if given == root => Some(name),
            _ => None,
        }
    }
}

/// What cannot be the type of a resource.
const RESERVED: [&str; 10] =
    ["var", "local", "each", "count", "self", "path", "terraform", "module", "provider", "output"];
