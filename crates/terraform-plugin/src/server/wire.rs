//! Between the protocol's messages and what the framework works with.

use std::collections::BTreeMap;

use bytes::Bytes;
use tfplugin6 as tf;

use crate::diagnostics::Diagnostic;
use crate::error::Error;
use crate::registry::{Attributes, ObjectInfo};
use crate::value::{Type, Value, dynamic};

/// A value of a type. A message that is missing or empty is null.
pub(super) fn decode(message: Option<&tf::DynamicValue>, ty: &Type) -> Result<Value, Error> {
    dynamic::from_proto(message, ty)
        .map_err(|error| Error::new("Terraform sent a value that does not fit the schema", format!("{error}.")))
}

/// An object of that type, or none if it is null.
pub(super) fn decode_object(
    message: Option<&tf::DynamicValue>,
    object: &ObjectInfo,
) -> Result<Option<Attributes>, Error> {
    match decode(message, object.ty())? {
        Value::Object(attributes) => Ok(Some(attributes)),
        Value::Null => Ok(None),
        _ => Err(Error::new("Terraform sent an object that is not known as a whole", "Nothing can be said about it.")),
    }
}

/// A value in Terraform's form. The provider has made it by the same schema, so that it fits; if it does not after all,
/// that is a bug and told as such.
pub(super) fn encode(value: &Value, ty: &Type) -> Result<tf::DynamicValue, Error> {
    dynamic::to_proto(value, ty).map_err(|error| {
        let summary = "The provider has a bug: it made a value that does not fit its own schema";
        Error::new(summary, format!("{error}."))
    })
}

/// An object of that type.
pub(super) fn encode_object(attributes: Attributes, object: &ObjectInfo) -> Result<tf::DynamicValue, Error> {
    encode(&Value::Object(attributes), object.ty())
}

/// Nothing: MessagePack's nil. An empty message would mean the same to Terraform, and hide a forgotten field.
pub(super) fn null() -> tf::DynamicValue {
    tf::DynamicValue { msgpack: Bytes::from_static(&[0xc0]), json: Bytes::new() }
}

/// The identity, from the key's attributes.
pub(super) fn encode_identity(
    key: Option<Attributes>,
    object: &ObjectInfo,
) -> Result<Option<tf::ResourceIdentityData>, Error> {
    let Some(key) = key else { return Ok(None) };
    Ok(Some(tf::ResourceIdentityData { identity_data: Some(encode(&Value::Object(key), &object.identity_type())?) }))
}

/// Messages to the user.
pub(super) fn diagnostics(found: impl IntoIterator<Item = Diagnostic>) -> Vec<tf::Diagnostic> {
    found.into_iter().map(|diagnostic| (&diagnostic).into()).collect()
}

/// An error as messages to the user.
pub(super) fn failure(error: Error) -> Vec<tf::Diagnostic> {
    diagnostics(error.into_diagnostics())
}

/// An object of null attributes.
pub(super) fn blank(object: &ObjectInfo) -> Attributes {
    object.schema().attributes.iter().map(|a| (a.name.clone(), Value::Null)).collect::<BTreeMap<_, _>>()
}
