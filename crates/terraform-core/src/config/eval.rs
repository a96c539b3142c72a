//! From what is written to what it is.

use std::collections::BTreeMap;

use hcl::expr::{BinaryOperator, Expression, ForExpr, ObjectKey, Operation, TraversalOperator, UnaryOperator};
use hcl::template::{Directive, Element, Template};

use super::expr::Expr;
use super::functions;
use crate::number::Number;
use crate::path::Path;
use crate::state::{Address, InstanceKey};
use crate::types::Type;
use crate::value::{Refinement, Value, convert};

/// What resources are, by now.
pub(crate) trait Resources: Sync {
    /// A whole resource, with all its instances, if there is one of that address.
    fn whole(&self, address: &Address) -> Option<Value>;
}

/// What names stand for.
#[derive(Clone)]
pub(crate) struct Scope<'a> {
    pub resources: &'a dyn Resources,
    pub locals: &'a BTreeMap<String, Expr>,
    pub variables: &'a BTreeMap<String, Value>,
    pub each: Option<(Value, Value)>,
    pub count: Option<Value>,
    pub this: Option<Value>,
    /// Variables of `for`.
    pub own: Vec<(String, Value)>,
}

type Evaluated = Result<Value, String>;

impl Scope<'_> {
    /// The value of what is written.
    pub(crate) fn value(&self, expr: &Expr) -> Evaluated {
        match expr {
            Expr::Value(value) => Ok(value.clone()),
            Expr::List(elements) => {
                Ok(Value::List(elements.iter().map(|one| self.value(one)).collect::<Result<_, _>>()?))
            }
            Expr::Object(attributes) => {
                let one = |(name, of): &(String, Expr)| Ok((name.clone(), self.value(of)?));
                Ok(Value::Object(attributes.iter().map(one).collect::<Result<_, String>>()?))
            }
            Expr::Hcl(expression) => self.expression(expression),
            Expr::Template(template) => self.template(template),
        }
    }

    fn expression(&self, expression: &Expression) -> Evaluated {
        match expression {
            Expression::Null => Ok(Value::Null),
            Expression::Bool(value) => Ok(Value::Bool(*value)),
            Expression::Number(number) => number
                .to_string()
                .parse()
                .map(Value::Number)
                .map_err(|error: crate::number::NotANumber| error.to_string()),
            Expression::String(text) => Ok(text.as_str().into()),
            Expression::Array(elements) => {
                Ok(Value::List(elements.iter().map(|one| self.expression(one)).collect::<Result<_, _>>()?))
            }
            Expression::Object(attributes) => {
                let mut object = BTreeMap::new();
                for (key, value) in attributes {
                    let key = match key {
                        ObjectKey::Identifier(name) => name.to_string(),
                        ObjectKey::Expression(key) => match text(&self.expression(key)?)? {
                            Some(key) => key,
                            None => return Ok(Value::UNKNOWN),
                        },
                        _ => return Err("a key that is none".to_owned()),
                    };
                    object.insert(key, self.expression(value)?);
                }
                Ok(Value::Object(object))
            }
            Expression::TemplateExpr(template) => {
                self.template(&Template::from_expr(template).map_err(|error| format!("no template: {error}"))?)
            }
            Expression::Variable(name) => self.traversal(&Expression::Variable(name.clone()), &[]),
            Expression::Traversal(traversal) => self.traversal(&traversal.expr, &traversal.operators),
            Expression::Parenthesis(inner) => self.expression(inner),
            Expression::Conditional(choice) => match self.expression(&choice.cond_expr)? {
                Value::Unknown(_) => Ok(Value::UNKNOWN),
                Value::Bool(true) => self.expression(&choice.true_expr),
                Value::Bool(false) => self.expression(&choice.false_expr),
                other => Err(format!("a condition is true or false, not {other:?}")),
            },
            Expression::Operation(operation) => self.operation(operation),
            Expression::FuncCall(call) => self.call(call),
            Expression::ForExpr(each) => self.for_each(each),
            _ => Err("an expression that is not known here".to_owned()),
        }
    }

    fn call(&self, call: &hcl::expr::FuncCall) -> Evaluated {
        let name = call.name.name.as_str();
        if name == "try" || name == "can" {
            let tried = call.args.iter().map(|argument| self.expression(argument)).find(Result::is_ok);
            return match (name, tried) {
                ("can", tried) => Ok(Value::Bool(tried.is_some())),
                (_, Some(value)) => value,
                (_, None) => Err("no argument of try() has a value".to_owned()),
            };
        }
        let mut arguments =
            call.args.iter().map(|argument| self.expression(argument)).collect::<Result<Vec<_>, _>>()?;
        if call.expand_final
            && let Some(last) = arguments.pop()
        {
            if !last.is_known() {
                return Ok(Value::UNKNOWN);
            }
            arguments.extend(last.elements().into_iter().cloned());
        }
        functions::call(name, &arguments)
    }

    fn traversal(&self, root: &Expression, operators: &[TraversalOperator]) -> Evaluated {
        let Expression::Variable(name) = root else { return self.follow(self.expression(root)?, operators) };
        let attribute = |n: usize| match operators.get(n) {
            Some(TraversalOperator::GetAttr(name)) => Ok(name.as_str()),
            _ => Err(format!("\"{}\" is a name of nothing", name.as_str())),
        };
        let missing = |what: &str| format!("Reference to undeclared {what}");
        let name = name.as_str();
        if let Some((_, value)) = self.own.iter().rev().find(|(own, _)| own == name) {
            return self.follow(value.clone(), operators);
        }
        let (value, used) = match name {
            "var" => (self.variables.get(attribute(0)?).cloned().ok_or_else(|| missing("input variable"))?, 1),
            "local" => (self.value(self.locals.get(attribute(0)?).ok_or_else(|| missing("local value"))?)?, 1),
            "each" => {
                let (key, value) = self.each.as_ref().ok_or("each without for_each")?;
                (if attribute(0)? == "key" { key } else { value }.clone(), 1)
            }
            "count" => (self.count.clone().ok_or("count.index without count")?, 1),
            "self" => (self.this.clone().ok_or("self where there is none")?, 0),
            "data" => (self.resource(true, attribute(0)?, attribute(1)?)?, 2),
            ty => (self.resource(false, ty, attribute(0)?)?, 1),
        };
        self.follow(value, &operators[used..])
    }

    fn resource(&self, data: bool, ty: &str, name: &str) -> Evaluated {
        let address = Address { data, ty: ty.to_owned(), name: name.to_owned(), key: InstanceKey::None };
        self.resources
            .whole(&address)
            .ok_or_else(|| format!("Reference to undeclared resource: {address} has not been declared"))
    }

    fn follow(&self, from: Value, operators: &[TraversalOperator]) -> Evaluated {
        let Some((first, rest)) = operators.split_first() else { return Ok(from) };
        let from = if let Value::Dynamic(inner) = from { inner.1 } else { from };
        let next = match first {
            TraversalOperator::GetAttr(name) => self.at(&from, &Value::from(name.as_str()))?,
            TraversalOperator::Index(index) => self.at(&from, &self.expression(index)?)?,
            TraversalOperator::LegacyIndex(n) => self.at(&from, &Value::Number(Number::from(*n)))?,
            TraversalOperator::AttrSplat | TraversalOperator::FullSplat => {
                let each: Vec<Value> = match from {
                    Value::Unknown(_) => return Ok(Value::UNKNOWN),
                    Value::Null => Vec::new(),
                    Value::List(of) | Value::Set(of) => of,
                    one => vec![one],
                };
                return Ok(Value::List(each.into_iter().map(|one| self.follow(one, rest)).collect::<Result<_, _>>()?));
            }
        };
        self.follow(next, rest)
    }

    fn at(&self, from: &Value, key: &Value) -> Evaluated {
        match (from, key) {
            (Value::Unknown(_), _) | (_, Value::Unknown(_)) => Ok(Value::UNKNOWN),
            (Value::Null, _) => Err(format!("Attempt to get attribute from null value: {}", told(key))),
            (Value::Object(of) | Value::Map(of), key) => {
                let key = text(key)?.unwrap_or_default();
                of.get(&key).cloned().ok_or_else(|| format!("This object does not have an attribute named \"{key}\""))
            }
            (Value::List(of), Value::Number(n)) => {
                let found = n.as_i64().and_then(|n| usize::try_from(n).ok()).and_then(|n| of.get(n));
                found.cloned().ok_or_else(|| format!("Invalid index: {n} of {} elements", of.len()))
            }
            _ => Err(format!("Invalid index: {} of {}", told(key), told(from))),
        }
    }

    fn operation(&self, operation: &Operation) -> Evaluated {
        let (left, operator, right) = match operation {
            Operation::Unary(of) => {
                return match (of.operator, self.expression(&of.expr)?) {
                    (_, Value::Unknown(_)) => Ok(Value::UNKNOWN),
                    (UnaryOperator::Not, Value::Bool(value)) => Ok(Value::Bool(!value)),
                    (UnaryOperator::Neg, Value::Number(number)) => {
                        let text = number.to_string();
                        let text = text.strip_prefix('-').map_or_else(|| format!("-{text}"), str::to_owned);
                        text.parse().map(Value::Number).map_err(|_| "no number".to_owned())
                    }
                    (_, other) => Err(format!("nothing that can be negated: {}", told(&other))),
                };
            }
            Operation::Binary(of) => (self.expression(&of.lhs_expr)?, of.operator, self.expression(&of.rhs_expr)?),
        };
        if let BinaryOperator::Eq | BinaryOperator::NotEq = operator {
            if !left.is_wholly_known() || !right.is_wholly_known() {
                return Ok(Value::UNKNOWN);
            }
            return Ok(Value::Bool((plain(&left) == plain(&right)) == (operator == BinaryOperator::Eq)));
        }
        if !left.is_known() || !right.is_known() {
            return Ok(Value::UNKNOWN);
        }
        match (operator, &left, &right) {
            (BinaryOperator::And, Value::Bool(a), Value::Bool(b)) => Ok(Value::Bool(*a && *b)),
            (BinaryOperator::Or, Value::Bool(a), Value::Bool(b)) => Ok(Value::Bool(*a || *b)),
            (BinaryOperator::Less, Value::Number(a), Value::Number(b)) => Ok(Value::Bool(a < b)),
            (BinaryOperator::LessEq, Value::Number(a), Value::Number(b)) => Ok(Value::Bool(a <= b)),
            (BinaryOperator::Greater, Value::Number(a), Value::Number(b)) => Ok(Value::Bool(a > b)),
            (BinaryOperator::GreaterEq, Value::Number(a), Value::Number(b)) => Ok(Value::Bool(a >= b)),
            (_, Value::Number(a), Value::Number(b)) => arithmetic(operator, a, b),
            _ => Err(format!("nothing that can be joined so: {} and {}", told(&left), told(&right))),
        }
    }

    fn for_each(&self, each: &ForExpr) -> Evaluated {
        let collection = self.expression(&each.collection_expr)?;
        if !collection.is_known() {
            return Ok(Value::UNKNOWN);
        }
        let (mut list, mut object, mut groups) = (Vec::new(), BTreeMap::new(), BTreeMap::<String, Vec<Value>>::new());
        for (key, value) in entries(&collection)? {
            let mut inner = self.clone();
            inner.own.extend(each.key_var.as_ref().map(|name| (name.to_string(), key)));
            inner.own.push((each.value_var.to_string(), value));
            match each.cond_expr.as_ref().map(|condition| inner.expression(condition)).transpose()? {
                None | Some(Value::Bool(true)) => {}
                Some(Value::Unknown(_)) => return Ok(Value::UNKNOWN),
                Some(_) => continue,
            }
            let value = inner.expression(&each.value_expr)?;
            let Some(key) = &each.key_expr else {
                list.push(value);
                continue;
            };
            let Some(key) = text(&inner.expression(key)?)? else { return Ok(Value::UNKNOWN) };
            if each.grouping {
                groups.entry(key).or_default().push(value);
            } else if object.insert(key.clone(), value).is_some() {
                return Err(format!("Duplicate object key: \"{key}\""));
            }
        }
        Ok(match (&each.key_expr, each.grouping) {
            (None, _) => Value::List(list),
            (_, false) => Value::Object(object),
            (_, true) => Value::Object(groups.into_iter().map(|(key, of)| (key, Value::List(of))).collect()),
        })
    }

    fn template(&self, template: &Template) -> Evaluated {
        if let [Element::Interpolation(one)] = template.elements() {
            return self.expression(&one.expr);
        }
        let mut whole = String::new();
        for element in template.elements() {
            let part = match element {
                Element::Literal(literal) => Value::from(literal.as_str()),
                Element::Interpolation(interpolation) => self.expression(&interpolation.expr)?,
                Element::Directive(directive) => self.directive(directive)?,
            };
            match text(&part)? {
                Some(part) => whole.push_str(&part),
                None => return Ok(begun(&whole)),
            }
        }
        Ok(whole.into())
    }

    fn directive(&self, directive: &Directive) -> Evaluated {
        match directive {
            Directive::If(choice) => match (self.expression(&choice.cond_expr)?, &choice.false_template) {
                (Value::Unknown(_), _) => Ok(Value::UNKNOWN),
                (Value::Bool(true), _) => self.template(&choice.true_template),
                (_, Some(otherwise)) => self.template(otherwise),
                (_, None) => Ok("".into()),
            },
            Directive::For(each) => {
                let collection = self.expression(&each.collection_expr)?;
                if !collection.is_known() {
                    return Ok(Value::UNKNOWN);
                }
                let mut whole = String::new();
                for (key, value) in entries(&collection)? {
                    let mut inner = self.clone();
                    inner.own.extend(each.key_var.as_ref().map(|name| (name.to_string(), key)));
                    inner.own.push((each.value_var.to_string(), value));
                    match text(&inner.template(&each.template)?)? {
                        Some(part) => whole.push_str(&part),
                        None => return Ok(Value::UNKNOWN),
                    }
                }
                Ok(whole.into())
            }
        }
    }
}

/// A text of which only the beginning is known. A last letter that may yet be changed by what follows is not promised.
fn begun(prefix: &str) -> Value {
    let safe = |letter: char| letter.is_ascii_punctuation() || letter == ' ';
    let prefix = match prefix.chars().next_back() {
        Some(last) if !safe(last) => &prefix[..prefix.len() - last.len_utf8()],
        _ => prefix,
    };
    let prefix = (!prefix.is_empty()).then(|| prefix.to_owned());
    Value::Unknown(Some(Box::new(Refinement { not_null: true, prefix, ..Refinement::default() })))
}

fn arithmetic(operator: BinaryOperator, a: &Number, b: &Number) -> Evaluated {
    let whole = a.as_i64().zip(b.as_i64()).and_then(|(a, b)| match operator {
        BinaryOperator::Plus => a.checked_add(b),
        BinaryOperator::Minus => a.checked_sub(b),
        BinaryOperator::Mul => a.checked_mul(b),
        BinaryOperator::Div => (a.checked_rem(b)? == 0).then(|| a.checked_div(b)).flatten(),
        BinaryOperator::Mod => a.checked_rem(b),
        _ => None,
    });
    if let Some(whole) = whole {
        return Ok(whole.into());
    }
    // Not exact where it is not whole; configurations of tests do not go there.
    let float = |number: &Number| number.to_string().parse::<f64>().unwrap_or(f64::NAN);
    let (a, b) = (float(a), float(b));
    let result = match operator {
        BinaryOperator::Plus => a + b,
        BinaryOperator::Minus => a - b,
        BinaryOperator::Mul => a * b,
        BinaryOperator::Div => a / b,
        BinaryOperator::Mod => a % b,
        _ => return Err("numbers that cannot be joined so".to_owned()),
    };
    result.to_string().parse().map(Value::Number).map_err(|_| "Division by zero".to_owned())
}

/// Keys and values of what can be gone through.
pub(super) fn entries(collection: &Value) -> Result<Vec<(Value, Value)>, String> {
    match collection {
        Value::Object(of) | Value::Map(of) => {
            Ok(of.iter().map(|(key, value)| (key.as_str().into(), value.clone())).collect())
        }
        Value::List(of) => {
            let index = |n| i64::try_from(n).unwrap_or(i64::MAX);
            Ok(of.iter().enumerate().map(|(n, value)| (index(n).into(), value.clone())).collect())
        }
        Value::Set(of) => Ok(of.iter().map(|value| (value.clone(), value.clone())).collect()),
        Value::Dynamic(inner) => entries(&inner.1),
        other => Err(format!("nothing to go through: {}", told(other))),
    }
}

/// A value as text; nothing where it is not known.
pub(super) fn text(value: &Value) -> Result<Option<String>, String> {
    match convert(value, &Type::String, &Path::ROOT) {
        Ok(Value::String(text)) => Ok(Some(text)),
        Ok(Value::Unknown(_)) => Ok(None),
        Ok(_) => Err("null where a text is wanted".to_owned()),
        Err((_, what)) => Err(format!("{what}: {}", told(value))),
    }
}

/// What compares as one: a list and a tuple, a map and an object.
pub(super) fn plain(value: &Value) -> Value {
    value.map_all(&mut |value| match value {
        Value::Map(of) => Value::Object(of),
        Value::Dynamic(inner) => inner.1,
        other => other,
    })
}

fn told(value: &Value) -> String {
    crate::value::to_json(value)
}
