//! Values as the protocol's `DynamicValue` message.

use tfplugin6::DynamicValue;

use super::{CodecError, Type, Value, json, msgpack};

/// Reads a value of a message: MessagePack if there is any, else JSON. A missing or empty message is null.
pub fn from_proto(message: Option<&DynamicValue>, ty: &Type) -> Result<Value, CodecError> {
    match message {
        Some(message) if !message.msgpack.is_empty() => msgpack::decode(&message.msgpack, ty),
        Some(message) if !message.json.is_empty() => json::decode(&message.json, ty),
        _ => Ok(Value::Null),
    }
}

/// Writes a value into a message. Null is written too: Terraform takes an empty message for "the object is gone", and
/// what is meant shall be said.
pub fn to_proto(value: &Value, ty: &Type) -> Result<DynamicValue, CodecError> {
    Ok(DynamicValue { msgpack: msgpack::encode(value, ty)?.into(), json: Default::default() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn either_form_or_nothing() {
        let ty = Type::list(Type::Number);
        let value = Value::list([1, 2]);
        let message = to_proto(&value, &ty).unwrap();
        assert_eq!(from_proto(Some(&message), &ty), Ok(value.clone()));
        let message = DynamicValue { msgpack: Default::default(), json: (&b"[1,2]"[..]).into() };
        assert_eq!(from_proto(Some(&message), &ty), Ok(value));
        assert_eq!(from_proto(Some(&DynamicValue::default()), &ty), Ok(Value::Null));
        assert_eq!(from_proto(None, &ty), Ok(Value::Null));
        assert_eq!(&to_proto(&Value::Null, &ty).unwrap().msgpack[..], b"\xc0", "null is said, not left out");
        let broken = DynamicValue { msgpack: (&b"\x91"[..]).into(), json: Default::default() };
        assert!(from_proto(Some(&broken), &ty).is_err());
    }
}
