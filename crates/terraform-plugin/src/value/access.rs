//! Looking into values, and changing them by path.

use std::collections::BTreeMap;

use super::{CodecError, Number, Type, Value};
use crate::path::{Path, Step};

impl Value {
    /// Whether it is null; a dynamic value is if what it holds is.
    pub fn is_null(&self) -> bool {
        matches!(self.bare(), Self::Null)
    }

    /// Whether it is unknown itself; a dynamic value is if what it holds is.
    pub fn is_unknown(&self) -> bool {
        matches!(self.bare(), Self::Unknown)
    }

    /// Whether neither it nor anything in it is unknown.
    pub fn is_fully_known(&self) -> bool {
        match self {
            Self::Unknown => false,
            Self::Null | Self::Bool(_) | Self::Number(_) | Self::String(_) => true,
            Self::List(elements) => elements.iter().all(Self::is_fully_known),
            Self::Map(elements) | Self::Object(elements) => elements.values().all(Self::is_fully_known),
            Self::Dynamic(_, value) => value.is_fully_known(),
        }
    }

    /// The text, if it is one.
    pub fn as_str(&self) -> Option<&str> {
        if let Self::String(text) = self.bare() { Some(text) } else { None }
    }

    /// The bool, if it is one.
    pub fn as_bool(&self) -> Option<bool> {
        if let Self::Bool(bool) = self.bare() { Some(*bool) } else { None }
    }

    /// The number, if it is one.
    pub fn as_number(&self) -> Option<&Number> {
        if let Self::Number(number) = self.bare() { Some(number) } else { None }
    }

    /// The elements, if it is a list, set or tuple.
    pub fn as_list(&self) -> Option<&[Self]> {
        if let Self::List(elements) = self.bare() { Some(elements) } else { None }
    }

    /// The elements, if it is a map.
    pub fn as_map(&self) -> Option<&BTreeMap<String, Self>> {
        if let Self::Map(elements) = self.bare() { Some(elements) } else { None }
    }

    /// The attributes, if it is an object.
    pub fn as_object(&self) -> Option<&BTreeMap<String, Self>> {
        if let Self::Object(attributes) = self.bare() { Some(attributes) } else { None }
    }

    /// The attribute of that name, if it is an object that has it.
    pub fn attribute(&self, name: &str) -> Option<&Self> {
        self.as_object()?.get(name)
    }

    /// What lies at a path, looking into dynamic values. `None` if nothing can lie there: no such element or
    /// attribute, or null or unknown on the way.
    pub fn get(&self, path: &Path) -> Option<&Self> {
        path.steps().iter().try_fold(self, |value, step| match (step, value.bare()) {
            (Step::Attribute(name), Self::Object(attributes)) => attributes.get(name),
            (Step::Key(key), Self::Map(elements)) => elements.get(key),
            (Step::Index(index), Self::List(elements)) => elements.get(*index),
            _ => None,
        })
    }

    /// The same, to change it.
    pub fn get_mut(&mut self, path: &Path) -> Option<&mut Self> {
        path.steps().iter().try_fold(self, |value, step| match (step, value.bare_mut()) {
            (Step::Attribute(name), Self::Object(attributes)) => attributes.get_mut(name),
            (Step::Key(key), Self::Map(elements)) => elements.get_mut(key),
            (Step::Index(index), Self::List(elements)) => elements.get_mut(*index),
            _ => None,
        })
    }

    /// Puts a value at a path: in place of what lies there, or as a new element of a map. `false`, and nothing
    /// changed, if nothing can lie there.
    #[must_use = "false means that nothing was set"]
    pub fn set(&mut self, path: &Path, new: Self) -> bool {
        if let Some(Step::Key(key)) = path.steps().last()
            && let Some(Self::Map(elements)) =
                path.parent().and_then(|parent| self.get_mut(&parent)).map(Self::bare_mut)
        {
            elements.insert(key.clone(), new);
            return true;
        }
        match self.get_mut(path) {
            Some(place) => {
                *place = new;
                true
            }
            None => false,
        }
    }

    /// Shows `look` this value and all that is in it, each before its contents, with its path. Elements of sets
    /// cannot be addressed: they are shown with the path of the set.
    pub fn walk(&self, ty: &Type, look: &mut dyn FnMut(&Path, &Self)) {
        self.walk_from(&Path::root(), ty, look);
    }

    fn walk_from(&self, path: &Path, ty: &Type, look: &mut dyn FnMut(&Path, &Self)) {
        if let (Type::Dynamic, Self::Dynamic(ty, value)) = (ty, self) {
            return value.walk_from(path, ty, look);
        }
        look(path, self);
        match (ty, self) {
            (Type::Set(of), Self::List(elements)) => {
                elements.iter().for_each(|element| element.walk_from(path, of, look));
            }
            (Type::List(of), Self::List(elements)) => {
                for (i, element) in elements.iter().enumerate() {
                    element.walk_from(&path.index(i), of, look);
                }
            }
            (Type::Tuple(types), Self::List(elements)) => {
                for (i, (element, ty)) in elements.iter().zip(types).enumerate() {
                    element.walk_from(&path.index(i), ty, look);
                }
            }
            (Type::Map(of), Self::Map(elements)) => {
                for (key, element) in elements {
                    element.walk_from(&path.key(key), of, look);
                }
            }
            (Type::Object(types), Self::Object(attributes)) => {
                for (name, attribute) in attributes {
                    if let Some(ty) = types.get(name) {
                        attribute.walk_from(&path.at(name), ty, look);
                    }
                }
            }
            _ => {}
        }
    }

    /// The value itself, out of its dynamic wrapping.
    pub fn bare(&self) -> &Self {
        let mut value = self;
        while let Self::Dynamic(_, inner) = value {
            value = inner;
        }
        value
    }

    fn bare_mut(&mut self) -> &mut Self {
        let mut value = self;
        while let Self::Dynamic(_, inner) = value {
            value = inner;
        }
        value
    }

    /// `Ok` if it is an object with exactly these attributes (or no object at all).
    pub(super) fn holds_exactly(&self, types: &BTreeMap<String, Type>) -> Result<(), CodecError> {
        let Self::Object(attributes) = self else { return Ok(()) };
        if let Some(name) = types.keys().find(|name| !attributes.contains_key(*name)) {
            return Err(CodecError::new("missing").below(Step::Attribute(name.clone())));
        }
        match attributes.keys().find(|name| !types.contains_key(*name)) {
            Some(name) => Err(CodecError::new(format!("there is no attribute {name:?}"))),
            None => Ok(()),
        }
    }

    /// The error that it is not of this type.
    pub(super) fn is_no(&self, ty: &Type) -> CodecError {
        let kind = match self {
            Self::Null => "null",
            Self::Unknown => "an unknown value",
            Self::Bool(_) => "a bool",
            Self::Number(_) => "a number",
            Self::String(_) => "a string",
            Self::List(_) => "a list",
            Self::Map(_) => "a map",
            Self::Object(_) => "an object",
            Self::Dynamic(..) => "a dynamic value",
        };
        CodecError::new(format!("{ty} is required ({kind} given)"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vm() -> (Value, Type) {
        let disk = Type::object([("size", Type::String), ("tags", Type::set(Type::String))]);
        let ty = Type::object([("disks", Type::map(disk)), ("any", Type::Dynamic)]);
        let disk = Value::object([("size", "32G".into()), ("tags", Value::list(["a", "b"]))]);
        let any = Value::Dynamic(Type::list(Type::Number), Box::new(Value::list([1, 2])));
        (Value::object([("disks", Value::map([("scsi0", disk)])), ("any", any)]), ty)
    }

    #[test]
    fn gets_and_sets_by_path() {
        let (mut vm, _) = vm();
        let size = Path::attr("disks").key("scsi0").at("size");
        assert_eq!(vm.get(&size), Some(&"32G".into()));
        assert_eq!(vm.get(&Path::attr("any").index(1)), Some(&2.into()));
        assert_eq!(vm.get(&Path::attr("any").index(2)), None);
        assert_eq!(vm.get(&Path::attr("disks").at("scsi0")), None, "a key is not an attribute");
        assert!(vm.set(&size, Value::Unknown));
        assert!(vm.set(&Path::attr("disks").key("scsi1"), Value::Null));
        assert!(!vm.set(&Path::attr("nothing"), Value::Null), "objects get no new attributes");
        assert!(!vm.set(&Path::attr("disks").key("scsi1").at("size"), Value::Null), "null on the way");
        assert_eq!(vm.get(&size), Some(&Value::Unknown));
        assert_eq!(vm.get(&Path::attr("disks").key("scsi1")), Some(&Value::Null));
        assert!(!vm.is_fully_known());
        assert!(vm.set(&Path::root(), Value::Null));
        assert!(vm.is_null());
    }

    #[test]
    fn walks_everything_with_its_path() {
        let (vm, ty) = vm();
        let mut seen = Vec::new();
        vm.walk(&ty, &mut |path, value| {
            if !matches!(value, Value::List(_) | Value::Map(_) | Value::Object(_)) {
                seen.push(format!("{path}={value}"));
            }
        });
        assert_eq!(
            seen,
            [
                "any[0]=1",
                "any[1]=2",
                r#"disks["scsi0"].size="32G""#,
                r#"disks["scsi0"].tags="a""#,
                r#"disks["scsi0"].tags="b""#
            ]
        );
    }
}
