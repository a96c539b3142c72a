//! The compiled protocol against the two tables in `tables/`: nothing missing, nothing extra, and every number, type,
//! label, oneof and streaming flag equal.

use std::collections::BTreeSet;

use prost::Message;
use prost_types::field_descriptor_proto::{Label, Type};
use prost_types::{DescriptorProto, EnumDescriptorProto, FieldDescriptorProto, FileDescriptorSet};

const MESSAGES: &str = include_str!("../tables/messages.tsv");
const RPCS: &str = include_str!("../tables/rpcs.tsv");

/// The descriptors as lines in the form of the tables, without their notes.
#[derive(Default)]
struct Compiled {
    messages: BTreeSet<String>,
    enums: BTreeSet<String>,
    rpcs: BTreeSet<String>,
}

impl Compiled {
    fn read() -> Self {
        let bytes: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"));
        let mut all = Self::default();
        for file in FileDescriptorSet::decode(bytes).unwrap().file {
            let package = file.package();
            if package.starts_with("google.") {
                continue;
            }
            for message in &file.message_type {
                all.message(package, message);
            }
            for one in &file.enum_type {
                all.enumeration(package, one);
            }
            for service in &file.service {
                for rpc in &service.method {
                    all.rpcs.insert(
                        [
                            format!("{package}.{}", service.name()),
                            rpc.name().to_owned(),
                            format!("/{package}.{}/{}", service.name(), rpc.name()),
                            rpc.input_type().trim_start_matches('.').to_owned(),
                            rpc.output_type().trim_start_matches('.').to_owned(),
                            rpc.client_streaming().to_string(),
                            rpc.server_streaming().to_string(),
                        ]
                        .join("\t"),
                    );
                }
            }
        }
        all
    }

    fn message(&mut self, scope: &str, message: &DescriptorProto) {
        let name = format!("{scope}.{}", message.name());
        if message.field.is_empty() {
            self.messages.insert(format!("{name}\t-\t-\t(no fields)\t"));
        }
        for field in &message.field {
            let deprecated = if field.options.as_ref().is_some_and(|o| o.deprecated()) { "deprecated" } else { "" };
            let line =
                [&name, field.name(), &field.number().to_string(), &type_of(message, field), deprecated].join("\t");
            self.messages.insert(line);
        }
        for nested in message.nested_type.iter().filter(|nested| !is_map_entry(nested)) {
            self.message(&name, nested);
        }
        for one in &message.enum_type {
            self.enumeration(&name, one);
        }
    }

    fn enumeration(&mut self, scope: &str, one: &EnumDescriptorProto) {
        for value in &one.value {
            self.enums.insert(format!("{scope}.{}\t{}\t{}", one.name(), value.name(), value.number()));
        }
    }
}

fn is_map_entry(message: &DescriptorProto) -> bool {
    message.options.as_ref().is_some_and(|o| o.map_entry())
}

/// A field's type in the words of the table.
fn type_of(message: &DescriptorProto, field: &FieldDescriptorProto) -> String {
    let entry = |field: &FieldDescriptorProto| {
        let last = field.type_name().rsplit('.').next().unwrap_or_default().to_owned();
        message.nested_type.iter().find(|nested| is_map_entry(nested) && nested.name() == last)
    };
    if let Some(entry) = entry(field) {
        return format!("map<{},{}>", plain_type(&entry.field[0]), plain_type(&entry.field[1]));
    }
    let plain = plain_type(field);
    if field.proto3_optional() {
        format!("optional {plain}")
    } else if field.label() == Label::Repeated {
        format!("repeated {plain}")
    } else if let Some(index) = field.oneof_index {
        format!("{plain} [oneof {}]", message.oneof_decl[usize::try_from(index).unwrap()].name())
    } else {
        plain
    }
}

fn plain_type(field: &FieldDescriptorProto) -> String {
    let name = field.type_name().trim_start_matches('.');
    match field.r#type() {
        Type::Bool => "bool".to_owned(),
        Type::Bytes => "bytes".to_owned(),
        Type::Int64 => "int64".to_owned(),
        Type::Uint32 => "uint32".to_owned(),
        Type::String => "string".to_owned(),
        Type::Message => name.to_owned(),
        Type::Enum => format!("enum {name}"),
        other => format!("{other:?}"),
    }
}

/// The rows of one section of a table, cut to `columns` columns. A section begins with a line of column names.
fn rows(table: &str, first_column: &str, columns: usize) -> BTreeSet<String> {
    let mut section = table.lines().skip_while(|line| line.split('\t').next() != Some(first_column));
    assert!(section.next().is_some(), "the table has no column {first_column}");
    section
        .take_while(|line| !line.starts_with('#'))
        .map(|line| {
            let mut cells: Vec<&str> = line.split('\t').take(columns).collect();
            // Of the notes, only one says something about the wire.
            if first_column == "message" && cells[4] != "deprecated" {
                cells[4] = "";
            }
            cells.join("\t")
        })
        .collect()
}

fn assert_same(compiled: &BTreeSet<String>, table: &BTreeSet<String>) {
    let missing: Vec<_> = table.difference(compiled).collect();
    let extra: Vec<_> = compiled.difference(table).collect();
    assert!(missing.is_empty() && extra.is_empty(), "missing or different: {missing:#?}\nnot in the table: {extra:#?}");
}

#[test]
fn messages_and_fields_are_those_of_the_table() {
    let table = rows(MESSAGES, "message", 5);
    assert_eq!(table.len(), 351);
    assert_same(&Compiled::read().messages, &table);
}

#[test]
fn enums_are_those_of_the_table() {
    let table = rows(MESSAGES, "enum", 3);
    assert_eq!(table.len(), 27);
    assert_same(&Compiled::read().enums, &table);
}

#[test]
fn services_are_those_of_the_table() {
    let table = rows(RPCS, "service", 7);
    assert_eq!(table.len(), 42);
    assert_same(&Compiled::read().rpcs, &table);
}
