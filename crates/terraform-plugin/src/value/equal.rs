//! When two values are equal.

use super::{Type, Value};

impl Value {
    /// Whether two values of the same type are equal, sets without regard to order.
    pub fn equal(ty: &Type, a: &Self, b: &Self) -> bool {
        a == b || (ty.has_sets() && a.canonical(ty) == b.canonical(ty))
    }

    /// The same value with the elements of every set sorted and duplicates collapsed. Elements that are not known
    /// yet are kept, however alike they look: they may turn out to be different.
    #[must_use]
    pub fn canonical(&self, ty: &Type) -> Self {
        match (ty, self) {
            (Type::Set(of), Self::List(elements)) => {
                let mut elements: Vec<_> = elements.iter().map(|element| element.canonical(of)).collect();
                elements.sort_unstable();
                elements.dedup_by(|a, b| a == b && a.is_fully_known());
                Self::List(elements)
            }
            (Type::List(of), Self::List(elements)) => {
                Self::List(elements.iter().map(|element| element.canonical(of)).collect())
            }
            (Type::Tuple(types), Self::List(elements)) => {
                Self::List(elements.iter().zip(types).map(|(element, ty)| element.canonical(ty)).collect())
            }
            (Type::Map(of), Self::Map(elements)) => {
                Self::map(elements.iter().map(|(key, element)| (key, element.canonical(of))))
            }
            (Type::Object(types), Self::Object(attributes)) => {
                Self::object(attributes.iter().map(|(name, attribute)| match types.get(name) {
                    Some(ty) => (name, attribute.canonical(ty)),
                    None => (name, attribute.clone()),
                }))
            }
            (Type::Dynamic, Self::Dynamic(ty, value)) => Self::Dynamic(ty.clone(), Box::new(value.canonical(ty))),
            _ => self.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_have_no_order_and_lists_do() {
        let set = Type::set(Type::String);
        assert!(Value::equal(&set, &Value::list(["a", "b"]), &Value::list(["b", "a", "a"])));
        assert!(!Value::equal(&set, &Value::list(["a", "b"]), &Value::list(["a"])));
        assert!(!Value::equal(&set, &Value::list(["a"]), &Value::Null));
        let list = Type::list(Type::String);
        assert!(!Value::equal(&list, &Value::list(["a", "b"]), &Value::list(["b", "a"])));
    }

    #[test]
    fn sets_of_sets_and_sets_behind_dynamic() {
        let ty = Type::set(Type::object([("in", Type::set(Type::Number))]));
        let object = |numbers: &[i64]| Value::object([("in", Value::list(numbers.iter().copied()))]);
        let (a, b) =
            (Value::List(vec![object(&[1, 2]), object(&[3])]), Value::List(vec![object(&[3]), object(&[2, 1])]));
        assert!(Value::equal(&ty, &a, &b));
        let dynamic = |value| Value::Dynamic(ty.clone(), Box::new(value));
        assert!(Value::equal(&Type::Dynamic, &dynamic(a), &dynamic(b)));
    }

    #[test]
    fn unknown_elements_do_not_collapse() {
        let set = Type::set(Type::String);
        assert!(!Value::equal(&set, &Value::List(vec![Value::Unknown; 2]), &Value::List(vec![Value::Unknown])));
    }
}
