//! A function without its type.

use crate::function::{Function, FunctionError};
use crate::model::{Fault, Object, Typed};
use crate::registry::Attributes;
use crate::schema::{Attribute, Kind, Rule, Schema, validate};
use crate::value::{Type, Value};

/// A function without its type.
pub(crate) struct AnyFunction {
    /// What it is, in Markdown.
    pub(crate) description: &'static str,
    /// Whether the last parameter takes all arguments that are left.
    pub(crate) variadic: bool,
    parameters: fn() -> Schema,
    returns: fn() -> Kind,
    call: fn(&Attributes) -> Result<Value, FunctionError>,
}

/// The arguments as a schema: that of an object.
fn parameters<F: Object>() -> Schema {
    Schema { attributes: F::attributes(), checks: F::checks(), ..Schema::default() }
}

fn call<F: Function>(arguments: &Attributes) -> Result<Value, FunctionError> {
    Ok(F::decode(arguments)?.call()?.to_value())
}

impl AnyFunction {
    pub(super) fn of<F: Function>() -> Self {
        Self {
            description: F::DESCRIPTION,
            variadic: F::VARIADIC,
            parameters: parameters::<F>,
            returns: <F::Returns as Typed>::kind,
            call: call::<F>,
        }
    }

    /// Its first paragraph.
    pub(crate) fn summary(&self) -> String {
        self.description.split("\n\n").next().unwrap_or_default().replace('\n', " ")
    }

    /// All parameters; the last one may be variadic.
    pub(crate) fn parameters(&self) -> Vec<Attribute> {
        (self.parameters)().attributes
    }

    /// What it answers.
    pub(crate) fn returns(&self) -> Kind {
        (self.returns)()
    }

    /// The type of the argument in that place; none where there is none.
    pub(crate) fn argument_type(&self, place: usize) -> Option<Type> {
        let parameters = self.parameters();
        let last = parameters.len().checked_sub(1)?;
        match parameters.get(if self.variadic { place.min(last) } else { place })?.ty() {
            Type::List(element) if self.variadic && place >= last => Some(*element),
            ty => Some(ty),
        }
    }

    /// Answers.
    pub(crate) fn call(&self, mut arguments: Vec<Value>) -> Result<Value, FunctionError> {
        let schema = (self.parameters)();
        let fixed = schema.attributes.len() - usize::from(self.variadic);
        let found = arguments.len();
        if found < fixed || found > fixed && !self.variadic {
            let least = if self.variadic { "at least " } else { "" };
            return Err(FunctionError::new(format!("It takes {least}{fixed} arguments, and {found} are given.")));
        }
        if arguments.iter().any(|argument| !argument.is_fully_known()) {
            // Core does not ask then; whoever does is told what can be told.
            return Ok(Value::Unknown);
        }
        if self.variadic {
            let rest = arguments.split_off(fixed);
            arguments.push(Value::List(rest));
        }
        let names = schema.attributes.iter().map(|attribute| attribute.name.clone());
        let object: Attributes = names.zip(arguments).collect();
        let object = Value::Object(object);
        if let Some(wrong) = validate(&schema, &object).into_iter().next() {
            return Err(FunctionError::new(wrong.detail).at(wrong.path));
        }
        match &object {
            Value::Object(arguments) => (self.call)(arguments),
            other => Err(Fault::kind("an object", other).into()),
        }
    }

    /// Which argument an error is about.
    pub(crate) fn argument(&self, error: &FunctionError) -> Option<usize> {
        let names: Vec<String> = self.parameters().into_iter().map(|attribute| attribute.name).collect();
        error.argument(&names, self.variadic)
    }

    /// For the protocol.
    pub(crate) fn to_proto(&self) -> tfplugin6::Function {
        use tfplugin6::{StringKind, function as proto};
        let one = |attribute: &Attribute, ty: &Type| proto::Parameter {
            name: attribute.name.clone(),
            r#type: ty.to_json().into(),
            allow_null_value: attribute.rule == Rule::Optional,
            allow_unknown_values: false,
            description: attribute.description.clone(),
            description_kind: StringKind::Markdown.into(),
        };
        let attributes = self.parameters();
        let all = attributes.iter().enumerate();
        let mut parameters: Vec<proto::Parameter> =
            all.filter_map(|(place, attribute)| Some(one(attribute, &self.argument_type(place)?))).collect();
        let variadic_parameter = if self.variadic { parameters.pop() } else { None };
        tfplugin6::Function {
            parameters,
            variadic_parameter,
            r#return: Some(proto::Return { r#type: self.returns().ty().to_json().into() }),
            summary: self.summary(),
            description: self.description.to_owned(),
            description_kind: StringKind::Markdown.into(),
            deprecation_message: String::new(),
        }
    }
}
